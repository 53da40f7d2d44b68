/**
 * What a run over many nodes left behind: every client's log, every publisher's result, and what was done to the system meanwhile.
 * Times are ms of one monotonic clock that all processes of the machine share (`process.hrtime`).
 */
import type { Reason } from '../../lib/protocol/events.js';

/** A position, `"<epoch>.<seq>"`, in parts. */
export interface Position {
  epoch: string;
  seq: number;
}

/** What a client did and what came, in its order. `id` is the position that the client would come back with after it. */
export type Step =
  /** It asks for a stream, with the position that it has. */
  | { kind: 'open'; at: number; node: string; from?: Position | undefined }
  | { kind: 'hello'; at: number; recovered: boolean; reason: Reason; cursor: Position; id?: Position | undefined }
  | { kind: 'action'; at: number; id: Position; action: string; seq: number; company: string }
  | { kind: 'invalidate'; at: number; id: Position; from: number; to: number; count: number; paths: readonly string[] }
  /** An `invalidate` without a place: told by its own node while the broker is away. */
  | { kind: 'told'; at: number; id?: Position | undefined; paths: readonly string[] }
  | { kind: 'resync'; at: number; id: Position; reason: Reason }
  | { kind: 'ping'; at: number; id?: Position | undefined }
  /** The stream's end, for whatever reason. */
  | { kind: 'end'; at: number };

export interface ClientLog {
  client: string;
  company: string;
  /** Absent: all of the company. */
  modules?: readonly string[];
  steps: readonly Step[];
}

export interface Publish {
  action: string;
  company: string;
  module: string;
  /** One of them is no other action's. */
  paths: readonly string[];
  node: string;
  /** The call. */
  at: number;
  /** Absent: the process died before it answered. */
  answer?: { at: number } & ({ ok: true; place: Position; duplicate?: true } | { ok: true; queued: true } | { ok: false; code: string });
}

export interface Fault {
  /** For people. */
  what: string;
  at: number;
  /** When it was over: Redis answers again, the node runs again. */
  until: number;
  /** What it may excuse. None: nothing but an end of streams. */
  excuses: readonly Excuse[];
  /** Of these only; absent: of all. */
  companies?: readonly string[];
  nodes?: readonly string[];
}

export type Excuse =
  /** The log, its head or its last writes are gone. */
  | 'loss'
  /** Actions are no longer kept; the log goes on. */
  | 'trimmed'
  /** Redis is another process, with all that it had. */
  | 'another-redis'
  /** The node's memory is gone: what was queued there, and what it knew. */
  | 'node-died'
  /** The node did not run. */
  | 'node-stood'
  /** Redis was not to be reached, for `until - at` at least. */
  | 'outage';

export interface History {
  clients: readonly ClientLog[];
  publishes: readonly Publish[];
  faults: readonly Fault[];
  settings: Settings;
}

export interface Settings {
  /** The hub's: actions kept a company. */
  logActions: number;
  /** The hub's: how long a publish waits for its place. ms */
  publishWaitMs: number;
  /** The hub's: how long a first stream waits for its log. ms */
  openWaitMs: number;
  /** What a machine with few cores may add to any time. ms */
  slackMs: number;
  /** How long a link takes, after Redis is there again, until it is used. ms */
  reconnectMs: number;
}

export type ViolationKind =
  /** An action that a client was neither sent nor told that it missed. */
  | 'gap'
  | 'double'
  | 'order'
  /** Something of another company, or of nobody. */
  | 'crossing'
  /** Two actions at one place of a log, or one action at two. */
  | 'place'
  | 'resync'
  /** `recovered` where it is not so, or a position that the client does not have. */
  | 'resume'
  /** A broadcast was answered with `ok`, and a client that had to get it never did. */
  | 'lost'
  /** A broadcast was refused, and came all the same. */
  | 'refused'
  /** A client was told of an action that never followed, or that nobody had published there. */
  | 'told'
  /** A local client was not told of an action that waits. */
  | 'untold'
  /** A broadcast was answered too late. */
  | 'late';

export interface Violation {
  kind: ViolationKind;
  company: string;
  /** Absent: of the company as a whole. */
  client?: string | undefined;
  at: number;
  text: string;
}

export interface Figures {
  publishes: number;
  placed: number;
  queued: number;
  refused: number;
  unanswered: number;
  actions: number;
  invalidates: number;
  told: number;
  resyncs: Record<string, number>;
  /** Connections with a position, … */
  returns: number;
  /** … those of them that nothing excuses from being resumed, … */
  kept: number;
  /** … and those of these that were. */
  resumed: number;
  /** The slowest answer of a node that ran. ms */
  slowestAnswerMs: number;
}

export interface Verdict {
  violations: Violation[];
  figures: Figures;
}

/** By its text; undefined for what is none. */
export function position(text: string | undefined): Position | undefined {
  const match = /^([0-9a-z]+)\.([0-9]+)$/.exec(text ?? '');
  return match ? { epoch: match[1]!, seq: Number(match[2]) } : undefined;
}

/** The position `0.0`: nowhere, a `resync` is owed. */
export const isNowhere = (at: Position | undefined): boolean => at?.epoch === '0';

export const named = ({ epoch, seq }: Position): string => `${epoch}.${seq}`;

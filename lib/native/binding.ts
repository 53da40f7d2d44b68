/** What C++ exports, given types, and the only importer of the binding. */
import loadBinding from '#binding';
import type { BrokerLogOptions, BrokerReply } from '../internal/broker.js';
import type { EngineOptions } from '../internal/engine.js';
import type { CloseReason } from '../protocol/events.js';

/** How a stream is opened, one argument after another: C++ reads those faster than properties (`ReadStream`). */
export type StreamArguments = [
  number: number,
  /** 1 tRPC, 2 ids, 4 transformed, 8 uncounted; 16 times the framing: raw, chunked, records. */
  flags: number,
  companyId: string,
  userId: string,
  httpHead: string | undefined,
  lastEventId: string | undefined,
  lastSyncTimestamp: number | undefined,
  instanceId: string | undefined,
  expiresAt: number | undefined,
  trpcPath: string | undefined,
  address: string | undefined,
  origin: number,
  filter: FilterArgument | undefined,
  generation: number | undefined,
];
export type FilterArgument = [
  clientIds: string[] | undefined,
  modules: string[] | undefined,
  entities: string[] | undefined,
  queryPaths: string[] | undefined,
  excludeSourceId: string | undefined,
  excludeUserId: string | undefined,
];

/** The class that C++ exports. `false` from a call: too much is waiting for the hub thread. */
export interface NativeHub {
  /** Five items an action, or, where not `whole`, nine: what a broker's log gets in place of them stands behind. */
  publish(ticket: number, items: (string | undefined)[], whole: boolean): boolean;
  ephemeral(companyId: string, json: string, transformedJson: string | undefined): boolean;
  /** The hub thread need not see it before `wake()`. */
  openSocket(fd: number, ...stream: StreamArguments): void;
  wake(): void;
  openSink(...stream: StreamArguments): void;
  sinkTaken(number: number, bytes: number): boolean;
  sinkFull(number: number): boolean;
  sinkAbort(number: number): boolean;
  acquire(ticket: number, companyId: string, userId: string): boolean;
  release(ticket: number, leaseId: string): boolean;
  /** The last three: what is known of the log already (an epoch, and the first and last seq of it), `''`: nothing. */
  readLog(
    ticket: number,
    companyId: string,
    sinceMs: number | undefined,
    knownEpoch: string,
    knownFirst: number,
    knownLast: number,
  ): boolean;
  watch(ticket: number, number: number): boolean;
  connections(
    ticket: number,
    limit: number,
    after: number,
    companyId: string | undefined,
    userId: string | undefined,
    origin: number | undefined,
  ): boolean;
  disconnect(
    ticket: number,
    reason: CloseReason,
    companyId: string | undefined,
    userId: string | undefined,
    number: number | undefined,
    origin: number | undefined,
  ): boolean;
  drain(ticket: number, overMs: number): boolean;
  /** `json`: what a `resync` says; `paths`: the names in it. */
  setResyncPaths(json: string, paths: readonly string[]): boolean;
  setNodes(count: number): void;
  forget(ticket: number, companyId: string): boolean;
  ping(companyId: string, userId: string): boolean;
  /** `''`: none is known here. */
  position(companyId: string, moment?: number): string;
  /** In no order. */
  companies(): string[];
  moment(): number;
  flush(ticket: number, withinMs: number): boolean;
  /** Without a script the arguments are a command. */
  brokerCall(ticket: number, script: string | undefined, keys: readonly string[], args: readonly (string | number | Buffer)[]): boolean;
  brokerListen(channel: string, listen: boolean): boolean;
  brokerResubscribe(): boolean;
  /** The `disconnect`s of what was revoked stand before it; the number of reply 9, event 4. */
  revocationsRead(number: number): boolean;
  /** `kind`: 0 a state (`number` of BROKER_LINKS; its trouble), 1 subscribed, 2 a message. */
  brokerTold(kind: number, number: number, name: string, payload: Buffer | undefined): boolean;
  /** `failure`: 0 none, then those of BrokerFailure; the reply is its text. */
  brokerAnswered(ticket: number, failure: number, reply: BrokerReply | string): boolean;
  /** Without a password. */
  brokerUrl(): string;
  shutdown(ticket: number): boolean;
  stop(): void;
  metrics(): Float64Array;
  ref(): void;
  unref(): void;
}

/**
 * A path table in C++: functions that need no `this`. `io` is the block that numbers cross in: arguments are written
 * from its start before a call, results stand there after it. A call takes how many there are and returns how many came out.
 */
export interface NativePathTable {
  /** As long as the table has nodes. */
  readonly io: Uint32Array;
  readonly names: string[];
  readonly ends: Uint32Array;
  readonly exact: Uint8Array;
  readonly cover: (count: number) => number;
  readonly expand: (count: number) => number;
  /** `nodes`: those of all modules in a row, `sizes` of them each; `edges`: pairs of modules. */
  readonly cascades: (sizes: Uint32Array, nodes: Uint32Array, edges: Uint32Array) => NativeCascades;
}

export interface NativeCascades {
  /** As long as there are nodes and modules. */
  readonly io: Uint32Array;
  readonly close: (count: number) => number;
  /** Modules stand behind the nodes in the block. */
  readonly closeFrom: (count: number, fromCount: number) => number;
}

type NativeOptions = Omit<EngineOptions, 'limitPolicy' | 'transformWrap' | 'broker'> & {
  evictOldest: boolean;
  wrapPrefix: string;
  wrapSuffix: string;
  broker: NativeBrokerOptions | undefined;
};
export type NativeBrokerOptions = Omit<BrokerLogOptions, 'scripts' | 'url' | 'broker' | 'revocations'> & {
  asksRevocations: boolean;
  /** Empty: a client of the app's own, which `brokerTold` and `brokerAnswered` stand for. */
  url: string;
  ring: string;
  publishScript: string;
  readScript: string;
};

export interface Binding {
  Hub: new (options: NativeOptions, dispatch: (replies: Reply[]) => void) => NativeHub;
  createPathTable(queries: readonly string[], maxPaths: number): NativePathTable;
  metricNames: string[];
  nativeHeapBytes(): number;
  /** False: no such option here, or no TCP socket. */
  setUserTimeout(fd: number, ms: number): boolean;
}

/** One flat array per reply; its first element is its kind (`ReplyKind` in src/addon/replies.cc). */
export type Reply =
  | [kind: 0, ticket: number, ...outcomes: (number | string)[]]
  | [kind: 1, ticket: number, code: number, leaseId: string, limit: number, current: number]
  | [kind: 2, ticket: number, value: number]
  /** `actions` goes around what was known, `beforeKnown` of them before it; -1: it is everything. */
  | [kind: 3, ticket: number, epoch: string, headSeq: number, firstSeq: number, beforeKnown: number, ...actions: string[]]
  | [kind: 4, number: number, bytes: Buffer]
  | [kind: 5, number: number]
  | [kind: 6, notice: number, code: number, number: number, value: number, companyId: string, userId: string]
  | [kind: 7, ticket: number, ...connections: (number | string | FilterArgument | undefined)[]]
  /** `failure`: 0 none, then those of BrokerFailure; the answer is its text. */
  | [kind: 8, ticket: number, failure: number, answer: BrokerReply | string]
  /** `event`: 0 state (`number` of BROKER_LINKS; its trouble), 1 subscribed, 2 message, 3 warning (`name`: its kind, a space, the company), 4 revocations are to be read (`name`: the number for `revocationsRead`). */
  | [kind: 9, event: number, number: number, name: string, text: string | Buffer]
  /** For a client of the app's own. `question`: 0 eval (`name`: the script's body), 1 command, 2 subscribe, 3 unsubscribe, 4 resubscribe. */
  | [kind: 10, question: number, ticket: number, name: string, keys: string[], args: (string | Buffer)[]];

/** Loads the addon; the error says why there is none. Later calls return the same. */
export function loadNative(): { ok: true; binding: Binding } | { ok: false; error: Error } {
  try {
    const binding = loadBinding() as Partial<Binding>;
    const functions = [binding.Hub, binding.createPathTable, binding.setUserTimeout];
    if (functions.some((each) => typeof each !== 'function') || !Array.isArray(binding.metricNames)) {
      throw new Error('the native addon is of another version of pathcast: rebuild it (npm rebuild pathcast)');
    }
    return { ok: true, binding: binding as Binding };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

/**
 * Ends the connection of a descriptor once its peer has acknowledged nothing for `ms`. False where that cannot be: no
 * binary for this machine, no such option (macOS, Windows), no TCP socket.
 */
export function setUserTimeout(fd: number, ms: number): boolean {
  // Looked for once: a search through folders for each stream would be dear.
  loadedOnce ??= loadNative();
  return loadedOnce.ok && loadedOnce.binding.setUserTimeout(fd, ms);
}
let loadedOnce: ReturnType<typeof loadNative> | undefined;

/** Bytes the process holds from the C library's malloc; 0 where it does not say. For benchmarks. */
export function nativeHeapBytes(): number {
  const loaded = loadNative();
  return loaded.ok ? loaded.binding.nativeHeapBytes() : 0;
}

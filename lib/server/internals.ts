/**
 * What the other rooms of the library ask of a hub, and no app does. It stands behind a symbol that `Hub` does not
 * declare: neither an editor nor the published types show it. The symbol is of the registry, because the ESM and the
 * CommonJS copy of the package may give each other their hubs.
 */
import type { WorkerStates } from '../internal/worker-states.js';
import type { MessageSink } from '../internal/engine.js';
import type { Attendance, Attendant } from './attend.js';
import type { EarlyEnd } from './early-end.js';
import type { Observed } from './open-stream.js';
import type { PlainStreamOptions } from './options.js';
import type { BindRouterOptions, PathBinding } from './paths/binding.js';
import type { HubFailure, HubLogger, HubWarning, TransactionCounts } from './results.js';
import type { ForeignRequest } from './stream-spec.js';
import type { Codec } from './transformer.js';

export interface HubInternals {
  /** The declared modules; undefined where any is allowed. */
  readonly modules: ReadonlySet<string> | undefined;
  /** Of the hub's transformer, which a bound router has too. */
  readonly codec: Codec;
  /** The bound router, as it is now; undefined without one. */
  readonly paths: PathBinding | undefined;
  /** What a `resync` names. */
  resyncPaths(): readonly string[];
  /** A binding that is in force from `install()` on. Throws like `Hub.bindRouter`, HUB_CLOSED too. */
  prepareRouter(router: unknown, options?: BindRouterOptions): { binding: PathBinding; install: () => void };
  /** A plain stream as bytes, for a web `Response`. Throws like `Hub.stream`. */
  readable(options: PlainStreamOptions, request: ForeignRequest): ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * A company's events for this process itself: counted against no limit. `from`: a cursor as in an event's id, or Unix
   * ms (inclusive); without one it starts now. `userId`: whom `disconnect` finds it by. Throws like `Hub.stream`.
   */
  observe(
    companyId: string,
    from?: string | number,
    signal?: AbortSignal,
    userId?: string,
  ): AsyncGenerator<Observed, undefined, undefined>;
  /** A stream whose bytes are not the hub's; see `attend`. */
  attend(who: Attendant, sink: MessageSink): Attendance;
  /** Tells `listener`, as long as somebody else holds it, of each `disconnect`. The returned function stops it. */
  onDisconnect(listener: EarlyEnd): () => void;
  /** Now, for `positionAt`: at once. */
  moment(): number;
  /** As `Hub.position` would have said at that moment, or somewhat older. */
  positionAt(companyId: string, moment: number): string | undefined;
  /** The companies whose clients may hold something: those that have a log, with Redis there. Rejects with BrokerError, HUB_CLOSED. */
  companies(): Promise<string[]>;
  /** Waits until nothing that was published waits for the broker, `withinMs` at most. Resolves to how many actions still do. */
  settle(withinMs: number): Promise<number>;
  /** For workers beside the hub: gone with the log, kept with it. With Redis its calls reject with BrokerError. */
  readonly workerStates: WorkerStates;
  /** Of `HubMetrics.transactions`; whoever runs them adds to it. */
  readonly transactions: TransactionCounts;
  /** Tells what is odd, and counts it. `kind`: of each the first is told to the process where nobody else hears it; default: the field. */
  warn(warning: HubWarning, kind?: string): void;
  /** Tells what failed without a caller to tell. */
  report(during: HubFailure['during'], thrown: unknown): void;
  /**
   * As `Hub.endStreams`, those of one server; where no other server of the hub is known, those of which none is known, too (a
   * resolver that gave no `req`): the server would wait for them.
   */
  endStreamsOf(server: object, overMs: number): Promise<void>;
  /** A logger for what nobody else hears. The returned function stops it. */
  logUnheard(logger: HubLogger): () => void;
}

const INTERNALS = Symbol.for('pathcast.hub.internals');
type Holder = { readonly [INTERNALS]?: HubInternals };

export function giveInternals(hub: object, internals: HubInternals): void {
  Object.defineProperty(hub, INTERNALS, { value: internals });
}

/** REQUIRES: a hub, of this copy of the package or of another one. */
export function internalsOf(hub: object): HubInternals {
  return (hub as Holder)[INTERNALS] as HubInternals;
}

export function hasInternals(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as Holder)[INTERNALS] !== undefined;
}

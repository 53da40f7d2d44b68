/** The resolver of a tRPC subscription: takes the socket where it can, yields tracked events where it cannot. */
import { tracked, type TrackedEnvelope } from '@trpc/server';
import { describe } from '../internal/describe.js';
import { PathcastError } from '../protocol/error.js';
import type { SyncEvent } from '../protocol/events.js';
import { checkKeys, checkObject } from '../server/check.js';
import { defaultHub } from '../server/default-hub.js';
import { checkHub, type AnyHub } from '../server/hub.js';
import type { SyncStream } from '../server/hand-over/generator.js';
import type { StreamOptions } from '../server/options.js';
import { toTRPCError } from './errors.js';

/** What a stream needs from the app. `req` and `res` come from the context; without them the events are yielded. */
export type SyncStreamOptions = Omit<StreamOptions, 'dialect' | 'tracked' | 'toError' | 'ids'>;

/** What tRPC gives a resolver, as far as it is used here. */
interface ResolverOptions<Ctx, Input> {
  ctx: Ctx;
  input: Input;
  signal: AbortSignal | undefined;
  /** tRPC before 11.10 does not give it; then it is read from the URL. */
  path?: string;
}

type MaybePromise<T> = T | Promise<T>;

export interface SyncResolverOptions<Ctx, Input> {
  /** Default: the default hub. */
  hub?: AnyHub | undefined;
  /** Who subscribes, from the context; and the filter that the app allows. `input`, `signal` and `path` are passed on; a `signal` in place of tRPC's ends the stream. */
  stream(options: { ctx: Ctx; input: Input; signal: AbortSignal | undefined }): MaybePromise<SyncStreamOptions>;
}

/**
 * `publicProcedure.input(syncInput).subscription(syncSubscription({ stream: ({ ctx }) => ({ req: ctx.req, res: ctx.res,
 * companyId: ctx.companyId, userId: ctx.userId }) }))`. The client's `onData` gets `{ id, data: SyncEvent }`. With
 * `ids: false` it gets the bare event, as code written for hand-made sync expects, and resumes by `lastSyncTimestamp`.
 */
export function syncSubscription<Ctx, Input>(
  options: SyncResolverOptions<Ctx, Input> & { ids: false },
): (resolver: ResolverOptions<Ctx, Input>) => Promise<AsyncGenerator<SyncEvent, undefined, undefined>>;
export function syncSubscription<Ctx, Input>(
  options: SyncResolverOptions<Ctx, Input> & { ids?: true | undefined },
): (resolver: ResolverOptions<Ctx, Input>) => Promise<AsyncGenerator<TrackedEnvelope<SyncEvent>, undefined, undefined>>;
export function syncSubscription<Ctx, Input>(
  options: SyncResolverOptions<Ctx, Input> & { ids?: boolean | undefined },
): (
  resolver: ResolverOptions<Ctx, Input>,
) => Promise<AsyncGenerator<SyncEvent | TrackedEnvelope<SyncEvent>, undefined, undefined>> {
  checkResolver(options);
  return async ({ ctx, input, signal, path }) => {
    const given = await options.stream({ ctx, input, signal });
    const opened = open(options.hub, { input, signal, path, ...given }, options.ids ?? true);
    if (given.signal && given.signal !== signal) endBy(given.signal, opened);
    return opened;
  };
}

/** A signal of the app's own, on whatever way the stream is: that of tRPC is over with its response. */
function endBy(signal: AbortSignal, stream: SyncStream<unknown>): void {
  const end = (): void => void stream.close();
  signal.addEventListener('abort', end, { once: true });
  void stream.closed.then(() => signal.removeEventListener('abort', end));
}

/** Throws PathcastError INVALID_OPTION: what is wrong shows when the router is put together. */
function checkResolver(options: object): void {
  checkKeys('syncSubscription()', checkObject('syncSubscription options', options, 'INVALID_OPTION'), ['hub', 'ids', 'stream']);
  const { hub, ids, stream } = options as { hub?: unknown; ids?: unknown; stream?: unknown };
  checkHub(hub);
  if (ids !== undefined && typeof ids !== 'boolean')
    throw new PathcastError('INVALID_OPTION', `ids must be true or false, got ${describe(ids)}`);
  if (typeof stream !== 'function')
    throw new PathcastError(
      'INVALID_OPTION',
      `stream must be a function ({ ctx, input, signal }) => { req, res, companyId, userId }, got ${describe(stream)}`,
    );
}

/**
 * The same inside a resolver of one's own: `return syncStream({ req, res, companyId, userId, input, signal })`. Throws TRPCError.
 * A generator that stands around it ends with the stream, and what it does to the events has no effect, unless they are yielded to it
 * (`handOver: false`). One that leaves events out wants a `filter`, or `handOver: false`.
 */
export function syncStream(
  options: SyncStreamOptions & { hub?: AnyHub | undefined },
): SyncStream<TrackedEnvelope<SyncEvent>> {
  const { hub, ...stream } = checkObject('syncStream options', options, 'INVALID_OPTION') as unknown as typeof options;
  return open(hub, stream, true) as SyncStream<TrackedEnvelope<SyncEvent>>;
}

function open(
  hub: AnyHub | undefined,
  options: SyncStreamOptions,
  ids: boolean,
): SyncStream<SyncEvent | TrackedEnvelope<SyncEvent>> {
  try {
    checkHub(hub);
    return (hub ?? defaultHub()).stream<SyncEvent | TrackedEnvelope<SyncEvent>>({
      ...options,
      ids,
      dialect: 'trpc',
      toError: toTRPCError,
      tracked: (id, event) => tracked(id, event),
    });
  } catch (thrown) {
    throw toTRPCError(thrown);
  }
}

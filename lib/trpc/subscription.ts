/** The resolver of a tRPC subscription: takes the socket where it can, yields tracked events where it cannot. */
import { tracked, type TrackedEnvelope } from '@trpc/server';
import type { SyncEvent } from '../protocol/events.js';
import { defaultHub } from '../server/default-hub.js';
import type { AnyHub } from '../server/hub.js';
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
  /** Who subscribes, from the context; and the filter that the app allows. `input`, `signal` and `path` are passed on. */
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
  return async ({ ctx, input, signal, path }) => {
    const stream = await options.stream({ ctx, input, signal });
    return open(options.hub, { input, signal, path, ...stream }, options.ids ?? true);
  };
}

/** The same inside a resolver of one's own: `return syncStream({ req, res, companyId, userId, input, signal })`. Throws TRPCError. */
export function syncStream(
  options: SyncStreamOptions & { hub?: AnyHub | undefined },
): AsyncGenerator<TrackedEnvelope<SyncEvent>, undefined, undefined> {
  const { hub, ...stream } = options;
  return open(hub, stream, true) as AsyncGenerator<TrackedEnvelope<SyncEvent>, undefined, undefined>;
}

function open(
  hub: AnyHub | undefined,
  options: SyncStreamOptions,
  ids: boolean,
): AsyncGenerator<SyncEvent | TrackedEnvelope<SyncEvent>, undefined, undefined> {
  try {
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

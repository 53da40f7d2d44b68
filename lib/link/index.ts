/** `pathcast/client/trpc`: the browser's stream under the subscriptions of a tRPC client. */
import { createTRPCUntypedClient, httpSubscriptionLink, TRPCClientError, type TRPCLink } from '@trpc/client';
import type { AnyRouter } from '@trpc/server';
import { observable } from '@trpc/server/observable';
import { createSyncClient, type SyncStatus, type TrpcSubscription } from '../client/index.js';
import { PathcastError } from '../protocol/error.js';
import { canonical, isOpen } from './input.js';
import { MAX_STREAMS, takeSeat } from './slots.js';

/** Whose data it is: separates the streams of one browser. The server believes neither. */
export interface SyncUser {
  companyId: string;
  userId: string;
}

export interface SyncLinkOptions {
  /** The subscriptions that pathcast serves: `['sync.onSync']`. All others go their way as by `httpSubscriptionLink`. */
  paths: readonly string[];
  /** Who is signed in; asked when a subscription begins. */
  user: SyncUser | (() => SyncUser);
  /** As the server's `syncSubscription` has it: with ids (the default) `onData` gets `{ id, data }`, without them the bare event. */
  ids?: boolean | undefined;
}

// Any EventSource: what the app gives, its link has checked the type of.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type HttpOptions<TRouter extends AnyRouter> = Parameters<typeof httpSubscriptionLink<TRouter, any>>[0];

type Refusal = Pick<SyncStatus, 'reason'> & { code: string; httpStatus: number };

const REFUSALS: Readonly<Record<string, Omit<Refusal, 'reason'>>> = {
  not_found: { code: 'NOT_FOUND', httpStatus: 404 },
  revoked: { code: 'FORBIDDEN', httpStatus: 403 },
  forbidden: { code: 'FORBIDDEN', httpStatus: 403 },
};

function refused(message: string, { code, httpStatus }: { code: string; httpStatus: number }): TRPCClientError<AnyRouter> {
  return TRPCClientError.from({ error: { message, code: -32_000 - (httpStatus - 400), data: { code, httpStatus } } } as never);
}

/**
 * In the place of `httpSubscriptionLink`, with its options. Subscriptions of equal procedure and input share one stream of the browser,
 * whatever the tabs; another input is a stream of its own, past the server's own checks, three at most a browser: a further one ends with
 * TOO_MANY_REQUESTS. `onStarted` comes when the stream is live; it comes back by itself, and ends on a refusal alone.
 */
export function syncSubscriptionLink<TRouter extends AnyRouter>(options: HttpOptions<TRouter> & { sync: SyncLinkOptions }): TRPCLink<TRouter> {
  const { sync, ...http } = options;
  if (!Array.isArray(sync?.paths) || sync.paths.length === 0) {
    throw new PathcastError('INVALID_OPTION', "sync.paths must name the subscriptions that pathcast serves: ['sync.onSync']");
  }
  const overHttp = httpSubscriptionLink<TRouter, never>(http as never);
  const inner = createTRPCUntypedClient<TRouter>({ links: [overHttp] });

  return (runtime) => {
    const through = overHttp(runtime);
    return ({ op, next }) => {
      if (op.type !== 'subscription') return next(op);
      const { path, input, context, signal } = op;
      const key = canonical(input);
      if (!sync.paths.includes(path) || key === undefined || !isOpen(input)) return through({ op, next });

      return observable((observer) => {
        const { companyId, userId } = typeof sync.user === 'function' ? sync.user() : sync.user;
        const trpc: TrpcSubscription = {
          subscribe: (place, handlers) =>
            inner.subscription(path, { ...input, ...place }, { ...(handlers as object), context } as never),
        };
        let close = (): void => undefined;
        let started = false;

        const tell = ({ state, reason }: SyncStatus): void => {
          if (state === 'live') {
            if (!started) observer.next({ result: { type: 'started' } });
            started = true;
            observer.next({ result: { type: 'state', state: 'pending', error: null } });
          } else if (state === 'refused') {
            observer.error(refused(`The stream was refused: ${reason}`, REFUSALS[reason] ?? { code: 'FORBIDDEN', httpStatus: 403 }) as never);
          } else if (state === 'closed') {
            observer.next({ result: { type: 'stopped' } });
            observer.complete();
          } else {
            observer.next({ result: { type: 'state', state: 'connecting', error: null } });
          }
        };

        const leave = takeSeat([companyId, userId, path, key].map(encodeURIComponent).join(' '), {
          taken() {
            const client = createSyncClient({ companyId, userId: `${userId} ${path} ${key}`, trpc });
            const ends = [
              client.onStatus(tell),
              client.subscribe((event) => {
                const data = sync.ids === false ? event : { id: client.status.cursor ?? '', data: event };
                observer.next({ result: { type: 'data', data } });
              }),
            ];
            close = () => {
              for (const end of ends) end();
              client.close();
            };
            tell(client.status);
          },
          full() {
            close();
            const why = `This browser has ${MAX_STREAMS} streams of other inputs already; ${path} with this one has no place`;
            observer.error(refused(why, { code: 'TOO_MANY_REQUESTS', httpStatus: 429 }) as never);
          },
        });
        const end = (): void => {
          signal?.removeEventListener('abort', aborted);
          leave();
          close();
        };
        const aborted = (): void => {
          end();
          observer.complete();
        };
        signal?.addEventListener('abort', aborted);
        return end;
      });
    };
  };
}

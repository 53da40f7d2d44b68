/** `pathcast/client/trpc`: the browser's stream under the subscriptions of a tRPC client. */
import { createTRPCUntypedClient, httpSubscriptionLink, TRPCClientError, type TRPCLink } from '@trpc/client';
import type { AnyRouter } from '@trpc/server';
import { observable } from '@trpc/server/observable';
import { createSyncClient, type SyncStatus, type TrpcSubscription } from '../client/index.js';
import { PathcastError } from '../protocol/error.js';
import { sharedPartOf } from './input.js';
import { MAX_STREAMS, takeSeat } from './slots.js';

export { fieldConflicts } from './conflicts.js';
export type { FieldConflict } from '../protocol/conflict.js';

/** Whose data it is: separates the streams of one browser. The server believes neither. */
export interface SyncUser {
  companyId: string;
  userId: string;
}

export interface SyncLinkOptions {
  /** The subscriptions that pathcast serves: `['sync.onSync']`. All others go their way as by `httpSubscriptionLink`. */
  paths: readonly string[];
  /** Who is signed in; asked when a subscription begins. With an empty id nobody is: the subscription goes its way as by `httpSubscriptionLink`. */
  user: SyncUser | (() => SyncUser);
  /** As the server's `syncSubscription` has it: with ids (the default) `onData` gets `{ id, data }`, without them the bare event. */
  ids?: boolean | undefined;
}

// Any EventSource: what the app gives, its link has checked the type of.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type HttpOptions<TRouter extends AnyRouter> = Parameters<typeof httpSubscriptionLink<TRouter, any>>[0];

type Refusal = Pick<SyncStatus, 'reason'> & { code: string; httpStatus: number };

/** As tRPC says it. What is not here is `FORBIDDEN` where it is final, else that nobody serves it now. */
const ERRORS: Readonly<Record<string, Omit<Refusal, 'reason'>>> = {
  not_found: { code: 'NOT_FOUND', httpStatus: 404 },
  unauthorized: { code: 'UNAUTHORIZED', httpStatus: 401 },
  unexpected_answer: { code: 'BAD_REQUEST', httpStatus: 400 },
  limit: { code: 'TOO_MANY_REQUESTS', httpStatus: 429 },
  server_error: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500 },
};
const FORBIDDEN = { code: 'FORBIDDEN', httpStatus: 403 };
const UNAVAILABLE = { code: 'SERVICE_UNAVAILABLE', httpStatus: 503 };
/** What an answer of the server leads to: its own words are better than ours. */
const ANSWERED: ReadonlySet<string> = new Set(['forbidden', 'not_found', 'auth_expired', 'unauthorized', 'unexpected_answer', 'limit', 'server_error', 'bad_gateway']);
/** On the way, and nothing has gone wrong. */
const ORDINARY: ReadonlySet<string> = new Set(['starting', 'electing', 'asked', 'drain', 'replaced']);

function refused(message: string, { code, httpStatus }: { code: string; httpStatus: number }): TRPCClientError<AnyRouter> {
  return TRPCClientError.from({ error: { message, code: -32_000 - (httpStatus - 400), data: { code, httpStatus } } } as never);
}

/**
 * In the place of `httpSubscriptionLink`, with its options. Subscriptions of equal procedure and input share one stream of the browser,
 * whatever the tabs, and wherever each begins (`since`, `lastEventId`), whoever it is (`clientInstanceId`) and whatever origin it leaves out
 * (`excludeSourceId`). An input that JSON does not hold as it is (a Set, a Date) goes its way alone. Another input is a stream of its own, past the server's own checks, three at most a browser: a further one ends with
 * TOO_MANY_REQUESTS. `onStarted` comes when the stream is live; it comes back by itself, and ends on a refusal alone.
 */
export function syncSubscriptionLink<TRouter extends AnyRouter>(options: HttpOptions<TRouter> & { sync: SyncLinkOptions }): TRPCLink<TRouter> {
  const { sync, ...http } = options;
  if (!Array.isArray(sync?.paths) || sync.paths.length === 0 || sync.paths.some((path) => typeof path !== 'string')) {
    throw new PathcastError('INVALID_OPTION', "sync.paths must name the subscriptions that pathcast serves: ['sync.onSync']");
  }
  if (typeof sync.user !== 'function' && (typeof sync.user !== 'object' || sync.user === null)) {
    throw new PathcastError('INVALID_OPTION', 'sync.user must say who is signed in, { companyId, userId } or a function that gives it');
  }
  for (const name of Object.keys(sync)) {
    if (!['paths', 'user', 'ids'].includes(name)) throw new PathcastError('INVALID_OPTION', `sync.${name} is no option: paths, user, ids are`);
  }
  const overHttp = httpSubscriptionLink<TRouter, never>(http as never);
  const inner = createTRPCUntypedClient<TRouter>({ links: [overHttp] });
  /** What the server answered last, of each stream that this page asked for. */
  const answers = new Map<string, unknown>();

  return (runtime) => {
    const through = overHttp(runtime);
    return ({ op, next }) => {
      if (op.type !== 'subscription') return next(op);
      const { path, input, context, signal } = op;
      const shared = sync.paths.includes(path) ? sharedPartOf(input) : undefined;
      if (!shared) return through({ op, next });
      const { key, since, excluded } = shared;

      return observable((observer) => {
        if (signal?.aborted) return observer.complete();
        let user: SyncUser;
        try {
          user = typeof sync.user === 'function' ? sync.user() : sync.user;
        } catch (thrown) {
          return observer.error(TRPCClientError.from(thrown as Error));
        }
        const { companyId, userId } = Object(user) as Partial<SyncUser>;
        // Nobody is signed in: the server says what it thinks of that.
        if (!companyId || !userId) {
          const passing = through({ op, next }).subscribe(observer);
          return () => passing.unsubscribe();
        }
        const server = typeof http.url === 'string' ? http.url : '';
        const stream = [companyId, userId, server, path, key].map(encodeURIComponent).join(' ');
        const trpc: TrpcSubscription = {
          subscribe: (place, handlers) => {
            const onError = (error: unknown): void => {
              answers.set(stream, error);
              handlers.onError?.(error as never);
            };
            const onStarted = (): void => {
              answers.delete(stream);
              handlers.onStarted?.();
            };
            return inner.subscription(path, { ...shared.input, ...place }, { ...(handlers as object), onStarted, onError, context } as never);
          },
        };
        const errorOf = ({ state, reason }: SyncStatus, made: string): never =>
          ((ANSWERED.has(reason) && answers.get(stream)) || refused(`${made}: ${reason}`, ERRORS[reason] ?? (state === 'refused' ? FORBIDDEN : UNAVAILABLE))) as never;
        let close = (): void => undefined;
        let started = false;

        const tell = (status: SyncStatus): void => {
          const { state, reason } = status;
          if (state === 'live') {
            if (!started) observer.next({ result: { type: 'started' } });
            started = true;
            observer.next({ result: { type: 'state', state: 'pending', error: null } });
          } else if (state === 'refused') {
            observer.error(errorOf(status, 'The stream was refused'));
          } else if (state === 'closed') {
            observer.next({ result: { type: 'stopped' } });
            observer.complete();
          } else {
            const error = ORDINARY.has(reason) ? null : errorOf(status, `The stream is ${state}`);
            observer.next({ result: { type: 'state', state: 'connecting', error: error as never } });
          }
        };

        const listen = (): void => {
          const client = createSyncClient({ companyId, userId: `${userId} ${server} ${path} ${key}`, trpc, ...(since !== undefined && { since }) });
          const ends = [
            client.onStatus(tell),
            client.subscribe((event) => {
              if (excluded !== undefined && 'sourceId' in event && event.sourceId === excluded) return;
              const data = sync.ids === false ? event : { id: client.status.cursor ?? '', data: event };
              observer.next({ result: { type: 'data', data } });
            }),
          ];
          close = () => {
            for (const end of ends) end();
            client.close();
          };
          tell(client.status);
        };
        const leave = takeSeat(stream, {
          taken() {
            try {
              listen();
            } catch (thrown) {
              leave();
              observer.error(TRPCClientError.from(thrown as Error));
            }
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

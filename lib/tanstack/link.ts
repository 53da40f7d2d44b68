/** `fenceLink`: tells a QueryClient at which position of the log each of its tRPC client's answers was read. */
import { POSITION_HEADER } from '../protocol/position.js';
import { readsOf } from './reads.js';
import type { QueryClientLike } from './types.js';

/** An observable, as far as links use one: no package of tRPC's is needed for it. */
export interface Stream {
  subscribe(observer: Observer): unknown;
  pipe(...through: ((source: Stream) => unknown)[]): unknown;
}
export interface Observer {
  next?(value: unknown): void;
  error?(thrown: unknown): void;
  complete?(): void;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- as tRPC's own TRPCLink, for whichever router: its types are not needed where there is no tRPC */
/** A `TRPCLink`. */
export type FenceLink = (runtime: any) => (given: { op: any; next: (op: any) => any }) => any;
/* eslint-enable */

export interface Operation {
  readonly type: string;
  readonly path: string;
  readonly input: unknown;
}

/** Of an answer, or of an error that one brought; undefined: it said none, or there was none. */
function positionIn(given: unknown): string | undefined {
  const { context, meta } = Object(given) as { context?: unknown; meta?: unknown };
  const { response } = Object(context ?? meta) as { response?: { headers?: { get?: (name: string) => string | null } } };
  const position = response?.headers?.get?.(POSITION_HEADER);
  return position && /^\w+\.\d+$/.test(position) ? position : undefined;
}

/** An observable of what `subscribe` does. */
export function streamOf(subscribe: Stream['subscribe']): Stream {
  const stream: Stream = { subscribe, pipe: (...all) => all.reduce<unknown>((before, one) => one(before as Stream), stream) };
  return stream;
}

/**
 * First among a tRPC client's links: `links: [fenceLink(queryClient), httpBatchLink({ url })]`. With it a fetch that was on its way while
 * something changed is known to contain the change, or not, by the `x-pathcast-position` of its answer; without it each one that began before
 * the event counts as older. It changes nothing of what passes.
 */
export function fenceLink(queryClient: QueryClientLike): FenceLink {
  const reads = readsOf(queryClient);
  return () => (given: { op: Operation; next: (op: Operation) => Stream }) => {
    const { op, next } = given;
    const source = next(op);
    if (op.type !== 'query') return source;
    return streamOf((observer) => {
      const answered = reads.called(op.path, op.input);
      return source.subscribe({
        next(value) {
          answered(positionIn(value));
          observer.next?.(value);
        },
        error(thrown) {
          const position = positionIn(thrown);
          // No answer is none; of the next try's position it says nothing.
          if (position) answered(position);
          observer.error?.(thrown);
        },
        complete: () => observer.complete?.(),
      });
    });
  };
}

/** `offlineHandlers`: the mutations of a TanStack DB collection go into the outbox, and its optimistic state stays until what it reads may have them. */
import { invalid } from '../../client/invalid.js';
import { INSIDE, type Offline } from '../inside.js';

/** What a collection's handler is given, as far as it is used: TanStack DB is no part of this package. */
export interface CollectionMutation {
  readonly key: unknown;
  readonly original: unknown;
  readonly modified: unknown;
  readonly changes: unknown;
}
interface Given {
  readonly transaction: { readonly mutations: readonly CollectionMutation[] };
}
type Handler = (given: Given) => Promise<void>;

/** A declared mutation's path, and its input. Defaults: the new row; the row's `id` (or `idKey`) with what changed; the id alone. */
export type CollectionPath = string | { readonly path: string; readonly input: (mutation: CollectionMutation) => unknown };

export interface OfflineHandlersOptions {
  insert?: CollectionPath | undefined;
  update?: CollectionPath | undefined;
  delete?: CollectionPath | undefined;
  /** Default `id`. */
  idKey?: string | undefined;
}

/** An ack is heard in the stream soon after; it is waited for so long, ms. */
const HEARD_MS = 10_000;

/**
 * `{ onInsert, onUpdate, onDelete }` for `createCollection`. Each resolves when the server has done all of it and, where the stream is live, its actions have been heard,
 * 10 s at most: a collection that reads after that has them. It rejects where one is refused, and the collection takes its optimistic state back. Throws INVALID_OPTION.
 */
export function offlineHandlers(offline: Offline, options: OfflineHandlersOptions): { onInsert?: Handler; onUpdate?: Handler; onDelete?: Handler } {
  const inside = (Object(offline) as Partial<Offline>)[INSIDE];
  if (!inside) throw invalid('offline must be what createOffline() gave');
  const { environment, outbox } = inside;
  const { idKey = 'id' } = options;

  /** Ids whose actions are waited for, and what is called when they are heard. */
  const waiting = new Map<string, () => void>();
  const hear = (event: object): void => {
    const id = (event as { id?: string }).id?.slice('tx:'.length) ?? '';
    // An entry that was squashed into another one has no action but that one's.
    for (const name of [id, ...(outbox.book.get(id)?.squashed ?? [])]) waiting.get(name)?.();
  };
  inside.onSync((sync) => inside.onClose(sync.subscribe(hear)));

  async function done(path: string, input: unknown): Promise<void> {
    let timer: unknown;
    const { id, answer, kept } = await offline.add(path, input);
    // It may be heard before the answer comes.
    const heard = new Promise<void>((resolve) => waiting.set(id, resolve));
    try {
      await answer;
      // A create and its delete are nothing, and nobody tells of it.
      const isNothing = kept && !outbox.book.named(id);
      if (isNothing || inside?.sync?.status.state !== 'live') return;
      await Promise.race([heard, new Promise<void>((resolve) => (timer = environment.setTimeout(resolve, HEARD_MS)))]);
    } finally {
      environment.clearTimeout(timer);
      waiting.delete(id);
    }
  }

  const handler = (given: CollectionPath, input: (mutation: CollectionMutation) => unknown): Handler => {
    const { path, input: made } = typeof given === 'string' ? { path: given, input } : given;
    return async ({ transaction: { mutations } }) => {
      // One after the other into the outbox, in their order; none waits there for the answer of another.
      await Promise.all(mutations.map((mutation) => done(path, made(mutation))));
    };
  };
  const idOf = ({ original, key }: CollectionMutation): unknown => (Object(original) as Record<string, unknown>)[idKey] ?? key;
  return {
    ...(options.insert && { onInsert: handler(options.insert, ({ modified }) => modified) }),
    ...(options.update && { onUpdate: handler(options.update, (mutation) => ({ [idKey]: idOf(mutation), ...(mutation.changes as object) })) }),
    ...(options.delete && { onDelete: handler(options.delete, (mutation) => ({ [idKey]: idOf(mutation) })) }),
  };
}

/** Two things that a person did become one, where nobody can tell the difference but by the number of requests. Pure. */
import type { OfflineMutation, OutboxEntry } from '../types.js';
import { firstBase } from './base.js';
import type { Book } from './book.js';
import { isCompared, isSeen, isUntouched } from './entry.js';

export interface Squashed {
  /** In its place what is kept; undefined: nothing is, for what was made was taken away before anybody heard of it. */
  entry: OutboxEntry | undefined;
  /** Ids of entries that are kept no more. */
  removed: readonly string[];
}

/**
 * `book`: all that are kept. `entry`: the new one, behind all of them. It is laid into those of its lane that were never sent, looked for from the
 * newest on, up to the first that may not be changed.
 */
export function squash(book: Pick<Book, 'lane' | 'needs'>, entry: OutboxEntry, mutations: Readonly<Record<string, OfflineMutation>>): Squashed {
  const own = mutations[entry.path];
  const alone: Squashed = { entry, removed: [] };
  if (!isCompared(entry.kind) || !own || own.squash === false) return alone;
  const isDelete = entry.kind === 'delete';
  const removed: string[] = [];
  /** What the delete becomes. */
  let last = entry;
  const isBehind = (list: readonly OutboxEntry[], { seq }: OutboxEntry): boolean => (list.at(-1)?.seq ?? 0) > seq;
  for (const other of [...book.lane(entry.lane)].reverse()) {
    const declared = mutations[other.path];
    if (!isUntouched(other) || (other.kind !== 'update' && other.kind !== 'create') || !declared || declared.squash === false) break;
    // Another row waits for this one as it was then; or this one waits for another row that was made since.
    if (isBehind(book.needs(entry.lane), other) || (!isDelete && entry.after.some((lane) => isBehind(book.lane(lane), other)))) break;
    if (isDelete) {
      removed.push(other.id);
      if (other.kind === 'create') return { entry: undefined, removed };
      last = { ...last, squashed: [...last.squashed, ...other.squashed, other.id], base: firstBase(other, last.base) };
    } else if (other.kind === 'create' || Object.keys(entry.fields).some((field) => field in other.fields)) {
      const alike = other.kind === 'create' || (other.path === entry.path && isSeen(other) === isSeen(entry));
      // Whether its fields may be put into the other one's input.
      if (!alike || (declared.fields && !declared.merge)) break;
      return { entry: merged(other, entry, declared), removed: [other.id] };
    }
  }
  return { entry: last, removed };
}

/** `first`, at its place, with what `then` sets, under the id of `then`. */
function merged(first: OutboxEntry, then: OutboxEntry, { merge }: OfflineMutation): OutboxEntry {
  return {
    ...first,
    id: then.id,
    squashed: [...first.squashed, first.id],
    input: merge ? merge(first.input, then.fields) : { ...(first.input as object), ...then.fields },
    fields: { ...first.fields, ...then.fields },
    // Who makes a row has seen nothing of it.
    base: first.kind === 'create' ? first.base : firstBase(first, then.base),
    version: then.version,
  };
}

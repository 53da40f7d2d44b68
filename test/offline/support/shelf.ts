/** The storage as the versions see it: its own model, which can fail. */
import { createBook } from '../../../lib/offline/outbox/book.js';
import type { Draft, Meta, Storage } from '../../../lib/offline/storage/types.js';

export interface Shelf extends Storage {
  readonly rows: Map<string, unknown>;
  readonly meta: Meta;
  /** Transactions that were kept. */
  writes: number;
  fails: boolean;
}

export function makeShelf(): Shelf {
  const rows = new Map<string, unknown>();
  const shelf: Shelf = {
    rows,
    meta: { seq: 1, rev: 0, fence: 0, node: 'n', version: 1 } as Meta,
    book: createBook([]),
    state: 'ok',
    kept: true,
    writes: 0,
    fails: false,
    load: () => Promise.resolve(),
    versions: () => Promise.resolve([...rows].map(([key, row]): [string, unknown] => [key, structuredClone(row)])),
    async change<T>(body: (draft: Draft) => T): Promise<T> {
      await Promise.resolve();
      const kept = new Map<string, unknown>();
      const meta = { ...shelf.meta };
      const result = body({ meta, book: createBook([]), put: () => undefined, remove: () => undefined, version: (key, value) => void kept.set(key, structuredClone(value)) });
      if (shelf.fails) throw new Error('full');
      Object.assign(shelf.meta, meta);
      for (const [key, value] of kept) {
        if (value === undefined) rows.delete(key);
        else rows.set(key, value);
      }
      shelf.writes += 1;
      return result;
    },
    erase: () => Promise.resolve(rows.clear()),
    close: () => undefined,
  };
  return shelf;
}

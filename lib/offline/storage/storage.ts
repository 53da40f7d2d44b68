/**
 * What is kept, as this tab knows it, and the one way to change it. A change reads what stands there in its own transaction, decides, and writes: two tabs
 * never decide by what the other one has changed meanwhile. Where a browser can keep nothing, what this tab knows is all there is.
 */
import type { StorageLike } from '../../client/environment.js';
import { newNode } from '../clock/hlc.js';
import { offlineError } from '../error.js';
import type { OfflineEnvironment } from '../environment.js';
import { createBook, type Book } from '../outbox/book.js';
import { isOpen, isUnsent } from '../outbox/entry.js';
import type { OfflineStatus, OutboxEntry, Problem } from '../types.js';
import { createHandle, nameOf, promised, type Access, type Durability, type StoreName } from './handle.js';
import type { Change, Draft, Meta, Storage } from './types.js';

/** How many changes are remembered by name: a transaction that is tried again looks whether it was kept after all. */
const REMEMBERED = 16;
/** How many ends are remembered, for who waits in another tab. */
const ENDS = 200;

export interface StorageHost {
  environment: OfflineEnvironment;
  /** Of the database, and of the line in `localStorage` that counts what is left. */
  name: string;
  version: number;
  problem: (problem: Problem) => void;
  /** After each change that this tab has made or found, by `seq`. `own`: it has made it. */
  changed: (changes: readonly Change[], own: boolean) => void;
  /** `state` is another one. */
  said: () => void;
  /** Another tab has deleted it all. */
  erased: () => void;
}

type Known = { meta: Meta; book: Book; again?: boolean };

export function createStorage({ environment, name, version, problem, changed, said, erased }: StorageHost): Storage {
  // What this tab knows is written anew where it was thrown away.
  let handle =
    environment.indexedDB &&
    createHandle(
      environment,
      name,
      () => problem({ code: 'storage_unavailable', message: 'another tab has an older database open' }),
      () => void storage.load(),
    );
  let known: Known | undefined;
  let book = createBook([]);
  /** The same once more, for the next change to write into. Absent: to be made. */
  let spare: Book | undefined;
  let state: OfflineStatus['storage'] = 'ok';
  let queue: Promise<unknown> = Promise.resolve();
  let closed = false;
  /** It was thrown away before this tab had heard of all that was kept. */
  let behind = false;
  /** Of another database than its own, what is lost was told. */
  let foreign: string | undefined;

  function become(now: OfflineStatus['storage'], told?: Problem): void {
    if (state === now) return;
    state = now;
    if (told) problem(told);
    said();
  }

  /** Of `localStorage`, where a line says what is left to do, and as of which `rev`. It may be forbidden. */
  const counting = <T>(run: (storage: StorageLike) => T): T | undefined => {
    try {
      return environment.storage && run(environment.storage);
    } catch {
      return undefined;
    }
  };

  function evicted(count: number): void {
    if (count <= 0) return;
    become('lost');
    problem({ code: 'evicted', message: `the browser has thrown away ${count} change${count === 1 ? '' : 's'} that ${count === 1 ? 'was' : 'were'} kept`, count });
    // Once.
    counting((storage) => storage.getItem(name) && storage.setItem(name, '0 0'));
  }

  /** The body is given no access where nothing can be kept. */
  async function transact(write: Durability, body: (access?: Access) => Promise<void>): Promise<void> {
    let failed: unknown;
    if (handle && !closed) {
      try {
        await handle.run(write, body);
        // Reading needs no room.
        if (state === 'unavailable' || (state === 'full' && write)) become('ok');
        return;
      } catch (error) {
        failed = error;
      }
    }
    // Its tab has signed out, or is closing, meanwhile.
    if (closed) throw offlineError('STORAGE', 'the outbox is closed', failed);
    const full = nameOf(failed) === 'QuotaExceededError';
    if (full || handle?.worked) {
      const message = full ? 'the browser has no room left' : 'the browser could not keep it';
      become(full ? 'full' : 'unavailable', { code: full ? 'storage_full' : 'storage_lost', message, error: failed });
      throw offlineError('STORAGE', message, failed, full);
    }
    if (handle || state === 'ok') become('unavailable', { code: 'storage_unavailable', message: 'nothing is kept beyond this tab', error: failed ?? 'no IndexedDB' });
    handle = undefined;
    await body();
  }

  function deleted(): Error {
    storage.close();
    erased();
    return offlineError('STORAGE', 'its user has signed out');
  }

  /** What stands there, and whether this tab has to write it `again` because the browser has thrown it away. */
  async function read(access?: Access): Promise<Known> {
    const meta = access ? await promised<Meta | undefined>(access('meta').get('meta')) : known?.meta;
    const { rev = 0, node, outs = 0 } = known?.meta ?? {};
    if (known && meta && (meta.over || (meta.outs ?? 0) > outs)) throw deleted();
    if (meta && !meta.over) {
      const found = !access || (rev === meta.rev && node === meta.node) ? book : createBook(await promised(access('entries').getAll()));
      // It was thrown away, and another tab has kept anew what it knew, or begun a new one: what only this one knew is lost, and perhaps was to be.
      if (known && node !== meta.node && foreign !== meta.node) {
        foreign = meta.node;
        evicted(book.entries.filter((entry) => isOpen(entry) && !found.named(entry.id) && !meta.ended[entry.id]).length);
      }
      return { meta, book: found };
    }
    const left = book.open;
    const [count, at = 0] = counting((storage) => storage.getItem(name))?.split(' ').map(Number) ?? [];
    if (known && count !== undefined) {
      // Another tab had kept what this one has not heard of.
      if (at > rev) {
        behind = true;
        evicted(Math.max(1, count - left));
      }
      // What this tab still knows is kept anew. Whoever led leads no more, and may have sent what nobody here has heard of: under its id, or, where that tab had
      // kept more, under another one, and with what a person has decided. That is sent again by a person alone.
      const unsent: Partial<OutboxEntry> = behind ? { state: 'dead', reason: 'unknown_outcome' } : { state: 'sending' };
      const entries = book.entries.map((entry): OutboxEntry => (isUnsent(entry) ? { ...entry, attempts: entry.attempts || 1, ...unsent } : entry));
      // A new name: what another tab knows under the same `rev` may be something else.
      return { meta: { ...known.meta, node: newNode(environment), fence: known.meta.fence + 1, lease: undefined }, book: createBook(entries), again: true };
    }
    // Another tab has signed out; or, where nothing says so, it was thrown away.
    evicted(known ? left : (count ?? 0));
    if (known) throw deleted();
    return { meta: { seq: 1, rev: 0, fence: 0, node: newNode(environment), version, ended: {}, done: [] }, book: createBook([]), again: true };
  }

  /** `seqs`: what has changed; undefined: perhaps all. */
  function learnt(now: Known, own: boolean, seqs?: Iterable<number>): void {
    const before = book;
    known = now;
    behind = false;
    if (before === now.book) return;
    book = now.book;
    const changes = [...(seqs ?? new Set([...before.entries, ...book.entries].map(({ seq }) => seq)))].sort((a, b) => a - b).map((seq): Change => [before.at(seq), book.at(seq)]);
    spare = undefined;
    if (seqs) {
      for (const seq of seqs) before.set(seq, book.at(seq));
      spare = before;
    }
    counting((storage) => storage.setItem(name, `${book.open} ${now.meta.rev}`));
    changed(changes, own);
  }

  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const next = queue.then(run);
    queue = next.catch(() => undefined);
    return next;
  };

  const storage: Storage = {
    get kept() {
      return !!handle;
    },
    get book() {
      return book;
    },
    get meta() {
      return known?.meta;
    },
    get state() {
      return state;
    },
    load: async () => {
      let now!: Known;
      try {
        await inTurn(async () => {
          await transact(undefined, async (access) => {
            now = await read(access);
          });
          if (!now.again) learnt(now, false);
        });
        if (now.again && now.book.open) await storage.change(() => undefined);
      } catch {
        // It is told already.
      }
    },
    change: (body, { relaxed = false } = {}) =>
      inTurn(async () => {
        const token = newNode(environment);
        let result: unknown;
        let thrown: [unknown] | undefined;
        let now: Known | undefined;
        let looks = false;
        let seqs: Set<number> | undefined;
        const attempt = async (access?: Access): Promise<void> => {
          const found = await read(access);
          now = thrown = seqs = undefined;
          // It was kept, and the word of it was lost.
          if (found.meta.done.includes(token)) now = found;
          if (now || looks) return;
          const meta: Meta = { ...found.meta, ended: { ...found.meta.ended }, done: [token, ...found.meta.done].slice(0, REMEMBERED) };
          const writes: [store: StoreName, key: string, value: unknown][] = [];
          const isKnown = found.book === book;
          const draftBook = isKnown ? (spare ?? createBook(book.entries)) : found.book;
          // What this one leaves in it counts only once it is kept.
          spare = undefined;
          const touched = new Set<number>();
          const set = (seq: number, id: string, entry?: OutboxEntry): void => {
            writes.push(['entries', id, entry]);
            touched.add(seq);
            draftBook.set(seq, entry);
          };
          if (found.again) for (const entry of found.book.entries) writes.push(['entries', entry.id, entry]);
          const draft: Draft = {
            meta,
            book: draftBook,
            put: (entry) => set(entry.seq, entry.id, entry),
            remove(id, ended) {
              const gone = draftBook.get(id);
              if (gone) set(gone.seq, id);
              if (ended) for (const old of [id, ...(gone?.squashed ?? [])]) meta.ended[old] = ended;
            },
            version: (key, value) => void writes.push(['versions', key, value]),
          };
          try {
            result = body(draft);
          } catch (error) {
            thrown = [error];
            return;
          }
          const changes = touched.size > 0;
          if (changes || found.again) meta.rev += 1;
          const ends = Object.entries(meta.ended);
          for (const [id] of ends.slice(0, -ENDS)) if (id > (meta.forgot ?? '')) meta.forgot = id;
          meta.ended = Object.fromEntries(ends.slice(-ENDS));
          if (isKnown) {
            seqs = touched;
            if (!changes) spare = draftBook;
          }
          now = { meta, book: isKnown && !changes ? book : draftBook };
          writes.push(['meta', 'meta', meta]);
          for (const [name, key, value] of writes) {
            const store = access?.(name);
            if (value === undefined) store?.delete(key);
            else store?.put(value, key);
          }
        };
        try {
          await transact(relaxed ? 'relaxed' : 'strict', attempt);
        } catch (error) {
          now = undefined;
          // Perhaps it was kept after all.
          looks = true;
          await transact(undefined, attempt).catch(() => undefined);
          if (!now) throw error;
        }
        if (now) learnt(now, true, seqs);
        if (thrown) throw thrown[0];
        return result as never;
      }),
    async versions() {
      let keys: string[] = [];
      let values: unknown[] = [];
      await inTurn(() =>
        transact(undefined, async (access) => {
          const store = access?.('versions');
          if (store) [keys, values] = await Promise.all([promised<string[]>(store.getAllKeys()), promised<unknown[]>(store.getAll())]);
        }),
      );
      return keys.map((key, at) => [key, values[at]]);
    },
    erase: () =>
      inTurn(async () => {
        closed = true;
        counting((storage) => storage.removeItem(name));
        known = undefined;
        await handle?.erase();
        // Another tab may have heard of a change between the two.
        counting((storage) => storage.removeItem(name));
      }),
    close() {
      closed = true;
      handle?.close();
    },
  };
  return storage;
}

/**
 * What is kept, as this tab knows it, and the one way to change it. A change reads what stands there in its own transaction, decides, and writes: two tabs
 * never decide by what the other one has changed meanwhile. Where a browser can keep nothing, what this tab knows is all there is.
 */
import type { StorageLike } from '../../client/environment.js';
import { newNode } from '../clock/hlc.js';
import { offlineError } from '../error.js';
import type { OfflineEnvironment } from '../environment.js';
import { isOpen, isUnsent } from '../outbox/entry.js';
import type { OfflineStatus, OutboxEntry, Problem } from '../types.js';
import { createHandle, nameOf, promised, type Access, type Durability, type StoreName } from './handle.js';
import type { Draft, Meta, Storage } from './types.js';

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
  /** After each change that this tab has made or found. `own`: it has made it. */
  changed: (before: readonly OutboxEntry[], own: boolean) => void;
  /** `state` is another one. */
  said: () => void;
  /** Another tab has deleted it all. */
  erased: () => void;
}

const NONE: readonly OutboxEntry[] = [];

type Known = { meta: Meta; entries: readonly OutboxEntry[]; again?: boolean };

const inOrder = (entries: OutboxEntry[]): OutboxEntry[] => entries.sort((a, b) => a.seq - b.seq);

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
  let state: OfflineStatus['storage'] = 'ok';
  let queue: Promise<unknown> = Promise.resolve();
  let closed = false;
  /** It was thrown away before this tab had heard of all that was kept. */
  let behind = false;

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
    problem({ code: 'evicted', message: `the browser has thrown away ${count} changes that were kept`, count });
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
    return offlineError('STORAGE', 'the outbox was deleted');
  }

  /** What stands there, and whether this tab has to write it `again` because the browser has thrown it away. */
  async function read(access?: Access): Promise<Known> {
    const meta = access ? await promised<Meta | undefined>(access('meta').get('meta')) : known?.meta;
    const { lives = 0, rev = 0, node } = known?.meta ?? {};
    if (known && meta?.over) throw deleted();
    if (meta && !meta.over) {
      const entries = !access || (rev === meta.rev && node === meta.node) ? storage.entries : inOrder(await promised(access('entries').getAll()));
      // It was thrown away, and another tab has kept anew what it knew: what only this one knew is lost.
      if (known && lives < (meta.lives ?? 0)) {
        const there = new Set(entries.flatMap(({ id, squashed }) => [id, ...squashed]));
        evicted(storage.entries.filter((entry) => isOpen(entry) && !there.has(entry.id) && !meta.ended[entry.id]).length);
      }
      return { meta, entries };
    }
    const left = storage.entries.filter(isOpen).length;
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
      const entries = known.entries.map((entry): OutboxEntry => (isUnsent(entry) ? { ...entry, attempts: entry.attempts || 1, ...unsent } : entry));
      // A new name: what another tab knows under the same `rev` may be something else.
      return { meta: { ...known.meta, node: newNode(environment), fence: known.meta.fence + 1, lives: lives + 1, lease: undefined }, entries, again: true };
    }
    // Another tab has signed out; or, where nothing says so, it was thrown away.
    evicted(known ? left : (count ?? 0));
    if (known) throw deleted();
    return { meta: { seq: 1, rev: 0, fence: 0, node: newNode(environment), version, ended: {}, done: [] }, entries: [], again: true };
  }

  function learnt(now: Known, own: boolean): void {
    const before = storage.entries;
    known = now;
    behind = false;
    if (before === now.entries) return;
    counting((storage) => storage.setItem(name, `${now.entries.filter(isOpen).length} ${now.meta.rev}`));
    changed(before, own);
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
    get entries() {
      return known?.entries ?? NONE;
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
        if (now.again && now.entries[0]) await storage.change(() => undefined);
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
        const attempt = async (access?: Access): Promise<void> => {
          const found = await read(access);
          now = thrown = undefined;
          // It was kept, and the word of it was lost.
          if (found.meta.done.includes(token)) now = found;
          if (now || looks) return;
          const meta: Meta = { ...found.meta, ended: { ...found.meta.ended }, done: [token, ...found.meta.done].slice(0, REMEMBERED) };
          const writes: [store: StoreName, key: string, value: unknown][] = [];
          let { entries } = found;
          const set = (id: string, entry?: OutboxEntry): void => {
            writes.push(['entries', id, entry]);
            entries = inOrder([...entries.filter((one) => one.id !== id), ...(entry ? [entry] : [])]);
          };
          if (found.again) for (const entry of entries) writes.push(['entries', entry.id, entry]);
          const draft: Draft = {
            meta,
            get entries() {
              return entries;
            },
            put: (entry) => set(entry.id, entry),
            remove(id, ended) {
              const gone = entries.find((entry) => entry.id === id);
              set(id);
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
          if (entries !== found.entries || found.again) meta.rev += 1;
          const ends = Object.entries(meta.ended);
          for (const [id] of ends.slice(0, -ENDS)) if (id > (meta.forgot ?? '')) meta.forgot = id;
          meta.ended = Object.fromEntries(ends.slice(-ENDS));
          now = { meta, entries };
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
        if (now) learnt(now, true);
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

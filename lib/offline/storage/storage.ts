/**
 * What is kept, as this tab knows it, and the one way to change it. A change reads what stands there in its own transaction, decides, and writes: two tabs
 * never decide by what the other one has changed meanwhile.
 */
import { offlineError } from '../error.js';
import type { OfflineEnvironment } from '../environment.js';
import type { OfflineStatus, OutboxEntry, Problem } from '../types.js';
import { createHandle, nameOf, type Access } from './handle.js';
import type { Draft, Ended, Meta, Storage } from './types.js';

/** How many changes are remembered by name: a transaction that is tried again looks whether it was kept after all. */
const REMEMBERED = 16;
/** How many ends are remembered, for who waits in another tab. */
const ENDS = 200;

export interface StorageHost {
  environment: OfflineEnvironment;
  /** Of the database, and of the line in `localStorage` that counts what is unsent. */
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

type Known = { meta: Meta; entries: readonly OutboxEntry[] };

export const isUnsent = ({ state }: OutboxEntry): boolean => state === 'queued' || state === 'sending';
/** What waits for a person, too. */
const isLeft = ({ state }: OutboxEntry): boolean => state !== 'acked';
const inOrder = (entries: OutboxEntry[]): OutboxEntry[] => entries.sort((a, b) => a.seq - b.seq);

export function createStorage({ environment, name, version, problem, changed, said, erased }: StorageHost): Storage {
  const text = (): string => environment.random().toString(36).slice(2, 9);
  const tab = text() + text();
  const blocked = (): void => problem({ code: 'storage_unavailable', message: 'another tab keeps an older database open' });
  // What this tab knows is written anew where it was thrown away.
  let handle = environment.indexedDB && createHandle(environment, name, blocked, () => void storage.load().catch(() => undefined));
  let known: Known | undefined;
  let state: OfflineStatus['storage'] = 'ok';
  let queue: Promise<unknown> = Promise.resolve();
  let tokens = 0;
  let closed = false;
  /** Of the browser that can keep nothing. */
  const memory = new Map<string, unknown>();

  const become = (now: OfflineStatus['storage'], told?: Problem): void => {
    if (state === now) return;
    state = now;
    if (told) problem(told);
    said();
  };

  /** What `localStorage` says of what is left to do, and as of which `rev`; `line` is put there. */
  const counted = (line?: string | null): { count: number; rev: number } | null => {
    try {
      const { storage } = environment;
      if (line === null) storage?.removeItem(name);
      else if (line !== undefined) storage?.setItem(name, line);
      const [count, rev = 0] = (storage?.getItem(name) || undefined)?.split(' ').map(Number) ?? [];
      return count === undefined ? null : { count, rev };
    } catch {
      return null;
    }
  };

  const evicted = (count: number): void => {
    const told: Problem = { code: 'evicted', message: `the browser has thrown away ${count} changes that were kept`, count };
    if (state === 'lost') problem(told);
    else become('lost', told);
    // Once.
    counted('0 0');
  };

  const volatile = (reason: string, error?: unknown): void => {
    handle = undefined;
    become('unavailable', { code: 'storage_unavailable', message: `nothing is kept when the tab is closed: ${reason}`, error });
  };

  async function transact(write: 'strict' | 'relaxed' | undefined, body: (access: Access) => Promise<void>): Promise<void> {
    if (closed) throw offlineError('STORAGE', 'the outbox is closed');
    if (handle) {
      try {
        await handle.run(write, body);
        // Reading needs no room.
        if (state === 'unavailable' || (state === 'full' && write)) become('ok');
        return;
      } catch (error) {
        // Its tab has signed out, or is closing, meanwhile.
        if (closed) throw offlineError('STORAGE', 'the outbox is closed', error);
        if (nameOf(error) === 'QuotaExceededError') {
          become('full', { code: 'storage_full', message: 'the browser has no room left', error });
          throw offlineError('STORAGE', 'the browser has no room left to keep this', error, true);
        }
        if (handle.worked) {
          become('unavailable', { code: 'storage_lost', message: 'the database cannot be opened any more', error });
          throw offlineError('STORAGE', 'the browser could not keep this', error);
        }
        volatile(nameOf(error), error);
      }
    } else if (state === 'ok') volatile('no IndexedDB');
    const at = (store: string, key: string): string => `${store} ${key}`;
    await body((store) => ({
      get: (key) => Promise.resolve(memory.get(at(store, key))),
      getAll: () => Promise.resolve([...memory].filter(([key]) => key.startsWith(at(store, ''))).map(([, value]) => value)),
      getAllKeys: () => Promise.resolve([]),
      put: (value, key) => Promise.resolve(memory.set(at(store, key), value)),
      delete: (key) => Promise.resolve(memory.delete(at(store, key))),
    }));
  }

  const deleted = (): Error => {
    storage.close();
    erased();
    return offlineError('STORAGE', 'the outbox was deleted');
  };

  /** What stands there, and whether this tab has to write it again because the browser has thrown it away. */
  async function read(access: Access): Promise<Known & { again?: boolean }> {
    const meta = (await access('meta').get('meta')) as Meta | undefined;
    if (known && meta?.over) throw deleted();
    if (meta && !meta.over) {
      const entries = known?.meta.rev === meta.rev && known.meta.node === meta.node ? known.entries : inOrder((await access('entries').getAll()) as OutboxEntry[]);
      // It was thrown away, and another tab has kept anew what it knew: what only this one knew is lost.
      if (known && (known.meta.lives ?? 0) < (meta.lives ?? 0)) {
        const there = new Set(entries.flatMap(({ id, squashed }) => [id, ...squashed]));
        const lost = known.entries.filter((entry) => isLeft(entry) && !there.has(entry.id) && !meta.ended[entry.id]).length;
        if (lost) evicted(lost);
      }
      return { meta, entries };
    }
    const line = counted();
    const left = known?.entries.filter(isLeft).length ?? 0;
    if (known && line) {
      // Another tab had kept what this one has not heard of.
      if (line.rev > known.meta.rev) evicted(Math.max(1, line.count - left));
      // What this tab still knows is kept anew. Whoever led leads no more, and may have sent what nobody here has heard of.
      const entries = known.entries.map((entry): OutboxEntry => (entry.state === 'queued' ? { ...entry, state: 'sending', attempts: entry.attempts || 1 } : entry));
      // A new name: what another tab knows under the same `rev` may be something else.
      return { meta: { ...known.meta, node: text() + text(), fence: known.meta.fence + 1, lives: (known.meta.lives ?? 0) + 1, lease: undefined }, entries, again: true };
    }
    if (known) {
      // Another tab has signed out; or, where nothing says so, it was thrown away.
      if (left) evicted(left);
      throw deleted();
    }
    if (line?.count) evicted(line.count);
    return { meta: { seq: 1, rev: 0, fence: 0, node: text() + text(), version, ended: {}, done: [] }, entries: [], again: true };
  }

  function learnt(now: Known, own: boolean): void {
    const before = storage.entries;
    known = now;
    if (before === now.entries) return;
    counted(`${now.entries.filter(isLeft).length} ${now.meta.rev}`);
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
    async load() {
      const again = await inTurn(async () => {
        let now!: Known & { again?: boolean };
        await transact(undefined, async (access) => {
          now = await read(access);
        });
        if (!now.again) learnt(now, false);
        return now.again && now.entries[0];
      });
      if (again) await storage.change(() => undefined);
    },
    change: (body, { relaxed = false } = {}) =>
      inTurn(async () => {
        const token = tab + (tokens += 1);
        let result: unknown;
        let thrown: [unknown] | undefined;
        let now: Known | undefined;
        const attempt = async (access: Access): Promise<void> => {
          const found = await read(access);
          now = undefined;
          // It was kept, and the word of it was lost.
          if (found.meta.done.includes(token)) {
            now = found;
            return;
          }
          const meta: Meta = { ...found.meta, ended: { ...found.meta.ended }, done: [token, ...found.meta.done].slice(0, REMEMBERED) };
          let entries = found.entries;
          const puts = new Map<string, OutboxEntry | undefined>(found.again ? entries.map((entry) => [entry.id, entry]) : []);
          const versions = new Map<string, unknown>();
          const draft: Draft = {
            meta,
            get entries() {
              return entries;
            },
            put(entry) {
              puts.set(entry.id, entry);
              entries = inOrder([...entries.filter(({ id }) => id !== entry.id), entry]);
            },
            remove(id, ended?: Ended) {
              puts.set(id, undefined);
              const gone = entries.find((entry) => entry.id === id);
              entries = entries.filter((entry) => entry !== gone);
              if (ended) for (const old of [id, ...(gone?.squashed ?? [])]) meta.ended[old] = ended;
            },
            version: (key, value) => void versions.set(key, value),
          };
          thrown = undefined;
          try {
            result = body(draft);
          } catch (error) {
            thrown = [error];
            return;
          }
          if (entries !== found.entries || found.again) meta.rev += 1;
          const ends = Object.entries(meta.ended);
          if (ends.length > ENDS) meta.ended = Object.fromEntries(ends.slice(-ENDS));
          now = { meta, entries };
          const write = (store: 'entries' | 'versions', [key, value]: [string, unknown]): Promise<unknown> => (value === undefined ? access(store).delete(key) : access(store).put(value, key));
          await Promise.all([access('meta').put(meta, 'meta'), ...[...puts].map((one) => write('entries', one)), ...[...versions].map((one) => write('versions', one))]);
        };
        try {
          await transact(relaxed ? 'relaxed' : 'strict', attempt);
        } catch (error) {
          now = undefined;
          // Perhaps it was kept after all.
          const look = async (access: Access): Promise<void> => {
            const found = await read(access);
            now = found.meta.done.includes(token) ? found : undefined;
          };
          await transact(undefined, look).catch(() => undefined);
          if (!now) throw error;
        }
        if (now) learnt(now, true);
        if (thrown) throw thrown[0];
        return result as never;
      }),
    async versions() {
      let pairs: [string, unknown][] = [];
      await inTurn(() =>
        transact(undefined, async (access) => {
          const [keys, values] = await Promise.all([access('versions').getAllKeys(), access('versions').getAll()]);
          pairs = keys.map((key, at) => [key as string, values[at]]);
        }),
      );
      return pairs;
    },
    erase: () =>
      inTurn(async () => {
        closed = true;
        counted(null);
        memory.clear();
        known = undefined;
        await handle?.erase();
      }),
    close() {
      closed = true;
      handle?.close();
    },
  };
  return storage;
}

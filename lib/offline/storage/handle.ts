/**
 * The database's handle. A browser may lose it at any moment: WebKit when its process is short of memory, any of them when the person clears what a site
 * keeps. A lost one is dropped and opened anew, and the transaction is tried once again; then the failure is told.
 */
import type { OfflineEnvironment } from '../environment.js';

export type StoreName = 'entries' | 'meta' | 'versions';
const STORES: readonly StoreName[] = ['entries', 'meta', 'versions'];

/** WebKit sometimes never answers. */
const OPEN_MS = 10_000;

/** What no second try changes. */
const FINAL = /^(Quota|Security|DataClone|Version|Pathcast)/;

/** What of IndexedDB's requests, transactions and databases is used. */
interface Source {
  readonly result?: unknown;
  readonly error?: unknown;
  addEventListener(name: string, listener: () => void): void;
}

interface StoreLike {
  get(key: string): Source;
  getAll(): Source;
  getAllKeys(): Source;
  put(value: unknown, key: string): unknown;
  delete(key: string): unknown;
}

interface TransactionLike extends Source {
  objectStore(name: StoreName): StoreLike;
  abort(): void;
}

interface DatabaseLike extends Source {
  createObjectStore(name: string): unknown;
  transaction(stores: readonly string[], mode: string, options: object): TransactionLike;
  close(): void;
}

/** Await nothing but its requests while it is used. A write that fails fails the transaction. */
export type Access = (store: StoreName) => StoreLike;

export type Durability = 'strict' | 'relaxed' | undefined;

export interface Handle {
  /** It was open once: what fails now is the moment's. */
  readonly worked: boolean;
  /** One transaction over all stores. `write`: how durable. The body may run twice. */
  run(write: Durability, body: (access: Access) => Promise<void>): Promise<void>;
  erase(): Promise<void>;
  close(): void;
}

export const nameOf = (thrown: unknown): unknown => (Object(thrown) as { name?: unknown }).name;

/** Of a request; with other names of events the end of a transaction. */
export const promised = <T>(source: Source, done = 'success', failed = 'error'): Promise<T> =>
  new Promise((resolve, reject) => {
    source.addEventListener(done, () => resolve(source.result as T));
    source.addEventListener(failed, () => reject((source.error as Error | null | undefined) ?? new Error(failed)));
  });

/** `lost`: the browser has closed it by itself. */
export function createHandle({ setTimeout, clearTimeout, indexedDB }: OfflineEnvironment, name: string, blocked: () => void, lost: () => void): Handle {
  let opening: Promise<DatabaseLike> | undefined;
  let worked = false;

  /** Gives up after a while. What throws at once rejects. */
  const timely = <T>(run: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('IndexedDB does not answer')), OPEN_MS);
      void run()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });

  function open(): Promise<DatabaseLike> {
    let late = false;
    const own = timely(async () => {
      const request = indexedDB?.open(name, 1) as Source;
      request.addEventListener('upgradeneeded', () => STORES.forEach((store) => (request.result as DatabaseLike).createObjectStore(store)));
      request.addEventListener('blocked', blocked);
      const database = await promised<DatabaseLike>(request);
      worked = true;
      // Nobody waits for it any more, and it would stand in the way of who deletes.
      if (late) database.close();
      database.addEventListener('close', () => {
        drop(own);
        lost();
      });
      database.addEventListener('versionchange', () => drop(own));
      return database;
    });
    own.catch(() => {
      late = true;
      drop(own);
    });
    return own;
  }

  function drop(which = opening): void {
    if (which === opening) opening = undefined;
    which?.then(
      (database) => database.close(),
      () => undefined,
    );
  }

  return {
    get worked() {
      return worked;
    },
    async run(write, body) {
      for (let again = false; ; again = true) {
        const own = (opening ??= open());
        let transaction: TransactionLike | undefined;
        try {
          const begun = (transaction = (await own).transaction(STORES, write ? 'readwrite' : 'readonly', { durability: write }));
          const done = promised<void>(begun, 'complete', 'abort');
          // It is awaited below; one that fails before is told by what failed in it.
          done.catch(() => undefined);
          await body((store) => begun.objectStore(store));
          return await done;
        } catch (thrown) {
          try {
            transaction?.abort();
          } catch {
            // It has ended by itself.
          }
          if (again || FINAL.test(nameOf(thrown) as string)) throw thrown;
          drop(own);
        }
      }
    },
    async erase() {
      drop();
      await timely(async () => promised(indexedDB?.deleteDatabase(name) as Source));
    },
    close: () => drop(),
  };
}

/**
 * The database's handle. A browser may lose it at any moment: WebKit when its process is short of memory, any of them when the person clears what a site
 * keeps. A lost one is dropped and opened anew, and the transaction is tried once again; then the failure is told.
 */
import { wrap } from 'idb';
import type { OfflineEnvironment } from '../environment.js';

export type StoreName = 'entries' | 'meta' | 'versions';
const STORES: readonly StoreName[] = ['entries', 'meta', 'versions'];

/** WebKit sometimes never answers. */
const OPEN_MS = 10_000;

/** What no second try changes. */
const FINAL = /^(QuotaExceeded|Security|DataClone|Version)Error$/;

interface StoreLike {
  get(key: string): Promise<unknown>;
  getAll(): Promise<unknown[]>;
  getAllKeys(): Promise<unknown[]>;
  put(value: unknown, key: string): Promise<unknown>;
  delete(key: string): Promise<unknown>;
}

interface DatabaseLike {
  transaction(stores: readonly string[], mode: string, options: object): { objectStore(name: StoreName): StoreLike; done: Promise<void>; abort(): void };
  addEventListener(name: string, listener: () => void): void;
  close(): void;
}

interface RequestLike {
  result: { createObjectStore(name: string): unknown };
  onupgradeneeded: () => void;
  onblocked: () => void;
}

/** As `idb` gives a store, one a name. Await nothing else while it is used. */
export type Access = (store: StoreName) => StoreLike;

export interface Handle {
  /** It was open once: what fails now is the moment's. */
  readonly worked: boolean;
  /** One transaction over all stores. `write`: how durable. The body may run twice. */
  run<T>(write: 'strict' | 'relaxed' | undefined, body: (access: Access) => Promise<T>): Promise<T>;
  erase(): Promise<void>;
  close(): void;
}

export const nameOf = (thrown: unknown): string => String((thrown as { name?: unknown } | null)?.name);

/** `lost`: the browser has closed it by itself. */
export function createHandle(environment: OfflineEnvironment, name: string, blocked: () => void, lost: () => void): Handle {
  let opening: Promise<DatabaseLike> | undefined;
  let worked = false;
  const promised = wrap as unknown as <T>(request: object) => Promise<T>;

  /** Calls `run`, and gives up after a while. */
  const timely = <T>(run: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const timer = environment.setTimeout(() => reject(Object.assign(new Error('IndexedDB does not answer'), { name: 'UnknownError' })), OPEN_MS);
      // What throws at once rejects.
      void Promise.resolve()
        .then(run)
        .then(resolve, reject)
        .finally(() => environment.clearTimeout(timer));
    });

  const open = (): Promise<DatabaseLike> => {
    if (opening) return opening;
    let late = false;
    const own = timely(async () => {
      const request = environment.indexedDB!.open(name, 1) as RequestLike; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- without one there is no handle
      request.onupgradeneeded = () => STORES.forEach((store) => request.result.createObjectStore(store));
      request.onblocked = blocked;
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
    return (opening = own);
  };

  const drop = (which = opening): void => {
    if (which === opening) opening = undefined;
    which?.then(
      (database) => database.close(),
      () => undefined,
    );
  };

  return {
    get worked() {
      return worked;
    },
    async run(write, body) {
      for (let again = false; ; again = true) {
        const own = open();
        try {
          const database = await own;
          const transaction = database.transaction(STORES, write ? 'readwrite' : 'readonly', write ? { durability: write } : {});
          // It is awaited below; one that fails before is told by what failed in it.
          transaction.done.catch(() => undefined);
          try {
            const result = await body((store) => transaction.objectStore(store));
            await transaction.done;
            return result;
          } catch (thrown) {
            try {
              transaction.abort();
            } catch {
              // It has ended by itself.
            }
            throw thrown;
          }
        } catch (thrown) {
          if (again || FINAL.test(nameOf(thrown))) throw thrown;
          drop(own);
        }
      }
    },
    async erase() {
      drop();
      await timely(() => promised(environment.indexedDB!.deleteDatabase(name))); // eslint-disable-line @typescript-eslint/no-non-null-assertion
    },
    close: () => drop(),
  };
}

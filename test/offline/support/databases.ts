/**
 * IndexedDB as far as the outbox uses it, on a test's clock: databases that outlive tabs, handles that a tab holds, transactions that wait for one another, are rolled
 * back, and commit by themselves when nothing more is asked. Each can fail as a browser lets it fail. Small, for a schedule has hundreds of transactions.
 */
import type { Tab } from '../../client/simulation/browser.js';
import type { Clock } from '../../client/simulation/clock.js';
import type { Random } from '../../support/random.js';

/** How the database fails now. Each is a probability, or a switch. */
export interface Faults {
  /** A transaction cannot be begun: the handle is lost. */
  lost: number;
  /** A transaction is aborted before it is kept. */
  aborted: number;
  /** It is kept, and the word of it is lost with the handle. */
  unheard: number;
  full: boolean;
  /** Nothing can be opened. */
  shut: boolean;
}

export const NO_FAULTS: Faults = { lost: 0, aborted: 0, unheard: 0, full: false, shut: false };

const named = (name: string): Error => new DOMException(name, name);

/** Between what a database is asked and its event, ms. */
const TASK_MS = 0.01;

/** As structuredClone copies what is kept here; that is slow, and most of it is plain. */
function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol') throw named('DataCloneError');
    return value;
  }
  if (Array.isArray(value)) return value.map(copy);
  if (Object.getPrototypeOf(value) !== Object.prototype) return structuredClone(value);
  const made: Record<string, unknown> = {};
  for (const key of Object.keys(value)) made[key] = copy((value as Record<string, unknown>)[key]);
  return made;
}

type Heard = (event: { type: string }) => void;

class Target {
  readonly #listeners = new Map<string, Heard[]>();

  addEventListener(type: string, listener: Heard): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  dispatch(type: string): boolean {
    const own = (this as Record<string, unknown>)[`on${type}`] as Heard | undefined;
    const all = this.#listeners.get(type) ?? [];
    own?.({ type });
    for (const listener of all) listener({ type });
    return !!own || all.length > 0;
  }
}

class Request extends Target {
  result: unknown;
  error: unknown = null;
  transaction: Transaction | null = null;
}

type Rows = Map<string, unknown>;

class ObjectStore {
  constructor(
    readonly transaction: Transaction,
    readonly rows: Rows,
  ) {}

  get(key: string): Request {
    return this.transaction.ask(() => copy(this.rows.get(key)));
  }

  getAll(): Request {
    return this.transaction.ask(() => [...this.rows.keys()].sort().map((key) => copy(this.rows.get(key))));
  }

  getAllKeys(): Request {
    return this.transaction.ask(() => [...this.rows.keys()].sort());
  }

  put(value: unknown, key: string): Request {
    const kept = copy(value);
    return this.transaction.write(this.rows, key, () => void this.rows.set(key, kept), true);
  }

  delete(key: string): Request {
    return this.transaction.write(this.rows, key, () => void this.rows.delete(key), false);
  }
}

class Transaction extends Target {
  error: unknown = null;
  over = false;
  begun = false;
  /** What it has changed, to be put back. */
  readonly undo: (() => void)[] = [];
  #pending: { request: Request; run: () => unknown }[] = [];

  constructor(
    readonly database: Database,
    readonly mode: 'readonly' | 'readwrite',
    /** How it ends. */
    readonly fate: 'complete' | 'aborted' | 'unheard' | 'full',
  ) {
    super();
  }

  objectStore(name: string): ObjectStore {
    if (this.over) throw named('InvalidStateError');
    const rows = this.database.file.stores.get(name);
    if (!rows) throw named('NotFoundError');
    return new ObjectStore(this, rows);
  }

  ask(run: () => unknown): Request {
    if (this.over) throw named('TransactionInactiveError');
    const request = new Request();
    request.transaction = this;
    this.#pending.push({ request, run });
    return request;
  }

  write(rows: Rows, key: string, run: () => void, needsRoom: boolean): Request {
    if (this.mode === 'readonly') throw named('ReadOnlyError');
    return this.ask(() => {
      if (needsRoom && this.fate === 'full') throw named('QuotaExceededError');
      const [had, was] = [rows.has(key), rows.get(key)];
      this.undo.push(() => void (had ? rows.set(key, was) : rows.delete(key)));
      run();
      return key;
    });
  }

  abort(error: unknown = null): void {
    if (this.over) throw named('InvalidStateError');
    this.over = true;
    this.error = error;
    for (const back of this.undo.reverse()) back();
    const left = this.#pending;
    this.#pending = [];
    this.database.task(() => {
      for (const { request } of left) {
        request.error = named('AbortError');
        request.dispatch('error');
        this.dispatch('error');
      }
      this.dispatch('abort');
    });
    this.database.file.ended(this);
  }

  /** What was asked is answered; where nothing was, it is kept. */
  turn(): void {
    if (this.over) return;
    const { database, fate } = this;
    if (database.tab.gone) return this.abort();
    if (fate === 'aborted' && database.chance(0.3)) return this.abort(named('UnknownError'));
    const all = this.#pending;
    this.#pending = [];
    for (const { request, run } of all) {
      try {
        request.result = run();
      } catch (error) {
        request.error = error;
        request.dispatch('error');
        this.dispatch('error');
        if (!this.over) this.abort(error);
        return;
      }
      request.dispatch('success');
    }
    if (all.length > 0) return database.file.later(() => this.turn());
    if (fate === 'aborted') return this.abort(named('UnknownError'));
    this.over = true;
    database.task(() => this.dispatch(fate === 'unheard' ? 'abort' : 'complete'));
    database.file.ended(this);
  }
}

class Database extends Target {
  closed = false;

  constructor(
    readonly tab: Tab,
    readonly file: File,
    readonly faults: Faults,
    readonly chance: (p: number) => boolean,
  ) {
    super();
    file.open.add(this);
  }

  createObjectStore(name: string): void {
    this.file.stores.set(name, new Map());
  }

  transaction(_stores: readonly string[], mode: 'readonly' | 'readwrite' = 'readonly'): Transaction {
    const { faults, chance } = this;
    if (this.tab.gone) throw named('UnknownError');
    if (this.closed) throw named('InvalidStateError');
    if (faults.lost && chance(faults.lost)) {
      this.close();
      throw named('InvalidStateError');
    }
    const fails = mode === 'readwrite' ? (faults.full ? 'full' : faults.aborted && chance(faults.aborted) ? 'aborted' : faults.unheard && chance(faults.unheard) ? 'unheard' : undefined) : undefined;
    const transaction = new Transaction(this, mode, fails ?? 'complete');
    this.file.waits(transaction);
    return transaction;
  }

  /** Something that its tab hears, if it still can. */
  task(run: () => void): void {
    this.file.later(() => {
      if (!this.tab.gone) run();
    });
  }

  /** Transactions that have begun come to their end. */
  close(): void {
    this.closed = true;
    this.file.open.delete(this);
    this.file.freed();
  }
}

/** What is kept under one name. */
class File {
  readonly stores = new Map<string, Rows>();
  readonly open = new Set<Database>();
  version = 0;
  #queue: Transaction[] = [];
  /** Waits until nobody has it open. */
  #deleting: (() => void)[] = [];

  constructor(readonly later: (run: () => void) => void) {}

  waits(transaction: Transaction): void {
    this.#queue.push(transaction);
    this.#begin();
  }

  #begin(): void {
    for (const one of this.#queue) {
      if (!one.begun) {
        one.begun = true;
        this.later(() => one.turn());
      }
      // Those that only read do so at once.
      if (one.mode === 'readwrite' || this.#queue[this.#queue.indexOf(one) + 1]?.mode === 'readwrite') return;
    }
  }

  ended(transaction: Transaction): void {
    const before = this.#queue[0] === transaction;
    this.#queue = this.#queue.filter((one) => one !== transaction);
    if (before) this.#begin();
  }

  /** Nobody has it open: then it can be deleted. */
  whenFree(run: () => void): void {
    this.#deleting.push(run);
    this.freed();
  }

  freed(): void {
    if (this.open.size === 0) for (const run of this.#deleting.splice(0)) run();
  }

  get isGoing(): boolean {
    return this.#deleting.length > 0;
  }

  /** All that goes on comes to nothing. */
  gone(): void {
    for (const one of [...this.#queue]) if (!one.over) one.abort(named('UnknownError'));
    for (const database of [...this.open]) {
      database.close();
      // A frozen tab hears of it when it is back.
      database.tab.browser.later(database.tab, TASK_MS, () => database.dispatch('close'));
    }
  }
}

/** All databases of one browser. */
export class Databases {
  readonly faults: Faults = { ...NO_FAULTS };
  #files = new Map<string, File>();
  readonly #later = (run: () => void): void => void this.clock.after(TASK_MS, run);

  constructor(
    readonly clock: Clock,
    readonly random: Pick<Random, 'chance'>,
  ) {}

  /** As a tab sees them. */
  of(tab: Tab) {
    return {
      open: (name: string, version = 1): Request => {
        if (tab.gone || this.faults.shut) throw named('UnknownError');
        return this.#open(tab, name, version);
      },
      deleteDatabase: (name: string): Request => this.#delete(tab, name),
    };
  }

  #open(tab: Tab, name: string, version: number): Request {
    const request = new Request();
    const attempt = (): void => {
      if (tab.gone) return;
      let file = this.#files.get(name);
      if (!file) this.#files.set(name, (file = new File(this.#later)));
      // Who deletes it comes first.
      if (file.isGoing) return file.whenFree(() => this.#later(attempt));
      const database = new Database(tab, file, this.faults, (p) => this.random.chance(p));
      request.result = database;
      if (file.version < version) {
        file.version = version;
        request.dispatch('upgradeneeded');
      }
      this.#later(() => {
        if (tab.gone) database.close();
        else request.dispatch('success');
      });
    };
    this.#later(attempt);
    return request;
  }

  #delete(tab: Tab, name: string): Request {
    const request = new Request();
    this.#later(() => {
      const file = this.#files.get(name);
      const done = (): void => {
        if (file && this.#files.get(name) === file) this.#files.delete(name);
        this.#later(() => {
          if (!tab.gone) request.dispatch('success');
        });
      };
      if (!file) return done();
      for (const database of [...file.open]) {
        if (database.tab.gone) database.close();
        else if (!database.tab.frozen) database.dispatch('versionchange');
      }
      if (file.open.size > 0) request.dispatch('blocked');
      file.whenFree(done);
    });
    return request;
  }

  /** A tab is no more: what it had open is closed. */
  leave(tab: Tab): void {
    for (const file of this.#files.values()) for (const database of [...file.open]) if (database.tab === tab) database.close();
  }

  /** The browser throws all of it away, under open handles too. */
  evict(): void {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const file of files) file.gone();
  }
}

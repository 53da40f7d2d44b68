/** One browser for tests of the outbox: tabs by the client's own model (locks, channels, localStorage, a clock), and for each a way to one IndexedDB that can fail. */
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import type { OfflineEnvironment } from '../../../lib/offline/environment.js';
import { createOutbox, type OutboxHost, type OwnOutbox } from '../../../lib/offline/outbox/outbox.js';
import { createStorage } from '../../../lib/offline/storage/storage.js';
import type { Draft, Storage } from '../../../lib/offline/storage/types.js';
import { createHlc } from '../../../lib/offline/clock/hlc.js';
import type { OfflineMutation, Problem, Send } from '../../../lib/offline/types.js';
import { Browser, type Tab } from '../../client/simulation/browser.js';
import { Clock } from '../../client/simulation/clock.js';
import type { Random } from '../../support/random.js';

const named = (name: string): Error => new DOMException(name, name);

/** How the database of one tab fails now. Each is a probability, or a switch. */
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

/** Real tasks: `fake-indexeddb` takes them from `globalThis` at each call. */
const realImmediate = globalThis.setImmediate;

export class Stage {
  readonly clock = new Clock();
  readonly browser: Browser;
  databases = new IDBFactory();
  readonly faults: Faults = { ...NO_FAULTS };
  readonly warned: string[] = [];

  constructor(
    readonly random: Random,
    { locks = true, channel = true }: { locks?: boolean; channel?: boolean } = {},
  ) {
    this.browser = new Browser({ clock: this.clock, server: {} as never, random: () => random.next(), locks, noticesMs: 5 });
    this.hasChannel = channel;
    globalThis.setImmediate = ((run: () => void) => this.clock.after(0.01, run)) as never;
  }

  readonly hasChannel: boolean;

  end(): void {
    globalThis.setImmediate = realImmediate;
  }

  /** What the browser has kept is thrown away, under open handles too. */
  evict(): void {
    this.databases = new IDBFactory();
    for (const [database, told] of [...this.#open]) {
      database.close();
      told();
    }
    this.#open.clear();
  }

  /** Handles, and who hears that they are closed. */
  readonly #open = new Map<IDBDatabase, () => void>();

  environment(): { tab: Tab; environment: OfflineEnvironment } {
    const { tab, environment } = this.browser.open();
    const { channel, ...rest } = environment;
    const alive = (): void => {
      if (tab.gone || this.faults.shut) throw named('UnknownError');
    };
    return {
      tab,
      environment: {
        ...rest,
        ...(this.hasChannel && { channel }),
        report: (thrown) => {
          if (!tab.gone) throw thrown;
        },
        warn: (text) => void this.warned.push(text),
        indexedDB: {
          open: (name, version) => {
            alive();
            const request = this.databases.open(name, version);
            request.addEventListener('success', () => {
              this.#hear(request.result, tab);
              this.#spoil(request.result, tab);
            });
            return request;
          },
          deleteDatabase: (name) => this.databases.deleteDatabase(name),
        },
      },
    };
  }

  #hear(database: IDBDatabase, tab: Tab): void {
    const listen = database.addEventListener.bind(database);
    const all: (() => void)[] = [];
    database.addEventListener = ((name: string, listener: () => void) => {
      if (name === 'close') all.push(listener);
      else listen(name, listener);
    }) as never;
    this.#open.set(database, () => {
      if (!tab.gone) for (const listener of all) listener();
    });
  }

  #spoil(database: IDBDatabase, tab: Tab): void {
    const { faults, random } = this;
    const begin = database.transaction.bind(database);
    database.transaction = (stores, mode, options) => {
      if (tab.gone) throw named('UnknownError');
      if (faults.lost && random.chance(faults.lost)) {
        database.close();
        throw named('InvalidStateError');
      }
      const transaction = begin(stores, mode, options);
      if (mode !== 'readwrite') return transaction;
      if (faults.full) {
        const abort = transaction.abort.bind(transaction);
        const open = transaction.objectStore.bind(transaction);
        transaction.objectStore = (name) => {
          const store = open(name);
          store.put = () => {
            abort();
            throw named('QuotaExceededError');
          };
          return store;
        };
      } else if (faults.aborted && random.chance(faults.aborted)) {
        this.clock.after(random.next() * 0.1, () => {
          try {
            transaction.abort();
          } catch {
            // It was kept already.
          }
        });
      } else if (faults.unheard && random.chance(faults.unheard)) {
        // Kept, and told as lost: who waits for its end hears of an abort.
        const listen = transaction.addEventListener.bind(transaction);
        // Those of whoever began it; the fake's own come later.
        let hears: ((event: Event) => void) | undefined;
        let ends = false;
        transaction.addEventListener = ((name: string, listener: (event: Event) => void) => {
          if (name === 'abort') hears ??= listener;
          listen(name, name === 'complete' && !ends ? (event) => hears?.(event) : listener);
          if (name === 'complete') ends = true;
        }) as never;
      }
      return transaction;
    };
  }

  /** Lets everything run for so long. */
  async run(ms: number): Promise<void> {
    const until = this.clock.now + ms;
    for (;;) {
      await settled();
      if (!this.clock.next(until)) break;
    }
    await settled();
  }

  /** Until it holds; a minute at most. */
  async until(holds: () => boolean, most = 60_000): Promise<void> {
    const until = this.clock.now + most;
    for (;;) {
      await settled();
      if (holds()) return;
      if (!this.clock.next(until)) throw new Error('it does not come about');
    }
  }

  /** Of something that needs the clock to go on. */
  async done<T>(promise: Promise<T>, most = 60_000): Promise<T> {
    let over = false;
    promise.then(
      () => (over = true),
      () => (over = true),
    );
    await this.until(() => over, most);
    return promise;
  }
}

/** All that promises have to say before the next task. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
  await new Promise<void>((done) => realImmediate(done));
}

export interface Page {
  tab: Tab;
  environment: OfflineEnvironment;
  storage: Storage;
  outbox: OwnOutbox;
  problems: Problem[];
}

export interface PageOptions extends Partial<OutboxHost> {
  mutations: Readonly<Record<string, OfflineMutation>>;
  sends: Send;
  indexedDB?: undefined;
}

/** One tab with an outbox, that has read what is kept. It sends once `outbox.start()` was called. */
export async function openPage(stage: Stage, { sends, ...options }: PageOptions): Promise<Page> {
  const { tab, environment } = stage.environment();
  if ('indexedDB' in options) environment.indexedDB = undefined;
  const problems: Problem[] = [];
  const name = 'pathcast offline 1 test acme ada';
  const say = <Value>(listener: (value: Value) => void, value: Value): void => listener(value);
  const problem = (found: Problem): void => void (tab.gone || problems.push(found));
  const storage: Storage = createStorage({
    environment,
    name,
    version: options.version ?? 1,
    problem,
    changed: (before, own) => outbox.found(before, own),
    said: () => undefined,
    erased: () => outbox.end(),
  });
  let node = '';
  let clock = createHlc({ node: 'a', now: environment.now });
  const outbox = createOutbox(
    {
      environment,
      name,
      version: 1,
      migrate: undefined,
      parallel: 4,
      known: { version: () => undefined, row: () => undefined, value: () => undefined },
      nextId({ meta }: Draft) {
        if (node !== meta.node) clock = createHlc({ node: (node = meta.node), now: environment.now });
        return (meta.hlc = clock.next(meta.hlc));
      },
      send: () => (path, input, given) => (tab.gone ? new Promise(() => undefined) : sends(path, input, given)),
      sourceId: () => undefined,
      verified: () => true,
      heard: () => undefined,
      seen: () => undefined,
      problem,
      say,
      changed: () => undefined,
      ...options,
    },
    storage,
  );
  environment.listen((what) => {
    if (what === 'hide') outbox.hide();
    else if (what === 'show') outbox.show();
  });
  await stage.done(storage.load().catch(() => undefined));
  return { tab, environment, storage, outbox, problems };
}

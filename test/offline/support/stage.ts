/** One browser for tests of the outbox: tabs by the client's own model (locks, channels, localStorage, a clock), and for each a way to one IndexedDB that can fail. */
import type { OfflineEnvironment } from '../../../lib/offline/environment.js';
import { createOutbox, type OutboxHost, type OwnOutbox } from '../../../lib/offline/outbox/outbox.js';
import { createStorage } from '../../../lib/offline/storage/storage.js';
import type { Draft, Storage } from '../../../lib/offline/storage/types.js';
import { createHlc } from '../../../lib/offline/clock/hlc.js';
import type { OfflineMutation, Problem, Send } from '../../../lib/offline/types.js';
import { Browser, type Tab } from '../../client/simulation/browser.js';
import { Clock } from '../../client/simulation/clock.js';
import type { Random } from '../../support/random.js';
import { Databases, type Faults } from './databases.js';

export { NO_FAULTS, type Faults } from './databases.js';

export class Stage {
  readonly clock = new Clock();
  readonly browser: Browser;
  readonly databases: Databases;
  readonly warned: string[] = [];
  readonly hasChannel: boolean;

  constructor(
    readonly random: Random,
    { locks = true, channel = true }: { locks?: boolean; channel?: boolean } = {},
  ) {
    this.browser = new Browser({ clock: this.clock, server: {} as never, random: () => random.next(), locks, noticesMs: 5 });
    this.databases = new Databases(this.clock, random);
    this.hasChannel = channel;
  }

  get faults(): Faults {
    return this.databases.faults;
  }

  /** What the browser has kept is thrown away, under open handles too. */
  evict(): void {
    this.databases.evict();
  }

  /** The tab is no more. What it had begun is not kept, nothing of it is called any more. */
  kill(tab: Tab): void {
    tab.kill();
    this.databases.leave(tab);
  }

  environment(): { tab: Tab; environment: OfflineEnvironment } {
    const { tab, environment } = this.browser.open();
    const { channel, ...rest } = environment;
    return {
      tab,
      environment: {
        ...rest,
        ...(this.hasChannel && { channel }),
        report: (thrown) => {
          if (!tab.gone) throw thrown;
        },
        warn: (text) => void this.warned.push(text),
        indexedDB: this.databases.of(tab),
      },
    };
  }

  /** Lets everything run for so long. */
  async run(ms: number): Promise<void> {
    const until = this.clock.now + ms;
    do await settled();
    while (this.clock.next(until));
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

/** All that promises have to say before the next task: a tick comes when none has anything left. */
const settled = (): Promise<void> => new Promise((done) => process.nextTick(done));

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
    changed: (changes, own) => outbox.found(changes, own),
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
        const after = [meta.hlc ?? '', clock.last ?? ''].sort().pop();
        if (node !== meta.node) clock = createHlc({ node: (node = meta.node), now: environment.now });
        return (meta.hlc = clock.next(after));
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

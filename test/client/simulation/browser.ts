/**
 * A browser with tabs: locks, channels and a storage that they share; of each its own timers and connections. A tab can be frozen (nothing
 * of it runs, what reaches it waits), hidden (its timers run once a minute), or gone. Nothing here knows anything of the client.
 */
import type { ChannelLike, Environment, EventSourceLike, LockManagerLike, PageEvent, ResponseLike } from '../../../lib/client/index.js';
import type { Clock, Task } from './clock.js';
import type { Connection, ModelServer, Stream } from './server.js';

/** Timers of a page that has been hidden for long run at the same moment of each minute. */
const WAKE_MS = 60_000;

export interface Network {
  /** `hole`: what is sent is swallowed, in both directions, and nobody is told. */
  state: 'up' | 'down' | 'hole';
}

interface LockRequest {
  readonly tab: Tab;
  readonly held: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const named = (name: string): Error => Object.assign(new Error(name), { name });

/** Web Locks as the specification has them. */
class Locks {
  readonly #held = new Map<string, LockRequest>();
  readonly #queues = new Map<string, LockRequest[]>();
  constructor(readonly browser: Browser) {}

  of(tab: Tab): LockManagerLike {
    return { request: (name, options, held) => this.#request(tab, name, options, held) };
  }

  #request(tab: Tab, name: string, { signal, steal = false }: { signal?: AbortSignal; steal?: boolean }, held: () => Promise<void>): Promise<unknown> {
    this.browser.stirred = true;
    if (signal && steal) return Promise.reject(named('NotSupportedError'));
    return new Promise<void>((resolve, reject) => {
      const request: LockRequest = { tab, held, resolve, reject };
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      if (steal) {
        const victim = this.#held.get(name);
        this.#held.delete(name);
        queue.unshift(request);
        if (victim) this.#reject(victim);
      } else {
        queue.push(request);
      }
      signal?.addEventListener('abort', () => {
        const at = queue.indexOf(request);
        if (at < 0) return;
        queue.splice(at, 1);
        this.#reject(request);
      });
      this.#grant(name);
    });
  }

  #reject({ tab, reject }: LockRequest): void {
    this.browser.later(tab, 2, () => {
      this.browser.stirred = true;
      reject(named('AbortError'));
    });
  }

  #grant(name: string): void {
    const request = this.#held.has(name) ? undefined : this.#queues.get(name)?.shift();
    if (!request) return;
    // The lock is the tab's from here on, though its callback runs when the tab does.
    this.#held.set(name, request);
    this.browser.later(request.tab, 3, () => {
      this.browser.stirred = true;
      const free = (): void => {
        this.browser.stirred = true;
        request.resolve();
        if (this.#held.get(name) !== request) return;
        this.#held.delete(name);
        this.#grant(name);
      };
      void request.held().then(free, free);
    });
  }

  gone(tab: Tab): void {
    for (const [name, queue] of this.#queues) {
      this.#queues.set(name, queue);
      for (let at = queue.length - 1; at >= 0; at -= 1) if (queue[at]?.tab === tab) queue.splice(at, 1);
      if (this.#held.get(name)?.tab === tab) {
        this.#held.delete(name);
        this.#grant(name);
      }
    }
  }
}

export class Tab {
  frozen = false;
  gone = false;
  /** Since when its timers run as they should. */
  fastSince: number;
  #slow = false;
  /** Timers that wait for the minute, and when they should have run. */
  readonly late: { at: number; fire: () => void }[] = [];
  /** It was frozen once. */
  slept = false;
  /** Since when it runs without a break. */
  runsSince: number;
  readonly waiting: (() => void)[] = [];
  readonly heard = new Set<(what: PageEvent) => void>();
  readonly sources = new Set<Source>();
  readonly channels = new Set<Channel>();
  constructor(
    readonly browser: Browser,
    readonly name: string,
  ) {
    this.runsSince = this.fastSince = browser.clock.now;
  }

  get slow(): boolean {
    return this.#slow;
  }

  set slow(slow: boolean) {
    const { browser, late } = this;
    if (this.#slow && !slow) this.fastSince = browser.clock.now;
    this.#slow = slow;
    if (!slow) for (const { at, fire } of late.splice(0)) browser.later(this, at - browser.clock.now, fire);
  }

  get runs(): boolean {
    return !this.frozen && !this.gone;
  }

  says(what: PageEvent): void {
    for (const hear of [...this.heard]) hear(what);
  }

  freeze(): void {
    this.frozen = true;
    this.slept = true;
  }

  thaw(): void {
    if (this.gone || !this.frozen) return;
    this.frozen = false;
    this.runsSince = this.browser.clock.now;
    for (const run of this.waiting.splice(0)) this.browser.later(this, 0, run);
  }

  kill(): void {
    this.gone = true;
    for (const source of [...this.sources]) source.close();
    for (const channel of [...this.channels]) channel.close();
    this.browser.locks.gone(this);
  }
}

class Channel implements ChannelLike {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly #last = new Map<Channel, number>();
  constructor(
    readonly tab: Tab,
    readonly name: string,
    readonly all: Set<Channel>,
  ) {
    all.add(this);
    tab.channels.add(this);
  }

  postMessage(message: unknown): void {
    if (!this.all.has(this)) throw named('InvalidStateError');
    const { browser } = this.tab;
    for (const other of this.all) {
      if (other === this || (browser.lossy && browser.random() < 0.3)) continue;
      // In order between any two.
      const due = Math.max(browser.clock.now + browser.random() * 4, this.#last.get(other) ?? 0);
      this.#last.set(other, due);
      browser.later(other.tab, due - browser.clock.now, () => {
        if (this.all.has(other)) other.onmessage?.({ data: message });
      });
    }
  }

  close(): void {
    this.all.delete(this);
    this.tab.channels.delete(this);
  }
}

class Source implements EventSourceLike {
  readyState = 0;
  readonly #listeners = new Map<string, ((event: { data?: unknown; lastEventId?: string }) => void)[]>();
  #stream: Stream | undefined;
  #due = 0;
  #lastId = '';
  #swallowed = false;
  constructor(
    readonly tab: Tab,
    url: string,
  ) {
    tab.sources.add(this);
    const { browser } = tab;
    const { network, server } = browser;
    browser.clock.after(1 + browser.random() * 30, () => {
      if (this.readyState === 2 || tab.gone || network.state === 'hole') return;
      if (network.state === 'down' || server.mode === 'down') return this.#fail(0);
      if (server.mode === 'bad_gateway') return this.#fail(2);
      this.#arrive(() => {
        this.readyState = 1;
        this.#say('open', {});
      });
      const connection: Connection = { tab: tab.name, deliver: (name, id, data) => this.#deliver(name, id, data), ended: () => this.#arrive(() => this.#broken()) };
      this.#stream = server.open(new URL(url).searchParams, connection);
    });
  }

  /** In order, a little later, and never over a network that swallows it. */
  #arrive(run: () => void): void {
    const { browser } = this.tab;
    // What is swallowed is never made up for: nothing behind it arrives either.
    this.#swallowed ||= browser.network.state === 'hole';
    if (this.#swallowed) return;
    this.#due = Math.max(browser.clock.now + 1 + browser.random() * 20, this.#due);
    browser.later(this.tab, this.#due - browser.clock.now, () => {
      if (this.readyState !== 2) run();
    });
  }

  #deliver(name: string, id: string | undefined, data: object): void {
    this.#arrive(() => {
      this.#lastId = id ?? this.#lastId;
      this.#say(name, { data: JSON.stringify(data), lastEventId: this.#lastId });
    });
  }

  #fail(readyState: number): void {
    this.tab.browser.later(this.tab, 1, () => {
      if (this.readyState === 2) return;
      this.readyState = readyState;
      this.#say('error', {});
    });
  }

  #broken(): void {
    this.readyState = 0;
    this.#say('error', {});
  }

  /** The network broke under it. */
  cut(): void {
    if (this.#stream) this.#gone();
    this.#fail(0);
  }

  #say(name: string, event: { data?: unknown; lastEventId?: string }): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(event);
  }

  #gone(): void {
    const { browser } = this.tab;
    const stream = this.#stream;
    if (stream?.open) browser.clock.after(browser.noticesMs * browser.random(), () => browser.server.gone(stream));
  }

  addEventListener(name: string, listener: (event: { data?: unknown; lastEventId?: string }) => void): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  close(): void {
    this.readyState = 2;
    this.tab.sources.delete(this);
    this.#gone();
  }

  /** It has a stream at the server. */
  get serves(): boolean {
    return this.readyState === 1 && this.#stream?.open === true;
  }
}

export interface BrowserOptions {
  clock: Clock;
  server: ModelServer;
  random: () => number;
  locks: boolean;
  /** ms at most until the server notices that a client has left; a proxy stands between. */
  noticesMs: number;
}

export class Browser {
  readonly clock: Clock;
  readonly server: ModelServer;
  readonly random: () => number;
  readonly noticesMs: number;
  readonly network: Network = { state: 'up' };
  readonly locks = new Locks(this);
  readonly tabs: Tab[] = [];
  /** Messages between tabs get lost. No browser does that; a tab has to notice it all the same. */
  lossy = false;
  /** A promise may have something to say. */
  stirred = false;
  readonly #channels = new Map<string, Set<Channel>>();
  readonly #storage = new Map<string, string>();
  readonly #hasLocks: boolean;

  constructor({ clock, server, random, locks, noticesMs }: BrowserOptions) {
    this.clock = clock;
    this.server = server;
    this.random = random;
    this.#hasLocks = locks;
    this.noticesMs = noticesMs;
  }

  /** A task of a tab: it waits while the tab is frozen, and is never run in one that is gone. */
  later(tab: Tab, ms: number, run: () => void): Task {
    return this.clock.after(ms, () => {
      if (tab.gone) return;
      if (tab.frozen) tab.waiting.push(run);
      else run();
    });
  }

  cutNetwork(state: 'down' | 'hole'): void {
    this.network.state = state;
    if (state === 'hole') return;
    for (const tab of this.tabs) {
      for (const source of tab.sources) source.cut();
      if (tab.runs) tab.says('offline');
    }
  }

  mendNetwork(told: boolean): void {
    const before = this.network.state;
    this.network.state = 'up';
    for (const tab of this.tabs) {
      // Behind a hole nothing is left of what was open.
      if (before === 'hole') for (const source of tab.sources) if (this.random() < 0.5) source.cut();
      if (told && tab.runs) tab.says('online');
    }
  }

  open(): { tab: Tab; environment: Environment } {
    const tab = new Tab(this, `tab${this.tabs.length + 1}`);
    this.tabs.push(tab);
    const { clock, random } = this;
    const channels = this.#channels;
    const environment: Environment = {
      now: () => clock.now,
      random,
      setTimeout: (run, ms) => {
        const timer: { off: boolean } = { off: false };
        const fire = (): void => {
          if (timer.off) return;
          timer.off = true;
          run();
        };
        // Once a minute, as a browser does where a page has been hidden for a while; at once when it is seen.
        this.later(tab, tab.slow ? WAKE_MS - (clock.now % WAKE_MS) + Math.floor(ms / WAKE_MS) * WAKE_MS : ms, fire);
        if (tab.slow) tab.late.push({ at: clock.now + ms, fire });
        return timer;
      },
      clearTimeout: (timer) => {
        if (timer) (timer as { off: boolean }).off = true;
      },
      online: () => this.network.state !== 'down',
      listen: (heard) => {
        tab.heard.add(heard);
        return () => void tab.heard.delete(heard);
      },
      base: 'http://app.test/',
      warn: () => undefined,
      report: (thrown) => {
        throw thrown;
      },
      fetch: (_url, { method }) => this.#fetch(tab, method),
      EventSource: class extends Source {
        constructor(url: string) {
          super(tab, url);
        }
      },
      locks: this.#hasLocks ? this.locks.of(tab) : undefined,
      channel: (name) => {
        const all = channels.get(name) ?? new Set<Channel>();
        channels.set(name, all);
        return new Channel(tab, name, all);
      },
      storage: {
        getItem: (name) => this.#storage.get(name) ?? null,
        setItem: (name, value) => void this.#storage.set(name, value),
        removeItem: (name) => void this.#storage.delete(name),
      },
    };
    return { tab, environment };
  }

  /** Answers with a head alone. */
  #fetch(tab: Tab, method: string | undefined): Promise<ResponseLike> {
    return new Promise((resolve, reject) => {
      this.clock.after(1 + this.random() * 20, () => {
        const { network, server } = this;
        if (network.state === 'hole') return;
        this.later(tab, 1, () => {
          this.stirred = true;
          if (network.state === 'down' || server.mode === 'down') return reject(named('TypeError'));
          const status = server.mode === 'bad_gateway' ? 502 : 200;
          resolve({ status, redirected: false, url: '', headers: { get: () => (method === 'HEAD' ? 'text/event-stream' : 'text/html') }, body: null });
        });
      });
    });
  }
}

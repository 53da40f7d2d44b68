/** `createOffline`: checks what it is given, finds or makes the page's one object for this app, company and user, and joins its parts. */
import type { SyncClient } from '../client/types.js';
import { createHlc, type Hlc } from './clock/hlc.js';
import { offlineEnvironment } from './environment.js';
import { INSIDE, type Coordinator, type Inside, type Offline, type SignOutOptions, type StartOptions } from './inside.js';
import { createNetwork } from './network/network.js';
import { demand, settle, type OfflineOptions } from './options.js';
import { createOutbox } from './outbox/outbox.js';
import { createStorage, isUnsent } from './storage/storage.js';
import type { Draft } from './storage/types.js';
import { createCoordinator } from './sync/coordinator.js';
import { createVersions } from './sync/versions.js';
import type { OfflineStatus, OutboxEntry, Problem, Send } from './types.js';

/** On globalThis, for an ES module and a CommonJS copy of the package may meet in a page. */
const REGISTRY = Symbol.for('pathcast.offline.registry.1');
type Page = { [REGISTRY]?: Map<string, Offline> };

/** By a tRPC client, as `createTRPCClient` makes it. */
const sendBy =
  (client: object): Send =>
  (path, input, options) => {
    const at = path.split('.').reduce<unknown>((found, name) => (found as Record<string, unknown>)[name], client);
    return (at as { mutate: (input: unknown, options: object) => Promise<unknown> }).mutate(input, options);
  };

export function createOffline(options: OfflineOptions): Offline {
  const settled = settle(options);
  const environment = options.environment ?? offlineEnvironment();
  const { companyId, userId, app, mutations, versions: versionsOf = {} } = settled;
  const name = ['pathcast offline 1', ...[app, companyId, userId].map(encodeURIComponent)].join(' ');
  const registry = (((options.environment ?? globalThis) as Page)[REGISTRY] ??= new Map());
  const there = registry.get(name);
  if (there) return there;

  const watchers = new Set<(status: OfflineStatus) => void>();
  const troubled = new Set<(problem: Problem) => void>();
  const waits = new Set<(sync: SyncClient) => void>();
  const ends: (() => void)[] = [];
  const said = new Set<string>();
  let sync: SyncClient | undefined;
  let send: Send | undefined;
  let closed = false;
  let clock: { node: string; hlc: Hlc } | undefined;
  /** Of the ids of others: what is done here after them is above them. */
  const heard = createHlc({ node: '0', now: environment.now });

  function say<Value>(listener: (value: Value) => void, value: Value): void {
    try {
      listener(value);
    } catch (thrown) {
      environment.report(thrown);
    }
  }

  function problem(found: Problem): void {
    for (const listener of [...troubled]) say(listener, found);
    // A failure that nobody listens for speaks once by itself.
    if (!troubled.size && !said.has(found.code)) environment.warn(`pathcast: ${found.code}: ${found.message}`);
    said.add(found.code);
  }

  const storage = createStorage({
    environment,
    name,
    version: settled.version,
    problem,
    changed: (before, own) => outbox.found(before, own),
    said: () => changed(),
    erased: () => end('end'),
  });

  const onClose = (run: () => void): void => void ends.push(run);
  const network = createNetwork({ environment, say, onClose }, options.probe);
  const versions = createVersions({ environment, storage, onClose });

  const outbox = createOutbox(
    {
      environment,
      name,
      mutations,
      version: settled.version,
      migrate: options.migrate,
      parallel: settled.parallel,
      known: {
        version: (key, field) => versions.of(key, field),
        row: (key) => versions.row(key),
        value(key, field) {
          for (const look of inside.seen) {
            const found = look(key, field);
            if (found) return found;
          }
          return undefined;
        },
      },
      nextId({ meta }) {
        // The last one was perhaps given under another name, to a change that was not kept.
        const after = [meta.hlc ?? '', heard.last ?? '', clock?.hlc.last ?? ''].sort().pop();
        if (clock?.node !== meta.node) clock = { node: meta.node, hlc: createHlc({ node: meta.node, now: environment.now }) };
        try {
          return (meta.hlc = clock.hlc.next(after));
        } catch (error) {
          problem({ code: 'clock', message: 'the clock of this device was set back too far', error });
          meta.node = environment.random().toString(36).slice(2, 14);
          clock = { node: meta.node, hlc: createHlc({ node: meta.node, now: environment.now }) };
          return (meta.hlc = clock.hlc.next());
        }
      },
      send: () => send,
      sourceId: () => sync?.sourceId,
      verified: () => network.status.online && network.status.verified,
      heard(outcome, ms) {
        if (outcome.is === 'unreachable') network.doubt();
        else network.prove(ms);
      },
      seen: (key, fields) => versions.learn(key, fields),
      problem,
      say,
      changed: () => changed(),
    },
    storage,
  );

  const parts: Omit<Inside, 'coordinator'> = {
    environment,
    name,
    mutations,
    versionsOf,
    outbox,
    storage,
    versions,
    network,
    clock: {
      receive(id) {
        try {
          heard.receive(id);
        } catch {
          // An id of another kind, or of a clock that is far ahead: it is no cause of anything here.
        }
      },
    },
    get sync() {
      return sync;
    },
    onSync(run) {
      if (sync) run(sync);
      else waits.add(run);
    },
    seen: new Set(),
    problem,
    say,
    onClose,
  };
  const inside = parts as Inside & { coordinator: Coordinator };

  const statusNow = (): OfflineStatus => {
    const count = (of: (entry: OutboxEntry) => boolean): number => outbox.entries.filter(of).length;
    return {
      network: network.status,
      paused: outbox.paused,
      leader: outbox.leader,
      unsent: count(isUnsent),
      conflicted: count(({ state }) => state === 'conflicted'),
      failed: count(({ state }) => state === 'rejected' || state === 'dead'),
      storage: storage.state,
    };
  };
  let status = statusNow();

  function changed(): void {
    const now = statusNow();
    const keys = Object.keys(now) as (keyof OfflineStatus)[];
    if (keys.every((key) => now[key] === status[key])) return;
    status = now;
    for (const listener of [...watchers]) if (watchers.has(listener) && status === now) say(listener, now);
  }

  ends.push(
    network.subscribe(changed),
    environment.listen((what) => {
      if (what === 'hide') outbox.hide();
      else if (what === 'show') outbox.show();
    }),
  );

  function end(how: 'end' | 'close' | 'forget'): void {
    if (closed) return;
    closed = true;
    if (registry.get(name) === offline) registry.delete(name);
    for (const run of ends) run();
    outbox[how]();
    changed();
    watchers.clear();
    troubled.clear();
  }

  const ready = (async () => {
    await storage.load().catch(() => undefined);
    await versions.load().catch(() => undefined);
    changed();
  })();

  const listen = <Value>(all: Set<(value: Value) => void>, listener: (value: Value) => void): (() => void) => {
    demand(typeof listener === 'function', 'listener', 'a function', listener);
    const one = (value: Value): void => listener(value);
    if (!closed) all.add(one);
    return () => void all.delete(one);
  };

  const face: Omit<Offline, typeof Symbol.dispose> = {
    get status() {
      return status;
    },
    onStatus: (listener) => listen(watchers, listener),
    get entries() {
      return outbox.entries;
    },
    onEntries: (listener) => outbox.subscribe(listener),
    get network() {
      return network.status;
    },
    get cursor() {
      return versions.cursor;
    },
    ready,
    async start(given: StartOptions) {
      const { client } = given;
      demand(!client !== !given.send, 'one of client and send', 'given', client);
      send = given.send ?? sendBy(client as object);
      sync = given.sync ?? sync;
      if (sync) {
        for (const run of [...waits]) run(sync);
        waits.clear();
      }
      inside.coordinator.follow(sync);
      await ready;
      if (!closed) outbox.start();
    },
    add: (path, input, more) => outbox.add(path, input, more),
    resolve: (id, how) => outbox.resolve(id, how),
    retry: (id) => outbox.retry(id),
    discard: (id) => outbox.discard(id),
    pause: () => outbox.pause('by_hand'),
    resume: () => outbox.resume('by_hand'),
    signedIn: () => outbox.resume('unauthorized'),
    flush: () => outbox.flush(),
    onProblem: (listener) => listen(troubled, listener),
    async signOut({ unsent: how = 'ask' }: SignOutOptions = {}) {
      demand(['ask', 'keep', 'discard', 'send'].includes(how), 'unsent', 'ask, keep, discard or send', how);
      await ready;
      if (how === 'send') await outbox.flush();
      const asks = how === 'ask' || how === 'send';
      const leftIn = (entries: readonly OutboxEntry[]): number => entries.filter(({ state }) => state !== 'acked').length;
      let unsent = leftIn(outbox.entries);
      if (asks && !unsent) {
        // By what stands there, behind all that is being kept now in whichever tab; where nothing does, nothing more is kept.
        const close = ({ entries, meta }: Draft): number => {
          const left = leftIn(entries);
          meta.over = left === 0;
          return left;
        };
        unsent = await storage.change(close).catch(() => 0);
      }
      if (unsent && asks) return { done: false, unsent };
      if (how === 'keep') await versions.keep();
      end('forget');
      if (how !== 'keep') await storage.erase();
      return { done: true, unsent: how === 'keep' ? unsent : 0 };
    },
    close: () => end('close'),
    [INSIDE]: inside,
  };
  // Not each browser has the symbol; TypeScript's own helper looks for this one too.
  const offline = Object.assign(face, { [(Symbol.dispose as symbol | undefined) ?? Symbol.for('Symbol.dispose')]: () => end('close') }) as unknown as Offline;
  inside.coordinator = createCoordinator(inside);
  registry.set(name, offline);
  return offline;
}

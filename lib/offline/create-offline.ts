/** `createOffline`: checks what it is given, finds or makes the page's one object for this app, company and user, and joins its parts. */
import type { SyncClient } from '../client/types.js';
import { createHlc, newNode } from './clock/hlc.js';
import { offlineEnvironment } from './environment.js';
import { demand } from './error.js';
import { createEvent, type Say } from './events.js';
import { INSIDE, type Coordinator, type Inside, type Offline, type SignOutOptions, type StartOptions } from './inside.js';
import { createNetwork } from './network/network.js';
import { settle, type OfflineOptions } from './options.js';
import { createOutbox } from './outbox/outbox.js';
import { createStorage } from './storage/storage.js';
import type { Draft } from './storage/types.js';
import { createCoordinator } from './sync/coordinator.js';
import { createVersions } from './sync/versions.js';
import type { OfflineStatus, Problem, Send } from './types.js';

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
  const { companyId, userId, app, version, migrate, parallel, mutations, versions: versionsOf = {} } = settle(options);
  const environment = options.environment ?? offlineEnvironment();
  const name = `pathcast offline 1 ${[app, companyId, userId].map(encodeURIComponent).join(' ')}`;
  const registry = (((options.environment ?? globalThis) as Page)[REGISTRY] ??= new Map());
  const there = registry.get(name);
  if (there) return there;

  const { now, report } = environment;
  const say: Say = (listener, value) => {
    try {
      listener(value);
    } catch (thrown) {
      report(thrown);
    }
  };
  const [onStatus, tellStatus, watchers] = createEvent<[]>(say);
  const [onProblem, tellProblem, troubled] = createEvent<[Problem]>(say);
  const waits: ((sync: SyncClient) => void)[] = [];
  const ends: (() => void)[] = [];
  const said = new Set<string>();
  let sync: SyncClient | undefined;
  let send: Send | undefined;
  let closed = false;
  /** Of the ids that were given or heard. Its node is the database's, once that is read. */
  let node: string | undefined;
  let hlc = createHlc({ node: '0', now });

  function problem(found: Problem): void {
    const { code, message } = found;
    tellProblem(found);
    // A failure that nobody listens for speaks once by itself.
    if (!troubled.size && !said.has(code)) environment.warn(`pathcast: ${code}: ${message}`);
    said.add(code);
  }

  function nextId({ meta }: Pick<Draft, 'meta'>): string {
    if (node !== meta.node) hlc = createHlc({ node: (node = meta.node), now, last: hlc.last });
    try {
      return (meta.hlc = hlc.next(meta.hlc));
    } catch (error) {
      problem({ code: 'clock', message: 'the clock was set back too far', error });
      meta.node = node = newNode(environment);
      hlc = createHlc({ node, now });
      return (meta.hlc = hlc.next());
    }
  }

  const storage = createStorage({
    environment,
    name,
    version,
    problem,
    changed: (changes, own) => outbox.found(changes, own),
    said: changed,
    erased: () => end('end'),
  });

  const onClose = (run: () => void): void => void ends.push(run);
  const network = createNetwork({ environment, say, onClose }, options.probe);
  const versions = createVersions({ environment, storage, onClose });
  const seen: Inside['seen'] = new Set();

  const outbox = createOutbox(
    {
      environment,
      name,
      mutations,
      version,
      migrate,
      parallel,
      known: {
        version: versions.of,
        row: versions.row,
        value(key, field) {
          for (const look of seen) {
            const found = look(key, field);
            if (found) return found;
          }
          return undefined;
        },
      },
      nextId,
      send: () => send,
      sourceId: () => sync?.sourceId,
      verified: () => network.status.online && network.status.verified,
      heard: ({ is }, ms) => (is === 'unreachable' ? network.doubt() : network.prove(ms)),
      seen: versions.learn,
      problem,
      say,
      changed,
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
          hlc.receive(id);
        } catch {
          // An id of another kind, or of a clock that is far ahead: it is no cause of anything here.
        }
      },
    },
    get sync() {
      return sync;
    },
    onSync: (run) => void (sync ? run(sync) : waits.push(run)),
    seen,
    problem,
    say,
    onClose,
  };
  const inside = parts as Inside & { coordinator: Coordinator };

  function statusNow(): OfflineStatus {
    const { book, paused, leader } = outbox;
    return {
      network: network.status,
      paused,
      leader,
      unsent: book.count('queued', 'sending'),
      conflicted: book.count('conflicted'),
      failed: book.count('rejected', 'dead'),
      storage: storage.state,
    };
  }
  let status = statusNow();

  function changed(): void {
    const before = status;
    const next = statusNow();
    if ((Object.keys(next) as (keyof OfflineStatus)[]).every((key) => next[key] === before[key])) return;
    status = next;
    tellStatus();
  }

  ends.push(
    network.subscribe(changed),
    environment.listen((what) => {
      if (what === 'hide' || what === 'show') outbox[what]();
    }),
  );

  function end(how: 'end' | 'close' | 'forget' = 'close'): void {
    if (closed) return;
    closed = true;
    if (registry.get(name) === offline) registry.delete(name);
    for (const run of ends) run();
    outbox[how]();
    changed();
    watchers.clear();
    troubled.clear();
  }
  const close = (): void => end();

  const ready = storage
    .load()
    .then(versions.load)
    .catch(() => undefined)
    .then(changed);

  /** For an app's own listeners. */
  const open =
    <Value>(on: (listener: (value: Value) => void) => () => void) =>
    (listener: (value: Value) => void): (() => void) => {
      demand(typeof listener === 'function', 'listener', 'a function', listener);
      return closed ? close : on(listener);
    };

  const offline = {
    get status() {
      return status;
    },
    onStatus: open((listener) => onStatus(() => listener(status))),
    get entries() {
      return outbox.entries;
    },
    onEntries: open(outbox.subscribe),
    get network() {
      return network.status;
    },
    get cursor() {
      return versions.cursor;
    },
    ready,
    async start({ client, send: own, sync: stream }: StartOptions) {
      demand(!client !== !own, 'one of client and send', 'given', client);
      send = own ?? sendBy(client as object);
      sync = stream ?? sync;
      if (sync) for (const run of waits.splice(0)) run(sync);
      inside.coordinator.follow(sync);
      await ready;
      if (!closed) outbox.start();
    },
    add: outbox.add,
    resolve: outbox.resolve,
    retry: outbox.retry,
    discard: outbox.discard,
    pause: () => outbox.pause('by_hand'),
    resume: () => outbox.resume('by_hand'),
    signedIn: () => outbox.resume('unauthorized'),
    flush: outbox.flush,
    onProblem: open(onProblem),
    async signOut({ unsent: how = 'ask' }: SignOutOptions = {}) {
      demand(/^(ask|keep|discard|send)$/.test(how), 'unsent', 'ask, keep, discard or send', how);
      const keep = how === 'keep';
      const asks = !keep && how !== 'discard';
      await ready;
      if (how === 'send') await outbox.flush();
      let unsent = outbox.book.open;
      if (!keep && !(asks && unsent)) {
        // By what stands there, behind all that is being kept now in whichever tab; where nothing does, or may, nothing more is kept, and no other tab sends it.
        const close = ({ book, meta }: Draft): number => {
          const left = book.open;
          meta.over = !left || !asks;
          return left;
        };
        unsent = await storage.change(close).catch((thrown: unknown) => {
          // Where another tab has signed out, nothing is left; else nobody knows.
          if (asks && !closed) throw thrown;
          return 0;
        });
      }
      if (unsent && asks) return { done: false, unsent };
      if (keep) {
        await versions.keep();
        // A tab that is frozen hears nothing, and finds it when it is back.
        await storage.change(({ meta }) => void (meta.outs = (meta.outs ?? 0) + 1)).catch(() => undefined);
      }
      end('forget');
      if (!keep) await storage.erase();
      return { done: true, unsent: keep ? unsent : 0 };
    },
    close,
    // Not each browser has the symbol; TypeScript's own helper looks for this one too.
    [Symbol.dispose ?? Symbol.for('Symbol.dispose')]: close,
    [INSIDE]: inside,
  } as Offline;
  inside.coordinator = createCoordinator(inside);
  registry.set(name, offline);
  return offline;
}

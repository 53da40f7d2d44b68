/** `createSyncClient`: checks what it is given, finds or makes the page's one instance, and hands out a handle on it. */
import { browserEnvironment, type Environment } from './environment.js';
import { passes } from './filter.js';
import { invalid } from './invalid.js';
import { covers, type Entry } from './tabs/history.js';
import { createTab, type Tab } from './tabs/tab.js';
import { PROTOCOL } from './tabs/messages.js';
import { eventSource } from './transport/event-source.js';
import { fetchStream, type FetchCredentials } from './transport/fetch-stream.js';
import type { Ask, Credentials, Transport } from './transport/transport.js';
import { trpcSubscription } from './transport/trpc.js';
import type { ClientEvent, SubscribeOptions, SyncClient, SyncClientOptions, SyncStatus } from './types.js';

/** What handles of one page share, of whichever copy of the package they are. */
interface Shared {
  tab: Tab;
  /** The newest comes last, and is the one that is asked. */
  handles: Set<Handle>;
  /** Who gave its options when there is none. */
  last: Handle;
  idle: unknown;
  /** Calls a listener; what it throws is reported. */
  say: <Value>(listener: (value: Value) => void, value: Value) => void;
}

type Given = <Option extends keyof SyncClientOptions>(option: Option) => SyncClientOptions[Option];

interface Handle {
  options: SyncClientOptions;
  listeners: Set<(entry: Entry) => void>;
  watchers: Set<(status: SyncStatus) => void>;
}

type Heard<K extends 'listeners' | 'watchers'> = Handle[K] extends Set<infer Hear> ? Hear : never;

/** On globalThis, for an ES module and a CommonJS copy of the package may meet in a page. Of its own for each version of what they share. */
const REGISTRY = Symbol.for(`pathcast.client.${PROTOCOL}`);
type Page = { [REGISTRY]?: Map<string, Shared> };

const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : typeof value);

function demand(right: boolean, field: string, allowed: string, value: unknown): void {
  if (!right) throw invalid(`${field} must be ${allowed}, got ${shown(value)}`);
}

type Check = readonly [right: (value: unknown) => boolean, allowed: string];

/** Half of a pair of surrogates is no character, and cannot be part of a name. */
const isText = (value: unknown): value is string => typeof value === 'string' && /^\P{Cs}+$/u.test(value);
const isFunction = (value: unknown): value is (...given: never[]) => unknown => typeof value === 'function';
const TEXT: Check = [isText, 'a non-empty string'];
const OPTIONAL_TEXT: Check = [...TEXT];
const POSITION: Check = [
  (value) => (typeof value === 'number' ? value >= 0 && value < Infinity : /^\w{1,32}\.\d+$/.test(String(value))),
  'a cursor ("<epoch>.<seq>") or Unix ms',
];
const LIST: Check = [Array.isArray, 'a list'];

type Checks = Readonly<Record<string, Check>>;
const OPTIONS: Checks = {
  url: OPTIONAL_TEXT,
  trpc: [(value) => isFunction((value as { subscribe?: unknown } | null)?.subscribe), 'a subscription'],
  companyId: TEXT,
  userId: TEXT,
  since: POSITION,
  getToken: [isFunction, 'a function'],
  tokenParam: OPTIONAL_TEXT,
  // Neither a promise of headers nor the browser's own Headers: no field of theirs would be sent.
  headers: [(value) => /t (Object|Function)/.test({}.toString.call(value)), 'an object or a function'],
  credentials: [(value) => ['omit', 'same-origin', 'include'].includes(value as string), 'omit, same-origin or include'],
  shared: [(value) => typeof value === 'boolean', 'true or false'],
  environment: [Boolean, 'given'],
};
const FILTER: Checks = { modules: LIST, queryPaths: LIST, topics: LIST, since: POSITION };

function check(checks: Checks, given: object): void {
  demand(given === Object(given), 'options', 'an object', given);
  const names = Object.keys(checks);
  for (const name of Object.keys(given)) demand(names.includes(name), 'an option', `one of ${names.join()}`, name);
  for (const [name, must] of Object.entries(checks)) {
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined || must === TEXT) demand(must[0](value), name, must[1], value);
  }
}

export function createSyncClient<M extends string = string>(options: SyncClientOptions): SyncClient<M> {
  check(OPTIONS, options);
  const { url, companyId, userId } = options;
  demand(!url !== !options.trpc, 'one of url and trpc', 'given', url);
  const environment = options.environment ?? browserEnvironment();
  const address = url === undefined ? undefined : addressOf(url, environment.base);
  const key = [`pathcast/${PROTOCOL}`, address?.href ?? 'trpc', companyId, userId].map(encodeURIComponent).join(' ') + (options.shared === false ? ' own' : '');
  const registry = (((options.environment ?? globalThis) as Page)[REGISTRY] ??= new Map());
  const handle: Handle = { options, listeners: new Set(), watchers: new Set() };
  /** What those that listen from the beginning have: until the first of them has heard of what came since. */
  let { since } = options;

  let shared = registry.get(key);
  const { state, reason } = shared?.tab.status ?? {};
  // One that a sign-out in another tab has ended is no stream any more, whoever still holds it.
  if (shared && state !== 'closed') {
    shared.handles.add(handle);
    // Who comes may be let in.
    if (state === 'refused' || reason === 'token_failed' || reason === 'unauthorized') shared.tab.reconnect();
  } else {
    shared = open(key, handle, address, environment);
    registry.set(key, shared);
  }
  const own = shared;
  let closed: SyncStatus | undefined;

  const close = ({ forget = false }: { forget?: boolean | undefined } = {}): void => {
    if (closed && !forget) return;
    const reason = forget ? 'forgotten' : 'closed';
    closed ??= { ...own.tab.status, state: 'closed', reason, leader: false, since: environment.now() };
    own.handles.delete(handle);
    own.last = handle;
    handle.listeners.clear();
    handle.watchers.clear();
    const end = (): void => {
      // A newcomer in the meantime keeps it.
      if (!forget && own.handles.size) return;
      if (registry.get(key) === own) registry.delete(key);
      own.tab.close(reason);
    };
    environment.clearTimeout(own.idle);
    if (forget) end();
    // What unmounts and mounts again makes no connection.
    else own.idle = environment.setTimeout(end, 1_000);
  };

  /** `hear` is a new function each time: who comes twice hears twice. */
  const add = <K extends 'listeners' | 'watchers'>(kind: K, hear: Heard<K>, listener: unknown): (() => void) => {
    demand(isFunction(listener), 'listener', 'a function', listener);
    const all = handle[kind] as Set<Heard<K>>;
    if (!closed) all.add(hear);
    return () => void all.delete(hear);
  };

  const client = {
    get status() {
      return closed ?? own.tab.status;
    },
    since,
    sourceId: own.tab.id,
    subscribe(listener: (event: ClientEvent<M>) => void, filter: SubscribeOptions<M> = {}) {
      check(FILTER, filter);
      const from = filter.since ?? since;
      /** What it has missed comes first, and holds what has a place and comes until then. */
      let waits = from !== undefined;
      const hear = ({ id, event }: Entry): void => {
        // A stream that began earlier brings what the listener's data contains.
        if (!(waits && id) && !covers(from, id) && passes(event, filter)) listener(event as ClientEvent<M>);
      };
      const end = add('listeners', hear, listener);
      if (from !== undefined) {
        void own.tab.missed(from, (entries) => {
          waits = false;
          if (filter.since === undefined) since = undefined;
          for (const entry of entries) if (handle.listeners.has(hear)) own.say(hear, entry);
        });
      }
      return end;
    },
    onStatus: (listener: (status: SyncStatus) => void) => add('watchers', (status: SyncStatus) => listener(status), listener),
    reconnect() {
      if (!closed) own.tab.reconnect();
    },
    close,
    // Not each browser has the symbol; TypeScript's own helper looks for this one too.
    [(Symbol.dispose as symbol | undefined) ?? Symbol.for('Symbol.dispose')]: () => close(),
  };
  return client as unknown as SyncClient<M>;
}

function addressOf(url: string, base: string | undefined): URL {
  let address: URL | undefined;
  try {
    address = new URL(url, base);
    // One address in two forms is one.
    address.hash = '';
    address.searchParams.sort();
  } catch {
    // As any other that no browser opens.
  }
  demand(/^http/.test(String(address)) && !address?.username, 'url', 'an http address', url);
  return address as URL;
}

function open(name: string, handle: Handle, address: URL | undefined, environment: Environment): Shared {
  const handles = new Set([handle]);
  const own = { handles, last: handle } as Shared;
  const said = new Set(ORDINARY);
  /** Of each option what the newest handle gives that has it: what an app renders again it gives again. */
  const given: Given = (option) => {
    let found;
    for (const { options } of handles.size ? handles : [own.last]) found = options[option] ?? found;
    return found as never;
  };
  let latest: SyncStatus | undefined;
  own.say = (listener, value) => {
    try {
      listener(value);
    } catch (thrown) {
      environment.report(thrown);
    }
  };
  /** To all that hear it. What one of them does may end another, or make a status an old one: of that nothing is told. */
  function tell(kind: 'listeners' | 'watchers', value: Entry | SyncStatus): void {
    for (const one of [...handles]) {
      const all = one[kind] as Set<(value: unknown) => void>;
      for (const listener of [...all]) if (all.has(listener) && (kind === 'listeners' || value === latest)) own.say(listener, value);
    }
  }
  own.tab = createTab({
    environment,
    name,
    shared: handle.options.shared !== false,
    since: handle.options.since,
    connection: {
      transport: (ask, hears) => {
        const trpc = given('trpc');
        return (trpc ? trpcSubscription(trpc) : overHttp(environment, address as URL, ask, given('credentials')))(ask, hears);
      },
      address,
      watched: !handle.options.trpc,
      token: (expired) => (given('getToken') ?? given('headers') ? credentialsOf(given, expired) : undefined),
    },
    event: (entry) => tell('listeners', entry),
    changed: (status) => {
      latest = status;
      tell('watchers', status);
      // A failure speaks once by itself, whoever listens: who shows it to nobody listens, too.
      const { state, reason } = status;
      if (!said.has(reason)) environment.warn(`pathcast: ${address?.href ?? 'the subscription'} is ${state} (${reason})`);
      said.add(reason);
    },
  });
  return own;
}

/** What belongs to an ordinary day. */
const ORDINARY: string[] = ['open', 'closed', 'forgotten', 'starting', 'electing', 'drain', 'replaced', 'slow', 'auth_expired', 'cut', 'silent', 'asked', 'no_network'];

/** By `fetch` where headers are to be sent, or no cookies. */
function overHttp(environment: Environment, url: URL, { headers }: Ask, credentials: FetchCredentials = 'same-origin'): Transport {
  const byFetch = fetchStream(environment, url, credentials);
  return Object.keys(headers ?? {})[0] || credentials === 'omit' ? byFetch : eventSource(environment, url, credentials === 'include', byFetch);
}

async function credentialsOf(given: Given, expired: boolean): Promise<Credentials> {
  const token = (await given('getToken')?.({ expired })) ?? undefined;
  demand(token === undefined || isText(token), 'getToken()', TEXT[1], token);
  const headers = given('headers');
  const tokenParam = given('tokenParam');
  const sent = { ...(typeof headers === 'function' ? headers() : headers) };
  const params: Record<string, string> = {};
  if (token !== undefined) {
    if (tokenParam) params[tokenParam] = token;
    else sent['authorization'] = `Bearer ${token}`;
  }
  // What no header can hold would look like a network that is gone.
  new Headers(sent);
  return { headers: sent, params };
}

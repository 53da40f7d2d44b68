/** `createSyncClient`: checks what it is given, finds or makes the page's one instance, and hands out a handle on it. */
import { browserEnvironment, type Environment } from './environment.js';
import { passes } from './filter.js';
import { invalid } from './invalid.js';
import { createTab, type Tab } from './tabs/tab.js';
import { PROTOCOL } from './tabs/messages.js';
import { eventSource } from './transport/event-source.js';
import { fetchStream, type FetchCredentials } from './transport/fetch-stream.js';
import type { Credentials, Transport } from './transport/transport.js';
import { trpcSubscription } from './transport/trpc.js';
import type { ClientEvent, SubscribeFilter, SyncClient, SyncClientOptions, SyncStatus } from './types.js';

/** ms that a stream outlives its last handle: what unmounts and mounts again makes no connection. */
const IDLE_MS = 1_000;

/** What handles of one page share, of whichever copy of the package they are. */
interface Shared {
  tab: Tab;
  /** The newest comes last, and is the one that is asked. */
  handles: Set<Handle>;
  idle: unknown;
  /** Words that were said already, of those that are said once. */
  warned: Set<string>;
}

interface Handle {
  options: SyncClientOptions;
  listeners: Set<(event: ClientEvent) => void>;
  watchers: Set<(status: SyncStatus) => void>;
}

type Heard<K extends 'listeners' | 'watchers'> = Handle[K] extends Set<infer Hear> ? Hear : never;

/** On globalThis, for an ES module and a CommonJS copy of the package may meet in a page. Of its own for each version of what they share. */
const REGISTRY = Symbol.for(`pathcast.client.${PROTOCOL}`);
type Page = { [REGISTRY]?: Map<string, Shared> };

const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : value === null ? 'null' : typeof value);

function demand(right: boolean, field: string, allowed: string, value: unknown): void {
  if (!right) throw invalid(`${field} must be ${allowed}, got ${shown(value)}`);
}

type Check = readonly [right: (value: unknown) => boolean, allowed: string];

/** Half of a pair of surrogates is no character, and cannot be part of a name. */
const isText = (value: unknown): value is string => typeof value === 'string' && /^\P{Cs}+$/u.test(value);
const isOneOf =
  (...allowed: unknown[]): Check[0] =>
  (value) =>
    allowed.includes(value);
const isFunction = (value: unknown): value is (...given: never[]) => unknown => typeof value === 'function';
const TEXT: Check = [isText, 'a string that is not empty'];

const OPTIONS: Readonly<Record<string, Check>> = {
  url: [isText, TEXT[1]],
  trpc: [(value) => isFunction((value as { subscribe?: unknown } | null)?.subscribe), "a subscription of tRPC's client, as trpc.sync.onSync"],
  companyId: TEXT,
  userId: TEXT,
  since: [(value) => (typeof value === 'number' ? value >= 0 && value < Infinity : /^\w{1,32}\.\d+$/.test(String(value))), 'a cursor ("<epoch>.<seq>") or Unix ms'],
  getToken: [isFunction, 'a function'],
  tokenParam: [isText, TEXT[1]],
  // Neither a promise of headers nor the browser's own Headers: no field of theirs would be sent.
  headers: [(value) => /t (Object|Function)/.test({}.toString.call(value)), 'an object or a function'],
  credentials: [isOneOf('omit', 'same-origin', 'include'), 'omit, same-origin or include'],
  shared: [isOneOf(true, false), 'true or false'],
  environment: [() => true, ''],
};

function check(options: SyncClientOptions): void {
  demand(typeof options === 'object' && options !== null, 'createSyncClient()', 'given an object of options', options);
  const names = Object.keys(OPTIONS);
  for (const name of Object.keys(options)) demand(names.includes(name), 'an option', `one of ${names.join(', ')}`, name);
  const { url, trpc } = options;
  demand(!url !== !trpc, 'url, or trpc,', 'given, and not both', url);
  for (const name of names) {
    const value = options[name as keyof SyncClientOptions];
    const must = OPTIONS[name] as Check;
    if (value !== undefined || must === TEXT) demand(must[0](value), name, must[1], value);
  }
}

export function createSyncClient<M extends string = string>(options: SyncClientOptions): SyncClient<M> {
  check(options);
  const { url, companyId, userId } = options;
  const environment = options.environment ?? browserEnvironment();
  const address = url === undefined ? undefined : addressOf(url, environment.base);
  const key = [`pathcast/${PROTOCOL}`, address?.href ?? 'trpc', companyId, userId].map(encodeURIComponent).join(' ');
  const registry = (((options.environment ?? globalThis) as Page)[REGISTRY] ??= new Map());
  const handle: Handle = { options, listeners: new Set(), watchers: new Set() };

  let shared = registry.get(key);
  // One that a sign-out in another tab has ended is no stream any more, whoever still holds it.
  if (shared && shared.tab.status.state !== 'closed') {
    shared.handles.add(handle);
  } else {
    shared = open(key, handle, address);
    registry.set(key, shared);
  }
  const own = shared;
  let closed: SyncStatus | undefined;

  const close = ({ forget = false }: { forget?: boolean | undefined } = {}): void => {
    if (closed && !forget) return;
    const was = own.tab.status;
    closed ??= { ...was, state: 'closed', reason: forget ? 'forgotten' : 'closed', leader: false, since: environment.now() };
    own.handles.delete(handle);
    handle.listeners.clear();
    handle.watchers.clear();
    if (!forget && own.handles.size > 0) return;
    const end = (): void => {
      // A newcomer in the meantime keeps it.
      if (!forget && own.handles.size > 0) return;
      if (registry.get(key) === own) registry.delete(key);
      own.tab.close(forget ? 'forgotten' : 'closed');
    };
    environment.clearTimeout(own.idle);
    if (forget) end();
    else own.idle = environment.setTimeout(end, IDLE_MS);
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
    sourceId: own.tab.id,
    subscribe(listener: (event: ClientEvent<M>) => void, filter: SubscribeFilter<M> = {}) {
      for (const [name, list] of Object.entries(filter)) {
        demand(isOneOf('modules', 'queryPaths', 'topics')(name) && (list === undefined || Array.isArray(list)), `filter.${name}`, 'a list: modules, queryPaths or topics', list);
      }
      return add('listeners', (event: ClientEvent) => {
        if (passes(event, filter)) listener(event as ClientEvent<M>);
      }, listener);
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
  try {
    const address = new URL(url, base);
    if (/^http/.test(address.protocol) && !address.username) return address;
  } catch {
    // As any other that no browser opens.
  }
  throw invalid(`url must be an http address without a password, got ${shown(url)}`);
}

function open(name: string, handle: Handle, address: URL | undefined): Shared {
  const environment = handle.options.environment ?? browserEnvironment();
  const handles = new Set([handle]);
  const warned = new Set<string>();
  /** The newest handle's: what an app renders again it gives again. */
  const newest = (): SyncClientOptions => {
    let last = handle;
    for (const each of handles) last = each;
    return last.options;
  };
  let latest: SyncStatus | undefined;
  /** To all that hear it. What one of them does may end another, or make a status an old one: of that nothing is told. */
  function tell(kind: 'listeners', value: ClientEvent): boolean;
  function tell(kind: 'watchers', value: SyncStatus): boolean;
  function tell(kind: 'listeners' | 'watchers', value: ClientEvent | SyncStatus): boolean {
    let heard = false;
    for (const one of [...handles]) {
      for (const listener of [...one[kind]]) {
        if (!(one[kind] as Set<unknown>).has(listener) || (kind === 'watchers' && value !== latest)) continue;
        heard = true;
        try {
          (listener as (value: unknown) => void)(value);
        } catch (thrown) {
          environment.report(thrown);
        }
      }
    }
    return heard;
  }
  const { since, trpc, credentials = 'same-origin', shared = true } = handle.options;
  const transport = trpc ? trpcSubscription(trpc) : overHttp(environment, address as URL, credentials);
  const tab = createTab({
    environment,
    name,
    shared,
    since,
    connection: {
      transport,
      address,
      watched: !trpc,
      token: (expired) => {
        const options = newest();
        return options.getToken || options.headers ? credentialsOf(options, expired) : undefined;
      },
    },
    event: (event) => void tell('listeners', event),
    changed: (status) => {
      latest = status;
      if (!tell('watchers', status)) speakUp(status);
    },
  });

  /** A failure that nobody listens for speaks once by itself. */
  function speakUp({ state, reason }: SyncStatus): void {
    if (state === 'live' || state === 'closed' || QUIET.has(reason) || warned.has(reason)) return;
    warned.add(reason);
    environment.warn(`pathcast: ${address?.href ?? 'the subscription'} is ${state} (${reason})${state === 'refused' ? ' until reconnect()' : ''}`);
  }
  return { tab, handles, idle: undefined, warned };
}

/** What belongs to an ordinary day. */
const QUIET: ReadonlySet<string> = new Set(['starting', 'electing', 'drain', 'replaced', 'slow', 'auth_expired', 'cut', 'silent', 'asked', 'no_network']);

function overHttp(environment: Environment, url: URL, credentials: FetchCredentials): Transport {
  const byFetch = fetchStream(environment, url, credentials);
  const bySource = eventSource(environment, url, credentials === 'include', byFetch);
  // A later handle may give headers that an earlier one did not.
  return (ask, hears) => (Object.keys(ask.headers ?? {})[0] || credentials === 'omit' ? byFetch : bySource)(ask, hears);
}

async function credentialsOf({ getToken, headers, tokenParam }: SyncClientOptions, expired: boolean): Promise<Credentials> {
  const token = (await getToken?.({ expired })) ?? undefined;
  demand(token === undefined || isText(token), 'getToken()', TEXT[1], token);
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

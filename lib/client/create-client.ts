/** `createSyncClient`: checks what it is given, finds or makes the page's one instance, and hands out a handle on it. */
import { browserEnvironment } from './environment.js';
import { passes } from './filter.js';
import { invalid } from './invalid.js';
import { Tab } from './tabs/tab.js';
import { PROTOCOL } from './tabs/messages.js';
import { eventSource } from './transport/event-source.js';
import { fetchStream } from './transport/fetch-stream.js';
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

/** On globalThis, for an ES module and a CommonJS copy of the package may meet in a page. Of its own for each version of what they share. */
const REGISTRY = Symbol.for(`pathcast.client.${PROTOCOL}`);
type Page = { [REGISTRY]?: Map<string, Shared> };

const OPTIONS = ['url', 'trpc', 'companyId', 'userId', 'since', 'getToken', 'tokenParam', 'headers', 'credentials', 'shared', 'environment'];

const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : value === null ? 'null' : typeof value);

function demand(right: boolean, field: string, allowed: string, value: unknown): void {
  if (!right) throw invalid(`${field} must be ${allowed}, got ${shown(value)}`);
}

function check(options: SyncClientOptions): void {
  demand(typeof options === 'object' && options !== null, 'createSyncClient()', 'given an object of options', options);
  const { url, trpc, companyId, userId, since, getToken, tokenParam, credentials, shared } = options;
  for (const name of Object.keys(options)) demand(OPTIONS.includes(name), 'an option', `one of ${OPTIONS.join(', ')}`, name);
  demand(url === undefined ? trpc !== undefined : trpc === undefined, 'url, or trpc,', 'given, and not both', url);
  demand(url === undefined || (typeof url === 'string' && url !== ''), 'url', 'the address of the stream', url);
  demand(trpc === undefined || typeof trpc.subscribe === 'function', 'trpc', "a subscription of tRPC's client, as trpc.sync.onSync", trpc);
  demand(typeof companyId === 'string' && companyId !== '', 'companyId', 'a string that is not empty', companyId);
  demand(typeof userId === 'string' && userId !== '', 'userId', 'a string that is not empty', userId);
  demand(
    since === undefined || (typeof since === 'number' ? since >= 0 : /^[0-9a-z]{1,32}\.\d+$/.test(String(since))),
    'since',
    'a cursor ("<epoch>.<seq>") or Unix ms',
    since,
  );
  demand(getToken === undefined || typeof getToken === 'function', 'getToken', 'a function', getToken);
  demand(tokenParam === undefined || (typeof tokenParam === 'string' && tokenParam !== ''), 'tokenParam', 'the name of a query parameter', tokenParam);
  demand(['undefined', 'omit', 'same-origin', 'include'].includes(String(credentials)), 'credentials', 'omit, same-origin or include', credentials);
  demand(shared === undefined || typeof shared === 'boolean', 'shared', 'true or false', shared);
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
  if (shared) {
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

  const client = {
    get status() {
      return closed ?? own.tab.status;
    },
    sourceId: own.tab.id,
    subscribe(listener: (event: ClientEvent<M>) => void, filter?: SubscribeFilter<M>) {
      demand(typeof listener === 'function', 'listener', 'a function', listener);
      const hear = (event: ClientEvent): void => {
        if (!filter || passes(event, filter)) listener(event as ClientEvent<M>);
      };
      if (!closed) handle.listeners.add(hear);
      return () => void handle.listeners.delete(hear);
    },
    onStatus(listener: (status: SyncStatus) => void) {
      demand(typeof listener === 'function', 'listener', 'a function', listener);
      const hear = (status: SyncStatus): void => listener(status);
      if (!closed) handle.watchers.add(hear);
      return () => void handle.watchers.delete(hear);
    },
    reconnect() {
      if (!closed) own.tab.reconnect();
    },
    close,
  };
  // Not each browser has the symbol; TypeScript's own helper looks for this one too.
  return Object.assign(client, { [(Symbol.dispose as symbol | undefined) ?? Symbol.for('Symbol.dispose')]: () => close() }) as unknown as SyncClient<M>;
}

function addressOf(url: string, base: string | undefined): URL {
  try {
    return new URL(url, base);
  } catch {
    throw invalid(`url must be an address, absolute or relative to a page, got ${shown(url)}`);
  }
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
  const each = <T>(listeners: Iterable<(value: T) => void>, value: T): void => {
    for (const listener of [...listeners]) {
      try {
        listener(value);
      } catch (thrown) {
        environment.report(thrown);
      }
    }
  };
  const { since, trpc, tokenParam, credentials = 'same-origin', shared = true } = handle.options;
  const transport = trpc ? trpcSubscription(trpc) : overHttp(environment, newest, { url: address as URL, tokenParam, credentials });
  const tab = new Tab({
    environment,
    name,
    shared,
    since,
    connection: {
      transport,
      address,
      watched: !trpc,
      token: (expired) => {
        const { getToken } = newest();
        if (!getToken) return undefined;
        return new Promise<string | null | undefined>((resolve) => resolve(getToken({ expired }))).then((token) => token ?? undefined);
      },
    },
    event: (event) => each([...handles].flatMap(({ listeners }) => [...listeners]), event),
    changed: (status) => {
      const watchers = [...handles].flatMap((one) => [...one.watchers]);
      each(watchers, status);
      if (watchers.length === 0) speakUp(status);
    },
  });

  /** A failure that nobody listens for speaks once by itself. */
  function speakUp({ state, reason }: SyncStatus): void {
    if (state === 'live' || state === 'closed' || QUIET.has(reason) || warned.has(reason)) return;
    warned.add(reason);
    environment.warn(`pathcast: ${address?.href ?? 'the subscription'} is ${state} (${reason})${state === 'refused' ? '; it is not tried again before reconnect()' : '; it is tried again'}`);
  }
  return { tab, handles, idle: undefined, warned };
}

/** What belongs to an ordinary day. */
const QUIET: ReadonlySet<string> = new Set(['starting', 'electing', 'drain', 'replaced', 'slow', 'auth_expired', 'cut', 'silent', 'asked', 'no_network']);

function overHttp(environment: ReturnType<typeof browserEnvironment>, newest: () => SyncClientOptions, options: { url: URL; tokenParam: string | undefined; credentials: 'omit' | 'same-origin' | 'include' }): ReturnType<typeof trpcSubscription> {
  const headers = (): Readonly<Record<string, string>> => {
    const { headers: given } = newest();
    return (typeof given === 'function' ? given() : given) ?? {};
  };
  const byFetch = fetchStream(environment, { ...options, headers });
  const { getToken, headers: given } = newest();
  const plain = given === undefined && (getToken === undefined || options.tokenParam !== undefined) && options.credentials !== 'omit';
  return plain ? eventSource(environment, { ...options, withCredentials: options.credentials === 'include' }, byFetch) : byFetch;
}

/**
 * Browsers without their windows: each is a QueryClient with eight active queries, a tRPC client with `fenceLink`, a stream of pathcast, as a page
 * has them; all of them in this process. It speaks with the harness as the servers do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { createTRPCUntypedClient, httpBatchLink } from '@trpc/client';
import { EventSource } from 'eventsource';
import { browserEnvironment, createSyncClient } from '../../dist/esm/client/index.js';
import { bindQueryClient, fenceLink } from '../../dist/esm/tanstack/index.js';
import { serve } from '../servers/control.mjs';
import { CLIENTS, COMPANY } from '../servers/refetch-app.mjs';

/** ms until whatever is waited for must have come. */
const PATIENCE_MS = 60_000;
/** ms between two looks at what says nothing by itself. */
const LOOK_AGAIN_MS = 5;

const nanoseconds = () => process.hrtime.bigint();
const tab = { ...browserEnvironment(), EventSource, locks: undefined, channel: undefined, storage: undefined };

async function until(what, check) {
  const end = performance.now() + PATIENCE_MS;
  while (!check()) {
    if (performance.now() > end) throw new Error(`waited ${PATIENCE_MS} ms in vain for ${what}`);
    await sleep(LOOK_AGAIN_MS);
  }
}

/** What a page shows of one client. The last one says nothing of a client, and the one before it of one guest. */
function queriesOf(clientId) {
  const input = { clientId };
  return [
    ...['guests.getAll', 'guests.getStats', 'hotels.getAll', 'transport.getAll', 'events.getAll', 'budget.getSummary'].map((path) => ({ path, input })),
    { path: 'guests.getById', input: { id: `guest-${clientId.slice('client-'.length)}-0` } },
    { path: 'clients.getAll' },
  ];
}

const newest = (rows = []) => Math.max(...rows.map(({ revision }) => revision));
const callsOf = (port, token, links = [], base = 'trpc') =>
  createTRPCUntypedClient({ links: [...links, httpBatchLink({ url: `http://127.0.0.1:${port}/${base}`, headers: { authorization: token } })] });

class Browser {
  clientId;
  /** ns, when each event came. */
  heard = [];
  /** Revision that each query shows. */
  shown = new Map();
  shownAt = 0n;
  #expected = { revision: 0, paths: [] };
  #page = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  #calls;
  #binding;

  constructor(nth, { port, live, observe, pollMs }) {
    this.clientId = `client-${nth % CLIENTS}`;
    this.#calls = callsOf(port, `token-${nth}`, live ? [fenceLink(this.#page)] : []);
    if (live) {
      const sync = createSyncClient({ url: `http://127.0.0.1:${port}/sync/stream?user=user-${nth}`, companyId: COMPANY, userId: `user-${nth}`, environment: tab });
      sync.subscribe(({ type }) => type === 'update' && this.heard.push(nanoseconds()));
      this.#binding = bindQueryClient(this.#page, sync);
      this.isLive = () => sync.status.state === 'live';
    }
    for (const { path, input } of queriesOf(this.clientId)) {
      const options = { queryKey: [path.split('.'), { ...(input && { input }), type: 'query' }], queryFn: () => this.#calls.query(path, input) };
      if (!observe) void this.#page.prefetchQuery(options);
      else new QueryObserver(this.#page, options).subscribe(({ data }) => data && this.#show(path, newest(data)));
    }
    if (pollMs > 0) setTimeout(() => setInterval(() => void this.#page.refetchQueries({ type: 'active' }), pollMs), Math.random() * pollMs);
  }

  isLive = () => true;

  /** What it shows is what the stream has told of, as far as it knows, and all that it looks at has data. */
  isSettled(observe) {
    const all = this.#page.getQueryCache().getAll();
    const stale = this.#binding !== undefined && (observe ? this.#binding.status.state !== 'current' : false);
    return this.isLive() && !stale && all.every(({ state }) => state.data !== undefined && state.fetchStatus === 'idle');
  }

  expect(revision, clientId) {
    const paths = clientId === this.clientId ? queriesOf(clientId).map(({ path }) => path) : ['clients.getAll'];
    this.#expected = { revision, paths };
    this.shownAt = 0n;
  }

  #show(path, revision) {
    this.shown.set(path, revision);
    const expected = this.#expected;
    if (this.shownAt === 0n && expected.paths.every((one) => (this.shown.get(one) ?? -1) >= expected.revision)) this.shownAt = nanoseconds();
  }
}

let browsers = [];
let author;
let way;
let revision = 0;
/** Revision of each client's rows: what is true. */
const truth = new Map();

async function open({ count, ...given }) {
  way = { live: true, observe: true, pollMs: 0, ...given };
  author = callsOf(way.port, `token-${count}`);
  browsers = Array.from({ length: count }, (_, nth) => new Browser(nth, way));
  await until('the first data', () => browsers.every((browser) => browser.isSettled(way.observe)));
}

/** One change of a client's guest; when the last browser shows it that has to, and everybody is quiet. ms from the commit. */
async function mutate() {
  revision += 1;
  const nth = revision % CLIENTS;
  const clientId = `client-${nth}`;
  for (const browser of browsers) browser.expect(revision, clientId);
  const heardBefore = browsers.map(({ heard }) => heard.length);
  const { committedAt } = await author.mutation('guests.update', { id: `guest-${nth}-0`, clientId, name: `Guest 0, ${revision}`, revision });
  truth.set(clientId, revision);
  if (way.observe) await until('the change to be shown', () => browsers.every(({ shownAt }) => shownAt > 0n));
  if (way.live) await until('the change to be heard', () => browsers.every(({ heard }, i) => heard.length > heardBefore[i]));
  const since = (at) => Number(at - BigInt(committedAt)) / 1e6;
  const at = browsers.map(({ heard, shownAt }, i) => since(way.observe ? shownAt : heard[heardBefore[i]]));
  await until('all to be quiet', () => browsers.every((browser) => browser.isSettled(way.observe)));
  return { lastMs: Math.max(...at) };
}

/** How many queries show something else than what is true. Where nobody looks nothing is fetched, and nothing shown. */
function untrue() {
  if (!way.observe) return { untrue: 0 };
  let found = 0;
  for (const browser of browsers) {
    for (const [path, shown] of browser.shown) {
      if (shown !== (path === 'clients.getAll' ? revision : (truth.get(browser.clientId) ?? 0))) found += 1;
    }
  }
  return { untrue: found };
}

/** What a request may ask for: a page's eight queries, one of them, or nothing that any statement is needed for. */
const REQUESTS = {
  'page-of-8': (calls) => Promise.all(queriesOf('client-0').map(({ path, input }) => calls.query(path, input))),
  'one-query': (calls) => calls.query('clients.getAll'),
  'no-query': (calls) => calls.query('ping'),
};

/** `count` requests, one after the other. */
async function load({ kind, count, port, base }) {
  const calls = callsOf(port, 'token-0', [], base);
  for (let i = 0; i < count; i += 1) await REQUESTS[kind](calls);
}

serve({ port: 0, send: () => ({ ok: false }), commands: { open, mutate, untrue, load } });

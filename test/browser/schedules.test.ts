/**
 * SPEC §16 in Chromium: the random page of test/tanstack/simulation, its clock a test's, and a page whose fetches, headers, visibility and stream are the browser's own.
 * After all has settled nothing is stale. A binding whose fence is off shows stale ones in both. `PATHCAST_SEED` replays one schedule.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { POSITION_HEADER } from '../../lib/index.js';
import { Chromium } from '../support/chromium/chromium.js';
import type { Tab } from '../support/chromium/tab.js';
import { makeRandom } from '../support/random.js';
import { waitFor } from '../support/wait.js';
import { bundle } from './support/bundle.js';
import { COMPANY, Site } from './support/site.js';

jest.setTimeout(300_000);

const SCHEDULES = Number(process.env['PATHCAST_SCHEDULES'] ?? 200);
const ONE = process.env['PATHCAST_SEED'];
/** What a fetch that settles says of itself is believed, whenever it began. */
const FENCE_OFF = [[/if \(begin <= demand\.after\) return false;/, 'if (begin > 0) return true;']] as const;

const WORLD = `
  import * as newest from '@tanstack/query-core';
  import * as oldest from 'query-core-5-62';
  import { World } from './test/tanstack/simulation/world.js';
  const cores = [newest, oldest];
  for (const { notifyManager } of cores) notifyManager.setScheduler(queueMicrotask);
  globalThis.schedules = async (first, count) => {
    const failures = [];
    for (let seed = first; seed < first + count; seed += 1) {
      await new World(cores[seed % 2], seed).run().catch((error) => failures.push(String(error)));
    }
    return failures;
  };
`;

/** Everything is the browser's, but for the list itself. \`shown\`: what its query shows; \`ask\`: begins a fetch anew, which aborts the one before. */
const PAGE = `
  import { QueryClient, QueryObserver, focusManager, onlineManager } from '@tanstack/query-core';
  import { createTRPCClient, httpBatchLink } from '@trpc/client';
  import { createSyncClient } from './lib/client/index.js';
  import { bindQueryClient, fenceLink } from './lib/tanstack/index.js';
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  queries.mount();
  const trpc = createTRPCClient({ links: [fenceLink(queries), httpBatchLink({ url: globalThis.API + '/trpc', fetch: (url, init) => fetch(url, { ...init, credentials: 'include' }) })] });
  const sync = createSyncClient({ url: '/sync/stream?user=ada', companyId: '${COMPANY}', userId: 'ada' });
  const binding = bindQueryClient(queries, sync);
  const queryKey = [['guests', 'getAll'], { type: 'query' }];
  new QueryObserver(queries, { queryKey, queryFn: ({ signal }) => trpc.guests.getAll.query(undefined, { signal }) }).subscribe(() => undefined);
  Object.assign(globalThis, {
    shown: () => queries.getQueryData(queryKey),
    current: () => binding.status.state === 'current' && queries.isFetching() === 0,
    ask: (cancelRefetch) => void queries.refetchQueries({ queryKey }, { cancelRefetch }),
    mark: () => void queries.invalidateQueries({ queryKey }),
    managers: () => [focusManager.isFocused(), onlineManager.isOnline()],
  });
`;

let chromium: Chromium;
beforeAll(async () => {
  chromium = await Chromium.launch();
});
afterAll(() => chromium?.close());

describe('the page of the simulation', () => {
  async function failuresOf(replace: readonly (readonly [RegExp, string])[], first: number, count: number): Promise<string[]> {
    const site = await Site.start({ scripts: { '/client.js': await bundle(WORLD, { replace }) } });
    try {
      const tab = await chromium.open(`${site.url}/`, {});
      return await tab.evaluate<string[]>(`schedules(${first}, ${count})`);
    } finally {
      await site.close();
    }
  }

  test(`${SCHEDULES} schedules leave nothing stale`, async () => {
    const [first, count] = ONE ? [Number(ONE), 1] : [1, SCHEDULES];
    expect(await failuresOf([], first, count)).toEqual([]);
  });

  test('with the fence off some do', async () => {
    expect((await failuresOf(FENCE_OFF, 1, 40)).length).toBeGreaterThan(0);
  });
});

/** Another origin, where the API is: a number, read before it is answered, and the position at which it was. */
class Api {
  count = 0;
  hasHeader = true;
  /** ms between reading and answering. */
  delay: () => number = () => 0;
  failing = 0;

  private constructor(
    readonly server: Server,
    readonly site: Site,
  ) {}

  static async start(site: Site): Promise<Api> {
    const server = createServer();
    const api = new Api(server, site);
    server.on('request', (request, response) => {
      response.setHeader('access-control-allow-origin', site.url);
      response.setHeader('access-control-allow-credentials', 'true');
      response.setHeader('access-control-allow-headers', 'content-type');
      if (request.method === 'OPTIONS') return void response.writeHead(204).end();
      const position = site.hub.position(COMPANY);
      const { count } = api;
      if (api.hasHeader && position !== undefined) {
        response.setHeader('access-control-expose-headers', POSITION_HEADER);
        response.setHeader(POSITION_HEADER, position);
      }
      const fails = api.failing > 0;
      api.failing -= Number(fails);
      setTimeout(() => {
        if (fails) return void response.writeHead(503).end('{}');
        response.setHeader('content-type', 'application/json').end(JSON.stringify([{ result: { data: count } }]));
      }, api.delay());
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    return api;
  }

  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  async change(): Promise<void> {
    this.count += 1;
    await this.site.publish();
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

describe('a page of the browser itself, its API at another origin', () => {
  let site: Site;
  let api: Api;
  let tab: Tab;

  async function open(replace: readonly (readonly [RegExp, string])[] = []): Promise<void> {
    site = await Site.start({ scripts: { '/client.js': await bundle(PAGE, { replace }) } });
    api = await Api.start(site);
    tab = await chromium.open(`${site.url}/`, { script: `globalThis.API = '${api.url}';` });
    await tab.until('globalThis.current?.() && shown() === 0');
  }
  afterEach(async () => {
    await tab?.close();
    api?.close();
    await site?.close();
  });
  const settled = (): Promise<unknown> => tab.until('current()');

  test('what is read before a change is read again; with the fence off it stays', async () => {
    await open();
    let answered = (): void => undefined;
    for (const [replace, stays] of [[[], false], [FENCE_OFF, true]] as const) {
      if (stays) {
        await tab.close();
        api.close();
        await site.close();
        await open(replace);
      }
      // Read, and on its way while the change is heard of.
      api.delay = () => 400;
      answered = () => (api.delay = () => 0);
      await tab.evaluate('ask(true)');
      await new Promise((resolve) => setTimeout(resolve, 100));
      answered();
      await api.change();
      await tab.until('shown() === 1 || (current() && shown() === 0)');
      await settled();
      expect(await tab.evaluate('shown()')).toBe(stays ? 0 : 1);
    }
  });

  test('30 random walks of fetches, aborts, failures, hidden pages and lost networks leave nothing stale', async () => {
    await open();
    const random = makeRandom(Number(ONE ?? 11));
    const steps: (() => Promise<unknown>)[] = [
      () => api.change(),
      () => api.change(),
      () => tab.evaluate(`ask(${random.chance(0.5)})`),
      () => tab.evaluate('mark()'),
      async () => (api.failing = random.below(2)),
      async () => (api.hasHeader = random.chance(0.7)),
      () => tab.send('Emulation.setFocusEmulationEnabled', { enabled: random.chance(0.5) }),
      async () => {
        await tab.send('Network.enable');
        const network = (offline: boolean): Promise<unknown> => tab.send('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
        await network(true);
        await api.change();
        await network(false);
      },
    ];
    for (let walk = 0; walk < (ONE ? 1 : 30); walk += 1) {
      api.delay = () => random.below(60);
      for (let nth = 0; nth < 6; nth += 1) await random.pick(steps)();
      [api.failing, api.delay] = [0, () => 0];
      await waitFor(async () => (await tab.evaluate('current()')) && (await tab.evaluate('shown()')) === api.count, `PATHCAST_SEED=${random.seed}, walk ${walk}: the page to show ${api.count}`, 60_000);
    }
    expect(await tab.evaluate('managers()')).toEqual([true, true]);
  });
});

/** `reportStatus(client, { binding })`: what a page tells of its cache, by a real QueryClient; and the same through a real server. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { notifyManager, QueryClient, QueryObserver } from '@tanstack/query-core';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { createSyncClient, type SyncClient } from '../../lib/client/index.js';
import { APPLIED_MS, createClientReports, createHub, REPORT_BYTES, type ClientReport } from '../../lib/index.js';
import { reportStatus } from '../../lib/report/index.js';
import { bindQueryClient, fenceLink } from '../../lib/tanstack/index.js';
import { nodeBrowser } from '../client/support/node-browser.js';
import { waitFor } from '../support/wait.js';
import { Page } from './support/page.js';

describe('what is told', () => {
  beforeAll(() => notifyManager.setScheduler(queueMicrotask));
  let page: Page;
  let sent: ClientReport[];
  let taken: boolean;
  let end: () => void;
  beforeEach(() => {
    page = new Page();
    [sent, taken] = [[], true];
  });
  afterEach(() => {
    end();
    page.end();
    expect(page.reports).toEqual([]);
  });

  async function reporting(...paths: string[]): Promise<void> {
    for (const path of paths) page.mount(path);
    await page.live();
    const client: SyncClient = page.client();
    end = reportStatus(client, {
      url: '/sync/report',
      binding: page.binding,
      send: (report) => {
        sent.push(report);
        return taken;
      },
    });
  }

  const caches = () => sent.map((report) => report.caches);
  const quiet = { refetches: 0, failed: 0, avoided: { coalesced: 0, where: 0, position: 0 }, applied: new Array(13).fill(0), appliedMs: 0 };

  test('paths once, then what happened, every 10 s at most; a quiet page tells nothing', async () => {
    await reporting('guests.getAll', 'budget.total');
    await page.pass(60_000);
    expect(caches()).toEqual([{ ...quiet, paths: ['guests.getAll', 'budget.total'] }]);
    sent = [];
    page.hear(['guests.getAll']);
    page.hear(['guests.getAll']);
    await page.pass(300);
    page.calls[0]!.fail();
    await page.pass(1_500);
    await page.answerAll({}, page.status.cursor);
    await page.pass(60_000);
    const applied = new Array(13).fill(0);
    applied[APPLIED_MS.indexOf(2_000)] = 2;
    expect(caches()).toEqual([
      { paths: [], refetches: 2, failed: 1, avoided: { coalesced: 1, where: 0, position: 0 }, applied, appliedMs: expect.any(Number) },
    ]);
    expect(sent[0]!.caches!.appliedMs).toBeGreaterThan(2_000);
    expect(sent[0]!.from).toMatch(/^\w+$/);
  });

  test('a page that follows tells of its cache, and not of the stream', async () => {
    page.status = { ...page.status, leader: false };
    await reporting('guests.getAll');
    page.tell({ state: 'connecting', reason: 'cut' });
    page.tell({ state: 'live', reason: 'open' });
    await page.pass(20_000);
    expect(sent).toMatchObject([{ elections: 0, handOvers: 0, reconnects: {}, caches: { paths: ['guests.getAll'] } }]);
  });

  test('what was spared by a fetch that was on its way is told as spared by its position', async () => {
    await reporting('guests.getAll');
    void page.queries.refetchQueries();
    await page.pass(0);
    page.hear(['guests.getAll']);
    await page.answerAll({}, page.status.cursor);
    await page.pass(20_000);
    expect(caches()).toMatchObject([{ refetches: 0, avoided: { position: 1 }, applied: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] }]);
  });

  test('more paths than a report holds follow in the next ones, each once, whatever they are made of; no report is longer than the server takes', async () => {
    const paths = Array.from({ length: 150 }, (_, nth) => `${'größe "\\'.repeat(1 + (nth % 4))}${nth}.getAll`);
    await reporting(...paths, `${'x'.repeat(300)}.getAll`);
    await page.pass(200_000);
    expect(sent.length).toBeGreaterThan(2);
    const server = createClientReports();
    sent.forEach((report, nth) => expect(server.take({ companyId: 'acme', userId: `u${nth}` }, JSON.stringify(report))).toBe(204));
    expect(Math.max(...sent.map((report) => Buffer.byteLength(JSON.stringify(report))))).toBeLessThan(REPORT_BYTES);
    expect(sent.flatMap((report) => report.caches!.paths).sort()).toEqual([...paths].sort());
  });

  test('a report that is not taken is told with the next one, its paths too', async () => {
    await reporting('guests.getAll');
    taken = false;
    page.hear(['guests.getAll']);
    await page.pass(300);
    await page.answerAll({}, page.status.cursor);
    await page.pass(10_000);
    taken = true;
    page.hear(['guests.getAll']);
    await page.pass(300);
    await page.answerAll({}, page.status.cursor);
    await page.pass(60_000);
    expect(sent).toHaveLength(2);
    expect(sent[1]!.caches).toMatchObject({ paths: ['guests.getAll'], refetches: 2 });
    expect(sent[1]!.caches!.applied.reduce((sum, count) => sum + count)).toBe(2);
    await page.pass(600_000);
    expect(sent).toHaveLength(2);
  });

  test('an end is one; what is no binding is an error', async () => {
    await reporting('guests.getAll');
    end();
    page.hear(['guests.getAll']);
    await page.pass(60_000);
    expect(sent).toEqual([]);
    expect(() => reportStatus(page.client(), { url: '/r', binding: {} as never })).toThrow('binding must be what bindQueryClient() gave');
  });
});

test('through a server: the queries of two pages are in the use of the paths, and their times in the company’s histogram', async () => {
  const t = initTRPC.create();
  const router = t.router({ guests: t.router({ getAll: t.procedure.query(() => ['ada']), nobodyAsks: t.procedure.query(() => []) }) });
  const hub = createHub({ engine: 'js', retryMs: 50, heartbeatMs: 1_000 });
  await hub.bindRouter(router);
  const reports = createClientReports({ hub });
  const stream = hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) });
  const trpc = createHTTPHandler({ router, basePath: '/trpc/' });
  const statuses: number[] = [];
  const report = async (request: IncomingMessage): Promise<number> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    return reports.take({ companyId: 'acme', userId: 'ann' }, body);
  };
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/sync/report')) {
      void report(request).then((status) => {
        statuses.push(status);
        response.writeHead(status).end();
      });
    } else if (request.url?.startsWith('/sync')) stream(request, response);
    else trpc(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ends: (() => void)[] = [];
  try {
    for (let nth = 0; nth < 2; nth += 1) {
      const page = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
      const client = createTRPCClient<typeof router>({ links: [fenceLink(page), httpBatchLink({ url: `${url}/trpc` })] });
      const sync = createSyncClient({ url: `${url}/sync`, companyId: 'acme', userId: 'ann', environment: nodeBrowser(), shared: false });
      const binding = bindQueryClient(page, sync);
      const observer = new QueryObserver(page, { queryKey: [['guests', 'getAll'], { type: 'query' }], queryFn: () => client.guests.getAll.query() });
      ends.push(observer.subscribe(() => undefined), reportStatus(sync, { url: `${url}/sync/report`, binding }), () => binding.close(), () => sync.close({ forget: true }), () => page.clear());
      await waitFor(() => binding.status.state === 'current', 'the page to be current');
    }
    await hub.broadcast({ type: 'update', module: 'guests', entityId: '1', companyId: 'acme', userId: 'bob', queryPaths: ['guests'] });
    await waitFor(() => statuses.length >= 2, 'two reports', 30_000);
    expect(statuses).toEqual([204, 204]);
    expect(hub.pathUsage()).toEqual([
      { path: 'guests.getAll', published: 1, cached: true },
      { path: 'guests.nobodyAsks', published: 1, cached: false },
    ]);
    await hub.broadcast({ type: 'update', module: 'guests', entityId: '2', companyId: 'acme', userId: 'bob', queryPaths: ['guests'] });
    expect(hub.metrics().neverCached).toBe(1);
    const [own, ...others] = reports.companies();
    expect(others).toEqual([]);
    expect(own).toMatchObject({ companyId: 'acme', refetches: 2, failed: 0 });
    expect(own!.applied.counts.reduce((sum, count) => sum + count)).toBe(2);
    // They wait 50 ms, and what is announced is on the page soon.
    expect(own!.applied.sumMs).toBeGreaterThanOrEqual(50);
    expect(own!.applied.sumMs).toBeLessThan(20_000);
  } finally {
    for (const end of ends.reverse()) end();
    await hub.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}, 60_000);

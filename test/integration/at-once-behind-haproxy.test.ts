/**
 * What broke: HAProxy with Debian's defaults held each event back for 200 ms, once the stream went out in HTTP chunks. The body
 * ends with the connection now, and HAProxy passes it on at once. That held for what the hub writes; what is yielded to tRPC (`handOver:
 * false`, a transformer that only tRPC can write) went out in chunks, and waited.
 */
import { createServer } from 'node:http';
import fastify from 'fastify';
import { createHub, type Hub, type RequestLike, type ResponseLike } from '../../lib/index.js';
import { ENGINES } from '../support/engines.js';
import { flatTransformer } from '../support/flat-transformer.js';
import { startHaproxy, type Proxy } from '../support/haproxy.js';
import { listen } from '../support/listen.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { appRouter, FRAMEWORKS, startTrpc } from '../support/trpc-servers.js';

const EVENTS = 9;
/** Under what HAProxy holds, and far over what an event takes through it. */
const BOUND_MS = 150;

const USER = encodeURIComponent(JSON.stringify({ token: 'acme/ann' }));

describe.each(ENGINES)('a stock HAProxy before the %s engine', (engine) => {
  let hub: Hub;
  let stop: () => unknown;
  let proxy: Proxy;

  beforeEach(() => {
    hub = createHub({ engine, heartbeatMs: 3_600_000 });
  });

  afterEach(async () => {
    await proxy.stop();
    await hub.close();
    await stop();
  });

  /**
   * How much later than at a page that asks the server itself an event is at one behind HAProxy: the median. What the hub, and this process on a busy
   * machine, take is in both, and is not HAProxy's.
   */
  async function heldMs(port: number, path: string): Promise<number> {
    const open = async (at: number): Promise<RawHttp> => {
      const page = await RawHttp.open(at, GET(path, { Accept: 'text/event-stream' }));
      await page.until('"hello"');
      return page;
    };
    const pages = [await open(port), await open(proxy.port)];
    const held: number[] = [];
    for (let nth = 0; nth < EVENTS; nth++) {
      await hub.broadcast({ type: 'update', module: 'guests', entityId: `g${nth}`, companyId: 'acme', userId: 'bob', queryPaths: ['guests.getAll'] });
      const [direct = 0, behind = 0] = await Promise.all(pages.map(async (page) => page.until(`"g${nth}"`).then(() => performance.now())));
      held.push(behind - direct);
    }
    for (const page of pages) page.socket.destroy();
    return held.sort((a, b) => a - b)[EVENTS >> 1] as number;
  }

  test.each(FRAMEWORKS)('passes each event of a tRPC stream on at once: %s', async (framework) => {
    const server = await startTrpc(framework, appRouter(hub));
    stop = () => server.close();
    proxy = await startHaproxy(server.port);
    expect(await heldMs(server.port, `/trpc/sync.onSync?connectionParams=${USER}`)).toBeLessThan(BOUND_MS);
  });

  test.each([
    ['a transformer that only tRPC can write', { transformer: flatTransformer }],
    ['handOver: false', { handOver: false }],
  ])('passes each event that is yielded on at once: %s', async (_why, options) => {
    await hub.close();
    hub = createHub({ engine, heartbeatMs: 3_600_000, transformer: 'transformer' in options ? flatTransformer : undefined });
    const server = await startTrpc('standalone', appRouter(hub, options));
    stop = () => server.close();
    proxy = await startHaproxy(server.port);
    expect(await heldMs(server.port, `/trpc/sync.onSync?connectionParams=${USER}`)).toBeLessThan(BOUND_MS);
    expect(hub.metrics().socketsTaken).toBe(0);
  });

  test.each(['node', 'fastify'])('passes each event of a plain stream on at once: %s', async (kind) => {
    let port: number;
    const serve = (req: RequestLike, res: ResponseLike): void => void hub.serve({ req, res, companyId: 'acme', userId: 'ann' });
    if (kind === 'fastify') {
      const app = fastify();
      app.get('/sync', (request, reply) => serve(request, reply));
      port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
      stop = () => app.close();
    } else {
      const server = createServer(serve);
      port = await listen(server);
      stop = () => new Promise((resolve) => server.close(resolve));
    }
    proxy = await startHaproxy(port);
    expect(await heldMs(port, '/sync')).toBeLessThan(BOUND_MS);
  });
});

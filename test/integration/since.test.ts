/**
 * `since`: what a page's data already contains when the page opens its stream. Each way in takes it, a cursor or a time,
 * after every other position; a bad one is the client's mistake.
 */
import { createServer } from 'node:http';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { initTRPC } from '@trpc/server';
import fastify, { type FastifyInstance } from 'fastify';
import { createHub, type Hub } from '../../lib/index.js';
import { pathcastPlugin } from '../../lib/fastify/index.js';
import { syncInput, syncSubscription } from '../../lib/trpc/index.js';
import { webHandler } from '../../lib/web/index.js';
import { ENGINES } from '../support/engines.js';
import { closeServers, listen } from '../support/listen.js';
import { GET, RawHttp } from '../support/raw-http.js';

const ann = () => ({ companyId: 'acme', userId: 'ann' });
const change = (id: string) =>
  ({
    id,
    type: 'update',
    module: 'guests',
    entityId: 'g1',
    ...ann(),
    queryPaths: ['guests.getAll'],
  }) as const;

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  const apps: FastifyInstance[] = [];
  const clients: RawHttp[] = [];
  beforeEach(() => {
    hub = createHub({ engine });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    await Promise.all(apps.splice(0).map((app) => app.close()));
    closeServers();
    await hub.close();
  });
  const get = async (port: number, path: string, headers = {}): Promise<RawHttp> => {
    const client = await RawHttp.open(port, GET(path, headers));
    clients.push(client);
    return client;
  };
  const ways: Record<string, () => Promise<{ port: number; path: (since: string | number) => string }>> = {
    node: async () => {
      const handle = hub.handler({ identify: ann });
      return {
        port: await listen(createServer((req, res) => handle(req, res))),
        path: (since) => `/?since=${since}`,
      };
    },
    fastify: async () => {
      const app = fastify();
      apps.push(app);
      await app.register(pathcastPlugin, {
        hub,
        identify: ann,
        closeHub: false,
      });
      const url = await app.listen({ port: 0, host: '127.0.0.1' });
      return {
        port: Number(new URL(url).port),
        path: (since) => `/sync/stream?since=${since}`,
      };
    },
    trpc: async () => {
      const t = initTRPC.context<{ req: never; res: never }>().create();
      const router = t.router({
        onSync: t.procedure.input(syncInput).subscription(
          syncSubscription({
            hub,
            stream: ({ ctx }) => ({ ...ann(), req: ctx.req, res: ctx.res }),
          }),
        ),
      });
      const handler = createHTTPHandler({
        router,
        createContext: ({ req, res }) => ({ req, res }) as never,
      });
      return {
        port: await listen(createServer(handler)),
        path: (since) => `/onSync?input=${encodeURIComponent(JSON.stringify({ since }))}`,
      };
    },
  };

  test.each(Object.keys(ways))('%s: by cursor, by time, after any other position, and a bad one', async (name) => {
    const { port, path } = await (ways[name] as (typeof ways)[string])();
    await hub.broadcast(change('one'));
    await hub.broadcast(change('two'));
    const { epoch } = await hub.readLog('acme');

    const byCursor = await get(port, path(`${epoch}.1`));
    expect(await byCursor.until('"two"')).toMatch(/"recovered":true,"reason":"resumed"/);
    expect(byCursor.text).not.toContain('"id":"one"');

    const byTime = await get(port, path(Date.now() - 60_000));
    expect(await byTime.until('resync')).toMatch(/"reason":"epoch_changed"/);

    const header = await get(port, path(`${epoch}.0`), {
      'last-event-id': `${epoch}.1`,
    });
    await header.until('"two"');
    expect(header.text).not.toContain('"id":"one"');

    const bad = await get(port, path('yesterday'));
    expect(await bad.until('since must be a cursor')).toMatch(/yesterday/);
    // tRPC answers a subscription with 200 and says BAD_REQUEST inside; any code but -32603 is final.
    expect(bad.text).toMatch(name === 'trpc' ? /BAD_REQUEST/ : /^HTTP\/1\.1 400 /);
  });

  test('web: a cursor, and a bad one', async () => {
    const handle = webHandler({ hub, identify: ann });
    await hub.broadcast(change('one'));
    const { epoch } = await hub.readLog('acme');
    const response = await handle(new Request(`http://x/?since=${epoch}.0`));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    while (!text.includes('"one"')) text += new TextDecoder().decode((await reader.read()).value);
    expect(text).toContain('"reason":"resumed"');
    await reader.cancel();
    const bad = await handle(new Request('http://x/?since=a.b'));
    expect([bad.status, await bad.json()]).toEqual([
      400,
      {
        error: {
          code: 'INVALID_FIELD',
          message: expect.stringContaining('?since must be a cursor') as string,
        },
      },
    ]);
  });
});

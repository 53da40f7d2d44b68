/** `pathcast/fastify`: the route, the decorator, the hooks, and what is left when the server closes. */
import fastify, { type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { configure, createHub, defaultHub, type Hub } from '../../lib/index.js';
import { pathcastPlugin, type PathcastPluginOptions } from '../../lib/fastify/index.js';
import { ann, change } from '../support/actions.js';
import { ENGINES } from '../support/engines.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { waitFor } from '../support/wait.js';

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  const apps: FastifyInstance[] = [];

  async function start(
    options: PathcastPluginOptions & { prefix?: string } = {},
    prepare?: (app: FastifyInstance) => void,
  ): Promise<{ app: FastifyInstance; port: number; logged: string[] }> {
    const logged: string[] = [];
    const app = fastify({
      logger: {
        level: 'warn',
        stream: { write: (line: string) => void logged.push(line) },
      },
    });
    apps.push(app);
    prepare?.(app);
    await app.register(pathcastPlugin, { hub, identify: ann, ...options });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    return { app, port: Number(new URL(url).port), logged };
  }

  beforeEach(() => {
    hub = createHub({ engine, retryMs: 20 });
  });
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await hub.close();
  });

  test("Fastify's handlerTimeout is for answers that do not come: a stream outlives it", async () => {
    const app = fastify({ handlerTimeout: 1_000 });
    apps.push(app);
    app.get('/slow', () => new Promise<never>(() => undefined));
    await app.register(pathcastPlugin, { hub, identify: ann });
    const port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
    const stream = await RawHttp.open(port, GET('/sync/stream'));
    await stream.until('hello');
    // Asked later, so its time is up later.
    await (await RawHttp.open(port, GET('/slow', { Connection: 'close' }))).until('503');
    await hub.broadcast({ ...change, id: 'after' });
    await stream.until('"after"');
    expect(hub.metrics().connections).toBe(1);
    stream.socket.destroy();
  });

  test('decorates the app, keeps the headers of the reply, streams, and warns of nothing', async () => {
    const { app, port, logged } = await start({}, (instance) => {
      instance.addHook('onRequest', async (_request, reply) => {
        reply.header('access-control-allow-origin', 'https://app').header('set-cookie', ['a=1', 'b=2']);
      });
    });
    expect(app.pathcast).toBe(hub);
    const client = await RawHttp.open(port, GET('/sync/stream'));
    const head = await client.until('hello');
    expect(head).toMatch(
      /^HTTP\/1.1 200 OK\r\n[^]*access-control-allow-origin: https:\/\/app\r\n[^]*set-cookie: a=1\r\n[^]*set-cookie: b=2\r\n/i,
    );
    expect(hub.metrics().socketsTaken).toBe(engine === 'native' ? 1 : 0);
    await app.pathcast.broadcast({ ...change, id: 'seen' });
    await client.until('"seen"');
    client.socket.destroy();
    await waitFor(() => hub.metrics().connections === 0, 'the connection to be gone');
    expect(logged).toEqual([]);
  });

  test('close() ends each stream with a word, and not the hub that it was given', async () => {
    const { app, port } = await start();
    const clients = await Promise.all([1, 2, 3].map(() => RawHttp.open(port, GET('/sync/stream'))));
    for (const client of clients) await client.until('hello');
    await app.close();
    for (const client of clients)
      expect(await client.untilClosed()).toMatch(
        /event: server_close\nid: .*\ndata: {"type":"server_close","timestamp":\d+,"queryPaths":\[\],"reason":"drain","retryMs":\d+}\n\n/,
      );
    expect(hub.closed).toBe(false);
    expect(await hub.broadcast(change)).toMatchObject({ ok: true });
    // Another server of the same hub goes on: its clients are admitted.
    const { port: other } = await start();
    await (await RawHttp.open(other, GET('/sync/stream'))).until('hello');
  });

  test("close() leaves alone what came through another server, and who comes there", async () => {
    const [one, two] = [await start({ drainMs: 100 }), await start()];
    const plain = createServer(hub.handler({ identify: ann })).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const [ended, ...staying] = [
      await RawHttp.open(one.port, GET('/sync/stream')),
      await RawHttp.open(two.port, GET('/sync/stream')),
      await RawHttp.open((plain.address() as AddressInfo).port, GET('/')),
    ];
    for (const client of [ended, ...staying]) await client.until('hello');
    await one.app.close();
    expect(await ended.untilClosed()).toMatch(/"reason":"drain"/);
    await hub.broadcast(change);
    for (const client of staying) expect(await client.until('"type":"update"')).not.toMatch(/server_close/);
    expect(hub.metrics()).toMatchObject({ connections: 2, closes: { drain: 1 } });
    for (const client of staying) client.socket.destroy();
    plain.close();
    plain.closeAllConnections();
  });

  test('drainMs spreads the ends of a hub that goes on', async () => {
    const { app, port } = await start({ drainMs: 1_500 });
    const clients = await Promise.all([1, 2, 3].map(() => RawHttp.open(port, GET('/sync/stream'))));
    for (const client of clients) await client.until('hello');
    const begun = performance.now();
    const closing = app.close();
    // One at once, one after 500 ms, one after 1,000: a look may come late.
    await waitFor(() => (hub.metrics().closes['drain'] ?? 0) >= 1, 'the first end');
    expect(hub.metrics().connections).toBeGreaterThan(0);
    await closing;
    expect(performance.now() - begun).toBeGreaterThanOrEqual(750);
    expect([hub.metrics().closes['drain'], hub.closed]).toEqual([3, false]);
    for (const client of clients) expect(await client.untilClosed()).toMatch(/"reason":"drain"/);
  });

  test('closeHub: the hub ends with the server', async () => {
    const { app } = await start({ closeHub: true });
    await app.close();
    expect(hub.closed).toBe(true);
    expect(await hub.broadcast(change)).toMatchObject({
      ok: false,
      code: 'HUB_CLOSED',
    });
  });

  test('prefix comes before the route, whether the app or a plugin of it has one', async () => {
    const { app } = await start({ prefix: '/api/' });
    const status = async (url: string): Promise<number> => (await app.inject({ method: 'HEAD', url })).statusCode;
    expect([await status('/api/sync/stream'), await status('/sync/stream')]).toEqual([200, 404]);
    const { app: nested } = await start({ path: false, identify: undefined }, (outer) => {
      outer.register(
        async (inner) =>
          void (await inner.register(pathcastPlugin, {
            hub,
            identify: ann,
            path: '/live',
          })),
        {
          prefix: '/v1',
        },
      );
    });
    expect((await nested.inject({ method: 'HEAD', url: '/v1/live' })).statusCode).toBe(200);
  });

  test.each<[object, string]>([
    [
      { drainMS: 5_000 },
      'pathcastPlugin has no option "drainMS"; it has: hub, path, identify, drainMs, closeHub, prefix',
    ],
    [{ drainMs: -1 }, 'drainMs must be a number from 0 to 3600000, got -1'],
    [{ path: 'live' }, `path must be a string that begins with '/', or false, got "live"`],
    [{ path: true }, 'path must be a string'],
    [{ identify: 'ann' }, 'identify must be a function (request) => identity, got "ann"'],
    [{ closeHub: 'yes' }, 'closeHub must be true or false, got "yes"'],
    [{ hub: {} }, 'hub must be a hub of createHub(), got an object'],
    [{ identify: undefined }, 'identify'],
  ])('a wrong option is an error at start: %j', async (options, message) => {
    await expect(start(options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message) as string,
    });
  });

  test("a client's mistake is 400, a closed hub 503, and neither is an error in the log", async () => {
    const { port, logged } = await start();
    const status = async (query: string): Promise<string> =>
      (await (await RawHttp.open(port, GET(`/sync/stream${query}`, { connection: 'close' }))).untilClosed()).slice(
        9,
        12,
      );
    const long = 'x'.repeat(300);
    const bad = [
      '?queryPaths=a..b',
      `?clientId=${long}`,
      `?clientInstanceId=${long}`,
      '?since=x',
      `?modules=${'m,'.repeat(300)}`,
    ];
    for (const query of bad) expect([query, await status(query)]).toEqual([query, '400']);
    await hub.close();
    expect(await status('')).toBe('503');
    expect(logged).toEqual([]);
  });

  test("what nobody hears is in Fastify's log; a listener of the app's own is left alone", async () => {
    const { logged } = await start();
    await hub.broadcast({ ...change, companyId: null as never });
    await hub.broadcast({ ...change, userId: undefined });
    expect(logged.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({
        level: 50,
        during: 'broadcast',
        code: 'INVALID_COMPANY_ID',
      }),
      expect.objectContaining({
        level: 40,
        field: 'userId',
        companyId: 'acme',
      }),
    ]);
    hub.on('error', () => undefined);
    await hub.broadcast({ ...change, companyId: null as never });
    expect(logged).toHaveLength(2);
  });

  test('nobody: 401; what identify throws goes to the error handler of the app', async () => {
    let mode = 'null';
    const { port } = await start(
      {
        identify: () => {
          if (mode === 'null') return null;
          throw Object.assign(new Error('wrong company'), { statusCode: 403 });
        },
      },
      (app) => {
        app.setErrorHandler(async (error: { statusCode?: number; message: string }, _request, reply) =>
          reply.code(error.statusCode ?? 500).send({ own: error.message }),
        );
      },
    );
    expect(await (await RawHttp.open(port, GET('/sync/stream', { connection: 'close' }))).untilClosed()).toMatch(
      /^HTTP\/1.1 401 [^]*UNAUTHORIZED/,
    );
    mode = 'throw';
    expect(await (await RawHttp.open(port, GET('/sync/stream', { connection: 'close' }))).untilClosed()).toMatch(
      /^HTTP\/1.1 403 [^]*{"own":"wrong company"}/,
    );
  });

  test('HEAD gives the head, and opens nothing', async () => {
    const { port } = await start({ path: '/live' });
    const text = await (
      await RawHttp.open(port, 'HEAD /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    ).untilClosed();
    expect(text).toMatch(/^HTTP\/1.1 200 [^]*content-type: text\/event-stream[^]*\r\n\r\n$/i);
    expect(hub.metrics().opened).toBe(0);
  });

  test('inject() gets the same events through JavaScript', async () => {
    const { app } = await start();
    const response = await app.inject({
      url: '/sync/stream?modules=guests',
      payloadAsStream: true,
    });
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/event-stream');
    let text = '';
    const stream = response.stream().setEncoding('utf8');
    stream.on('data', (chunk: string) => (text += chunk));
    await waitFor(() => text.includes('hello'), 'hello');
    await hub.broadcast({ ...change, id: 'seen' });
    await waitFor(() => text.includes('"seen"'), 'the action');
    const ended = once(stream, 'end');
    await hub.drain({ overMs: 0 });
    await ended;
    expect(text).toMatch(/"reason":"drain"/);
  });

  test('a route needs identify; none needs nothing', async () => {
    const bare = fastify();
    apps.push(bare);
    await expect(async () => bare.register(pathcastPlugin, { hub })).rejects.toThrow(/identify/);
    const { app } = await start({ path: false, identify: undefined as never });
    expect((await app.inject('/sync/stream')).statusCode).toBe(404);
  });
});

test('without a hub it is the default one; the next app of the process gets a new one', async () => {
  configure({ engine: 'js' });
  const first = fastify();
  await first.register(pathcastPlugin, { identify: ann });
  await first.ready();
  expect(first.pathcast).toBe(defaultHub());
  await first.close();
  expect(defaultHub().closed).toBe(true);

  const second = fastify();
  await second.register(pathcastPlugin, { path: false });
  await second.ready();
  expect(second.pathcast.closed).toBe(false);
  expect(second.pathcast).toBe(defaultHub());
  await second.close();
});

test('the default hub is closed by the last server that uses it', async () => {
  configure({ engine: 'js' });
  const [first, second] = [fastify(), fastify()];
  for (const app of [first, second]) await app.register(pathcastPlugin, { identify: ann });
  const hub = defaultHub();
  expect([first.pathcast, second.pathcast]).toEqual([hub, hub]);
  await first.close();
  expect(hub.closed).toBe(false);
  expect((await second.inject({ method: 'HEAD', url: '/sync/stream' })).statusCode).toBe(200);
  await second.close();
  expect(hub.closed).toBe(true);
});

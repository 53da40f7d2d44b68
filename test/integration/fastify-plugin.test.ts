/** `pathcast/fastify`: the route, the decorator, the hooks, and what is left when the server closes. */
import fastify, { type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { configure, createHub, defaultHub, type Hub } from '../../lib/index.js';
import { pathcastPlugin, type PathcastPluginOptions } from '../../lib/fastify/index.js';
import { ENGINES } from '../support/engines.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { waitFor } from '../support/wait.js';

const ann = () => ({ companyId: 'acme', userId: 'ann' });
const change = {
  type: 'update',
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'w',
  queryPaths: ['guests.getAll'],
} as const;

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  const apps: FastifyInstance[] = [];

  async function start(
    options: PathcastPluginOptions = {},
    prepare?: (app: FastifyInstance) => void,
  ): Promise<{ app: FastifyInstance; port: number; logged: string[] }> {
    const logged: string[] = [];
    const app = fastify({ logger: { level: 'warn', stream: { write: (line: string) => void logged.push(line) } } });
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

  test('close() ends each stream with a word, and the hub with it', async () => {
    const { app, port } = await start();
    const clients = await Promise.all([1, 2, 3].map(() => RawHttp.open(port, GET('/sync/stream'))));
    for (const client of clients) await client.until('hello');
    await app.close();
    for (const client of clients)
      expect(await client.untilClosed()).toMatch(
        /event: server_close\nid: .*\ndata: {"reason":"drain","retryMs":\d+}\n\n/,
      );
    expect(hub.closed).toBe(true);
    expect(await hub.broadcast(change)).toMatchObject({ ok: false, code: 'HUB_CLOSED' });
  });

  test('a hub that outlives the server', async () => {
    const { app } = await start({ closeHub: false });
    await app.close();
    expect(hub.closed).toBe(false);
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
    const response = await app.inject({ url: '/sync/stream?modules=guests', payloadAsStream: true });
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

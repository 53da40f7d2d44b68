/** What must not be lost when a socket is taken from Node, or cannot be: bytes under way, the stream itself, its quiet. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { createHub, type Hub, type HubFailure } from '../../lib/index.js';
import { createNativeEngine } from '../../lib/native/index.js';
import { DEFAULTS } from '../support/engine-options.js';
import { ENGINES } from '../support/engines.js';
import { closeServers, listen } from '../support/listen.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { waitFor } from '../support/wait.js';

const change = { type: 'update', module: 'guests', entityId: 'g1', companyId: 'acme', userId: 'u', queryPaths: ['guests.getAll'] } as const;
let hub: Hub;
let server: Server;
const clients: RawHttp[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const client of clients.splice(0)) client.socket.destroy();
  await hub.close();
  closeServers();
});

function serve(handler: RequestListener): Promise<number> {
  server = createServer(handler);
  return listen(server);
}
async function open(port: number, path = '/'): Promise<RawHttp> {
  const client = await RawHttp.open(port);
  clients.push(client);
  client.send(GET(path));
  return client;
}

describe.each(ENGINES)('%s engine', (engine) => {
  test('bytes that still wait on the socket come before the stream, every one of them', async () => {
    hub = createHub({ engine });
    const early = 8 << 20;
    let asked = false;
    const port = await serve((req, res) => {
      // As an app that writes to the socket itself does: early hints, an answer to an upgrade.
      req.socket.write('x'.repeat(early));
      expect(req.socket.writableLength).toBeGreaterThan(0);
      hub.serve({ req, res, companyId: 'acme', userId: 'ann' });
      asked = true;
    });
    const client = await RawHttp.open(port);
    clients.push(client);
    client.socket.pause();
    client.send(GET('/'));
    await waitFor(() => asked, 'the request');
    client.socket.resume();
    const text = await client.until('"type":"hello"');
    expect(text.indexOf('HTTP/1.1 200')).toBe(early);
    await hub.broadcast({ ...change, entityId: 'after' });
    await client.until('"entityId":"after"');
  });

  test('a quiet stream is no idle request: Node’s timeout does not end it', async () => {
    hub = createHub({ engine });
    const port = await serve((req, res) => {
      if (req.url === '/stream') hub.serve({ req, res, companyId: 'acme', userId: 'ann' });
      // Else nobody answers, and the timeout ends it.
    });
    server.timeout = 1_000;
    const stream = await open(port, '/stream');
    await stream.until('"type":"hello"');
    // Two that are opened one after the other and die of the timeout outlast it twice.
    for (let i = 0; i < 2; i++) await (await open(port, '/silent')).untilClosed();
    expect(stream.closed).toBe(false);
    await hub.broadcast({ ...change, entityId: 'after' });
    await stream.until('"entityId":"after"');
  });
});

test('a header leaves with a byte a character, as Node writes a head', async () => {
  hub = createHub({ engine: 'native' });
  const port = await serve((req, res) => {
    res.setHeader('x-city', 'Orl\u00e9ans');
    hub.serve({ req, res, companyId: 'acme', userId: 'ann' });
  });
  const client = connect(port, '127.0.0.1').setEncoding('latin1');
  let head = '';
  client.on('data', (text: string) => (head += text));
  client.write(GET('/'));
  await waitFor(() => head.includes('"type":"hello"'), 'the hello');
  client.destroy();
  expect(head).toContain('x-city: Orl\u00e9ans\r\n');
});

test('where the engine cannot take the socket, for want of a descriptor, the stream goes by way of JavaScript and it is told', async () => {
  hub = createHub({ engine: 'native' });
  const failures: HubFailure[] = [];
  hub.on('error', (failure) => void failures.push(failure));
  const engine = createNativeEngine(DEFAULTS, () => undefined);
  await engine.close();
  const shared = Object.getPrototypeOf(engine) as { openSocket: () => string };
  jest.spyOn(shared, 'openSocket').mockImplementationOnce(() => {
    throw Object.assign(new Error('cannot take the socket: Too many open files'), { errno: 24 });
  });
  const port = await serve((req, res) => void hub.serve({ req, res, companyId: 'acme', userId: 'ann' }));
  const client = await open(port);
  await client.until('"type":"hello"');
  expect(failures.map(({ error }) => String(error.cause ?? error))).toEqual([expect.stringContaining('Too many open files')]);
  await hub.broadcast({ ...change, entityId: 'after' });
  await client.until('"entityId":"after"');
  expect(hub.metrics()).toMatchObject({ connections: 1, sinkConnections: 1 });
});

/** The probe against real servers: what answers in the place of the app's (SPEC §24, OF2). */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcp, type Server as TcpServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { browserEnvironment } from '../../../lib/client/environment.js';
import { createNetwork } from '../../../lib/offline/network/network.js';
import type { NetworkStatus } from '../../../lib/offline/types.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function listen(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  ends.push(() => Promise.resolve(server.closeAllConnections()));
  return listen(server);
}

/** The network of a page at `base`, with a probe there; a real clock whose waits pass `fast` times as fast. */
function open(base: string, probe = '/healthz', fast = 1) {
  const closers: (() => void)[] = [];
  const network = createNetwork(
    {
      environment: { ...browserEnvironment(), base, random: () => 0.01, setTimeout: (run, ms) => setTimeout(run, ms / fast), clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout), listen: () => () => undefined },
      say: (listener, value) => listener(value),
      onClose: (run) => void closers.push(run),
    },
    probe,
  );
  ends.push(() => {
    for (const close of closers) close();
    return Promise.resolve();
  });
  const until = (right: (status: NetworkStatus) => boolean): Promise<NetworkStatus> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!network.verdict || !right(network.status)) return;
        leave();
        resolve(network.status);
      };
      const leave = network.subscribe(look);
      look();
    });
  return { network, until, verdict: () => until(() => true) };
}

const json = (body: string, status = 200): RequestListener => (_request, response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(body);

it.each([
  ['{"ok":true}', true],
  ['{"ok":true,"engine":"native"}', true],
  ['{"ok":false}', false],
  ['{"ok":"true"}', false],
  ['null', false],
  ['', false],
])('the app answers %j: verified is %j', async (body, verified) => {
  const { verdict } = open(await serve(json(body)));
  const status = await verdict();
  expect(status).toMatchObject({ online: true, verified });
  if (verified) expect(status.latency).toBeGreaterThanOrEqual(0);
});

it.each([503, 500, 404, 401])('status %d with the right words is no proof', async (status) => {
  const { verdict } = open(await serve(json('{"ok":true}', status)));
  expect(await verdict()).toMatchObject({ online: true, verified: false });
});

it('a captive portal that answers everything with its page is no proof', async () => {
  const { verdict } = open(await serve((_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Please pay</body></html>')));
  expect(await verdict()).toMatchObject({ online: true, verified: false });
});

it('a captive portal that leads elsewhere is not followed, though what is there says the right words', async () => {
  let followed = 0;
  const login = await serve((request, response) => {
    followed += 1;
    json('{"ok":true}')(request, response);
  });
  for (const status of [301, 302, 307, 308]) {
    const { verdict } = open(await serve((_request, response) => void response.writeHead(status, { location: `${login}/login` }).end()));
    expect(await verdict()).toMatchObject({ online: true, verified: false });
  }
  expect(followed).toBe(0);
});

it('a server that takes the connection and says nothing is none: after 5 s', async () => {
  const sockets = new Set<Socket>();
  const base = await listen(createTcp((socket) => void sockets.add(socket.on('error', () => undefined))));
  ends.unshift(() => Promise.resolve(sockets.forEach((socket) => socket.destroy())));
  const began = Date.now();
  const { verdict } = open(base);
  expect(await verdict()).toMatchObject({ online: true, verified: false });
  // As long as is promised, and not as long as a socket would wait.
  expect(Date.now() - began).toBeGreaterThan(4_900);
}, 30_000);

it('a body that begins and never ends is none either', async () => {
  const { verdict } = open(await serve((_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"ok":')), '/healthz', 20);
  expect(await verdict()).toMatchObject({ verified: false });
});

it('one that is slow is there, and its latency says so', async () => {
  const { verdict } = open(
    await serve((request, response) => {
      setTimeout(() => json('{"ok":true}')(request, response), 300);
    }),
  );
  const status = await verdict();
  expect(status.verified).toBe(true);
  expect(status.latency).toBeGreaterThanOrEqual(290);
});

it('nobody there, then somebody: found by itself', async () => {
  const base = await serve(json('{"ok":true}'));
  const port = Number(new URL(base).port);
  for (const end of ends.splice(0)) await end();
  const { until } = open(base);
  await until(({ verified }) => !verified);
  const server = createServer(json('{"ok":true}'));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  ends.push(
    () => Promise.resolve(server.closeAllConnections()),
    () => new Promise((resolve) => server.close(resolve)),
  );
  expect(await until(({ verified }) => verified)).toMatchObject({ online: true, verified: true });
}, 30_000);

it('asks the address as it stands: of another origin, and relative to the page', async () => {
  const asked: string[] = [];
  const api = await serve((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.accept}`);
    json('{"ok":true}')(request, response);
  });
  await open('http://page.test/app/', `${api}/v1/health?a=b`).verdict();
  await open(`${api}/app/`, 'health').verdict();
  expect(asked).toEqual(['GET /v1/health?a=b application/json', 'GET /app/health application/json']);
});

/**
 * A tRPC subscription whose stream is handed over: tRPC's head is on the wire (`responseMeta`), tRPC writes nothing after
 * that (its pings, its `return`), and an app's generator around ours ends with the stream. `async function*` was never native.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { createHub, type Hub } from '../../lib/index.js';
import { syncStream } from '../../lib/trpc/index.js';
import { ENGINES } from '../support/engines.js';
import { closeServers, listen } from '../support/listen.js';
import { waitFor, within } from '../support/wait.js';

interface Context {
  req: IncomingMessage;
  res: ServerResponse;
}

describe.each(ENGINES)('A tRPC stream that is handed over (%s)', (engine) => {
  let hub: Hub;
  const seen: string[] = [];
  const errors: string[] = [];
  let port: number;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    hub = createHub({ engine, heartbeatMs: 600_000, limits: { perUser: 0, perCompany: 0 } });
    seen.length = 0;
    errors.length = 0;
    const t = initTRPC.context<Context>().create({ sse: { ping: { enabled: true, intervalMs: 5 }, maxDurationMs: 60 } });
    const who = { hub, companyId: 'acme', userId: 'u' };
    const router = t.router({
      plain: t.procedure.subscription(({ ctx, signal }) => syncStream({ ...who, ...ctx, signal })),
      around: t.procedure.subscription(async function* ({ ctx, signal }) {
        try {
          yield* syncStream({ ...who, ...ctx, signal });
        } finally {
          seen.push('finally');
        }
      }),
      held: t.procedure.subscription(({ ctx, signal }) => {
        signal?.addEventListener('abort', () => seen.push('abort'));
        ctx.res.on('close', () => seen.push('close'));
        return syncStream({ ...who, ...ctx, signal, holdResponse: true });
      }),
    });
    const server = createServer(
      createHTTPHandler({
        router,
        createContext: ({ req, res }) => ({ req, res }),
        responseMeta: () => ({ headers: { 'access-control-allow-origin': 'https://app.example' } }),
        onError: ({ error }) => void errors.push(error.message),
      }),
    );
    port = await listen(server);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await hub.close();
    closeServers();
    expect(errors).toEqual([]);
  });

  async function open(path: string, headers = ''): Promise<{ socket: Socket; text: () => string }> {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
    socket.on('error', () => undefined);
    socket.write(`GET /${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
    await waitFor(() => text.includes('"type":"hello"'), `hello in ${text}`);
    return { socket, text: () => text };
  }
  const change = (id: string) =>
    hub.broadcast({ id, type: 'update', module: 'm', entityId: 'e', companyId: 'acme', userId: 'u', queryPaths: ['m.all'] });

  test.each([
    ['to the end of the connection', '', false],
    ['through Varnish, in chunks', 'X-Varnish: 1\r\n', true],
  ])("tRPC's own head, and not a byte of tRPC's after it, whatever its timers do: %s", async (_how, headers, chunked) => {
    const { socket, text } = await open('plain', headers);
    const ended = once(socket, 'end');
    expect(/^transfer-encoding: chunked$/im.test(text())).toBe(chunked);
    // It ends with the stream, chunks or not: a proxy that kept it would send its next request into the end.
    expect(text()).toMatch(/^connection: close$/im);
    expect(text()).not.toMatch(/keep-alive/i);
    expect(text()).toContain('access-control-allow-origin: https://app.example');
    expect(text()).toContain('"reconnectAfterInactivityMs":1500000');
    expect(hub.metrics().socketsTaken).toBe(engine === 'native' ? 1 : 0);
    const before = text().length;
    // Longer than tRPC's interval and its longest duration.
    const end = Date.now() + 200;
    await waitFor(() => Date.now() > end, 'its timers');
    expect(text().slice(before)).toBe('');
    await change('one');
    await waitFor(() => text().includes('"id":"one"'), 'the action');
    await hub.drain({ overMs: 0 });
    await within(ended, 'the end');
    expect(text().endsWith('0\r\n\r\n')).toBe(chunked);
    expect(text()).not.toContain('event: return');
  });

  test.each(['the client leaves', 'the hub ends it'])('a generator of the app around ours ends when %s', async (how) => {
    const { socket, text } = await open('around');
    expect(hub.metrics().socketsTaken).toBe(engine === 'native' ? 1 : 0);
    await change('one');
    await waitFor(() => text().includes('"id":"one"'), 'the action');
    expect(seen).toEqual([]);
    if (how === 'the client leaves') socket.destroy();
    else await hub.disconnect({ userId: 'u' }, 'drain');
    await waitFor(() => seen.includes('finally'), 'its finally');
  });

  test("holdResponse: close and tRPC's signal wait for the end", async () => {
    const { socket, text } = await open('held');
    await change('one');
    await waitFor(() => text().includes('"id":"one"'), 'the action');
    expect(seen).not.toContain('close');
    socket.destroy();
    await waitFor(() => seen.includes('close'), 'close');
  });

  test('the generator is a handle', async () => {
    const stream = hub.stream({ companyId: 'acme', userId: 'u' });
    const first = await stream.next();
    expect(first.value).toMatchObject({ type: 'hello', connectionId: stream.connectionId });
    const { closed } = stream;
    await stream.close('revoked');
    expect(await within(closed, 'the end')).toEqual({ reason: 'revoked' });
  });
});

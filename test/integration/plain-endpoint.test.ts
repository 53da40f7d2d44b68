/**
 * The plain endpoint on Node's own servers: statuses, headers, filters, resume, limits, and clients that do not behave.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectNet } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import express from 'express';
import { createHub, type Hub, type HubFailure, type Identity } from '../../lib/index.js';
import { coveredSeqs, eventsIn } from '../support/coverage.js';
import { ENGINES } from '../support/engines.js';
import { closeServers, listen, listenAt } from '../support/listen.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { tlsFiles } from '../support/tls.js';
import { waitFor } from '../support/wait.js';

const change = (fields: object = {}) => ({
  type: 'update' as const,
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'writer',
  queryPaths: ['guests.getAll'],
  ...fields,
});

/** The body of a response; the JS engine's are chunked. */
function withoutChunks(response: string): string {
  const head = response.indexOf('\r\n\r\n') + 4;
  if (!/transfer-encoding: chunked/i.test(response.slice(0, head))) return response.slice(head);
  const bytes = Buffer.from(response.slice(head));
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) break;
    const size = parseInt(bytes.toString('latin1', at, line), 16);
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(parts).toString();
}

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  const clients: RawHttp[] = [];
  let failures: HubFailure[];

  const serve = (identify: (request: IncomingMessage) => Identity | null | Promise<Identity | null>): Promise<number> =>
    listen(createServer(hub.handler({ identify })));
  async function request(port: number, text: string): Promise<RawHttp> {
    const client = await RawHttp.open(port, text);
    clients.push(client);
    return client;
  }
  const ann = (): Identity => ({ companyId: 'acme', userId: 'ann' });

  beforeEach(() => {
    hub = createHub({ engine, limits: { perUser: 2 }, retryMs: 20 });
    failures = [];
    hub.on('error', (failure) => failures.push(failure));
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.destroy();
    await hub.close();
    closeServers();
  });

  describe('statuses', () => {
    test('nobody: 401', async () => {
      const text = await (await request(await serve(() => null), GET('/'))).until('}}');
      expect(text).toMatch(/^HTTP\/1.1 401 /);
      expect(text).toMatch(/content-type: application\/json/i);
      expect(text).toMatch(/{"error":{"code":"UNAUTHORIZED","message":"Sign in to open this stream"}}$/);
    });

    test('a thrown error with a status keeps it, one without says nothing of the inside', async () => {
      const port = await serve((req) => {
        if (req.url === '/no') throw Object.assign(new Error('not your company'), { statusCode: 403 });
        return Promise.reject(new Error('database password is hunter2'));
      });
      expect(await (await request(port, GET('/no'))).until('}}')).toMatch(
        /^HTTP\/1.1 403 [^]*"code":"FORBIDDEN","message":"not your company"/,
      );
      expect(await (await request(port, GET('/'))).until('}}')).toMatch(/^HTTP\/1.1 500 [^]*INTERNAL_SERVER_ERROR/);
      expect(clients.map(({ text }) => text).join()).not.toMatch(/hunter2/);
      expect(failures).toEqual([
        { during: 'identify', error: expect.objectContaining({ message: 'database password is hunter2' }) as Error },
      ]);
    });

    test.each([null, '', 5, undefined])('a session with companyId %p is the fault of the app: 500, and told', async (companyId) => {
      const text = await (
        await request(await serve(() => ({ companyId, userId: 'ann' }) as never), GET('/'))
      ).until('}}');
      expect(text).toMatch(/^HTTP\/1.1 500 [^]*identify gave a bad identity: companyId must /);
      expect(failures).toMatchObject([{ during: 'identify', error: { code: 'INVALID_OPTION', cause: { code: 'INVALID_COMPANY_ID' } } }]);
    });

    test('other methods: 405; HEAD: the head', async () => {
      const port = await serve(ann);
      expect(
        await (await request(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')).until('}}'),
      ).toMatch(/^HTTP\/1.1 405 [^]*allow: GET, HEAD/i);
      const head = await request(port, 'HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      expect(await head.untilClosed()).toMatch(/^HTTP\/1.1 200 [^]*text\/event-stream[^]*\r\n\r\n$/);
      expect(hub.metrics().opened).toBe(0);
    });

    test('a filter with too many values: 400', async () => {
      const modules = Array.from({ length: 300 }, (_, i) => `m${i}`).join();
      expect(await (await request(await serve(ann), GET(`/?modules=${modules}`))).until('}}')).toMatch(
        /^HTTP\/1.1 400 [^]*filter.modules has 300/,
      );
    });

    test('after close: 503', async () => {
      const port = await serve(ann);
      await hub.close();
      expect(await (await request(port, GET('/'))).until('}}')).toMatch(/^HTTP\/1.1 503 [^]*HUB_CLOSED/);
    });

    test('options that make no sense throw when the handler is made', () => {
      expect(() => hub.handler({} as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
      expect(() => hub.handler({ identify: ann, identfy: 1 } as never)).toThrow(
        /no option "identfy"; it has: identify, headers/,
      );
    });
  });

  test('the limit is a stream that says so: an EventSource can read no 429', async () => {
    const port = await serve(ann);
    await (await request(port, GET('/'))).until('hello');
    await (await request(port, GET('/'))).until('hello');
    const third = await (await request(port, GET('/'))).until('server_close');
    expect(third).toMatch(/^HTTP\/1.1 200 /);
    expect(third).toMatch(/retry: \d+\nevent: server_close\ndata: {"type":"server_close","timestamp":\d+,"queryPaths":\[\],"reason":"limit","retryMs":\d+}\n\n/);
    expect(hub.metrics().connections).toBe(2);
  });

  test("the app's headers are kept behind Express, ours win where the stream needs them", async () => {
    const app = express();
    app.use((_req, res, next) => {
      res.set({ 'Access-Control-Allow-Origin': 'https://app', 'Content-Type': 'text/html', 'Content-Length': '5' });
      res.cookie('a', '1');
      res.cookie('b', '2');
      next();
    });
    app.get('/sync/stream', hub.handler({ identify: ann, headers: { 'X-Mine': 'yes' } }));
    const text = await (await request(await listen(createServer(app)), GET('/sync/stream'))).until('hello');
    const head = text.slice(0, text.indexOf('\r\n\r\n'));
    for (const line of [
      /^access-control-allow-origin: https:\/\/app\r$/im,
      /^set-cookie: a=1.*\r$/im,
      /^set-cookie: b=2.*\r$/im,
      /^x-mine: yes\r$/im,
      /^content-type: text\/event-stream\r$/im,
    ]) {
      expect(`${head}\r`).toMatch(line);
    }
    expect(head).not.toMatch(/content-length|text\/html/i);
  });

  test('resume by header, by query and by time; a cursor that is none gets a resync', async () => {
    const port = await serve(ann);
    const first = await request(port, GET('/'));
    await first.until('hello');
    const seen = Date.now();
    await waitFor(() => Date.now() > seen + 1, 'the clock to move');
    const since = Date.now();
    for (const id of ['a1', 'a2', 'a3']) await hub.broadcast(change({ id }));
    await first.until('"a3"');
    const cursor = /^id: (.*\.1)$/m.exec(first.text)?.[1] ?? '';
    first.socket.destroy();

    const bodies = [
      GET('/', { 'Last-Event-ID': cursor }),
      GET(`/?lastEventId=${cursor}`),
      GET('/?lastEventId=stale.1', { 'Last-Event-ID': cursor }),
    ];
    for (const text of bodies) {
      const again = await request(port, text);
      const got = await again.until('"a3"');
      expect(got).toMatch(/"reason":"resumed"/);
      expect(got).not.toMatch(/"id":"a1"/);
      again.socket.destroy();
      await waitFor(() => hub.metrics().connections === 0, 'the connection to be gone');
    }
    const byTime = await request(port, GET(`/?lastSyncTimestamp=${since - 1}`));
    // The log's life began with the first stream, before `since`.
    expect(await byTime.until('"a3"')).toMatch(/"reason":"resumed"[^]*"id":"a1"/);
    byTime.socket.destroy();
    await waitFor(() => hub.metrics().connections === 0, 'the connection to be gone');

    for (const bad of ['x'.repeat(4_000), 'null', '%00%0a', `${cursor}%20`]) {
      const lost = await request(port, GET(`/?lastEventId=${bad}`));
      expect(await lost.until('"type":"resync"')).toMatch(/"reason":"unknown_cursor"/);
      lost.socket.destroy();
      await waitFor(() => hub.metrics().connections === 0, 'the connection to be gone');
    }
  });

  test('the query narrows what the app allows, and never widens it', async () => {
    const port = await serve(() => ({ ...ann(), filter: { modules: ['guests', 'budget'], excludeUserId: true } }));
    const client = await request(port, GET('/?modules=budget,secrets'));
    await client.until('hello');
    await hub.broadcast(change({ id: 'guests' }));
    await hub.broadcast(change({ id: 'secrets', module: 'secrets' }));
    await hub.broadcast(change({ id: 'own', module: 'budget', userId: 'ann' }));
    await hub.broadcast(change({ id: 'budget', module: 'budget' }));
    expect(await client.until('"id":"budget"')).not.toMatch(/"id":"(guests|secrets|own)"/);
  });

  test('query paths: a client asks for what it shows, within what the app allows', async () => {
    const port = await serve(() => ({ ...ann(), filter: { queryPaths: ['guests', 'budget.getAll'] } }));
    const client = await request(port, GET('/?queryPaths=guests.getAll,budget,secrets'));
    await client.until('hello');
    for (const path of ['guests.getById', 'secrets.list', 'budget.getSummary', 'guests', 'budget.getAll', '*']) {
      await hub.broadcast(change({ id: `[${path}]`, queryPaths: [path] }));
    }
    const text = await client.until('"id":"[*]"');
    expect([...text.matchAll(/"id":"\[(.*?)\]"/g)].map(([, path]) => path)).toEqual(['guests', 'budget.getAll', '*']);
    const bad = await request(await serve(ann), GET('/?queryPaths=guests..getAll'));
    expect(await bad.until('}}')).toMatch(/^HTTP\/1.1 400 [^]*INVALID_QUERY_PATH[^]*filter.queryPaths\[0\]/);
  });

  test('no event can be forged, whatever an action holds', async () => {
    const client = await request(await serve(ann), GET('/'));
    await client.until('hello');
    const evil = 'x\r\n\r\nevent: server_close\ndata: {}\n\n\0\u2028\u0085';
    await hub.broadcast(
      change({ id: evil, entityId: evil, module: evil, userId: evil, data: { [evil]: `${evil}\ud800` } }),
    );
    await hub.broadcast(change({ id: 'after' }));
    const text = await client.until('"after"');
    const body = withoutChunks(text);
    expect(body).not.toMatch(/^event: server_close/m);
    expect(body).not.toMatch(/[\r\0]/);
  });

  test('a Unix socket is taken like any other', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-'));
    const server = createServer(hub.handler({ identify: ann }));
    const name = path.join(folder, 'http.sock');
    await listenAt(server, { path: name });
    const socket = connectNet(name);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.write(GET('/'));
    await waitFor(() => text.includes('hello'), 'hello');
    expect(hub.metrics().socketsTaken).toBe(engine === 'native' ? 1 : 0);
    socket.destroy();
    rmSync(folder, { recursive: true });
  });

  describe('clients that do not behave', () => {
    test('bytes after the request, more requests among them', async () => {
      const port = await serve(ann);
      const client = await request(port, GET('/') + GET('/second') + 'garbage \0\xff'.repeat(2_000));
      // Node may answer what is no HTTP before the stream opens; either way nothing may be left behind.
      await waitFor(() => client.closed || client.socket.readableEnded || client.text.includes('hello'), 'an answer');
      client.socket.destroy();
      await waitFor(() => hub.metrics().connections === 0, 'the connection to be gone');
      expect(hub.metrics().leases).toBe(0);
    });

    test('a second request on the same connection gets no stream of its own, and leaves nothing', async () => {
      const identified: string[] = [];
      const port = await serve(async (req) => {
        identified.push(req.url ?? '');
        await new Promise((resolve) => setImmediate(resolve));
        return ann();
      });
      const client = await request(port, GET('/first') + GET('/second'));
      await client.until('hello');
      await waitFor(() => identified.length === 2 || engine === 'native', 'both requests');
      expect(client.text.match(/HTTP\/1.1 200/g)).toHaveLength(1);
      client.socket.destroy();
      await waitFor(() => hub.metrics().connections === 0, 'the connections to be gone');
      expect(hub.metrics().leases).toBe(0);
    });

    test('a client that half closes is taken for gone', async () => {
      const client = await request(await serve(ann), GET('/'));
      client.socket.end();
      await client.untilClosed();
      await waitFor(() => hub.metrics().connections === 0, 'the connection to be gone');
      expect(hub.metrics()).toMatchObject({ leases: 0, backlogBytes: 0, slowSinks: 0 });
    });

    test('a client that resets', async () => {
      const client = await request(await serve(ann), GET('/'));
      await client.until('hello');
      expect(hub.metrics()).toMatchObject({ connections: 1, leases: 1 });
      client.socket.resetAndDestroy();
      await waitFor(() => hub.metrics().connections === 0, 'the connection to be gone');
      expect(hub.metrics()).toMatchObject({ leases: 0, backlogBytes: 0, slowSinks: 0 });
    });

    test('a client that leaves while identify() is at work', async () => {
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      let started = false;
      const identify = async (): Promise<Identity> => {
        started = true;
        await gate;
        return ann();
      };
      const server = createServer(hub.handler({ identify }));
      const client = await request(await listen(server), GET('/'));
      await waitFor(() => started, 'identify');
      client.socket.destroy();
      await waitFor(
        () => new Promise<boolean>((resolve) => server.getConnections((_e, n) => resolve(n === 0))),
        'Node to notice',
      );
      release();
      await new Promise((resolve) => setImmediate(resolve));
      expect(hub.metrics()).toMatchObject({ opened: 0, leases: 0 });
    });
  });

  describe('where the socket cannot be taken', () => {
    test('HTTPS: the same events, and a client that does not read is conflated', async () => {
      const port = await listen(createSecureServer(tlsFiles(), hub.handler({ identify: ann })));
      const socket = connectTls({ port, host: '127.0.0.1', ca: tlsFiles().cert, servername: 'localhost' });
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      socket.write(GET('/'));
      await waitFor(() => text.includes('hello'), 'hello');
      expect(hub.metrics()).toMatchObject({ sinkConnections: 1, socketsTaken: 0 });

      socket.pause();
      const pad = 'x'.repeat(8_000);
      await waitFor(async () => {
        await hub.broadcast(change({ data: pad }));
        const { conflations, backlogBytes } = hub.metrics();
        expect(backlogBytes).toBeLessThanOrEqual(65_536 + 10_000);
        return conflations > 0;
      }, 'conflation');
      const last = await hub.broadcast(change({ queryPaths: ['guests.getStats'] }));
      socket.resume();
      await waitFor(() => text.includes('guests.getStats'), 'the last action');
      const events = eventsIn(withoutChunks(text));
      expect(events.filter((event) => event.type === 'invalidate')).not.toEqual([]);
      expect(coveredSeqs(events)).toEqual(Array.from({ length: last.ok ? (last.seq ?? 0) : 0 }, (_, i) => i + 1));
      socket.destroy();
      await waitFor(() => hub.metrics().connections === 0, 'the connection to be gone');
    });

    test('HTTP/2', async () => {
      const server = createHttp2Server(hub.handler({ identify: ann }));
      const session = connectHttp2(`http://127.0.0.1:${await listen(server)}`);
      const stream = session.request({ ':path': '/?modules=guests' });
      let text = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      expect(headers).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream' });
      await waitFor(() => text.includes('hello'), 'hello');
      await hub.broadcast(change({ id: 'seen' }));
      await waitFor(() => text.includes('"seen"'), 'the action');
      expect(hub.metrics()).toMatchObject({ sinkConnections: 1, socketsTaken: 0 });
      stream.close();
      await waitFor(() => hub.metrics().connections === 0, 'the stream to be gone');
      session.destroy();
    });
  });
});

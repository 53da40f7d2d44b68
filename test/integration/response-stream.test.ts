/** A stream over Node's own response: what Node does around it must not end it, and what fails must be answered. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { createHub, type Hub } from '../../lib/index.js';
import type { ByteSink, SinkHandle } from '../../lib/internal/engine.js';
import { refusalOfThrown } from '../../lib/server/identity.js';
import { streamToResponse } from '../../lib/server/response-sink.js';
import { ann, change } from '../support/actions.js';
import { ENGINES } from '../support/engines.js';
import { closeServers, listen } from '../support/listen.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { tlsFiles } from '../support/tls.js';
import { waitFor, within } from '../support/wait.js';

const sockets: { destroy(): void }[] = [];

/** A client over TLS, and what came to it. */
async function secure(port: number, request = ''): Promise<{ socket: TLSSocket; text: () => string }> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: tlsFiles().cert, servername: 'localhost' });
  sockets.push(socket);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  socket.write(request);
  return { socket, text: () => text };
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  closeServers();
});

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ engine });
  });
  afterEach(() => hub.close());

  test("Node's idle timeout spares a quiet stream over TLS", async () => {
    const server = createSecureServer(tlsFiles(), hub.handler({ identify: ann }));
    // Longer than a handshake takes on a busy machine.
    server.timeout = 1_000;
    const port = await listen(server);
    const stream = await secure(port, GET('/'));
    await waitFor(() => stream.text().includes('hello'), 'hello');
    // It comes later and sends nothing: once it is cut, the stream would have been.
    const idle = await secure(port);
    await within(once(idle.socket, 'close'), 'the end of the idle connection');
    await hub.broadcast({ ...change, id: 'after' });
    await waitFor(() => stream.text().includes('"after"'), 'the action');
    expect(hub.metrics().connections).toBe(1);
  });

  test('the head has a Date, as any other answer of Node has', async () => {
    const stream = await secure(await listen(createSecureServer(tlsFiles(), hub.handler({ identify: ann }))), GET('/'));
    await waitFor(() => stream.text().includes('hello'), 'hello');
    const date = /^date: (.*)$/im.exec(stream.text())?.[1] ?? 'none';
    expect(Math.abs(Date.parse(date) - Date.now())).toBeLessThan(60_000);
  });
});

describe('what fails', () => {
  /** A server whose stream is opened by `open`; what that throws is answered as the Node handler does. */
  const serve = (open: (sink: ByteSink) => SinkHandle, headers: [string, string][] = []): Promise<number> =>
    listen(
      createServer((req, res) => {
        try {
          streamToResponse(req, res, headers, open);
        } catch (thrown) {
          res.writeHead(refusalOfThrown(thrown).status).end(String(thrown));
        }
      }),
    );

  test('an engine that cannot open the stream leaves a response that can still be answered', async () => {
    const port = await serve(() => {
      throw Object.assign(new Error('no room'), { status: 503 });
    });
    const client = await RawHttp.open(port, GET('/'));
    sockets.push(client.socket);
    expect(await client.until('no room')).toMatch(/^HTTP\/1.1 503 /);
  });

  test('a head that cannot be written ends the stream that was opened for it', async () => {
    const calls: string[] = [];
    const handle: SinkHandle = {
      connectionId: 'c',
      ready: () => calls.push('ready'),
      abort: () => calls.push('abort'),
    };
    const client = await RawHttp.open(await serve(() => handle, [['x-a', 'line\nbreak']]), GET('/'));
    sockets.push(client.socket);
    expect(await client.until('x-a')).toMatch(/^HTTP\/1.1 500 /);
    expect(calls).toEqual(['abort']);
  });

  test('what an engine writes while it opens comes after the head, and its close ends the response', async () => {
    const port = await serve((sink) => {
      sink.write(Buffer.from('data: 1\n\n'));
      sink.close();
      return { connectionId: 'c', ready: () => undefined, abort: () => undefined };
    });
    const client = await RawHttp.open(port, GET('/', { Connection: 'close' }));
    expect(await client.untilClosed()).toMatch(/^HTTP\/1.1 200 [^]*data: 1\n\n/);
  });
});

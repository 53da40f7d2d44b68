/** A head that Node makes and the engine sends, with a socket of Node's own under it. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { catchHead, lateSocket } from '../../../lib/server/hand-over/internals.js';
import { GET, RawHttp } from '../../support/raw-http.js';

type Head = (res: ServerResponse) => void;

/** What was caught, what the client has got by the time of the answer's end, and what was written after it. */
async function caught(head: Head, prepare: Head = () => undefined): Promise<{ head: string | undefined; text: string }> {
  let got: string | undefined;
  const server = createServer((req, res) => {
    prepare(res);
    const late = lateSocket(req, res);
    if (!late) throw new Error('no socket');
    got = catchHead(late, () => head(res));
    res.socket!.write('|later', () => res.socket!.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = await RawHttp.open((server.address() as AddressInfo).port, GET('/'));
  const text = await client.untilClosed();
  server.close();
  server.closeAllConnections();
  return { head: got, text };
}

const endsWithConnection: Head = (res) => {
  res.shouldKeepAlive = false;
  res.useChunkedEncodingByDefault = false;
  res.writeHead(200, { 'x-app': 'mine' }).flushHeaders();
};

test('it is given back, and nothing of it has left', async () => {
  const { head, text } = await caught(endsWithConnection);
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\nx-app: mine\r\n[^]*\r\n\r\n$/);
  expect(text).toBe('|later');
});

test('in chunks it has left: what reads it together with the first event (Varnish) would hold that event', async () => {
  const { head, text } = await caught((res) => res.writeHead(200, { 'x-app': 'mine' }).flushHeaders());
  expect(head).toBeUndefined();
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\nx-app: mine\r\n[^]*Transfer-Encoding: chunked[^]*\r\n\r\n\|later$/);
});

test('where something waits for the socket it goes behind that', async () => {
  const { head, text } = await caught(endsWithConnection, (res) => {
    res.socket!.cork();
    res.socket!.write('first|');
    process.nextTick(() => res.socket!.uncork());
  });
  expect(head).toBeUndefined();
  expect(text).toMatch(/^first\|HTTP\/1\.1 200 OK[^]*\|later$/);
});

/** What goes to writeHead of a stream's response: a body that ends with its connection is announced as nothing else. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { endWithConnection } from '../../../lib/server/body-end.js';

function response(headers: Record<string, string> = {}, version = 1): { req: IncomingMessage; res: ServerResponse } {
  const req = new IncomingMessage(new Socket());
  req.httpVersionMajor = version;
  req.httpVersionMinor = 1;
  Object.assign(req.headers, headers);
  return { req, res: new ServerResponse(req) };
}

const given = { 'Transfer-Encoding': 'chunked', CONNECTION: 'keep-alive', 'x-app': 'mine' };
const inTurn = ['Transfer-Encoding', 'chunked', 'x-app', 'mine', 'connection', 'keep-alive'];

test('chunks and a lasting connection are taken out of what a framework gives, in both of its forms', () => {
  const { req, res } = response();
  expect(endWithConnection(req, res, [200, given])).toEqual([200, { 'x-app': 'mine' }]);
  expect(endWithConnection(req, res, [200, 'OK', inTurn])).toEqual([200, 'OK', ['x-app', 'mine']]);
  expect([res.shouldKeepAlive, res.useChunkedEncodingByDefault]).toEqual([false, false]);
});

test('through Varnish chunks are left, but no connection lasts', () => {
  const { req, res } = response({ 'x-varnish': '1' });
  res.setHeader('Connection', 'keep-alive');
  expect(endWithConnection(req, res, [200, given])).toEqual([200, { 'Transfer-Encoding': 'chunked', 'x-app': 'mine' }]);
  expect(endWithConnection(req, res, [200, inTurn])).toEqual([200, ['Transfer-Encoding', 'chunked', 'x-app', 'mine']]);
  expect([res.shouldKeepAlive, res.useChunkedEncodingByDefault, res.getHeader('connection')]).toEqual([false, true, 'close']);
});

test('over HTTP/2 all is left as it was given', () => {
  const { req, res } = response({}, 2);
  expect(endWithConnection(req, res, [200, given])).toEqual([200, given]);
  expect([res.shouldKeepAlive, res.useChunkedEncodingByDefault]).toEqual([true, true]);
});

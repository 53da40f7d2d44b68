// What the programs of this folder share: an app with a native hub behind node:http, and clients that behave badly.
// They run on the compiled library (dist), in a Node that has the sanitizer's runtime preloaded.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { createHub } from '../../dist/esm/index.js';

export async function start(options = {}, streamOf = () => ({})) {
  const hub = createHub({ engine: 'native', limits: { perUser: 0, perCompany: 0 }, ...options });
  // A test of the addon that ships, or of none, would find nothing.
  const maps = readFileSync('/proc/self/maps', 'utf8');
  if (!maps.includes('addon-asan/build/Release/pathcast.node')) throw new Error('the addon that is loaded is not the one with the sanitizer');
  if (!maps.includes('libasan')) throw new Error('the runtime of the sanitizer is not there');
  const server = http.createServer((req, res) => {
    const url = new URL(req.url, 'http://localhost');
    try {
      hub.serve({ req, res, companyId: url.searchParams.get('c') ?? 'acme', userId: url.searchParams.get('u') ?? 'u', ...streamOf(url) });
    } catch (error) {
      if (!res.headersSent) res.writeHead(error.status ?? 500);
      res.end();
    }
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 });
  await once(server, 'listening');
  return { hub, server, port: server.address().port };
}

/** A raw client. `ids` gets the ids of what it reads; with `pause` it reads nothing. */
export function connect(port, path, { headers = '', pause = false, ids } = {}) {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const opened = new Promise((resolve) => {
    socket.once('data', resolve);
    socket.once('close', resolve);
  });
  socket.on('data', (data) => {
    for (const [, id] of data.toString('latin1').matchAll(/\nid: (\S+)/g)) if (ids && ids.length < 300) ids.push(id);
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  if (pause) socket.pause();
  return { socket, opened };
}

export const action = (rest = {}) => ({ type: 'update', module: 'm', entityId: 'e', companyId: 'acme', userId: 'u', queryPaths: ['m.getAll'], ...rest });

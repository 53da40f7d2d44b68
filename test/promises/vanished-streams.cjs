// Run in a network namespace of its own, as root: opens a stream on each way that holds a socket, takes the network away
// as if every peer had gone out of range at once, and says when each seat is free again. One line of JSON.
'use strict';
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const path = require('node:path');
const { initTRPC } = require('@trpc/server');
const { createHTTPHandler } = require('@trpc/server/adapters/standalone');
const { createHub } = require('../../dist/cjs/index.js');
const { syncStream } = require('../../dist/cjs/trpc/index.js');

const folder = path.join(__dirname, '../fixtures/tls');
const tls = { key: fs.readFileSync(path.join(folder, 'key.pem')), cert: fs.readFileSync(path.join(folder, 'cert.pem')) };
const { deadlineMs } = JSON.parse(process.argv[2]);

/** SIOCSIFFLAGS: a new namespace has its loopback down, and down again no packet passes and nobody is told. */
function loopback(up) {
  const code = `import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', ${up ? '0x41' : '0'}))`;
  execFileSync('python3', ['-c', code]);
}

function trpcHandler(hub) {
  const t = initTRPC.context().create();
  const router = t.router({
    onSync: t.procedure.subscription(({ ctx, signal }) =>
      syncStream({ hub, req: ctx.req, res: ctx.res, signal, companyId: 'acme', userId: 'ann' }),
    ),
  });
  return createHTTPHandler({ router, createContext: ({ req, res }) => ({ req, res }) });
}

const listening = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

/** Resolves once the stream has had its hello. */
function hello(stream) {
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', (chunk) => {
      if (!String(chunk).includes('"hello"')) return;
      stream.removeListener('error', reject);
      stream.on('error', () => undefined);
      resolve();
    });
  });
}
const get = (module, port, target) =>
  new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: target, agent: false, ca: tls.cert, servername: 'localhost' };
    module.get(options, (response) => resolve(hello(response))).on('error', reject);
  });
const plain = (module) => async (hub) => {
  const handler = hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) });
  await get(module, await listening(module.createServer(module === https ? tls : {}, handler)), '/');
};

const WAYS = {
  http: plain(http),
  https: plain(https),
  http2: async (hub) => {
    const server = http2.createSecureServer(tls, hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) }));
    const session = http2.connect(`https://127.0.0.1:${await listening(server)}`, { ca: tls.cert, servername: 'localhost' });
    session.on('error', () => undefined);
    await hello(session.request({ ':path': '/' }));
  },
  'trpc over https': async (hub) => {
    const port = await listening(https.createServer(tls, trpcHandler(hub)));
    await get(https, port, '/onSync');
  },
};

async function main() {
  loopback(true);
  const open = [];
  for (const engine of ['native', 'js']) {
    for (const [way, start] of Object.entries(WAYS)) {
      // The heartbeat is what nobody acknowledges; the timeout is 10 s above slowTimeoutMs.
      const hub = createHub({ engine, heartbeatMs: 250, slowTimeoutMs: 10 });
      await start(hub);
      open.push({ engine, way, hub });
    }
  }
  const before = open.map(({ hub }) => hub.metrics().connections);
  loopback(false);
  const from = Date.now();
  const freeAfterMs = open.map(() => null);
  while (freeAfterMs.includes(null) && Date.now() - from < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    open.forEach(({ hub }, i) => {
      if (hub.metrics().connections === 0) freeAfterMs[i] ??= Date.now() - from;
    });
  }
  const result = open.map(({ engine, way, hub }, i) => ({
    engine, way, before: before[i], freeAfterMs: freeAfterMs[i], closes: hub.metrics().closes,
  }));
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
void main();

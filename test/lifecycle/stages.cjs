// Run in a process or a worker of its own: brings hubs to a stage of life and lets go there.
'use strict';
const http = require('node:http');
const { isMainThread, parentPort, workerData } = require('node:worker_threads');
const { createHub } = require('../../dist/cjs/index.js');

const { stage, engine } = isMainThread ? JSON.parse(process.argv[2]) : workerData;
const hub = () => createHub({ engine, limits: { perUser: 0, perCompany: 0 }, heartbeatMs: 50 });
const action = (n) => ({
  id: `a${n}`,
  type: 'update',
  module: 'guests',
  entityId: `g${n}`,
  companyId: 'c1',
  userId: 'u1',
  queryPaths: ['guests.getAll'],
});
const say = (text) => (isMainThread ? process.stdout.write(`${text}\n`) : parentPort.postMessage(text));

/** A server whose streams are taken, and `count` clients that have had their hello. */
async function serve(h, count) {
  const handler = h.handler({ identify: () => ({ companyId: 'c1', userId: 'u1' }) });
  const server = http.createServer((req, res) => void handler(req, res));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  const clients = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve, reject) => {
          http
            .get({ port, host: '127.0.0.1', path: '/', agent: false }, (res) => {
              res.once('data', () => resolve(res));
              res.on('error', () => undefined);
            })
            .on('error', reject);
        }),
    ),
  );
  return { server, clients };
}

const stages = {
  /** Never used. */
  async idle() {
    hub();
  },
  /** The answer of a publish is the last thing that is waited for. */
  async 'awaited publish'() {
    const { ok } = await hub().broadcast(action(1));
    say(`ok ${ok}`);
  },
  async 'two hubs, one closed'() {
    const [a, b] = [hub(), hub()];
    await a.broadcast(action(1));
    await a.close();
    const result = await b.broadcast(action(1));
    say(`ok ${result.ok} seq ${result.seq}`);
    await b.close();
  },
  async 'exit at once'() {
    const h = hub();
    void h.broadcast(action(1));
    process.exit(0);
  },
  async 'exit with open streams, busy'() {
    const h = hub();
    await serve(h, 20);
    for (let n = 0; n < 5_000; n++) void h.broadcast(action(n));
    setImmediate(() => process.exit(0));
  },
  async 'close with open streams, busy'() {
    const h = hub();
    const { server, clients } = await serve(h, 20);
    const ended = Promise.all(clients.map((c) => new Promise((resolve) => c.once('close', resolve))));
    for (const c of clients) c.resume();
    const results = [];
    for (let n = 0; n < 2_000; n++) results.push(h.broadcast(action(n)));
    await h.close();
    const outcomes = await Promise.all(results);
    await ended;
    server.close();
    const odd = outcomes.filter((o) => !o.ok && o.code !== 'HUB_CLOSED').length;
    say(`answered ${outcomes.length} odd ${odd} after ${(await h.broadcast(action(1))).code}`);
  },
  async 'forgotten and collected'() {
    for (let n = 0; n < 20; n++) void hub().broadcast(action(n));
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
  },
  /** Of a table and its cascades, now the one is kept, now the other. */
  async 'path tables forgotten and collected'() {
    const { createNativePathTable } = require('../../dist/cjs/native/index.js');
    const { createJsPathTable } = require('../../dist/cjs/jsengine/index.js');
    const create = engine === 'native' ? createNativePathTable : createJsPathTable;
    const kept = [];
    for (let n = 0; n < 300; n++) {
      const table = create({ queries: ['guests.getAll', `m${n}.list`], maxPaths: 256 });
      const cascades = table.cascades({ modules: [{ name: 'guests', nodes: [1] }, { name: 'm', nodes: [3] }], edges: [[0, 1]] });
      kept.push(n % 2 ? () => table.expand([0]) : () => cascades.close([2]));
    }
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
    say(`odd ${kept.filter((use) => String(use()) !== '2,3' && String(use()) !== '2,4').length}`);
  },
  async 'drained, then closed twice'() {
    const h = hub();
    const { server, clients } = await serve(h, 10);
    const ended = Promise.all(clients.map((c) => new Promise((resolve) => c.once('close', resolve))));
    for (const c of clients) c.resume();
    await h.drain({ overMs: 50 });
    await Promise.all([h.close(), h.close()]);
    await ended;
    server.close();
    say(`connections ${h.metrics().connections}`);
  },
  async 'a generator left open'() {
    const h = hub();
    const stream = h.stream({ companyId: 'c1', userId: 'u1' });
    const first = await stream.next();
    say(first.value.type);
    process.exit(0);
  },
};

stages[stage]().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

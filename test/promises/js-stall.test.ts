/**
 * G10, second half: a stall of the JavaScript thread delays no delivery that is on its way. Clients run in a worker with an
 * event loop of its own; the main thread publishes and then computes for two seconds without a break.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { createHub } from '../../lib/index.js';

const CLIENTS = 200;
/** Longer than a busy machine takes to deliver. */
const STALL_MS = 2_000;

test('G10: 200 clients have their event while the JavaScript thread is stalled', async () => {
  const hub = createHub({ engine: 'native', limits: { perUser: 0, perCompany: 0 } });
  const handler = hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) });
  const server = http.createServer((req, res) => void handler(req, res));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const worker = new Worker(path.join(__dirname, 'stall-clients.cjs'), {
    workerData: { port: (server.address() as AddressInfo).port, clients: CLIENTS },
  });
  try {
    expect(await once(worker, 'message')).toEqual(['ready']);
    const done = once(worker, 'message');

    const published = hub.broadcast({
      type: 'update',
      module: 'guests',
      entityId: 'g1',
      companyId: 'acme',
      userId: 'bob',
      queryPaths: ['guests.getAll'],
    });
    const from = Date.now();
    let spins = 0;
    while (Date.now() - from < STALL_MS) spins++;
    const stalledUntil = Date.now();

    expect(spins).toBeGreaterThan(0);
    expect(await published).toMatchObject({ ok: true });
    const [{ lastArrival, arrived }] = (await done) as [{ lastArrival: number; arrived: number }];
    expect(arrived).toBe(CLIENTS);
    expect(lastArrival).toBeLessThan(stalledUntil);
  } finally {
    await worker.terminate();
    await hub.close();
    server.close();
  }
});

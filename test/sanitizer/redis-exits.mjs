// Ends while the hub's log lives in a Redis: in the middle of publishes, of streams that open, of answers under way, while Redis
// stands still, while it is gone, while its name is looked up; over the native link and over a client of the app's own.
//   node redis-exits.mjs exit | workers | client | close
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { tmpdir } from 'node:os';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Redis } from 'ioredis';
import { action, connect, start } from './app.mjs';

/** Nobody listens there. */
const NOWHERE = 'redis://localhost:1';

/** A hub with streams and with publishes under way, over the link or over a client; `work` runs beside them. */
async function load({ redis, viaClient, streams = 12 }) {
  const client = viaClient
    ? new Redis(redis.startsWith('/') ? { path: redis, retryStrategy: () => 50 } : { port: 1, host: 'localhost', retryStrategy: () => 50 })
    : undefined;
  client?.on('error', () => undefined);
  const url = redis.startsWith('/') ? `redis+unix://${redis}` : redis;
  const { hub, server, port } = await start({ redis: client ?? { url, probeMs: 100, publishWaitMs: 20, openWaitMs: 200 } });
  for (const event of ['warning', 'error']) hub.on(event, () => undefined);
  const clients = Array.from({ length: streams }, (_, i) => connect(port, `/?c=c${i % 3}&u=u${i}`));
  let left = 2_000; // more would only wait
  const pump = () => {
    left -= 20;
    for (let i = 0; i < 20; i++) void hub.broadcast(action({ companyId: `c${i % 3}`, data: 'x'.repeat(200) })).catch(() => undefined);
    void hub.disconnect({ companyId: 'c2' }).catch(() => undefined);
    if (left > 0) again = setImmediate(pump);
  };
  let again = setImmediate(pump);
  return {
    hub,
    opened: Promise.all(clients.map(({ opened }) => opened)),
    end: () => {
      clearImmediate(again);
      for (const { socket } of clients) socket.destroy();
      server.close();
      client?.disconnect();
    },
  };
}
/** In a thread of its own, that ends `after` ms later; `opens`: once its streams have heard something. */
/** In a thread of its own: `after` ms behind the first answers, or, with `work`, some turns behind the first call. */
async function beInAWorker({ redis, viaClient, after, opens }) {
  const { opened } = await load({ redis, viaClient });
  if (opens) await opened;
  setTimeout(() => process.exit(0), after);
}

function worker(data) {
  const thread = new Worker(new URL(import.meta.url), { workerData: data });
  thread.on('error', (error) => {
    throw error;
  });
  return once(thread, 'exit');
}

const folder = isMainThread ? mkdtempSync(path.join(tmpdir(), 'pathcast-exits-')) : '';
let server;
async function redisServer() {
  const socket = path.join(folder, 'redis.sock');
  server = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', ''], {
    env: { ...process.env, LD_PRELOAD: '' },
  });
  let said = '';
  for await (const text of server.stdout) if (/ready to accept connections/i.test((said += String(text)))) break;
  return socket;
}
process.on('exit', () => {
  if (!isMainThread) return;
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const programs = {
  /** In the middle of everything; perhaps of what is asked and never gets an answer. */
  async exit() {
    const { opened } = await load({ redis: await redisServer() });
    await opened;
    setTimeout(() => server.kill('SIGSTOP'), Math.random() * 50);
    setTimeout(() => process.exit(0), Math.random() * 100);
  },
  /** With a Redis, with one that stands still, with none. */
  async workers() {
    const redis = await redisServer();
    await Promise.all([worker({ redis, after: 0 }), worker({ redis, after: 20, opens: true }), worker({ redis: NOWHERE, after: 30 })]);
    server.kill('SIGSTOP');
    await worker({ redis, after: 150 });
    process.exit(0);
  },
  /** The same over ioredis: the hub asks it, and its answers come from the thread that ends. */
  async client() {
    const redis = await redisServer();
    await Promise.all([0, 20].map((after) => worker({ redis, viaClient: true, after, opens: after > 0 })));
    await worker({ redis: NOWHERE, viaClient: true, after: 50 });
    const { opened } = await load({ redis, viaClient: true });
    await opened;
    setTimeout(() => process.exit(0), Math.random() * 50);
  },
  /** In order, twice at once, with an outbox that Redis never takes; nothing is left afterwards. */
  async close() {
    for (const viaClient of [false, true]) {
      const redis = viaClient ? path.join(folder, 'redis.sock') : await redisServer();
      const { hub, opened, end } = await load({ redis, viaClient });
      await opened;
      if (!viaClient) server.kill('SIGSTOP');
      await Promise.all([hub.drain({ overMs: 5 }), hub.close({ flushMs: 100 }), hub.close()]);
      end();
      server.kill('SIGCONT');
    }
    server.kill('SIGKILL');
  },
};

const [how] = process.argv.slice(2);
if (isMainThread) await programs[how]();
else await beInAWorker(workerData);

/**
 * One node of a chaos run: a real server of a real hub on a Redis. It is told what to do by JSON lines on its standard input and
 * answers on its output; it ends with the input. CHAOS_NODE: `{ packageFolder, engine, redis, client, host, hub }`; with `client` the hub gets one that
 * this process, as an app, has made with ioredis, in the place of a URL.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { watchStarvation } from './starvation.mjs';

const { packageFolder, engine, redis, client, host, hub: options } = JSON.parse(process.env.CHAOS_NODE);
const { createHub } = await import(pathToFileURL(path.join(packageFolder, 'dist/esm/index.js')).href);

/** ms of the clock that all processes of the machine share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
watchStarvation(now, (at, until) => say({ starved: [at, until] }));

async function clientOf(url) {
  const { Cluster, Redis } = await import('ioredis');
  const { protocol } = new URL(url.replace(/,.*/, ''));
  const [hosts, name] = url.replace(/^.*:\/\//, '').split('/');
  const points = hosts.split(',').map((each) => ({ host: each.split(':')[0], port: Number(each.split(':')[1]) }));
  if (protocol === 'redis+cluster:') return new Cluster(points, { shardedSubscribers: true });
  if (protocol === 'redis+sentinel:') return new Redis({ sentinels: points, name });
  return new Redis({ ...points[0], ...(protocol === 'rediss:' ? { tls: {} } : {}) });
}

let place = redis;
let app;
if (client) {
  const { url, ...rest } = redis;
  app = await clientOf(url);
  // Whatever becomes of its own connection: the hub has duplicates.
  app.on('error', () => undefined);
  place = { client: app, ...rest };
}
const hub = createHub({ ...options, engine, redis: place });
hub.on('warning', ({ message }) => say({ said: message }));
hub.on('error', ({ error, during }) => say({ said: `${during}: ${error.message}` }));
if (hub.engine !== engine) throw new Error(`asked for the ${engine} engine, got ${hub.engine}`);

const identify = (request) => {
  const query = new URL(request.url, 'http://node').searchParams;
  return { companyId: query.get('company'), userId: query.get('user') };
};
const server = createServer(hub.handler({ identify }));
server.listen(0, host);
await once(server, 'listening');

const realNow = Date.now;
const commands = {
  async publish({ actions }) {
    const calledAt = now();
    const results = actions.length === 1 ? [await hub.broadcast(actions[0])] : await hub.broadcastMany(actions);
    say({ published: actions.map(({ id }, i) => ({ id, calledAt, at: now(), result: results[i] })) });
  },
  /** JavaScript's clock is off by so much: the app's stamps, and the JavaScript engine. */
  clock({ offMs }) {
    Date.now = offMs === 0 ? realNow : () => realNow() + offMs;
  },
  metrics({ ask }) {
    say({ ask, metrics: hub.metrics().broker, health: hub.health() });
  },
  async close() {
    await hub.close({ flushMs: 5_000 });
    app?.disconnect();
    server.close();
    server.closeAllConnections();
    process.stdin.destroy();
  },
};
createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  void commands[command.do](command);
});
say({ port: server.address().port });

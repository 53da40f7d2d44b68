/**
 * A node: pathcast on plain `node:http` with a Redis, limits off, everything else but publishWaitMs at its default. BENCH_REDIS is the server's Unix
 * socket, BENCH_LINK how it is reached: `native` (the native link), `js-ioredis` (the JavaScript engine, which goes through ioredis).
 * BENCH_PORT: listen there.
 */
import { createServer } from 'node:http';
import { createHub } from '../../dist/esm/index.js';
import { identityOf, LISTEN_BACKLOG, nextAction, serve } from './control.mjs';

const { BENCH_REDIS: socket = '', BENCH_LINK: link = 'native', BENCH_PORT: port = '0', BENCH_LOG_ACTIONS: logActions = '1000' } = process.env;
const engine = link === 'js-ioredis' ? 'js' : 'native';
// A machine that is busy is no Redis that is away: what is measured is the way through it.
const redis = { url: `redis+unix://${socket}`, publishWaitMs: 60_000 };
const hub = createHub({ engine, redis, limits: { perUser: 0, perCompany: 0 }, maxCompanies: 200_000, log: { maxActions: Number(logActions) } });
if (hub.engine !== engine) throw new Error(`asked for the ${engine} engine, got ${hub.engine}`);
await hub.ready();

const server = createServer(hub.handler({ identify: (req) => identityOf(req.url) }));
await new Promise((resolve, reject) => {
  server.once('error', reject);
  server.listen({ port: Number(port), host: '127.0.0.1', backlog: LISTEN_BACKLOG }, resolve);
});

/** `count` actions over `companies` in turn, `inFlight` of them at a time. */
async function flood({ count, companies = 1, inFlight = 512 }) {
  let next = 0;
  let queued = 0;
  const one = async () => {
    while (next < count) {
      const companyId = `company-${next++ % companies}`;
      const outcome = await hub.broadcast(nextAction(companyId, 0));
      if (!outcome.ok) throw new Error(JSON.stringify(outcome));
      if (outcome.queued) queued++;
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, one));
  return { ms: performance.now() - start, queued };
}

serve({
  port: server.address().port,
  send: (companyId, action) => hub.broadcast(action),
  metrics: () => hub.metrics(),
  commands: { flood },
});

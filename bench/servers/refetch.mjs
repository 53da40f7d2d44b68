/**
 * What `refetch` measures: Fastify, tRPC, pathcast's native engine, `sync.fence()`, the app of `refetch-app.mjs`. Below /plain stands the same
 * router without the fence. BENCH_BROWSERS: how many sessions there are. BENCH_WHERE=1: the mutation says which inputs it concerns.
 * BENCH_SPREAD=0: no browser is told to wait for the others' sake.
 */
import { fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import Fastify from 'fastify';
import { createHub } from '../../dist/esm/index.js';
import { pathcastPlugin } from '../../dist/esm/fastify/index.js';
import { createSync } from '../../dist/esm/trpc/index.js';
import { LISTEN_BACKLOG, serve } from './control.mjs';
import { COMPANY, mapOf, openDatabase, routerOf, sessionOf } from './refetch-app.mjs';

const { BENCH_BROWSERS: browsers = '50', BENCH_WHERE: narrow = '1', BENCH_SPREAD: spread = '1' } = process.env;
const hub = createHub({ engine: 'native', limits: { perUser: 0, perCompany: 0 }, ...(spread === '0' && { spread: { perStreamMs: 0 } }) });
if (hub.engine !== 'native') throw new Error(`asked for the native engine, got ${hub.engine}`);
hub.on('error', (failure) => process.stderr.write(`${failure.message}\n`));

const { db, statements } = await openDatabase(Number(browsers));
const sync = createSync({ hub });
/** ms, when each query of a browser began. */
const asked = [];
const router = routerOf({ db, middleware: sync.middleware(), asked: () => asked.push(performance.now()) });
await sync.bind(router, mapOf(narrow === '1'));

let requests = 0;
const sockets = new Set();
let closedBytes = 0;
const app = Fastify({ routerOptions: { maxParamLength: 5_000 } });
app.addHook('onRequest', (request, reply, done) => {
  if (!request.url.startsWith('/sync')) requests += 1;
  done();
});
app.server.on('connection', (socket) => {
  sockets.add(socket);
  socket.once('close', () => {
    sockets.delete(socket);
    closedBytes += socket.bytesWritten;
  });
});
const createContext = async ({ req }) => ({ ...(await sessionOf(db, req)), req });
await app.register(pathcastPlugin, { hub, identify: (request) => ({ companyId: COMPANY, userId: String(request.query.user ?? '') }) });
await app.register(fastifyTRPCPlugin, { prefix: '/trpc', trpcOptions: { router, ...sync.fence({ createContext }) } });
await app.register(fastifyTRPCPlugin, { prefix: '/plain', trpcOptions: { router, createContext } });
const address = await app.listen({ port: 0, host: '127.0.0.1', backlog: LISTEN_BACKLOG });

/** The most within any `windowMs`. */
function densest(times, windowMs) {
  let most = 0;
  for (let first = 0, last = 0; last < times.length; last += 1) {
    while (times[last] - times[first] >= windowMs) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

serve({
  port: Number(new URL(address).port),
  send: () => ({ ok: false }),
  metrics: () => hub.metrics(),
  commands: {
    /** Since the last such question: what was asked of the server, and what it wrote, streams included. */
    tally: (() => {
      let before = { requests: 0, statements: 0, bytes: 0 };
      return ({ windowMs = 50 }) => {
        const now = { requests, statements: statements.count, bytes: [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, closedBytes) + hub.metrics().bytes };
        const since = Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - before[name]]));
        before = now;
        const times = asked.splice(0);
        return { ...since, queries: times.length, peak: densest(times, windowMs) };
      };
    })(),
  },
});

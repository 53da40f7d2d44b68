// Everything that JavaScript can ask of the native engine, at once and at random, for some seconds: streams over sockets
// that are cut, reset, half closed or never read, resumes, imports, ephemeral events, leases, evictions, expiries, drains,
// reads of the log, observers inside the app, tables of query paths. Then an ordered end, after which nothing may be left.
//   node load.mjs SECONDS [SEED]
import { setTimeout as pause } from 'node:timers/promises';
import { initTRPC } from '@trpc/server';
import { action, connect, start } from './app.mjs';

const seconds = Number(process.argv[2] ?? 10);
let state = Number(process.argv[3] ?? (Date.now() >>> 0)) || 1;
process.stdout.write(`seed ${state}\n`);
const below = (n) => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
};

const { hub, server, port } = await start(
  {
    limits: { perUser: 3, perCompany: 40, policy: 'evict-oldest' },
    maxCompanies: 30,
    heartbeatMs: 50,
    slowTimeoutMs: 400,
    lifetimeMs: 3_000,
    connectionCapBytes: 4_096,
    log: { maxActions: 50, ttlMs: 500, compactAfter: 5 },
  },
  (url) => ({
    clientInstanceId: url.searchParams.get('i') ?? undefined,
    dialect: url.searchParams.get('d') ?? 'plain',
    filter: url.searchParams.get('f') ? { queryPaths: [url.searchParams.get('f')], modules: ['m'] } : undefined,
    ...(url.searchParams.get('e') ? { expiresAt: Date.now() + Number(url.searchParams.get('e')) } : {}),
    ...(url.searchParams.get('s') ? { ids: false, lastSyncTimestamp: Number(url.searchParams.get('s')) } : {}),
  }),
);
const t = initTRPC.create();
const routerOf = (queries) => t.router({ m: t.router(Object.fromEntries(queries.map((name) => [name, t.procedure.query(() => 1)]))) });
const observers = new Set();
const observe = (companyId) => {
  const cut = new AbortController();
  const done = (async () => {
    try {
      for await (const _ of hub.stream({ companyId, userId: 'inside', dialect: 'plain', signal: cut.signal })) if (below(20) === 0) break;
    } catch {
      // A refusal, or the end of the hub.
    }
  })();
  const entry = { cut, done };
  observers.add(entry);
  void done.then(() => observers.delete(entry));
};

const clients = [];
let ids = [];
let opened = 0;
const pending = new Set();
const ask = (promise) => {
  const settled = promise.then(
    () => pending.delete(settled),
    () => pending.delete(settled),
  );
  pending.add(settled);
};
for (const until = Date.now() + seconds * 1_000; Date.now() < until; ) {
  for (let i = 0; i < 6; i++) {
    const query = `c=c${below(8)}&u=u${below(9)}${below(2) ? `&i=i${below(5)}` : ''}${below(2) ? `&f=m.q${below(5)}` : ''}${below(3) ? '' : `&s=${Date.now() - below(700)}`}${below(4) ? '' : `&e=${below(300)}`}${below(2) ? '&d=trpc' : ''}`;
    const headers = ids.length > 0 && below(2) ? `Last-Event-ID: ${ids[below(ids.length)]}\r\n` : '';
    clients.push(connect(port, `/?${query}`, { headers, pause: below(4) === 0, ids }).socket);
    opened++;
  }
  if (ids.length >= 300) ids = [];
  for (let i = 0; i < 15; i++) {
    ask(hub.broadcast(action({ companyId: `c${below(40)}`, id: below(5) ? undefined : `same${below(9)}`, queryPaths: [`m.q${below(9)}`], data: 'y'.repeat(below(3_000)) })));
  }
  if (!below(3)) ask(hub.broadcastMany(Array.from({ length: 20 }, () => action({ companyId: `c${below(8)}` }))));
  hub.ephemeral({ companyId: `c${below(8)}`, topic: 't', data: { a: below(9) } });
  if (!below(6)) ask(hub.disconnect({ companyId: `c${below(8)}` }, 'revoked'));
  if (!below(6)) ask(hub.disconnect({ userId: `u${below(9)}` }, 'evicted'));
  if (!below(4)) ask(hub.acquire({ companyId: `c${below(8)}`, userId: `u${below(9)}` }).then((guard) => pause(below(100)).then(() => guard.release())));
  if (!below(5)) ask(hub.readLog(`c${below(40)}`, below(2) ? Date.now() - 300 : undefined));
  if (!below(5)) ask(hub.connections(below(2) ? { limit: 50 } : { companyId: `c${below(8)}`, limit: 1_000 }));
  if (!below(5) && observers.size < 20) observe(`c${below(8)}`);
  if (!below(10)) for (const { cut } of observers) if (below(2)) cut.abort();
  if (!below(20)) ask(hub.bindRouter(routerOf(Array.from({ length: 1 + below(30) }, (_, i) => `q${i}`))));
  if (!below(10)) hub.metrics();
  while (clients.length > 150) {
    const [socket] = clients.splice(below(clients.length), 1);
    if (below(3) === 0) socket.end();
    else if (below(2)) socket.destroy();
    else socket.resetAndDestroy();
  }
  await pause(5);
}
const busy = hub.metrics();
const draining = hub.drain({ overMs: 100 });
await pause(50);
await Promise.all([draining, hub.close()]);
await Promise.all([...pending, ...[...observers].map(({ done }) => done)]);
for (const socket of clients) socket.destroy();
server.closeAllConnections();
server.close();
const { connections, leases, slowSinks, backlogBytes } = hub.metrics();
process.stdout.write(`${opened} streams, ${busy.publishes} actions, ${busy.conflations} conflations, ${busy.evictions} evictions\n`);
for (const [name, value] of Object.entries({ connections, leases, slowSinks, backlogBytes })) {
  if (value !== 0) throw new Error(`${name} is ${value} after the close`);
}
if (busy.publishes < 50 || opened < 50) throw new Error('that was no load');

/** `sync.fence()`: the header on answers of queries and mutations, behind each adapter of tRPC, in batches, across origins. */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import cors from '@fastify/cors';
import * as newest from '@trpc/server';
import { createExpressMiddleware } from '@trpc/server/adapters/express';
import { fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import express from 'express';
import fastify, { type FastifyInstance } from 'fastify';
import { createHub, POSITION_HEADER, reaches } from '../../lib/index.js';
import { createSync, type FenceOptions } from '../../lib/trpc/index.js';
import { ENGINES, type EngineKind } from '../support/engines.js';
import { closeServers, listen } from '../support/listen.js';

const ADAPTERS = ['standalone', 'express', 'fastify', 'fetch'] as const;
type Adapter = (typeof ADAPTERS)[number];

/** A caller says in a header who it is. */
interface Context {
  session: { companyId: string } | null;
}
interface Call {
  req: { headers: Headers | Record<string, string | string[] | undefined> };
}

function createContext({ req: { headers } }: Call): Context {
  const companyId = headers instanceof Headers ? headers.get('x-company') : headers['x-company'];
  return { session: typeof companyId === 'string' ? { companyId } : null };
}

const oldest = createRequire(path.join(__dirname, '../clients/trpc-client-11-0/index.cjs')).resolve('@trpc/server');

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  closeServers();
  for (const end of ends.splice(0)) await end();
});

function app(engine: EngineKind, fence: FenceOptions<Call, Context> = {}, initTRPC = newest.initTRPC) {
  const hub = createHub({ engine });
  ends.push(() => hub.close());
  const sync = createSync<Context>({ hub, rules: { companyId: ({ ctx }) => ctx.session!.companyId } });
  const t = initTRPC.context<Context>().create({ isDev: false });
  const broadcast = (companyId = 'acme'): Promise<unknown> =>
    hub.broadcast({ type: 'update', module: 'guests', entityId: '*', companyId, userId: 'ann', queryPaths: ['guests'] });
  const router = t.router({
    position: t.procedure.query(() => hub.position('acme') ?? ''),
    /** Something changes while it works. */
    late: t.procedure.query(async () => {
      await broadcast();
      return hub.position('acme') ?? '';
    }),
    change: t.procedure.mutation(async () => {
      await broadcast();
      return true;
    }),
    fails: t.procedure.query(() => {
      throw new newest.TRPCError({ code: 'NOT_FOUND' });
    }),
    ticks: t.procedure.subscription(async function* () {
      yield await Promise.resolve(1);
    }),
  });
  const errors: unknown[] = [];
  hub.on('error', (failure) => void errors.push(failure.error));
  return { hub, sync, router, broadcast, errors, options: { router, ...sync.fence({ createContext, ...fence }) } };
}
type App = ReturnType<typeof app>;

/** The base of its procedures' URLs, or what answers requests. */
async function serve(adapter: Adapter, { options }: App, prepare?: (server: FastifyInstance) => void): Promise<(url: string, init?: RequestInit) => Promise<Response>> {
  const at = (base: string) => (url: string, init?: RequestInit) => fetch(`${base}/trpc/${url}`, init);
  switch (adapter) {
    case 'standalone':
      return at(`http://127.0.0.1:${await listen(createServer(createHTTPHandler({ ...options, basePath: '/trpc/' })))}`);
    case 'express': {
      const server = express();
      server.use('/trpc', createExpressMiddleware(options));
      return at(`http://127.0.0.1:${await listen(createServer(server))}`);
    }
    case 'fastify': {
      const server = fastify({ forceCloseConnections: true });
      ends.push(() => server.close());
      prepare?.(server);
      await server.register(fastifyTRPCPlugin, { prefix: '/trpc', trpcOptions: options });
      return at(await server.listen({ port: 0, host: '127.0.0.1' }));
    }
    case 'fetch':
      return (url, init) => fetchRequestHandler({ endpoint: '/trpc', req: new Request(`http://app.example/trpc/${url}`, init), ...options });
  }
}

const asAnn = { headers: { 'x-company': 'acme' } };

describe.each(ENGINES.flatMap((engine) => ADAPTERS.map((adapter) => [engine, adapter] as const)))('%s engine, %s', (engine, adapter) => {
  test('a query and a mutation say what their data contains at least', async () => {
    const it = app(engine);
    const ask = await serve(adapter, it);
    await it.broadcast();
    const before = it.hub.position('acme')!;
    expect(before).toMatch(/^[0-9a-f]{12}\.1$/);
    for (const [url, init] of [['position', asAnn], ['change', { headers: { ...asAnn.headers, 'content-type': 'application/json' }, method: 'POST', body: '{}' }]] as const) {
      const response = await ask(url, init);
      expect([response.status, response.headers.get(POSITION_HEADER)]).toEqual([200, before]);
      expect(response.headers.get('access-control-expose-headers')).toBeNull();
    }
    expect((await ask('position', asAnn)).headers.get(POSITION_HEADER)).toBe(it.hub.position('acme'));
    expect(it.errors).toEqual([]);
  });

  test('one of a batch, streamed or not, and it is read before any of its resolvers runs', async () => {
    const it = app(engine);
    const ask = await serve(adapter, it);
    await it.broadcast();
    for (const headers of [asAnn.headers, { ...asAnn.headers, 'trpc-accept': 'application/jsonl' }]) {
      const before = it.hub.position('acme')!;
      const response = await ask('late,position,late,fails?batch=1&input={}', { headers });
      expect(response.headers.get(POSITION_HEADER)).toBe(before);
      await response.text();
      const after = it.hub.position('acme')!;
      expect(after).not.toBe(before);
      expect([reaches(before, before), reaches(after, before), reaches(before, after)]).toEqual([true, true, false]);
    }
  });

  test('nothing for who is of no company, of one that this node knows nothing of, and for a subscription', async () => {
    const it = app(engine);
    const ask = await serve(adapter, it);
    expect((await ask('position', asAnn)).headers.has(POSITION_HEADER)).toBe(false);
    await it.broadcast();
    expect((await ask('position')).headers.has(POSITION_HEADER)).toBe(false);
    expect((await ask('position', { headers: { 'x-company': 'other' } })).headers.has(POSITION_HEADER)).toBe(false);
    const stream = await ask('ticks', asAnn);
    expect(stream.headers.has(POSITION_HEADER)).toBe(false);
    await stream.body?.cancel();
    // A rule that throws for who is nobody is no failure.
    expect(it.errors).toEqual([]);
  });

  test('a page of another origin may read it', async () => {
    const it = app(engine, { responseMeta: () => ({ headers: { 'X-Mine': 'yes', 'Access-Control-Expose-Headers': 'x-mine' } }) });
    const ask = await serve(adapter, it);
    await it.broadcast();
    const { headers } = await ask('position', { headers: { ...asAnn.headers, origin: 'https://app.example' } });
    expect(headers.get('access-control-expose-headers')).toBe(`x-mine, ${POSITION_HEADER}`);
    expect(headers.get('x-mine')).toBe('yes');
  });
});

test.each(ENGINES)('%s engine: what createContext itself reads is not older than the position says', async (engine) => {
  let meanwhile = (): Promise<unknown> => Promise.resolve();
  const it = app(engine, {
    createContext: async (call) => {
      await meanwhile();
      return createContext(call);
    },
  });
  const ask = await serve('fetch', it);
  const said = async (companyId = 'acme'): Promise<string | null> =>
    (await ask('position', { headers: { 'x-company': companyId } })).headers.get(POSITION_HEADER);
  for (let i = 0; i < 5; i++) await it.broadcast();
  const before = it.hub.position('acme')!;
  meanwhile = () => it.broadcast();
  expect(await said()).toBe(before);
  const now = it.hub.position('acme')!;
  expect(reaches(now, before)).toBe(true);
  // What others get does not concern it, as long as it gets nothing itself.
  meanwhile = () => it.broadcast('other');
  expect(await said()).toBe(now);
  meanwhile = async () => {
    await it.broadcast('other');
    await it.broadcast();
  };
  const older = (await said())!;
  expect([reaches(now, older), older.split('.')[0]]).toEqual([true, now.split('.')[0]]);
  // A log that begins meanwhile.
  meanwhile = () => it.broadcast('new');
  expect(await said('new')).toBeNull();
  meanwhile = () => Promise.resolve();
  expect(await said('new')).toBe(it.hub.position('new'));
  expect(it.errors).toEqual([]);
});

test('a page of another origin may read it with credentials, where all names are exposed', async () => {
  const it = app('js', { responseMeta: () => ({ headers: { 'access-control-expose-headers': '*' } }) });
  const ask = await serve('fetch', it);
  await it.broadcast();
  const { headers } = await ask('position', { headers: { ...asAnn.headers, origin: 'https://app.example' } });
  expect(headers.get('access-control-expose-headers')).toBe(`*, ${POSITION_HEADER}`);
});

test('what the CORS plugin exposes stays exposed', async () => {
  const it = app('js');
  const ask = await serve('fastify', it, (server) => void server.register(cors, { origin: true, exposedHeaders: ['x-total', 'x-page'] }));
  await it.broadcast();
  const { headers } = await ask('position', { headers: { ...asAnn.headers, origin: 'https://app.example' } });
  expect(headers.get('access-control-expose-headers')).toBe(`x-total, x-page, ${POSITION_HEADER}`);
});

test('the older of the node and the replica goes out; what a replica cannot say is no position', async () => {
  let replica: () => string | null | Promise<string> = () => null;
  const it = app('js', { position: () => replica() });
  const ask = await serve('fetch', it);
  await it.broadcast();
  const old = it.hub.position('acme')!;
  await it.broadcast();
  const now = it.hub.position('acme')!;
  const said = async (): Promise<string | null> => (await ask('position', asAnn)).headers.get(POSITION_HEADER);
  expect(await said()).toBeNull();
  replica = () => Promise.resolve(old);
  expect(await said()).toBe(old);
  // It has heard of more than this node has.
  replica = () => `${now.split('.')[0]}.99`;
  expect(await said()).toBe(now);
  replica = () => 'abc.5';
  expect(await said()).toBe('abc.5');
  expect(it.errors).toEqual([]);
  replica = () => '17';
  expect(await said()).toBeNull();
  replica = () => {
    throw new Error('no replica');
  };
  expect(await said()).toBeNull();
  expect(it.errors).toEqual([
    expect.objectContaining({ code: 'INVALID_FIELD', message: `position must give "<epoch>.<seq>" or null, got "17"` }),
    new Error('no replica'),
  ]);
});

test('a company that only the app can tell', async () => {
  const it = app('js', { companyId: async (ctx) => Promise.resolve(ctx.session ? 'acme' : null) });
  const ask = await serve('fetch', it);
  await it.broadcast();
  expect((await ask('position', { headers: { 'x-company': 'anything' } })).headers.get(POSITION_HEADER)).toBe(it.hub.position('acme'));
  expect((await ask('position')).headers.has(POSITION_HEADER)).toBe(false);
});

test('on the oldest server of tRPC 11', async () => {
  const { initTRPC } = createRequire(oldest)(oldest) as typeof newest;
  const adapter = createRequire(oldest)('@trpc/server/adapters/fetch') as { fetchRequestHandler: typeof fetchRequestHandler };
  const it = app('js', {}, initTRPC);
  await it.broadcast();
  const response = await adapter.fetchRequestHandler({ endpoint: '/trpc', req: new Request('http://app.example/trpc/position', asAnn), ...it.options });
  expect(response.headers.get(POSITION_HEADER)).toBe(it.hub.position('acme'));
});

test('what is wrong with its options', () => {
  const sync = createSync();
  expect(() => sync.fence({ createContext: 'x' as never })).toThrow('fence(): createContext must be a function, got "x"');
  expect(() => sync.fence({ position: '1' as never })).toThrow('fence(): position must be a function, got "1"');
  expect(() => sync.fence({ positions: () => '' } as never)).toThrow(/positions/);
});

/**
 * Set-ups that could not work were found out by nobody: an app's transformer that the hub had not (browsers read `undefined`),
 * a `bind` that failed and had already replaced the router, a second router that made the first one's paths phantom, an event
 * name with a slip in it, a misspelled option of a resolver, a header that HTTP does not have, a `hub` that is none. Each is an error, or
 * a warning, where it is made.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { initTRPC } from '@trpc/server';
import superjson from 'superjson';
import { configure, createHub, defaultHub, handler, type Hub, type HubOptions } from '../../lib/index.js';
import { pathcastPlugin } from '../../lib/fastify/index.js';
import { createRecorder } from '../../lib/testing/index.js';
import { createSync, syncStream, syncSubscription } from '../../lib/trpc/index.js';
import { webHandler } from '../../lib/web/index.js';
import { ENGINES } from '../support/engines.js';
import { internalsOf } from '../../lib/server/internals.js';
import { query, router } from '../support/routers.js';
import { listenTo } from '../support/sync-app.js';

const hubs: Hub[] = [];
const open = (options: HubOptions = {}): Hub => {
  const hub = createHub({ engine: 'js', ...options });
  hubs.push(hub);
  return hub;
};
afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub.close()));
});
const routerWith = (transformer?: typeof superjson) => {
  const t = transformer ? initTRPC.create({ transformer }) : initTRPC.create();
  return t.router({ guests: t.router({ all: t.procedure.query(() => 1) }) });
};
const reversed = {
  serialize: (value: unknown) => ({ v: JSON.stringify(value) }),
  deserialize: (value: { v: string }) => JSON.parse(value.v) as unknown,
};

test('the transformer of the app and that of the hub are the same, or bind says so', async () => {
  await open({ transformer: superjson }).bindRouter(routerWith(superjson));
  await open().bindRouter(routerWith());
  await expect(open().bindRouter(routerWith(superjson))).rejects.toMatchObject({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('the router has one, the hub none') as string,
  });
  const other = open({ transformer: superjson });
  await expect(other.bindRouter(routerWith())).rejects.toThrow('the router has none, the hub one');
  expect(internalsOf(other).paths).toBeUndefined();
  await expect(open({ transformer: reversed }).bindRouter(routerWith(superjson))).rejects.toThrow(
    'the two are different',
  );
  await expect(createSync({ hub: open() }).bind(routerWith(superjson), { mutations: {} })).rejects.toThrow(
    'transformer',
  );
});

test('a bind that fails changes nothing', async () => {
  const hub = open();
  const sync = createSync({ hub });
  const first = router({ guests: { getAll: query } });
  const aliases = { 'guests.list': 'guests.getAll' };
  await sync.bind(first as never, { mutations: {} } as never, { aliases, onPhantomPath: 'error' });
  const before = internalsOf(hub).paths;
  const second = router({ hotels: { getAll: query } });
  await expect(sync.bind(second as never, { mutations: { 'no.such': ['hotels'] } } as never)).rejects.toMatchObject({
    code: 'INVALID_MAP',
  });
  await expect(sync.bind(second as never, { mutations: {} } as never, { aliases: { a: 'b' } })).rejects.toThrow(
    'aliases',
  );
  expect(internalsOf(hub).paths).toBe(before);
  expect(internalsOf(hub).paths?.aliasOf('guests.list')).toBe('guests.getAll');
  const base = { type: 'update', module: 'guests', entityId: 'g', companyId: 'acme', userId: 'u' } as const;
  expect(await hub.broadcast({ ...base, queryPaths: ['guests.list'] })).toMatchObject({ ok: true });
  expect(await hub.broadcast({ ...base, queryPaths: ['hotels.getAll'] })).toMatchObject({ code: 'PHANTOM_PATH' });
});

test('a second router in the place of the first is told of what becomes phantom; the same one again is fine', async () => {
  const hub = open();
  const { warnings } = listenTo(hub);
  const both = { guests: { getAll: query, getOne: query }, hotels: { getAll: query } };
  await hub.bindRouter(router(both));
  await hub.bindRouter(router({ ...both, budget: { getAll: query } }));
  expect(warnings).toEqual([]);
  await hub.bindRouter(router({ hotels: { getAll: query } }));
  expect(warnings.map(({ message }) => message)).toEqual([
    expect.stringContaining('guests.getAll, guests.getOne, budget.getAll are phantom from now on'),
  ]);
});

test('an event that there is not, and a logger that cannot log', () => {
  const hub = open();
  expect(() => hub.on('eror' as never, () => undefined)).toThrow(
    'the hub has no event "eror"; it has: warning, error, phantom, refused, closed, conflated, resync',
  );
  expect(() => hub.on('error', undefined as never)).toThrow("a listener of 'error' must be a function, got undefined");
  expect(() => createHub({ logger: { warn: () => undefined } as never })).toThrow(
    'logger must have warn(data, text) and error(data, text)',
  );
});

test('options may be given as undefined', async () => {
  const hub = open({
    limits: { perUser: undefined, perCompany: undefined, policy: undefined },
    log: { maxActions: undefined },
    heartbeatMs: undefined,
    transformer: undefined,
    aliases: undefined,
    logger: undefined,
  });
  const stream = hub.stream({
    companyId: 'acme',
    userId: 'u',
    headers: undefined,
    expiresAt: undefined,
    ids: undefined,
    dialect: undefined,
    since: undefined,
  });
  expect((await stream.next()).value).toMatchObject({ type: 'hello' });
  await stream.return(undefined);
});

describe('what is no option, or no value of one, is an error where it is written', () => {
  const who = { companyId: 'acme', userId: 'u' };
  const identify = () => who;
  const stream = () => who;
  const isHub = 'hub must be a hub of createHub()';
  test.each<[string, () => unknown, string]>([
    ['handler: a name', () => handler({ identfy: identify } as never), 'handler() has no option "identfy"'],
    ['handler: nothing', () => handler(undefined as never), 'handler options must be an object, got undefined'],
    ['handler: hub', () => handler({ hub: {}, identify } as never), `${isHub}, got an object`],
    ['handler: the name of a header', () => handler({ identify, headers: { 'x name': '1' } }), '["x name"]'],
    ['hub.handler: a header', () => open().handler({ identify, headers: { x: 'a\nb' } }), 'headers: Invalid character in header content ["x"]'],
    ['hub.handler: headers', () => open().handler({ identify, headers: 'x' as never }), 'headers must be an object, got "x"'],
    ['webHandler: hub', () => webHandler({ hub: {} as never, identify }), `${isHub}, got an object`],
    ['syncSubscription: a name', () => syncSubscription({ steam: stream } as never), 'syncSubscription() has no option "steam"'],
    ['syncSubscription: nothing', () => syncSubscription(undefined as never), 'syncSubscription options must be an object'],
    ['syncSubscription: stream', () => syncSubscription({} as never), 'stream must be a function'],
    ['syncSubscription: hub', () => syncSubscription({ hub: 5 as never, stream }), `${isHub}, got 5`],
    ['syncSubscription: ids', () => syncSubscription({ ids: 'no' as never, stream }), 'ids must be true or false, got "no"'],
    ['syncStream: hub', () => syncStream({ hub: {} as never, ...who }), isHub],
    ['recorder: hub', () => createRecorder({ router: routerWith(), hub: 5 as never }), `${isHub}, got 5`],
    ['transactional: nothing', () => createSync().transactional(null as never), 'transactional() takes a database client, got null'],
    ['transactional: an address', () => createSync().transactional('postgres://u:p@db' as never), 'transactional() takes a database client, got a string of 17 characters'],
    ['transaction: run', () => createSync().transaction(5 as never, () => 1), 'run of transaction(run, work) must be a function, got a number'],
    ['transaction: work', () => createSync().transaction((body) => body({}), undefined as never), 'work of transaction(run, work) must be a function, got undefined'],
    ['sync.observe', () => createSync().observe(null as never), 'observer must be an object, got null'],
    ['recorder: sync', () => createRecorder({ router: routerWith(), sync: {} as never }), 'sync must be a sync of createSync()'],
  ])('%s', (_name, set, message) => {
    expect(set).toThrow(message);
    expect(set).toThrow(expect.objectContaining({ code: expect.stringMatching(/^(INVALID_OPTION|INTERNAL_SERVER_ERROR)$/) as string }));
  });

  test.each([
    ['headers', 'zz', 'headers must be an object, got "zz"'],
    ['signal', 'zz', 'signal must be an AbortSignal, got "zz"'],
    ['tracked', 5, 'tracked must be a function, got 5'],
    ['toError', 5, 'toError must be a function, got 5'],
    ['path', 5, 'path must be a string, got 5'],
    ['req', 'x', 'req must be the request of Node'],
    ['req', {}, 'req must be the request of Node'],
    ['res', {}, 'res must be the response of Node'],
    ['res', new Response(), 'res must be the response of Node'],
  ])('stream(): %s', (name, value, message) => {
    const hub = open();
    for (const call of [hub.stream, hub.serve])
      expect(() => call({ ...who, [name]: value })).toThrow(expect.objectContaining({ code: 'INVALID_FIELD' }));
    expect(() => hub.stream({ ...who, [name]: value })).toThrow(message);
    expect(hub.metrics().opened).toBe(0);
  });

  test('recorder.verify()', async () => {
    const recorder = createRecorder({ router: routerWith() });
    const error = { code: 'INVALID_OPTION', message: expect.stringContaining('it has: everyMutation, everyQuery') as string };
    await expect(recorder.verify({ everyMutations: true } as never)).rejects.toMatchObject(error);
    await expect(recorder.verify({ everyQuery: 'no' as never })).rejects.toThrow('everyQuery must be true or false, got "no"');
    await recorder.verify({ everyQuery: undefined });
  });

  test.each(ENGINES)('close() of a handle takes a reason, or says which there are (%s)', async (engine) => {
    const hub = open({ engine });
    const handle = hub.stream(who);
    await handle.next();
    await expect(handle.close('nonsense' as never)).rejects.toMatchObject({
      code: 'INVALID_FIELD',
      message: 'reason must be one of replaced, evicted, limit, drain, revoked, auth_expired, slow, got "nonsense"',
    });
    expect(hub.metrics().connections).toBe(1);
    await handle.close('drain');
    expect(hub.metrics()).toMatchObject({ connections: 0, closes: { drain: 1 } });
  });
});

describe('an identity that is none is the fault of the app: 500, and an error event', () => {
  const gone = { companyId: undefined, userId: 'u' } as never;
  const heard = (hub: Hub) => {
    const errors: string[] = [];
    hub.on('error', ({ during, error }) => void errors.push(`${during}: ${error.message}`));
    return errors;
  };
  const bad = 'identify: identify gave a bad identity: companyId must be a string, got undefined';

  test('Node', async () => {
    const hub = open();
    const errors = heard(hub);
    const server = createServer(hub.handler({ identify: () => gone })).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect([answer.status, errors]).toEqual([500, [bad]]);
    server.closeAllConnections();
    server.close();
  });

  test('Fastify and web; what the client asked for stays its own mistake', async () => {
    const hub = open();
    const errors = heard(hub);
    const app = Fastify();
    await app.register(pathcastPlugin, { hub, identify: () => gone });
    expect((await app.inject('/sync/stream')).statusCode).toBe(500);
    expect(errors).toEqual([bad]);
    const web = (identify: () => unknown, query = '') =>
      webHandler({ hub, identify: identify as never })(new Request(`http://x/${query}`)).then(({ status }) => status);
    expect(await web(() => ({ companyId: 'acme', userId: 'u', expiresAt: 'soon' }))).toBe(500);
    expect(await web(() => ({ companyId: 'acme', userId: 'u', filter: { module: ['m'] } }))).toBe(500);
    expect(errors).toHaveLength(3);
    const ok = () => ({ companyId: 'acme', userId: 'u' });
    expect(await web(ok, `?clientInstanceId=${'x'.repeat(300)}`)).toBe(400);
    expect(await web(ok, `?modules=${'x'.repeat(300)}`)).toBe(400);
    expect(errors).toHaveLength(3);
    await app.close();
  });
});

test('configure() again: with functions of another copy of the module, with nothing, and with what is no option', async () => {
  const options = () => ({ engine: 'js', reauthorize: { everyMs: 1_000, check: () => [] }, limits: { perUser: undefined } }) as const;
  const hub = configure(options());
  expect(configure({ ...options(), limits: {} })).toBe(hub);
  const others = { code: 'INVALID_OPTION', message: expect.stringContaining('running already with other options') as string };
  expect(() => configure({ ...options(), reauthorize: { everyMs: 2_000, check: () => [] } })).toThrow(expect.objectContaining(others));
  for (const none of [undefined, null]) expect(() => configure(none as never)).toThrow(expect.objectContaining(others));
  expect(() => configure({ engin: 'js' } as never)).toThrow('the hub has no option "engin"');
  await defaultHub().close();
  const plain = configure();
  expect(configure(null as never)).toBe(plain);
  await plain.close();
});

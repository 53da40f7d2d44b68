/**
 * Set-ups that could not work were found out by nobody: an app's transformer that the hub had not (browsers read `undefined`),
 * a `bind` that failed and had already replaced the router, a second router that made the first one's paths phantom, an event
 * name with a slip in it. Each is an error, or a warning, where it is made.
 */
import { initTRPC } from '@trpc/server';
import superjson from 'superjson';
import { createHub, type Hub, type HubOptions } from '../../lib/index.js';
import { createSync } from '../../lib/trpc/index.js';
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

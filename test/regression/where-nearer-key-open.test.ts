/**
 * A `where` said of a router what did not hold for one query below it, and of that query, rightly, that its key may be anything: null, a list with a
 * null in it, more values than are compared. What cannot be compared was left out before the nearer one took the wider one's place, so the router's
 * value narrowed the query all the same, and one that had changed was left as it was. A key that the nearer path names is open where its values
 * cannot be compared, whatever is said above it.
 */
import { initTRPC } from '@trpc/server';
import { createHub } from '../../lib/index.js';
import { createSync, type InvalidationMap } from '../../lib/trpc/index.js';
import { ENGINES } from '../support/engines.js';
import { actionsOf, listenTo } from '../support/sync-app.js';

type Id = string | null;
const many = Array.from({ length: 17 }, (_, nth) => `c${nth}`);

describe.each(ENGINES)('%s engine', (engine) => {
  test.each<[string, unknown]>([
    ['null', null],
    ['nothing', undefined],
    ['a list with null in it', ['c1', null]],
    ['more values than are compared', many],
    ['a text that is too long', 'x'.repeat(129)],
  ])('%s opens the key', async (_, clientId) => {
    const hub = createHub({ engine });
    const { errors } = listenTo(hub);
    const core = createSync<object>({ hub, rules: { companyId: () => 'acme', userId: () => 'ann', entityId: () => 'row' } });
    const t = initTRPC.context<object>().create({ isDev: false });
    const base = t.procedure.use(core.middleware());
    const list = base.input((value: unknown) => value as { clientId?: Id; year?: number }).query(() => []);
    const router = t.router({ guests: t.router({ getAll: list, more: t.router({ byOther: list, byBoth: list }), move: base.mutation(() => true) }) });
    const map = {
      mutations: {
        'guests.move': {
          stale: ['guests'],
          where: () => ({ guests: { clientId: 'c1', year: 1 }, 'guests.more.byBoth': { clientId: 'c2' }, 'guests.more': { clientId } }) as never,
        },
      },
    } satisfies InvalidationMap<typeof router>;
    await core.for<typeof router>().bind(router, map);
    await t.createCallerFactory(router)({}).guests.move();
    await core.settled();
    const [{ queryPaths, where }] = (await actionsOf(hub)) as [Awaited<ReturnType<typeof actionsOf>>[0]];
    expect([...queryPaths].sort()).toEqual(['guests.getAll', 'guests.more.byBoth', 'guests.more.byOther']);
    expect(where).toEqual({ 'guests.getAll': { clientId: 'c1', year: 1 }, 'guests.more.byBoth': { clientId: 'c2', year: 1 }, 'guests.more.byOther': { year: 1 } });
    expect(errors).toEqual([]);
    await hub.close();
  });
});

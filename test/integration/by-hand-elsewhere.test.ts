/** A broadcast by hand inside a mutation speaks for its own company on its own hub; for others it replaces nothing. */
import { createHub } from '../../lib/index.js';
import { ENGINES } from '../support/engines.js';
import { actionsOf, listenTo, syncApp, syncMap } from '../support/sync-app.js';

const ctx = { companyId: 'acme', userId: 'ann', sourceId: 'tab1' };
const change = { type: 'update', module: 'guests', entityId: 'by hand', userId: 'ann', queryPaths: ['guests'] } as const;

describe.each(ENGINES)('%s engine', (engine) => {
  test('for another company: both hear of it', async () => {
    const app = syncApp(engine);
    await app.sync.bind(app.appRouter, syncMap);
    const heard = listenTo(app.hub);
    const calls = async (): Promise<void> => void app.sync.broadcast({ ...change, companyId: 'other' });
    await app.createCaller({ ...ctx, calls }).guests.nest({ id: 'g1', clientId: 'c1' });
    await app.sync.settled();
    expect((await actionsOf(app.hub, 'other')).map(({ entityId }) => entityId)).toEqual(['by hand']);
    expect((await actionsOf(app.hub, 'acme')).map(({ entityId, queryPaths }) => [entityId, queryPaths])).toEqual([['g1', ['guests.getAll']]]);
    expect(heard.errors).toEqual([]);
    await app.hub.close();
  });

  test('on another hub: the own one is told as well', async () => {
    const app = syncApp(engine);
    await app.sync.bind(app.appRouter, syncMap);
    const second = createHub({ engine });
    const calls = async (): Promise<void> => void (await second.broadcast({ ...change, companyId: 'acme' }));
    await app.createCaller({ ...ctx, calls }).guests.nest({ id: 'g1', clientId: 'c1' });
    await app.sync.settled();
    expect((await actionsOf(second)).map(({ entityId }) => entityId)).toEqual(['by hand']);
    expect((await actionsOf(app.hub)).map(({ entityId }) => entityId)).toEqual(['g1']);
    await app.hub.close();
    await second.close();
  });
});

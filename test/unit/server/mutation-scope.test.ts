/** The scope of a running mutation: what is broadcast by hand in it is noted, wherever it awaits. */
import { createHub, type Hub } from '../../../lib/index.js';
import type { SyncAction } from '../../../lib/protocol/events.js';
import { currentMutation, outsideMutation, runInMutation, type MutationScope } from '../../../lib/server/mutation-scope.js';
import { query, router } from '../../support/routers.js';

class Notes implements MutationScope {
  readonly actions: SyncAction[] = [];
  readonly hubs: object[] = [];
  noteBroadcast(action: SyncAction, hub: object): void {
    this.actions.push(action);
    this.hubs.push(hub);
  }
}

const action = (id: string, fields: object = {}) => ({
  id,
  type: 'update' as const,
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'u1',
  queryPaths: ['guests.getAll'],
  ...fields,
});
const ids = (notes: Notes): string[] => notes.actions.map(({ id }) => id);

let hub: Hub;
beforeEach(() => void (hub = createHub({ engine: 'js' })));
afterEach(() => hub.close());

test('broadcast and broadcastMany are noted at once, with what goes out', async () => {
  await hub.bindRouter(router({ guests: { getAll: query } }), { onPhantomPath: 'repair' });
  const notes = new Notes();
  const results = runInMutation(notes, () => {
    const pending = [hub.broadcast(action('one', { queryPaths: ['guests.list'], data: { secret: 1 } })), hub.broadcastMany([action('two'), action('three', { companyId: 'other' })])];
    expect(ids(notes)).toEqual(['one', 'two', 'three']);
    return Promise.all(pending);
  });
  expect(notes.actions).toMatchObject([
    { companyId: 'acme', module: 'guests', queryPaths: ['guests.getAll'] },
    { companyId: 'acme' },
    { companyId: 'other' },
  ]);
  expect(notes.actions[0]).not.toHaveProperty('data');
  expect(new Set(notes.hubs)).toEqual(new Set([hub]));
  await results;
});

test('what is refused is not noted', async () => {
  await hub.bindRouter(router({ guests: { getAll: query } }), { onPhantomPath: 'error' });
  const notes = new Notes();
  await runInMutation(notes, async () => {
    await hub.broadcast(action('bad', { type: 'upsert' }));
    await hub.broadcast(action('phantom', { queryPaths: ['nobody.knows'] }));
    await hub.broadcastMany([action('ok'), null as never]);
    hub.ephemeral({ companyId: 'acme', topic: 't' });
    await hub.close();
    await hub.broadcast(action('closed'));
  });
  expect(ids(notes)).toEqual(['ok']);
});

test('the innermost scope, over everything that is awaited, and apart from what runs beside it', async () => {
  const [outer, inner, other] = [new Notes(), new Notes(), new Notes()];
  const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await Promise.all([
    runInMutation(outer, async () => {
      await pause();
      await hub.broadcast(action('outer'));
      await runInMutation(inner, async () => {
        await pause();
        await hub.broadcast(action('inner'));
        await outsideMutation(async () => {
          expect(currentMutation()).toBeUndefined();
          await pause();
          await hub.broadcast(action('nobody’s'));
        });
      });
      expect(currentMutation()).toBe(outer);
      await hub.broadcast(action('outer again'));
    }),
    runInMutation(other, async () => {
      await pause();
      await hub.broadcast(action('other'));
    }),
  ]);
  await hub.broadcast(action('outside'));
  expect([ids(outer), ids(inner), ids(other), currentMutation()]).toEqual([['outer', 'outer again'], ['inner'], ['other'], undefined]);
  expect((await hub.readLog('acme')).actions).toHaveLength(6);
});

test('what throws is passed on, and a scope that throws keeps no action back', async () => {
  const notes = new Notes();
  expect(() => runInMutation(notes, () => { throw new Error('boom'); })).toThrow('boom');
  expect(currentMutation()).toBeUndefined();
  const broken: MutationScope = {
    noteBroadcast() {
      throw new Error('cannot note');
    },
  };
  expect(await runInMutation(broken, () => hub.broadcast(action('a')))).toMatchObject({ ok: true });
});

test('another copy of the package shares the scope', () => {
  jest.isolateModules(() => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const copy = require('../../../lib/server/mutation-scope.js') as { currentMutation: typeof currentMutation };
    const notes = new Notes();
    expect(copy.currentMutation).not.toBe(currentMutation);
    expect(runInMutation(notes, () => copy.currentMutation())).toBe(notes);
  });
});

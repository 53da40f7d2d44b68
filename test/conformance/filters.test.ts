import type { EngineFilter } from '../../lib/internal/engine.js';
import { action, encode } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { conformance, targets } from './targets.js';

const ACTIONS = [
  action({ id: 'plain', sourceId: 'tab-1' }),
  action({ id: 'client-a', clientId: 'a' }),
  action({ id: 'client-b', clientId: 'b', userId: 'u2' }),
  action({ id: 'budget', module: 'budget', entityId: 'b1', userId: 'u2', sourceId: 'tab-2' }),
  action({ id: 'all-rows', entityId: '*' }),
  action({ id: 'g2', entityId: 'g2', clientId: 'a', userId: 'u2', sourceId: 'tab-1' }),
  action({ id: 'nobody', userId: '', entityId: '' }),
  action({ id: 'deep', queryPaths: ['budget.items.getAll', 'budget.getSummary'] }),
  action({ id: 'prefix', queryPaths: ['budget'] }),
  action({ id: 'everything', queryPaths: ['*'] }),
  action({ id: 'no-module', module: '*', queryPaths: ['nowhere.atAll'], entityId: 'n1', clientId: 'a', userId: 'u2', sourceId: 'tab-1' }),
  action({ id: 'odd', queryPaths: ['__proto__.constructor', 'guestsX.getAll'], module: '__proto__', entityId: 'constructor', clientId: '__proto__', userId: 'ü', sourceId: '' }),
];
const IDS = ACTIONS.map(({ id }) => id);
const but = (...without: string[]): string[] => IDS.filter((id) => !without.includes(id));

const CASES: { name: string; filter: EngineFilter; passes: string[] }[] = [
  { name: 'none', filter: {}, passes: IDS },
  { name: 'clientIds: those, and actions without one', filter: { clientIds: ['a'] }, passes: but('client-b', 'odd') },
  { name: 'clientIds: several', filter: { clientIds: ['b', 'a'] }, passes: but('odd') },
  { name: 'clientIds: none of them', filter: { clientIds: ['x'] }, passes: but('client-a', 'client-b', 'g2', 'no-module', 'odd') },
  { name: 'clientIds: empty list', filter: { clientIds: [] }, passes: but('client-a', 'client-b', 'g2', 'no-module', 'odd') },
  { name: 'modules: those, and *', filter: { modules: ['budget'] }, passes: ['budget', 'no-module'] },
  { name: 'modules: several, one twice', filter: { modules: ['budget', 'guests', 'budget'] }, passes: but('odd') },
  { name: 'modules: __proto__ is a name', filter: { modules: ['__proto__'] }, passes: ['no-module', 'odd'] },
  { name: 'modules: not by prefix', filter: { modules: ['guest', 'budgets'] }, passes: ['no-module'] },
  { name: 'modules: empty list', filter: { modules: [] }, passes: ['no-module'] },
  { name: 'entities: those, and *', filter: { entities: ['g2'] }, passes: ['all-rows', 'g2'] },
  { name: 'entities: *', filter: { entities: ['*'] }, passes: ['all-rows'] },
  { name: 'entities: the empty one', filter: { entities: [''] }, passes: ['all-rows', 'nobody'] },
  { name: 'entities: empty list', filter: { entities: [] }, passes: ['all-rows'] },
  { name: 'excludeSourceId', filter: { excludeSourceId: 'tab-1' }, passes: but('plain', 'g2', 'no-module') },
  { name: 'excludeUserId', filter: { excludeUserId: 'u2' }, passes: but('client-b', 'budget', 'g2', 'no-module') },
  { name: 'excludeUserId: unicode', filter: { excludeUserId: 'ü' }, passes: but('odd') },
  { name: 'queryPaths: one', filter: { queryPaths: ['budget.getSummary'] }, passes: ['deep', 'prefix', 'everything'] },
  { name: 'queryPaths: a sibling', filter: { queryPaths: ['budget.getAll'] }, passes: ['prefix', 'everything'] },
  { name: 'queryPaths: a prefix', filter: { queryPaths: ['budget'] }, passes: ['deep', 'prefix', 'everything'] },
  { name: 'queryPaths: a prefix in the middle', filter: { queryPaths: ['budget.items'] }, passes: ['deep', 'prefix', 'everything'] },
  { name: 'queryPaths: below what is told', filter: { queryPaths: ['budget.items.getAll.x'] }, passes: ['deep', 'prefix', 'everything'] },
  { name: 'queryPaths: up to a dot', filter: { queryPaths: ['budg', 'guests.getA', 'guest'] }, passes: ['everything'] },
  { name: 'queryPaths: several, one twice', filter: { queryPaths: ['guests', 'nobody.list', 'guests'] }, passes: but('deep', 'prefix', 'no-module', 'odd') },
  { name: 'queryPaths: *', filter: { queryPaths: ['*'] }, passes: IDS },
  { name: 'queryPaths: * among others', filter: { queryPaths: ['nobody', '*'] }, passes: IDS },
  { name: 'queryPaths: __proto__ is a name', filter: { queryPaths: ['__proto__'] }, passes: ['everything', 'odd'] },
  { name: 'queryPaths: constructor is a name', filter: { queryPaths: ['constructor', 'toString.x'] }, passes: ['everything'] },
  { name: 'queryPaths: empty list', filter: { queryPaths: [] }, passes: [] },
  { name: 'queryPaths: with another part', filter: { queryPaths: ['guests.getAll'], entities: ['g2'] }, passes: ['all-rows', 'g2'] },
  {
    name: 'all at once',
    filter: {
      clientIds: ['a'],
      modules: ['guests'],
      entities: ['g1', 'g2'],
      queryPaths: ['guests.getAll'],
      excludeSourceId: 'tab-1',
      excludeUserId: 'nobody',
    },
    passes: ['client-a', 'all-rows', 'everything'],
  },
];

conformance('Filters', targets, (bench) => {
  test.each(CASES)('EngineFilter, live and in a catch-up: $name', async ({ filter, passes }) => {
    const engine = bench().engine();
    const witness = await bench().open(engine);
    const start = witness.lastEventId!;
    const live = await bench().open(engine, { filter });
    for (const one of ACTIONS) await engine.publish([encode(one)]);
    await witness.untilAction(IDS.at(-1)!);
    expect(witness.actions.map(({ id }) => id)).toEqual(IDS);
    const late = await bench().open(engine, { filter, lastEventId: start });
    await waitFor(() => live.actions.length >= passes.length && late.actions.length >= passes.length, 'what passes');
    // What must not come would have come before this ephemeral event.
    engine.ephemeral({ companyId: 'acme', json: '{"type":"ephemeral","timestamp":1,"queryPaths":[],"topic":"fence","data":0}' });
    for (const client of [live, late]) {
      await waitFor(() => client.trace.at(-1) === 'ephemeral', 'the fence');
      expect(client.actions.map(({ id }) => id)).toEqual(passes);
    }
  });

  test('SPEC §2: the cursor moves over what a filter leaves out: nothing is caught up again', async () => {
    const engine = bench().engine({ heartbeatMs: 40 });
    const client = await bench().open(engine, { filter: { modules: ['none'] } });
    await engine.publish(ACTIONS.map((one) => encode(one)));
    await waitFor(() => client.lastEventId === `${client.hello!.epoch}.${ACTIONS.length}`, 'a ping at the head');
    const again = await bench().open(engine, { lastEventId: client.lastEventId! });
    expect(again.hello).toMatchObject({ reason: 'resumed', recovered: true });
    expect(again.actions).toEqual([]);
  });
});

/** SPEC §20: the row of an action goes with it, live, in the log and to who catches up; what stands for many has none. */
import type { ActionEvent } from '../../lib/protocol/events.js';
import { encode } from '../support/actions.js';
import { conformance, engines } from './targets.js';

conformance('The row', engines, (bench) => {
  const row = { query: 'guests.getById', input: { id: 'g"1\u2028' }, lists: ['guests.getAll'], at: 'e.5', began: 7, dates: [['at', 0]] };
  const fields = { queryPaths: ['guests.getById', 'guests.getAll'], data: { id: 'g"1\u2028', at: ['2026-01-01T00:00:00.000Z'] }, row } as Partial<ActionEvent>;

  test('SPEC §20: an action has it, live, in the log and in a catch-up', async () => {
    const engine = bench().engine();
    const client = await bench().open(engine);
    const one = encode(fields);
    await engine.publish([one]);
    await client.untilAction(one.action.id);
    const { actions, epoch } = await engine.readLog('acme');
    const late = await bench().open(engine, { userId: 'late', lastEventId: `${epoch}.0` });
    await late.untilAction(one.action.id);
    for (const heard of [client.actions[0], JSON.parse(actions[0]!), late.actions[0]]) expect(heard).toMatchObject({ data: fields.data, row });
  });

  test('SPEC §20: what stands for many has none', async () => {
    const engine = bench().engine({ compactAfter: 1 });
    const client = await bench().open(engine);
    const last = encode({ queryPaths: ['marker'] });
    await engine.publish([encode(fields), encode(fields)]);
    await engine.publish([last]);
    await client.untilAction(last.action.id);
    const { epoch } = await engine.readLog('acme');
    const late = await bench().open(engine, { userId: 'late', lastEventId: `${epoch}.0` });
    await engine.publish([encode({ id: 'end', queryPaths: ['marker'] })]);
    await late.untilAction('end');
    for (const { invalidates } of [client, late]) {
      expect(invalidates).toHaveLength(1);
      expect(invalidates[0]).not.toHaveProperty('row');
      expect(invalidates[0]).not.toHaveProperty('data');
    }
  });
});

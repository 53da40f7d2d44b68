import { action, encode, encodeMany } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { conformance, engines } from './targets.js';

conformance('The log', engines, (bench, target) => {
  test('SPEC §1: seq counts from 1 without a gap, per company; the epoch is 12 hex digits and lasts', async () => {
    const engine = bench().engine();
    const outcomes = await engine.publish([
      ...encodeMany(3, 'x'), encode({ companyId: 'other', id: 'x1' }), encode({ id: 'last' }),
    ]);
    expect(outcomes.map((outcome) => outcome.ok && outcome.seq)).toEqual([1, 2, 3, 1, 4]);
    const epochs = outcomes.map((outcome) => (outcome.ok ? (outcome.epoch ?? '') : ''));
    expect(epochs[0]).toMatch(/^[0-9a-f]{12}$/);
    expect(new Set([epochs[0], epochs[1], epochs[2], epochs[4]]).size).toBe(1);
    expect(epochs[3]).not.toBe(epochs[0]);
    const [later] = await engine.publish([encode()]);
    expect(later).toEqual({ ok: true, seq: 5, epoch: epochs[0], duplicate: false });
  });

  test('SPEC §1: publishes that are not awaited keep their order', async () => {
    const engine = bench().engine();
    const client = await bench().open(engine);
    const results = await Promise.all(encodeMany(50, 'x').map(async (encoded) => await engine.publish([encoded])));
    expect(results.map(([outcome]) => outcome?.ok && outcome.seq)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    await client.untilAction('x50');
    expect(client.actions.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  if (!target.broker) test('SPEC §2: a stream that opens between two publishes of one turn gets the second one only', async () => {
    const engine = bench().engine();
    await bench().open(engine);
    for (let round = 0; round < 20; round++) {
      void engine.publish(encodeMany(1 + (round % 3), `before-${round}-`));
      const opening = bench().connect(engine);
      void engine.publish([encode({ id: `after-${round}` })]);
      void engine.publish([encode({ id: `last-${round}` })]);
      const client = await opening;
      await client.untilAction(`last-${round}`);
      expect(client.actions.map(({ id }) => id)).toEqual([`after-${round}`, `last-${round}`]);
    }
  });

  test('SPEC §1: an id that is in the log is a duplicate: the first seq, nothing appended, nothing sent', async () => {
    const engine = bench().engine();
    const client = await bench().open(engine);
    const twice = encode({ id: 'same' });
    const [first] = await engine.publish([twice]);
    const [second, third] = await engine.publish([encode({ id: 'same', entityId: 'changed' }), encode({ id: 'new' })]);
    expect(first).toMatchObject({ ok: true, seq: 1, duplicate: false });
    expect(second).toMatchObject({ ok: true, seq: 1, duplicate: true });
    expect(third).toMatchObject({ ok: true, seq: 2, duplicate: false });
    await client.untilAction('new');
    expect(client.trace).toEqual(['hello', 'update:1', 'update:2']);
    expect(engine.metrics()).toMatchObject({ publishes: 2, duplicates: 1 });
  });

  test('SPEC §1: the same id twice in one call, and in another company', async () => {
    const engine = bench().engine();
    const outcomes = await engine.publish([encode({ id: 'd' }), encode({ id: 'd' }), encode({ id: 'd', companyId: 'other' })]);
    expect(outcomes.map((outcome) => outcome.ok && [outcome.seq, outcome.duplicate])).toEqual([[1, false], [1, true], [1, false]]);
  });

  test('SPEC §1: an id whose action is gone is new again', async () => {
    const engine = bench().engine({ logActions: 2 });
    await engine.publish(encodeMany(3, 'x'));
    const [outcome] = await engine.publish([encode({ id: 'x1' })]);
    expect(outcome).toMatchObject({ seq: 4, duplicate: false });
  });

  test.each(['__proto__', 'constructor', 'toString', '', '0', '\u0000', 'a\u0000b'])('SPEC §1: %j is an id like any other', async (id) => {
    const engine = bench().engine();
    const outcomes = await engine.publish([encode({ id }), encode({ id })]);
    expect(outcomes.map((outcome) => outcome.ok && [outcome.seq, outcome.duplicate])).toEqual([[1, false], [1, true]]);
  });

  test('SPEC §1: at most logActions are kept, the oldest go first', async () => {
    const engine = bench().engine({ logActions: 5 });
    await engine.publish(encodeMany(12, 'x'));
    const { headSeq, actions } = await engine.readLog('acme');
    expect(headSeq).toBe(12);
    expect(actions.map((json) => (JSON.parse(json) as { seq: number }).seq)).toEqual([8, 9, 10, 11, 12]);
    expect(engine.metrics()).toMatchObject({ logActions: 5, companies: 1 });
  });

  test('SPEC §1: at most logBytes of JSON are kept', async () => {
    const sizes = encodeMany(10, 'x', { data: 'y'.repeat(1_000) });
    const engine = bench().engine({ logBytes: 5_000 });
    await engine.publish(sizes);
    const { actions } = await engine.readLog('acme');
    const bytes = actions.reduce((sum, json) => sum + Buffer.byteLength(json), 0);
    expect(actions.length).toBeGreaterThan(0);
    expect(actions.length).toBeLessThanOrEqual(4);
    expect(bytes).toBeLessThanOrEqual(5_000);
  });

  if (!target.broker) test.each([1_000, 2_345, 20_000])('SPEC §1, §7: what is kept is the longest tail whose JSON fits into logBytes (%i), no frame and no field counted', async (logBytes) => {
    const engine = bench().engine({ logBytes });
    const actions = Array.from({ length: 90 }, (_, i) => encode({ id: `ä${i}`, data: 'ü'.repeat((i * 37) % 200) }));
    for (const each of actions) await engine.publish([each]);
    const sizes = actions.map(({ head, tail }, i) => Buffer.byteLength(`${head}${i + 1}${tail}`));
    let kept = 0;
    let bytes = 0;
    while (kept < sizes.length && bytes + sizes.at(-1 - kept)! <= logBytes) bytes += sizes.at(-1 - kept++)!;
    expect((await engine.readLog('acme')).actions).toHaveLength(kept);
    expect(engine.metrics()).toMatchObject({ logActions: kept, logBytes: bytes });
  });

  test('SPEC §1: an action that is larger than the log is delivered all the same', async () => {
    const engine = bench().engine({ logBytes: 500 });
    const client = await bench().open(engine);
    await engine.publish([encode({ id: 'big', data: 'y'.repeat(2_000) })]);
    await client.untilAction('big');
    expect((await engine.readLog('acme')).actions).toEqual([]);
  });

  test('SPEC §1: actions that are trimmed before the turn ends are delivered all the same', async () => {
    const engine = bench().engine({ logActions: 2 });
    const client = await bench().open(engine);
    await engine.publish(encodeMany(20, 'x'));
    await client.untilAction('x20');
    expect(client.actions).toHaveLength(20);
  });

  test('SPEC §1: actions are kept logTtlMs; seq and epoch outlive them', async () => {
    const engine = bench().engine({ logTtlMs: 40 });
    await engine.publish(encodeMany(3, 'x'));
    const before = await engine.readLog('acme');
    await waitFor(async () => (await engine.readLog('acme')).actions.length === 0, 'the actions to be too old');
    const after = await engine.readLog('acme');
    expect(after).toEqual({ epoch: before.epoch, headSeq: 3, actions: [] });
    // A broker keeps them by its own clock.
    const gone = Date.now();
    await waitFor(() => Date.now() > gone + 5, 'the clock to move');
    const [next] = await engine.publish([encode({ id: 'x1' })]);
    expect(next).toMatchObject({ seq: 4, epoch: before.epoch, duplicate: false });
  });

  test('SPEC §1: old actions go by themselves', async () => {
    const engine = bench().engine({ logTtlMs: 40 });
    await engine.publish(encodeMany(3, 'x'));
    await waitFor(() => engine.metrics().logActions === 0, 'the sweep');
    expect(engine.metrics().logBytes).toBe(0);
  });

  test('SPEC §1: readLog gives the JSON as it was sent, all of it or what is at or after a time', async () => {
    const engine = bench().engine();
    expect(await engine.readLog('nobody')).toMatchObject({ headSeq: 0, actions: [] });
    const old = encode({ id: 'old', timestamp: 5, data: { deep: ['ü', null] } });
    await engine.publish([old]);
    const start = Date.now();
    await waitFor(() => Date.now() > start + 5, 'the clock to move');
    const since = Date.now();
    await engine.publish([encode({ id: 'new' }), encode({ id: 'backdated', timestamp: 5 })]);
    const all = await engine.readLog('acme');
    expect(all.actions[0]).toBe(`${old.head}1}`);
    expect(all.actions).toHaveLength(3);
    const some = await engine.readLog('acme', since);
    expect(some.actions.map((json) => (JSON.parse(json) as { id: string }).id)).toEqual(['new', 'backdated']);
    expect((await engine.readLog('acme', Date.now() + 60_000)).actions).toEqual([]);
    expect((await engine.readLog('acme', 0)).actions).toHaveLength(3);
  });

  test('SPEC §1: an import is one invalidate for those who are there, with what matches', async () => {
    const engine = bench().engine();
    const all = await bench().open(engine);
    const guests = await bench().open(engine, { filter: { modules: ['guests'] } });
    const nothing = await bench().open(engine, { filter: { modules: ['none'] } });
    const rows = Array.from({ length: 250 }, (_, i) =>
      action(i % 2 === 0 ? { queryPaths: ['guests.getAll'] } : { module: 'budget', queryPaths: ['budget.get'] }),
    );
    await engine.publish(rows.map((row) => encode(row)));
    const after = encode({ queryPaths: ['x'], module: 'none' });
    await engine.publish([after]);
    await all.untilAction(after.action.id);
    await nothing.untilAction(after.action.id);
    await waitFor(() => guests.invalidates.length > 0, 'the invalidate');
    expect(all.trace).toEqual(['hello', 'invalidate', 'update:251']);
    expect(all.invalidates[0]).toMatchObject({ from: 1, to: 250, count: 250 });
    expect([...all.invalidates[0]!.queryPaths].sort()).toEqual(['budget.get', 'guests.getAll']);
    expect([...all.invalidates[0]!.modules].sort()).toEqual(['budget', 'guests']);
    expect(guests.trace).toEqual(['hello', 'invalidate']);
    expect(guests.invalidates[0]).toMatchObject({ from: 1, to: 249, count: 125, queryPaths: ['guests.getAll'], modules: ['guests'] });
    expect(nothing.trace).toEqual(['hello', 'update:251']);
  });

  test('SPEC §1: as many as compactAfter are no import, and neither are the duplicates among them', async () => {
    const engine = bench().engine({ compactAfter: 20 });
    const client = await bench().open(engine);
    await engine.publish(encodeMany(20, 'x'));
    await engine.publish([...encodeMany(20, 'x'), encode({ id: 'new' })]);
    await client.untilAction('new');
    expect(client.invalidates).toEqual([]);
    expect(client.actions).toHaveLength(21);
  });

  if (!target.broker) test('SPEC §1, maxCompanies: the longest idle company without a stream is forgotten, its epoch ends', async () => {
    const engine = bench().engine({ maxCompanies: 3 });
    const held = await bench().open(engine, { companyId: 'held' });
    const epochs = new Map<string, string>();
    for (const companyId of ['a', 'b', 'a', 'c', 'd']) {
      const [outcome] = await engine.publish([encode({ companyId })]);
      if (outcome?.ok) epochs.set(companyId, outcome.epoch ?? '');
    }
    expect(engine.metrics().companies).toBe(3);
    const heldNow = await engine.readLog('held');
    expect(heldNow.epoch).toBe(held.hello!.epoch);
    expect((await engine.readLog('d')).headSeq).toBe(1);
    expect((await engine.readLog('b')).headSeq).toBe(0);
    const [again] = await engine.publish([encode({ companyId: 'b' })]);
    expect(again).toMatchObject({ ok: true, seq: 1 });
    expect(again?.ok && again.epoch).not.toBe(epochs.get('b'));
  });

  test('G6: after close a publish says so', async () => {
    const engine = bench().engine();
    await engine.close();
    expect(await engine.publish(encodeMany(2, 'x'))).toEqual([{ ok: false, code: 'HUB_CLOSED' }, { ok: false, code: 'HUB_CLOSED' }]);
  });

  test('publishing nothing is nothing', async () => {
    expect(await bench().engine().publish([])).toEqual([]);
  });
});

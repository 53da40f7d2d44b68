import { encode, encodeEphemeral } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { conformance, targets } from './targets.js';

const COMPANIES = [
  'a', 'b', 'a:b', 'a:', ':b', '{x}', '{a}b', '*', 'a.b', 'a b', 'A', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null',
  'undefined', '0', '00', '-0', ' ', '\t', 'a\u0000', 'a\u0000b', '\u0000', 'é', 'e\u0301', '💥', '\u2028', 'acme\n', 'acme\r', '../a',
  '%61', 'ａ', 'a'.repeat(256),
];

conformance('Isolation', targets, (bench) => {
  test('G5: no byte of a company reaches another, whatever its id looks like', async () => {
    const engine = bench().engine();
    const clients = await Promise.all(COMPANIES.map(async (companyId) => await bench().open(engine, { companyId, instanceId: 'same' })));
    expect(new Set(clients.map(({ hello }) => hello!.epoch)).size).toBe(COMPANIES.length);
    for (const round of [1, 2]) {
      for (const [i, companyId] of COMPANIES.entries()) await engine.publish([encode({ companyId, id: 'same', data: i, entityId: String(round) }), encode({ companyId, id: `round-${round}`, data: i })]);
      for (const [i, companyId] of COMPANIES.entries()) engine.ephemeral(encodeEphemeral(companyId, `topic-${i}`, round));
    }
    for (const [i, client] of clients.entries()) {
      await waitFor(() => client.trace.filter((what) => what === 'ephemeral').length === 2, `the end for ${JSON.stringify(COMPANIES[i])}`);
      expect(client.actions.map(({ companyId, id, data, seq }) => [companyId, id, data, seq])).toEqual([
        [COMPANIES[i], 'same', i, 1],
        [COMPANIES[i], 'round-1', i, 2],
        [COMPANIES[i], 'round-2', i, 3],
      ]);
      expect(client.events.flatMap((event) => (event.type === 'ephemeral' ? [event.topic] : []))).toEqual([`topic-${i}`, `topic-${i}`]);
    }
    expect(engine.metrics().companies).toBe(COMPANIES.length);
  });

  test('G5: a cursor of one company is of another epoch in the next', async () => {
    const engine = bench().engine();
    const mine = await bench().open(engine, { companyId: 'mine' });
    await engine.publish([encode({ companyId: 'mine' }), encode({ companyId: 'theirs' }), encode({ companyId: 'theirs' })]);
    const theirs = await bench().open(engine, { companyId: 'theirs', lastEventId: mine.lastEventId! });
    expect(theirs.hello).toMatchObject({ reason: 'epoch_changed', recovered: false });
    expect(theirs.actions).toEqual([]);
  });

  test('G5, G7: limits, instances and leases of one company do not touch another', async () => {
    const engine = bench().engine({ maxPerUser: 1, maxPerCompany: 1 });
    for (const companyId of COMPANIES) {
      expect(await engine.acquire(companyId, 'u')).toMatchObject({ ok: true });
      expect(await engine.acquire(companyId, 'u')).toMatchObject({ ok: false });
    }
    expect(engine.metrics().leases).toBe(COMPANIES.length);
  });

  test('G5: disconnecting one company, or a user of it, leaves the others alone', async () => {
    const engine = bench().engine();
    const clients = await Promise.all(COMPANIES.map(async (companyId) => await bench().open(engine, { companyId })));
    expect(await engine.disconnect({ companyId: '__proto__' }, 'revoked')).toBe(1);
    expect(await engine.disconnect({ companyId: 'a:b', userId: 'u1' }, 'revoked')).toBe(1);
    expect(await engine.disconnect({ companyId: 'a', userId: 'b:u1' }, 'revoked')).toBe(0);
    expect(await engine.disconnect({ companyId: 'nobody' }, 'revoked')).toBe(0);
    await waitFor(() => clients.filter(({ ended }) => ended).length === 2, 'two ends');
    expect(engine.metrics().connections).toBe(COMPANIES.length - 2);
  });

  test('G5: logs are read per company', async () => {
    const engine = bench().engine();
    for (const companyId of COMPANIES) await engine.publish([encode({ companyId, data: companyId })]);
    for (const companyId of COMPANIES) {
      const { actions } = await engine.readLog(companyId);
      expect(actions.map((json) => (JSON.parse(json) as { data: string }).data)).toEqual([companyId]);
    }
  });
});

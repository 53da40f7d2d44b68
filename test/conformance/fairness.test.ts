import { encode, encodeEphemeral, encodeMany } from '../support/actions.js';
import type { SinkClient } from '../support/engine-client.js';
import { waitFor } from '../support/wait.js';
import { conformance, engines, targets } from './targets.js';

conformance('Ghosts and instances', targets, (bench) => {
  test('SPEC §4: at the limit of a user the newcomer waits for a ghost to go', async () => {
    const engine = bench().engine({ maxPerUser: 2 });
    const ghost = await bench().open(engine);
    await bench().open(engine);
    const newcomer = await bench().connect(engine);
    await waitFor(() => engine.metrics().heartbeats >= 2, 'the hub to write to those that have seats');
    expect(newcomer.trace).toEqual([]);
    expect(engine.metrics().refusals).toMatchObject({ USER_LIMIT: 0 });
    ghost.cut();
    await newcomer.untilHello();
    await engine.publish([encode()]);
    await waitFor(() => newcomer.actions.length === 1, 'live');
    expect(engine.metrics()).toMatchObject({ connections: 2, leases: 2 });
  });

  test('SPEC §4: who got no seat is refused within about a second, and a living sixth stays out', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    const living = await bench().open(engine);
    const start = Date.now();
    const refused = await bench().connect(engine);
    await refused.untilEnd();
    expect(Date.now() - start).toBeGreaterThanOrEqual(900);
    expect(refused.farewell).toMatchObject({ reason: 'limit' });
    expect(living.ended).toBe(false);
    await waitFor(() => living.pings.length >= 3, 'what it was asked meanwhile');
    expect(engine.metrics()).toMatchObject({ connections: 1, refusals: { USER_LIMIT: 1 } });
  });

  test('SPEC §4: no more than 8 of a user wait, and none where only leases hold the seats', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    await bench().open(engine);
    const waiting = await Promise.all(Array.from({ length: 8 }, async () => await bench().connect(engine)));
    const ninth = await bench().connect(engine);
    await ninth.untilEnd();
    expect(waiting.map(({ ended }) => ended)).toEqual(waiting.map(() => false));
    const other = bench().engine({ maxPerUser: 1 });
    await bench().open(other);
    expect(await other.acquire('acme', 'leases')).toMatchObject({ ok: true });
    // Who came before it waits still when it is refused.
    const waits = await bench().connect(other);
    const refused = await bench().connect(other, { userId: 'leases' });
    await refused.untilEnd();
    expect(waits.ended).toBe(false);
  });

  test('SPEC §4: a disconnect and a drain refuse who waits', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    await bench().open(engine);
    const revoked = await bench().connect(engine);
    expect(await engine.disconnect({ companyId: 'acme', userId: 'u1' }, 'revoked')).toBe(1);
    await revoked.untilEnd();
    expect(engine.metrics()).toMatchObject({ connections: 0, leases: 0 });
    await bench().open(engine);
    const drained = await bench().connect(engine);
    await engine.drain(0);
    await drained.untilEnd();
    expect(drained.farewell).toMatchObject({ reason: 'drain' });
  });

  test('SPEC §2: a browser instance that comes back without a position gets a resync, a new one none', async () => {
    const engine = bench().engine();
    const first = await bench().open(engine, { instanceId: 'tab' });
    expect(first.hello!.reason).toBe('fresh');
    first.cut();
    await waitFor(() => engine.metrics().connections === 0, 'the cut');
    await engine.publish([encode()]);
    const again = await bench().open(engine, { instanceId: 'tab' });
    await waitFor(() => again.trace.length === 2, 'its resync');
    expect(again.hello).toMatchObject({ recovered: false, reason: 'unknown_cursor' });
    expect(again.trace).toEqual(['hello', 'resync']);
    expect(again.messages[0]!.id).toBe('0.0');
    // A position says more than the instance does.
    const resumed = await bench().open(engine, { instanceId: 'tab', lastEventId: first.hello!.cursor });
    expect(resumed.hello).toMatchObject({ recovered: true, reason: 'resumed' });
    for (const other of [{ instanceId: 'other' }, { instanceId: 'tab', userId: 'u2' }, { instanceId: 'tab', companyId: 'c2' }]) {
      expect((await bench().open(engine, other)).hello!.reason).toBe('fresh');
    }
  });
});

conformance('Nobody starves another', engines, (bench, target) => {
  test('SPEC §6: of a company that is disconnected nobody hears what is published after the call', async () => {
    const engine = bench().engine({ maxPerUser: 0, maxPerCompany: 0 });
    const big = (await Promise.all(Array.from({ length: 600 }, async () => await bench().open(engine)))) as SinkClient[];
    const small = await bench().open(engine, { companyId: 'small' });
    const disconnected = engine.disconnect({ companyId: 'acme' }, 'revoked');
    await engine.publish([encode({ id: 'late' }), encode({ id: 'mine', companyId: 'small' })]);
    await small.untilAction('mine');
    expect(await disconnected).toBe(600);
    await Promise.all(big.map(async (client) => await client.untilEnd()));
    expect(big.flatMap(({ actions }) => actions)).toEqual([]);
    for (const client of big) expect(client.messages.at(-1)!.id).toBe(client.hello!.cursor);
    await waitFor(() => bench().notices.filter(({ type }) => type === 'closed').length === 600, 'a notice of each end');
    expect(engine.metrics()).toMatchObject({ connections: 1, closes: { revoked: 600 } });
  });

  if (!target.broker) test('SPEC §1: all logs together are held to their bound by the companies that are over their share', async () => {
    const bound = 256 * 1024;
    const engine = bench().engine({ logTotalBytes: bound });
    await engine.publish(encodeMany(5, 'q', { companyId: 'quiet' }));
    for (let i = 0; i < 40; i++) await engine.publish(encodeMany(20, `l${i}-`, { companyId: 'loud', data: 'x'.repeat(1_000) }));
    expect(engine.metrics().logBytes).toBeLessThanOrEqual(bound);
    expect(engine.metrics().logBytes).toBeGreaterThan(bound / 2);
    expect((await engine.readLog('quiet')).actions).toHaveLength(5);
    const loud = await engine.readLog('loud');
    expect(loud.headSeq).toBe(800);
    expect(loud.actions.length).toBeLessThan(250);
  });

  test('reads of a log that overlap see all that was published before each of them', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(50, 'a'));
    const reads = [engine.readLog('acme'), engine.readLog('acme')];
    const published = engine.publish(encodeMany(10, 'b'));
    reads.push(engine.readLog('acme'), engine.readLog('acme', 0));
    await published;
    reads.push(engine.readLog('acme'), engine.readLog('acme', Date.now() + 60_000));
    const [first, second, third, fourth, fifth, none] = await Promise.all(reads);
    expect(first!.actions.length).toBeGreaterThanOrEqual(50);
    for (const { actions } of [second!, third!, fourth!, fifth!]) expect(actions.slice(0, 50)).toEqual(first!.actions.slice(0, 50));
    for (const { actions, headSeq } of [third!, fourth!, fifth!]) expect([actions.length, headSeq]).toEqual([60, 60]);
    expect(none!.actions).toEqual([]);
    const ids = fifth!.actions.map((json) => (JSON.parse(json) as { seq: number }).seq);
    expect(ids).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  test('an ephemeral event that is taken is said to be', async () => {
    const engine = bench().engine();
    expect(engine.ephemeral(encodeEphemeral('acme', 'typing'))).toBe(true);
    await engine.close();
    expect(engine.ephemeral(encodeEphemeral('acme', 'typing'))).toBe(false);
  });
});

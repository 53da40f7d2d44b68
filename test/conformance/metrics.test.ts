import type { EngineMetrics } from '../../lib/internal/engine.js';
import { CLOSE_REASONS, REASONS } from '../../lib/protocol/events.js';
import { encode, encodeEphemeral, encodeMany } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { conformance, targets } from './targets.js';

const sum = (counts: Record<string, number> | number[]): number => Object.values(counts).reduce((total, count) => total + count, 0);

function numbersOf(metrics: EngineMetrics): number[] {
  const { resyncs, refusals, closes, publishToWritten, broker: _broker, ...plain } = metrics;
  return [...Object.values(plain), ...[resyncs, refusals, closes].flatMap((map) => Object.values(map)), ...publishToWritten.boundsUs, ...publishToWritten.counts, publishToWritten.sumUs];
}

conformance('Metrics', targets, (bench, target) => {
  test('SPEC §7: all are there and 0 at the start', () => {
    const metrics = bench().engine().metrics();
    expect(Object.keys(metrics).sort()).toEqual(
      [
        'backlogBytes', 'bytes', 'closes', 'companies', 'compactions', 'conflations', 'connections', 'deliveries', 'duplicates', 'ephemerals',
        'ephemeralsDropped', 'evictions', 'heartbeats', 'heartbeatsSkipped', 'leases', 'logActions', 'logBytes', 'opened', 'publishToWritten',
        ...(target.broker ? ['broker'] : []), 'publishes', 'refusals', 'replacements', 'resyncs', 'sinkConnections', 'slowSinks', 'writes',
      ].sort(),
    );
    expect(Object.keys(metrics.closes).sort()).toEqual([...CLOSE_REASONS, 'gone', 'hub_closed'].sort());
    expect(Object.keys(metrics.resyncs).sort()).toEqual([...REASONS].sort());
    expect(Object.keys(metrics.refusals).sort()).toEqual(['COMPANY_LIMIT', 'DRAINING', 'USER_LIMIT']);
    const { boundsUs, counts } = metrics.publishToWritten;
    expect(counts).toHaveLength(boundsUs.length + 1);
    expect([...boundsUs].sort((a, b) => a - b)).toEqual(boundsUs);
    expect(numbersOf({ ...metrics, publishToWritten: { boundsUs: [], counts, sumUs: 0 } }).every((value) => value === 0)).toBe(true);
  });

  test('SPEC §7: they add up after a life with everything in it', async () => {
    const engine = bench().engine({ maxPerUser: 3, limitPolicy: 'reject', heartbeatMs: 30 });
    const stay = await bench().open(engine, { userId: 'stay' });
    const leave = await bench().open(engine, { userId: 'leave' });
    const trpc = await bench().open(engine, { userId: 'stay', dialect: 'trpc', transformed: true });
    await bench().open(engine, { userId: 'stay', instanceId: 'tab', companyId: 'b' });
    const tab = await bench().open(engine, { userId: 'stay', instanceId: 'tab', companyId: 'b' });
    await bench().open(engine, { userId: 'stay' });
    const refused = await bench().connect(engine, { userId: 'stay' });
    const junk = await bench().open(engine, { userId: 'junk', lastEventId: 'nonsense' });
    await refused.untilEnd();
    const lease = await engine.acquire('acme', 'lease');
    await engine.publish([...encodeMany(5, 'x'), encode({ id: 'x1' })]);
    await engine.publish(encodeMany(200, 'import'));
    await engine.publish([encode({ id: 'last' })]);
    for (const client of [stay, leave, trpc, junk]) await client.untilAction('last');
    // Nobody is behind: none is dropped.
    engine.ephemeral(encodeEphemeral('acme', 'typing'));
    engine.ephemeral(encodeEphemeral('nobody', 'typing'));
    leave.cut();
    await waitFor(() => engine.metrics().closes.gone === 1, 'it to be gone');
    await engine.disconnect({ userId: 'stay', companyId: 'b' }, 'revoked');
    await tab.untilEnd();
    await waitFor(() => stay.pings.length > 0 && engine.metrics().heartbeats > 0, 'a ping');

    const metrics = engine.metrics();
    for (const value of numbersOf(metrics)) expect(Number.isFinite(value) && value >= 0).toBe(true);
    expect(metrics).toMatchObject({
      connections: 4, opened: 7, leases: 5, companies: 2, publishes: 206, duplicates: 1, ephemerals: 2, ephemeralsDropped: 0, logActions: 206,
      replacements: 1, evictions: 0, slowSinks: 0, backlogBytes: 0, conflations: 0,
    });
    expect(metrics.connections).toBe(metrics.opened - sum(metrics.closes));
    expect(metrics.closes).toMatchObject({ replaced: 1, gone: 1, revoked: 1 });
    // One came with a cursor that is none, one is a browser instance that came back without any.
    expect(metrics.resyncs).toMatchObject({ unknown_cursor: 2 });
    expect(sum(metrics.resyncs)).toBe(2);
    expect(metrics.refusals).toEqual({ USER_LIMIT: 1, COMPANY_LIMIT: 0, DRAINING: 0 });
    // Five streams of the company: each got six actions one by one and one import.
    expect(metrics.deliveries).toBe(5 * 6);
    expect(metrics.compactions).toBe(5);
    expect(metrics.sinkConnections).toBe(stay.constructor.name === 'SinkClient' ? 4 : 0);
    const { actions } = await engine.readLog('acme');
    expect(metrics.logBytes).toBe(actions.reduce((total, json) => total + Buffer.byteLength(json), 0));
    if (lease.ok) await engine.release(lease.leaseId);
    expect(engine.metrics().leases).toBe(4);
  });

  test('SPEC §7: bytes are those that were written; writes are fewer than messages', async () => {
    const engine = bench().engine();
    const clients = await Promise.all(Array.from({ length: 5 }, async () => await bench().open(engine)));
    for (const round of ['x', 'y', 'z']) await engine.publish(encodeMany(50, round));
    for (const client of clients) await client.untilAction('z50');
    const head = clients[0]!.constructor.name === 'SinkClient' ? 0 : 'HTTP/1.1 200 OK\r\n\r\n'.length;
    // On a busy machine a ping is due by now, and on its way.
    const received = (): number => clients.reduce((total, client) => total + client.bytes + head, 0);
    await waitFor(() => engine.metrics().bytes === received(), 'what was written to have arrived, byte by byte');
    const metrics = engine.metrics();
    expect(metrics.deliveries).toBe(750);
    expect(metrics.writes).toBeGreaterThanOrEqual(5);
    // How many depends on how Redis and the machine cut the rounds; one a message would be 750.
    expect(metrics.writes).toBeLessThan(375);
  });

  test('SPEC §7: the histogram counts each action that was sent to somebody, and takes the time', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(3, 'nobody'));
    const clients = await Promise.all(Array.from({ length: 5 }, async () => await bench().open(engine)));
    for (const encoded of encodeMany(20, 'x')) await engine.publish([encoded]);
    for (const client of clients) await client.untilAction('x20');
    await waitFor(() => sum(engine.metrics().publishToWritten.counts) >= 20, 'the last of them');
    const { counts, sumUs } = engine.metrics().publishToWritten;
    expect(sum(counts)).toBe(20);
    expect(sumUs).toBeGreaterThan(0);
  });

  test('SPEC §7: after close only the counters are left', async () => {
    const engine = bench().engine();
    await bench().open(engine);
    await engine.publish(encodeMany(3, 'x'));
    await engine.close();
    const metrics = engine.metrics();
    expect(metrics).toMatchObject({ connections: 0, sinkConnections: 0, leases: 0, slowSinks: 0, backlogBytes: 0, opened: 1, publishes: 3, closes: { hub_closed: 1 } });
    expect(engine.metrics()).toEqual(metrics);
  });
});

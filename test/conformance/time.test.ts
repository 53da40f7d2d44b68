import { encode, encodeMany } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { conformance, targets } from './targets.js';

/** How much later than asked a machine under load may be, ms. */
const SLACK_MS = 5_000;

conformance('Heartbeats, expiry and life time', targets, (bench) => {
  test('SPEC §6: a ping each heartbeatMs, with the position that the stream has reached', async () => {
    const engine = bench().engine({ heartbeatMs: 60 });
    // Before it opens: what has opened may be noticed when pings have come.
    const start = Date.now();
    const client = await bench().open(engine);
    await waitFor(() => client.pings.length >= 5, 'five pings');
    expect(Date.now() - start).toBeGreaterThanOrEqual(4 * 60 - 15);
    expect(new Set(client.pings.map(({ id }) => id))).toEqual(new Set([client.hello!.cursor]));
    await engine.publish(encodeMany(3, 'x'));
    await waitFor(() => client.pings.at(-1)!.id === `${client.hello!.epoch}.3`, 'a ping with the new position');
    expect(client.actions).toHaveLength(3);
    expect(engine.metrics().heartbeats).toBeGreaterThanOrEqual(5);
  });

  test('SPEC §6: traffic does not stop the pings', async () => {
    const engine = bench().engine({ heartbeatMs: 40 });
    const client = await bench().open(engine);
    await waitFor(async () => {
      await engine.publish([encode()]);
      return client.pings.length >= 3;
    }, 'three pings');
    // Pings come between the actions, and each says no more than what was sent before it.
    const { headSeq } = await engine.readLog('acme');
    expect(headSeq).toBeGreaterThanOrEqual(3);
    for (const { id } of client.pings) expect(Number(id!.split('.')[1])).toBeLessThanOrEqual(headSeq);
    expect(engine.metrics().heartbeats).toBeGreaterThanOrEqual(3);
  });

  test('SPEC §6: pings are spread over the interval', async () => {
    const engine = bench().engine({ heartbeatMs: 1_000 });
    const seen = new Set<number>();
    // From the first stream on: the last may open when most have had theirs.
    const looking = waitFor(() => seen.add(engine.metrics().heartbeats) && engine.metrics().heartbeats >= 20, 'a ping for each');
    await Promise.all([looking, ...Array.from({ length: 20 }, async () => await bench().open(engine))]);
    expect(seen.size).toBeGreaterThan(4);
  });

  test('SPEC §6: a ping of a resumed stream that a resync awaits is not before the resync', async () => {
    const engine = bench().engine({ heartbeatMs: 20 });
    const client = await bench().open(engine, { lastEventId: 'nonsense' });
    await waitFor(() => client.pings.length > 0, 'a ping');
    expect(client.fullTrace.slice(0, 3)).toEqual(['hello', 'resync', 'ping']);
  });

  test('SPEC §6: expiresAt closes with auth_expired, not before and within 1 s', async () => {
    const engine = bench().engine();
    const expiresAt = Date.now() + 300;
    const client = await bench().open(engine, { expiresAt, dialect: 'trpc' });
    const other = await bench().open(engine, { expiresAt: Date.now() + 3_600_000 });
    await client.untilEnd();
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
    expect(Date.now()).toBeLessThanOrEqual(expiresAt + 1_000 + SLACK_MS);
    expect(client.farewell).toMatchObject({ reason: 'auth_expired' });
    expect(other.ended).toBe(false);
    await waitFor(() => bench().notices.length > 0, 'the notice');
    expect(bench().notices).toEqual([{ type: 'closed', companyId: 'acme', userId: 'u1', connectionId: client.connectionId, reason: 'auth_expired' }]);
    // Its client may see the end before it is counted.
    await waitFor(() => engine.metrics().closes.auth_expired === 1, 'its count');
    expect(engine.metrics()).toMatchObject({ connections: 1, leases: 1 });
  });

  test.each([{ lastEventId: 'nonsense' }, { lastEventId: '' }])('SPEC §6: expired at the start: hello, server_close, nothing between them (%j)', async (spec) => {
    const engine = bench().engine();
    await engine.publish(encodeMany(3, 'x'));
    const client = await bench().connect(engine, { ...spec, expiresAt: Date.now() - 1 });
    await client.untilEnd();
    expect(client.trace).toEqual(['hello', 'server_close']);
    expect(client.farewell).toMatchObject({ reason: 'auth_expired' });
  });

  test('SPEC §3, §6: expired at the start with a cursor: the id stays where the client was', async () => {
    const engine = bench().engine();
    const first = await bench().open(engine);
    const lastEventId = first.lastEventId!;
    await engine.publish(encodeMany(3, 'x'));
    const client = await bench().connect(engine, { lastEventId, expiresAt: 1 });
    await client.untilEnd();
    expect(client.trace).toEqual(['hello', 'server_close']);
    expect(client.lastEventId).toBe(lastEventId);
    const again = await bench().open(engine, { lastEventId: client.lastEventId! });
    await again.untilAction('x3');
    expect(again.actions).toHaveLength(3);
  });

  test('SPEC §6: lifetimeMs closes with drain after a random 80–100 % of it', async () => {
    const lifetimeMs = 1_000;
    const engine = bench().engine({ lifetimeMs, retryMs: 1_000 });
    const start = Date.now();
    const clients = await Promise.all(Array.from({ length: 12 }, async () => await bench().open(engine)));
    const ends = await Promise.all(
      clients.map(async (client) => {
        await client.untilEnd();
        return Date.now() - start;
      }),
    );
    for (const end of ends) {
      expect(end).toBeGreaterThanOrEqual(lifetimeMs * 0.8 - 5);
      expect(end).toBeLessThanOrEqual(lifetimeMs + 1_000 + SLACK_MS);
    }
    for (const client of clients) {
      expect(client.farewell!.reason).toBe('drain');
      expect(client.farewell!.retryMs).toBeGreaterThanOrEqual(500);
      expect(client.farewell!.retryMs).toBeLessThanOrEqual(1_500);
    }
    expect(engine.metrics().closes).toMatchObject({ drain: 12 });
  });

  test('SPEC §6: whichever is first, life time or expiry', async () => {
    const engine = bench().engine({ lifetimeMs: 60_000 });
    const expiring = await bench().open(engine, { expiresAt: Date.now() + 100 });
    await expiring.untilEnd();
    expect(expiring.farewell).toMatchObject({ reason: 'auth_expired' });
    const short = bench().engine({ lifetimeMs: 100 });
    const ending = await bench().open(short, { expiresAt: Date.now() + 60_000 });
    await ending.untilEnd();
    expect(ending.farewell).toMatchObject({ reason: 'drain' });
  });
});

/**
 * SPEC §2: the timestamp of an event is a safe position. A client without ids stores that of the last event it saw, and comes
 * back with it; it must get what it was not sent, or hear that something is missing. `cuts-by-time` does the same at random.
 */
import { encode, encodeMany } from '../support/actions.js';
import type { EngineClient } from '../support/engine-client.js';
import { timestampOf } from '../support/sse.js';
import { waitFor } from '../support/wait.js';
import { conformance, targets } from './targets.js';

/** The clock's ms move on, so that what follows is later than what came before. */
async function tick(): Promise<void> {
  const now = Date.now();
  await waitFor(() => Date.now() > now + 5, 'the clock to move');
}

const lastTime = (client: EngineClient): number => timestampOf(client.everything.at(-1)!);

conformance('Time as a position', targets, (bench, target) => {
  /** It is the clock's; where a broker's clock stamps the log, one that it has reached for sure. */
  const expectClock = (time: number | undefined, clock: number | undefined): void => {
    if (target.broker) expect(time).toBeLessThanOrEqual(clock ?? NaN);
    else expect(time).toBe(clock);
  };

  test('SPEC §5: an invalidate is as old as its last action', async () => {
    const engine = bench().engine({ compactAfter: 5 });
    const first = await bench().open(engine, { ids: false });
    await engine.publish(encodeMany(8, 'x'));
    const published = Date.now();
    await waitFor(() => first.invalidates.length === 1, 'the import');
    await tick();
    const late = await bench().open(engine, { ids: false, lastEventId: first.hello!.cursor });
    await waitFor(() => late.invalidates.length === 1, 'the catch-up');
    for (const client of [first, late]) expect(client.invalidates[0]!.timestamp).toBeLessThanOrEqual(published);
    // Inclusive: what the invalidate covered comes again.
    const back = await bench().open(engine, { ids: false, lastSyncTimestamp: first.invalidates[0]!.timestamp });
    // Those of its last millisecond: fewer where each has a stamp of its own.
    await waitFor(() => back.invalidates.length === 1 || back.actions.some(({ id }) => id === 'x8'), 'the last one again');
    expect(back.hello).toMatchObject({ reason: 'resumed', recovered: true });
  });

  test('SPEC §2: the hello of a cursor without ids is as old as the first action that follows; with ids it is the clock', async () => {
    const engine = bench().engine();
    const { cursor } = await (await bench().open(engine)).untilHello();
    await engine.publish([encode({ id: 'a' })]);
    const published = Date.now();
    const until = performance.now() + 10_000;
    await tick();
    await engine.publish([encode({ id: 'b' })]);
    await tick();
    let bare = await bench().open(engine, { ids: false, lastEventId: cursor });
    // A broker's clock is behind by as long as the answer took that told it; the next one says more.
    while (target.broker && bare.hello!.serverTime <= published && performance.now() < until) {
      await tick();
      bare = await bench().open(engine, { ids: false, lastEventId: cursor });
    }
    expect(bare.hello!.timestamp).toBeLessThanOrEqual(published);
    expect(bare.hello!.serverTime).toBeGreaterThan(published);
    // Cut right after its hello.
    const back = await bench().open(engine, { ids: false, lastSyncTimestamp: bare.hello!.timestamp });
    await back.untilAction('b');
    expect(back.actions.map(({ id }) => id)).toEqual(['a', 'b']);
    const named = await bench().open(engine, { lastEventId: cursor });
    expectClock(named.hello?.timestamp, named.hello?.serverTime);
    const head = await bench().open(engine, { ids: false, lastEventId: named.hello!.cursor });
    expectClock(head.hello?.timestamp, head.hello?.serverTime);
  });

  test.each(['nonsense', '0123456789ab.1', 'ahead', 'trimmed', 'future'])(
    'SPEC §2: cut between hello and resync (%s), without ids, the resync comes again',
    async (which) => {
      const engine = bench().engine({ logActions: 2 });
      const { epoch } = await (await bench().open(engine)).untilHello();
      await engine.publish(encodeMany(5, 'x'));
      await tick();
      const lastEventId = { ahead: `${epoch}.9`, trimmed: `${epoch}.1` }[which] ?? which;
      const position = which === 'future' ? { lastSyncTimestamp: Date.now() + 3_600_000 } : { lastEventId };
      const client = await bench().open(engine, { ids: false, ...position });
      await waitFor(() => client.resyncs.length === 1, 'the resync');
      expectClock(client.resyncs[0]?.timestamp, client.hello?.serverTime);
      const back = await bench().open(engine, { ids: false, lastSyncTimestamp: client.hello!.timestamp });
      await waitFor(() => back.resyncs.length === 1, 'the resync again');
      // After it the client is where the log is. A broker's clock may still stand at what is no longer kept.
      if (target.broker) return;
      const after = await bench().open(engine, { ids: false, lastSyncTimestamp: client.resyncs[0]!.timestamp });
      expect(after.hello!.recovered).toBe(true);
    },
  );

  test('SPEC §3: a stream that expired at once leaves the client where it was', async () => {
    const engine = bench().engine();
    const { cursor } = await (await bench().open(engine)).untilHello();
    await engine.publish(encodeMany(2, 'x'));
    await tick();
    for (const position of [{ lastEventId: cursor }, { lastEventId: 'nonsense' }, { lastSyncTimestamp: Date.now() - 60_000 }]) {
      const gone = await bench().connect(engine, { ids: false, ...position, expiresAt: 1 });
      await gone.untilEnd();
      expect(gone.trace).toEqual(['hello', 'server_close']);
      const back = await bench().open(engine, { ids: false, lastSyncTimestamp: lastTime(gone) });
      await waitFor(() => back.actions.length === 2 || back.resyncs.length === 1, 'what it missed');
    }
  });

  test('SPEC §6: a stream that waits to be closed says a time that skips nothing it was not offered', async () => {
    const engine = bench().engine();
    const clients = await Promise.all(Array.from({ length: 300 }, (_, i) => bench().open(engine, { ids: false, userId: `u${i}` })));
    await tick();
    const ended = engine.disconnect({ companyId: 'acme' }, 'drain');
    await engine.publish([encode({ id: 'x' })]);
    const published = Date.now();
    await ended;
    for (const client of clients) {
      await client.untilEnd();
      if (client.actions.length === 0) expect(lastTime(client)).toBeLessThanOrEqual(published);
    }
    // The last of them, which were closed long after.
    const back = await bench().open(engine, { ids: false, lastSyncTimestamp: lastTime(clients.at(-1)!) });
    // It may be a time before the log's first moment.
    await waitFor(() => back.actions.length === 1 || back.resyncs.length === 1, 'what it missed');
  });

  test('SPEC §3: a refusal leaves the client where it was', async () => {
    const engine = bench().engine({ maxPerCompany: 1 });
    const first = await bench().open(engine);
    await engine.publish(encodeMany(2, 'x'));
    await tick();
    const since = first.hello!.timestamp;
    const refused = async (position: object): Promise<number> => {
      const client = await bench().connect(engine, { userId: 'u2', ids: false, ...position });
      await client.untilEnd();
      return lastTime(client);
    };
    expect(await refused({ lastSyncTimestamp: since })).toBe(since);
    expect(await refused({ lastEventId: first.hello!.cursor })).toBe(0);
    expect(await refused({ lastSyncTimestamp: since + 3_600_000 })).toBeLessThanOrEqual(Date.now());
    expect(Date.now() - (await refused({}))).toBeLessThan(60_000);
  });
});

import { encode, encodeMany } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { conformance, framings, type Bench } from './targets.js';
import type { EngineClient } from '../support/engine-client.js';
import type { Engine, StreamSpec } from '../../lib/internal/engine.js';

/** Waits until an action published now came, so that whatever precedes it came too. */
async function fence(engine: Engine, client: EngineClient): Promise<void> {
  const marker = encode({ queryPaths: ['fence'] });
  await engine.publish([marker]);
  await client.untilAction(marker.action.id);
}

async function head(engine: Engine): Promise<{ epoch: string; headSeq: number }> {
  return await engine.readLog('acme');
}

conformance('The verdict', framings, (bench, target) => {
  const open = async (engine: Engine, spec: Partial<StreamSpec> = {}): Promise<EngineClient> => await bench().open(engine, spec);

  /** The stream resyncs for `reason`, and goes on live. */
  async function expectResync(b: Bench, engine: Engine, spec: Partial<StreamSpec>, reason: string): Promise<void> {
    const client = await b.open(engine, spec);
    const before = await head(engine);
    const hello = client.hello!;
    expect(hello).toMatchObject({ recovered: false, reason, cursor: `${before.epoch}.${before.headSeq}`, epoch: before.epoch });
    await fence(engine, client);
    expect(client.trace).toEqual(['hello', 'resync', `update:${before.headSeq + 1}`]);
    expect(client.resyncs[0]).toMatchObject({ type: 'resync', reason, queryPaths: ['*'] });
    if (client.spec.ids) {
      expect(client.messages[0]!.id).toBe('0.0');
      expect(client.messages[1]!.id).toBe(hello.cursor);
    }
    client.cut();
  }

  test('SPEC §2 row 1: no position is fresh, and goes live', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(3, 'old'));
    const client = await open(engine);
    const { epoch } = await head(engine);
    expect(client.hello).toMatchObject({ recovered: false, reason: 'fresh', cursor: `${epoch}.3`, epoch });
    expect(client.messages[0]!.id).toBe(`${epoch}.3`);
    await fence(engine, client);
    expect(client.trace).toEqual(['hello', 'update:4']);
  });

  test('SPEC §2: an empty Last-Event-ID is none', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(1, 'old'));
    const client = await open(engine, { lastEventId: '' });
    expect(client.hello).toMatchObject({ reason: 'fresh' });
  });

  test('SPEC §2 row 2: a cursor at the head resumes with nothing', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(3, 'x'));
    const { epoch } = await head(engine);
    const client = await open(engine, { lastEventId: `${epoch}.3` });
    await fence(engine, client);
    expect(client.hello).toMatchObject({ recovered: true, reason: 'resumed', cursor: `${epoch}.3` });
    expect(client.trace).toEqual(['hello', 'update:4']);
    expect(client.messages[0]!.id).toBe(`${epoch}.3`);
  });

  test('SPEC §2 row 2: a cursor behind the head resumes exclusively, and hello has the id of the client', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(5, 'x'));
    const { epoch } = await head(engine);
    const client = await open(engine, { lastEventId: `${epoch}.2` });
    await fence(engine, client);
    expect(client.hello).toMatchObject({ recovered: true, reason: 'resumed', cursor: `${epoch}.5` });
    expect(client.messages[0]!.id).toBe(`${epoch}.2`);
    expect(client.trace).toEqual(['hello', 'update:3', 'update:4', 'update:5', 'update:6']);
  });

  test('SPEC §2 row 2: cursor 0 of this epoch resumes from the very first action', async () => {
    const engine = bench().engine();
    const first = await open(engine);
    const cursor = first.lastEventId!;
    expect(cursor).toMatch(/\.0$/);
    await engine.publish(encodeMany(2, 'x'));
    const client = await open(engine, { lastEventId: cursor });
    await client.untilAction('x2');
    expect(client.trace).toEqual(['hello', 'update:1', 'update:2']);
  });

  test('SPEC §2 row 2: the edge: the oldest kept is the first missing one', async () => {
    const engine = bench().engine({ logActions: 3 });
    await engine.publish(encodeMany(6, 'x'));
    const { epoch } = await head(engine);
    const client = await open(engine, { lastEventId: `${epoch}.3` });
    await client.untilAction('x6');
    expect(client.trace).toEqual(['hello', 'update:4', 'update:5', 'update:6']);
  });

  test.each([
    'x', '.', 'abc', 'abcdefabcdef', 'abcdefabcdef.', '.5', 'abcdefabcdef.-1', 'abcdefabcdef.01', 'abcdefabcdef.1.2', 'ABCDEFABCDEF.1',
    'abcdefabcdef.1 ', ' abcdefabcdef.1', 'abcdefabcdef.1e3', 'abcdefabcdef.9007199254740992', 'abcdefabcdef.99999999999999999999999', '\u0000',
    'abcdefabcdef.\n1', '{}', 'null', '💥.1', `${'a'.repeat(33)}.1`,
  ])('SPEC §2 row 3: %j does not parse: unknown_cursor', async (lastEventId) => {
    const engine = bench().engine();
    await engine.publish(encodeMany(2, 'x'));
    await expectResync(bench(), engine, { lastEventId }, 'unknown_cursor');
  });

  test('SPEC §2 row 3: a cursor of 100,000 characters does not parse: unknown_cursor', async () => {
    await expectResync(bench(), bench().engine(), { lastEventId: 'a'.repeat(100_000) }, 'unknown_cursor');
  });

  test.each(['0.0', 'abcdefabcdef.0', 'abcdefabcdef.1', 'abcdefabcdef.9007199254740991', 'a.1'])(
    'SPEC §2 row 4: %j is of another epoch: epoch_changed',
    async (lastEventId) => {
      const engine = bench().engine();
      await engine.publish(encodeMany(2, 'x'));
      await expectResync(bench(), engine, { lastEventId }, 'epoch_changed');
    },
  );

  test('SPEC §2 row 4: a cursor of the hub that ran before', async () => {
    const before = bench().engine();
    await before.publish(encodeMany(2, 'x'));
    const { epoch } = await head(before);
    const after = bench().engine();
    await after.publish(encodeMany(2, 'x'));
    await expectResync(bench(), after, { lastEventId: `${epoch}.1` }, 'epoch_changed');
  });

  test('SPEC §2 row 5: a seq above the head: ahead_of_log', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(2, 'x'));
    const { epoch } = await head(engine);
    await expectResync(bench(), engine, { lastEventId: `${epoch}.3` }, 'ahead_of_log');
    await expectResync(bench(), engine, { lastEventId: `${epoch}.9007199254740991` }, 'ahead_of_log');
  });

  test('SPEC §2 row 6: the seq after it is below the oldest kept: trimmed', async () => {
    const engine = bench().engine({ logActions: 3 });
    await engine.publish(encodeMany(6, 'x'));
    const { epoch } = await head(engine);
    await expectResync(bench(), engine, { lastEventId: `${epoch}.2` }, 'trimmed');
    await expectResync(bench(), engine, { lastEventId: `${epoch}.0` }, 'trimmed');
  });

  test('SPEC §2 row 6: all kept actions are gone by age: trimmed, but the head still resumes', async () => {
    const engine = bench().engine({ logTtlMs: 30 });
    await engine.publish(encodeMany(4, 'x'));
    await waitFor(async () => (await engine.readLog('acme')).actions.length === 0, 'the actions to be too old');
    const { epoch, headSeq } = await head(engine);
    expect(headSeq).toBe(4);
    const quiet = await open(engine, { lastEventId: `${epoch}.4` });
    expect(quiet.hello).toMatchObject({ reason: 'resumed', recovered: true });
    await expectResync(bench(), engine, { lastEventId: `${epoch}.3` }, 'trimmed');
  });

  test('SPEC §2 row 7: a timestamp that the log reaches back to: inclusive, from the first entry at or after it', async () => {
    const engine = bench().engine();
    const first = await open(engine);
    await engine.publish(encodeMany(2, 'x'));
    await first.untilAction('x2');
    const start = first.hello!.serverTime;
    // What was published may have its place in the very millisecond in which it is seen here.
    const seen = Date.now();
    await waitFor(() => Date.now() > seen + 20, 'the clock to move');
    const later = Date.now();
    await engine.publish(encodeMany(2, 'y'));
    const all = await open(engine, { lastSyncTimestamp: start });
    await all.untilAction('y2');
    expect(all.hello).toMatchObject({ reason: 'resumed', recovered: true, timestamp: start });
    expect(all.trace).toEqual(['hello', 'update:1', 'update:2', 'update:3', 'update:4']);
    expect(all.messages[0]!.id).toBe(`${all.hello!.epoch}.0`);
    const some = await open(engine, { lastSyncTimestamp: later });
    await some.untilAction('y2');
    expect(some.trace).toEqual(['hello', 'update:3', 'update:4']);
    expect(some.messages[0]!.id).toBe(`${some.hello!.epoch}.2`);
  });

  test('SPEC §1, §2: by time, an entry counts with the later one of its timestamp and its arrival', async () => {
    const engine = bench().engine();
    const now = (await open(engine)).hello!.serverTime;
    await engine.publish([encode({ id: 'past', timestamp: 1 }), encode({ id: 'future', timestamp: now + 30_000 }), encode({ id: 'after' })]);
    const since = await open(engine, { lastSyncTimestamp: now });
    await since.untilAction('after');
    expect(since.actions.map(({ id }) => id)).toEqual(['past', 'future', 'after']);
    // A client that stored the future timestamp gets everything from that action on.
    const ahead = await open(engine, { lastSyncTimestamp: now + 30_000 });
    await ahead.untilAction('after');
    expect(ahead.actions.map(({ id }) => id)).toEqual(['future', 'after']);
  });

  test('SPEC §2 row 8: a timestamp before the oldest kept, actions lost since: trimmed', async () => {
    const engine = bench().engine({ logActions: 2 });
    const { serverTime } = (await open(engine)).hello!;
    await engine.publish(encodeMany(4, 'x'));
    await expectResync(bench(), engine, { lastSyncTimestamp: serverTime }, 'trimmed');
  });

  test('SPEC §2 row 8: actions lost before the timestamp do not matter', async () => {
    const engine = bench().engine({ logActions: 2 });
    await open(engine);
    await engine.publish(encodeMany(4, 'x'));
    const lost = Date.now();
    await waitFor(() => Date.now() > lost + 5, 'the clock to move');
    const since = Date.now();
    await engine.publish(encodeMany(1, 'y'));
    const client = await open(engine, { lastSyncTimestamp: since });
    await client.untilAction('y1');
    expect(client.trace).toEqual(['hello', 'update:5']);
  });

  test('SPEC §2 row 9: a timestamp before this life of the log: epoch_changed', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(2, 'x'));
    await expectResync(bench(), engine, { lastSyncTimestamp: Date.now() - 3_600_000 }, 'epoch_changed');
    await expectResync(bench(), engine, { lastSyncTimestamp: 0 }, 'epoch_changed');
    await expectResync(bench(), engine, { lastSyncTimestamp: -5 }, 'epoch_changed');
  });

  if (!target.broker) test('SPEC §2 row 9: a company that is first seen now had no actions before: a time since the hub began resumes', async () => {
    const engine = bench().engine();
    const begun = Date.now();
    await waitFor(() => Date.now() > begun + 5, 'the clock to move');
    const client = await open(engine, { companyId: 'first seen', lastSyncTimestamp: begun + 2 });
    expect(client.hello).toMatchObject({ reason: 'resumed', recovered: true });
  });

  test('SPEC §2 row 10: a timestamp far ahead of the clock: ahead_of_log; a little ahead is a clock that differs', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(2, 'x'));
    await expectResync(bench(), engine, { lastSyncTimestamp: Date.now() + 600_000 }, 'ahead_of_log');
    const client = await open(engine, { lastSyncTimestamp: Date.now() + 10_000 });
    expect(client.hello).toMatchObject({ reason: 'resumed', recovered: true });
    // That of a broker's log is one that it has reached for sure.
    if (target.broker) expect(client.hello!.timestamp).toBeLessThanOrEqual(client.hello!.serverTime);
    else expect(client.hello!.timestamp).toBe(client.hello!.serverTime);
  });

  async function back(engine: Engine, since: number): Promise<EngineClient> {
    const client = await open(engine, { lastSyncTimestamp: since, ids: false });
    await client.untilAction('x2');
    return client;
  }

  test.each([1_000, 30_000, 59_000])('SPEC §2 row 10: a clock that ran %i ms ahead hides no action of the last minute', async (ahead) => {
    const engine = bench().engine();
    const position = Date.now() + ahead;
    await engine.publish(encodeMany(2, 'x'));
    for (const ids of [true, false]) {
      const client = await open(engine, { lastSyncTimestamp: position, ids });
      await client.untilAction('x2');
      expect(client.hello).toMatchObject({ reason: 'resumed', recovered: true });
      expect(client.actions.map(({ id }) => id)).toEqual(['x1', 'x2']);
      // Cut right after its hello it comes back to where it was.
      if (!ids) expect((await back(engine, client.hello!.timestamp)).actions.map(({ id }) => id)).toEqual(['x1', 'x2']);
    }
  });

  test('SPEC §2 row 10: where the last minute is not kept, a clock that ran ahead is told of it', async () => {
    const engine = bench().engine({ logActions: 2 });
    await engine.publish(encodeMany(4, 'x'));
    await expectResync(bench(), engine, { lastSyncTimestamp: Date.now() + 10_000 }, 'trimmed');
  });

  test('SPEC §2: a cursor wins over a timestamp', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(3, 'x'));
    const { epoch } = await head(engine);
    const client = await open(engine, { lastEventId: `${epoch}.2`, lastSyncTimestamp: 0 });
    await client.untilAction('x3');
    expect(client.trace).toEqual(['hello', 'update:3']);
  });

  test('SPEC §2: a company that nobody knew has a log from the first stream on', async () => {
    const engine = bench().engine();
    const client = await open(engine, { companyId: 'new' });
    expect(client.hello!.cursor).toBe(`${client.hello!.epoch}.0`);
    const again = await open(engine, { companyId: 'new', lastEventId: client.lastEventId! });
    expect(again.hello).toMatchObject({ reason: 'resumed', epoch: client.hello!.epoch });
  });

  test('SPEC §2: the paths of a resync are those that the router has', async () => {
    const engine = bench().engine();
    engine.setResyncPaths(['guests.getAll', 'budget.get']);
    const client = await open(engine, { lastEventId: 'nonsense' });
    await waitFor(() => client.resyncs.length > 0, 'the resync');
    expect(client.resyncs[0]!.queryPaths).toEqual(['guests.getAll', 'budget.get']);
  });

  test('SPEC §2: a stream without ids resumes by time', async () => {
    const engine = bench().engine();
    const first = await open(engine, { ids: false });
    expect(first.lastEventId).toBeUndefined();
    first.cut();
    await engine.publish(encodeMany(3, 'x'));
    const client = await open(engine, { ids: false, lastSyncTimestamp: first.hello!.timestamp });
    await client.untilAction('x3');
    expect(client.trace).toEqual(['hello', 'update:1', 'update:2', 'update:3']);
    expect(client.lastEventId).toBeUndefined();
  });
});

import type { Engine } from '../../lib/internal/engine.js';
import type { ActionEvent, InvalidateEvent } from '../../lib/protocol/events.js';
import type { EngineClient } from '../support/engine-client.js';
import { encode, encodeEphemeral, encodeMany } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { DEFAULTS } from '../support/engine-options.js';
import { conformance, framings, type Bench } from './targets.js';

/** The kernel and Node take some megabytes before a socket that nobody reads shows. */
const FLOOD_BYTES = 32 * 1024;
const FLOOD_ACTIONS = 2_000;

let floods = 0;

/** Lets the sinks be written to. */
async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Takes again, once what was published has reached the backlogs: until then it would be live. */
async function resume(engine: Engine, client: EngineClient): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await engine.readLog('acme');
    await nextTurn();
  }
  client.resume();
}

/** Publishes actions of that size until `check` holds; the number of calls that took. Small ones go out many at a time. */
async function floodUntil(engine: Engine, check: () => boolean, what: string, size = FLOOD_BYTES): Promise<number> {
  const together = Math.min(50, Math.ceil(FLOOD_BYTES / size));
  for (let sent = 0; sent < FLOOD_ACTIONS; sent++) {
    if (check()) return sent;
    const data = 'x'.repeat(size);
    await engine.publish(Array.from({ length: together }, () => encode({ id: `flood-${++floods}`, module: 'flood', queryPaths: ['flood.all'], data })));
    await nextTurn();
  }
  throw new Error(`${FLOOD_ACTIONS} times ${size} bytes, and still not ${what}`);
}

/** Stalls the client and floods it until its backlog is one conflated stretch. */
async function conflate(engine: Engine, client: EngineClient, size = FLOOD_BYTES): Promise<void> {
  const before = engine.metrics().conflations;
  client.stall();
  await floodUntil(engine, () => engine.metrics().conflations > before, 'conflated', size);
}

/**
 * The same, until the kernel takes nothing more: while its buffers grow, what is conflated may still leave, and the sink
 * is slow no longer. There may be more than one stretch then.
 */
async function jam(engine: Engine, client: EngineClient): Promise<void> {
  for (let still = 0; still < 50; ) {
    if (engine.metrics().slowSinks === 0) {
      await conflate(engine, client);
      still = 0;
    }
    const { bytes } = engine.metrics();
    await new Promise((resolve) => setTimeout(resolve, 1));
    still = engine.metrics().bytes === bytes ? still + 1 : 0;
  }
}

/**
 * Floods whenever the backlog of the stalled client has left, until it is closed: the kernel's buffers grow for a while, and
 * who has nothing to take is not slow. `look` is called between the floods.
 */
async function untilClosedAsSlow(engine: Engine, look: () => void = () => undefined): Promise<void> {
  await waitFor(async () => {
    look();
    const closed = (): boolean => (engine.metrics().closes.slow ?? 0) > 0;
    await floodUntil(engine, () => engine.metrics().slowSinks > 0 || closed(), 'slow');
    return closed();
  }, 'its end');
}

/** Checks that what came, from seq 1 on, covers each seq up to the last exactly once; the last. */
function covered(client: EngineClient, from = 0): number {
  let at = from;
  for (const event of client.events) {
    if ('seq' in event) {
      expect((event as ActionEvent).seq).toBe(at + 1);
      at++;
    } else if (event.type === 'invalidate') {
      expect(event.from).toBe(at + 1);
      expect(event.count).toBe(event.to! - event.from! + 1);
      at = event.to!;
    }
  }
  return at;
}

async function untilInvalidate(client: EngineClient, count = 1): Promise<InvalidateEvent> {
  return await waitFor(() => client.invalidates[count - 1], `invalidate number ${count}`);
}

conformance('Slow sinks', framings, (bench, target) => {
  const open = async (b: Bench, engine: Engine, spec = {}): Promise<EngineClient> => await b.open(engine, spec);

  test('SPEC §5: a backlog below the cap is delivered action by action', async () => {
    const engine = bench().engine();
    const client = await open(bench(), engine);
    client.stall();
    for (const encoded of encodeMany(20, 'x')) await engine.publish([encoded]);
    await resume(engine, client);
    await client.untilAction('x20');
    expect(covered(client)).toBe(20);
    expect(client.actions).toHaveLength(20);
    expect(engine.metrics()).toMatchObject({ conflations: 0, deliveries: 20 });
  });

  test('SPEC §5: over the cap it becomes one invalidate that covers exactly what was not sent; then live', async () => {
    const engine = bench().engine();
    const client = await open(bench(), engine);
    const fast = await open(bench(), engine);
    await engine.publish(encodeMany(3, 'x'));
    await client.untilAction('x3');
    await conflate(engine, client);
    for (const name of ['guests.getAll', 'budget.get', 'guests.byId']) await engine.publish([encode({ module: name.split('.')[0]!, queryPaths: [name] })]);
    await resume(engine, client);
    const invalidate = await untilInvalidate(client);
    const { headSeq, epoch } = await engine.readLog('acme');
    expect(invalidate.to).toBe(headSeq);
    expect([...invalidate.queryPaths].sort()).toEqual(['budget.get', 'flood.all', 'guests.byId', 'guests.getAll']);
    expect([...invalidate.modules].sort()).toEqual(['budget', 'flood', 'guests']);
    expect(client.messages.find(({ data }) => data.includes('"invalidate"'))!.id).toBe(`${epoch}.${headSeq}`);
    await engine.publish([encode({ id: 'live' })]);
    await client.untilAction('live');
    expect(covered(client)).toBe(headSeq + 1);
    expect(client.invalidates).toHaveLength(1);
    expect(client.resyncs).toEqual([]);
    await fast.untilAction('live');
    expect(fast.actions).toHaveLength(headSeq + 1);
    expect(engine.metrics()).toMatchObject({ conflations: 1, slowSinks: 0, backlogBytes: 0 });
    await waitFor(() => bench().notices.length > 0, 'the notice');
    expect(bench().notices[0]).toMatchObject({ type: 'conflated', companyId: 'acme', connectionId: client.connectionId });
  });

  test('SPEC §5: again and again', async () => {
    const engine = bench().engine();
    const client = await open(bench(), engine);
    for (const round of [1, 2, 3]) {
      await conflate(engine, client);
      await resume(engine, client);
      await untilInvalidate(client, round);
    }
    await engine.publish([encode({ id: 'last' })]);
    await client.untilAction('last');
    expect(covered(client)).toBe((await engine.readLog('acme')).headSeq);
    expect(engine.metrics().conflations).toBe(3);
  });

  test.each([700, 5_000, 60_000])('SPEC §5: a flood of %d bytes each, twice; in between and after it the stream is as any other', async (size) => {
    const engine = bench().engine({ heartbeatMs: 100, slowTimeoutMs: 60_000 });
    const client = await open(bench(), engine);
    for (const round of [1, 2]) {
      await conflate(engine, client, size);
      await resume(engine, client);
      await untilInvalidate(client, round);
      // Recovered: it gets what is live, action by action, and pings.
      const before = client.actions.length;
      for (const encoded of encodeMany(30, `live${round}-`, { data: 'x'.repeat(size % 3_000) })) await engine.publish([encoded]);
      await client.untilAction(`live${round}-30`);
      expect(client.actions.length).toBe(before + 30);
      const { headSeq, epoch } = await engine.readLog('acme');
      await waitFor(() => client.pings.at(-1)?.id === `${epoch}.${headSeq}`, 'a ping of the new position');
      expect(engine.metrics()).toMatchObject({ connections: 1, slowSinks: 0, backlogBytes: 0 });
    }
    expect(covered(client)).toBe((await engine.readLog('acme')).headSeq);
    // And it is still watched: a client that leaves now is noticed.
    client.cut();
    await waitFor(() => engine.metrics().connections === 0, 'its end');
  });

  test('SPEC §5: several messages under way to a sink that says it is full are all taken in the end, time and again', async () => {
    const engine = bench().engine();
    const client = await open(bench(), engine);
    let last = '';
    for (let round = 0; round < 30; round++) {
      client.stall();
      const sizes = [900, 1_300, 700, 60_000, 300, 2_000];
      // Not one after another: they reach the sink's window together.
      await Promise.all(sizes.map((size, i) => engine.publish([encode({ id: (last = `under-way-${round}-${i}`), data: 'x'.repeat(size) })])));
      await resume(engine, client);
      await waitFor(async () => covered(client) === (await engine.readLog('acme')).headSeq, `round ${round}`);
    }
    await engine.publish([encode({ id: 'live' })]);
    await client.untilAction('live');
    expect(last).toBe('under-way-29-5');
    expect(covered(client)).toBe(181);
    expect(engine.metrics()).toMatchObject({ connections: 1, slowSinks: 0, backlogBytes: 0 });
  });

  test('SPEC §5: the time of a slow sink begins anew with each stall', async () => {
    // Longer than a busy machine takes from the stall to the resume.
    const engine = bench().engine({ slowTimeoutMs: 1_000 });
    const client = await open(bench(), engine);
    await conflate(engine, client);
    await resume(engine, client);
    await untilInvalidate(client);
    client.stall();
    await untilClosedAsSlow(engine);
    expect(engine.metrics()).toMatchObject({ connections: 0, slowSinks: 0, backlogBytes: 0 });
    client.resume();
    await client.untilEnd();
  });

  test('SPEC §5: only what matches the filter is in the union', async () => {
    const engine = bench().engine();
    const client = await open(bench(), engine, { filter: { modules: ['flood', 'guests'] } });
    await conflate(engine, client);
    const { headSeq } = await engine.readLog('acme');
    await engine.publish([encode({ module: 'budget', queryPaths: ['budget.get'] }), encode({ queryPaths: ['guests.getAll'] }), encode({ module: 'budget', queryPaths: ['budget.get'] })]);
    await resume(engine, client);
    const invalidate = await untilInvalidate(client);
    expect([...invalidate.queryPaths].sort()).toEqual(['flood.all', 'guests.getAll']);
    expect(invalidate.to).toBe(headSeq + 2);
    expect(invalidate.count).toBe(invalidate.to! - invalidate.from!);
  });

  test('SPEC §5: a path that another one covers is left out', async () => {
    const engine = bench().engine();
    const client = await open(bench(), engine);
    await conflate(engine, client);
    await engine.publish([
      encode({ queryPaths: ['guests.getAll', 'a.b.c', 'ab.c', 'constructor'] }), encode({ queryPaths: ['guests', 'a.b', '__proto__.x'] }), encode({ queryPaths: ['guests.byId', 'a.bc'] }),
    ]);
    await resume(engine, client);
    const invalidate = await untilInvalidate(client);
    expect([...invalidate.queryPaths].sort()).toEqual(['__proto__.x', 'a.b', 'a.bc', 'ab.c', 'constructor', 'flood.all', 'guests']);
    await jam(engine, client);
    await engine.publish([encode({ queryPaths: ['*', 'x.y'] })]);
    const { headSeq } = await engine.readLog('acme');
    await resume(engine, client);
    expect((await waitFor(() => client.invalidates.find(({ to }) => to === headSeq), 'the last invalidate')).queryPaths).toEqual(['*']);
  });

  test('SPEC §5: a union that is too long collapses to first segments, the largest first', async () => {
    const engine = bench().engine({ maxInvalidateBytes: 2_048 });
    const client = await open(bench(), engine);
    await conflate(engine, client);
    for (let i = 0; i < 100; i++) await engine.publish([encode({ queryPaths: [`guests.procedure${i}`, `budget.procedure${i % 30}`, `hotels.p${i % 3}`] })]);
    await resume(engine, client);
    const invalidate = await untilInvalidate(client);
    const { data } = client.messages.find((message) => message.data.includes('"invalidate"'))!;
    expect(Buffer.byteLength(data)).toBeLessThanOrEqual(2_048);
    const budget = Array.from({ length: 30 }, (_, i) => `budget.procedure${i}`);
    expect([...invalidate.queryPaths].sort()).toEqual([...budget, 'flood.all', 'guests', 'hotels.p0', 'hotels.p1', 'hotels.p2'].sort());
  });

  test('SPEC §5: one that is too long even so is a resync, reason overflow; then live', async () => {
    const engine = bench().engine({ maxInvalidateBytes: 2_048 });
    engine.setResyncPaths(['all.of', 'them.all']);
    const client = await open(bench(), engine);
    await conflate(engine, client);
    for (let i = 0; i < 300; i++) await engine.publish([encode({ queryPaths: [`router${i}.getAll`] })]);
    const { headSeq, epoch } = await engine.readLog('acme');
    await resume(engine, client);
    const resync = await waitFor(() => client.resyncs[0], 'the resync');
    expect(resync).toMatchObject({ reason: 'overflow', queryPaths: ['all.of', 'them.all'] });
    expect(client.messages.find(({ data }) => data.includes('"resync"'))!.id).toBe(`${epoch}.${headSeq}`);
    await engine.publish([encode({ id: 'live' })]);
    await client.untilAction('live');
    expect(client.actions.at(-1)!.seq).toBe(headSeq + 1);
    expect(client.invalidates).toEqual([]);
    expect(engine.metrics().resyncs).toMatchObject({ overflow: 1 });
    await waitFor(() => bench().notices.some(({ type }) => type === 'resync'), 'the notice');
    expect(bench().notices).toContainEqual({ type: 'resync', companyId: 'acme', connectionId: client.connectionId, reason: 'overflow' });
  });

  test('SPEC §5: a sink that takes nothing for slowTimeoutMs is closed with slow; others are not', async () => {
    // Longer than a busy machine keeps the fast one from reading: it has the flood to read too.
    const engine = bench().engine({ slowTimeoutMs: 2_500 });
    const idle = await open(bench(), engine, { companyId: 'idle' });
    const fast = await open(bench(), engine);
    const client = await open(bench(), engine);
    await conflate(engine, client);
    await untilClosedAsSlow(engine);
    expect(engine.metrics()).toMatchObject({ connections: 2, slowSinks: 0, backlogBytes: 0 });
    await waitFor(() => bench().notices.some(({ type }) => type === 'closed'), 'the notice');
    expect(bench().notices).toContainEqual({ type: 'closed', companyId: 'acme', userId: 'u1', connectionId: client.connectionId, reason: 'slow' });
    await resume(engine, client);
    await client.untilEnd();
    expect([idle.ended, fast.ended]).toEqual([false, false]);
    // What came is a prefix, so the last id is safe.
    const again = await open(bench(), engine, { lastEventId: client.lastEventId! });
    expect(again.hello).toMatchObject({ reason: 'resumed', recovered: true });
    await engine.publish([encode({ id: 'live' })]);
    await again.untilAction('live');
    expect(covered(again, covered(client))).toBe((await engine.readLog('acme')).headSeq);
  });

  test('SPEC §5: it is not closed before slowTimeoutMs has passed since the last byte that it took', async () => {
    const engine = bench().engine({ slowTimeoutMs: 300 });
    // The only stream: the hub's bytes are its bytes.
    const client = await open(bench(), engine);
    await conflate(engine, client);
    // The last byte was taken after the last look at which there were fewer, however late the next one was.
    let [taken, afterMs, lookedMs] = [0, 0, 0];
    await untilClosedAsSlow(engine, () => {
      const atMs = performance.now();
      const { bytes, closes } = engine.metrics();
      if (closes.slow === 1) return;
      if (bytes !== taken) [taken, afterMs] = [bytes, lookedMs];
      lookedMs = atMs;
    });
    expect(performance.now() - afterMs).toBeGreaterThanOrEqual(300);
  });

  test('SPEC §5: heartbeats and ephemeral events skip a sink with a backlog', async () => {
    const engine = bench().engine({ heartbeatMs: 30 });
    const client = await open(bench(), engine);
    await jam(engine, client);
    const before = engine.metrics();
    engine.ephemeral(encodeEphemeral('acme', 'lost'));
    await waitFor(() => engine.metrics().heartbeatsSkipped >= before.heartbeatsSkipped + 3, 'skipped heartbeats');
    await waitFor(() => engine.metrics().ephemeralsDropped >= 1, 'the dropped event');
    expect(engine.metrics().heartbeats).toBe(before.heartbeats);
    await resume(engine, client);
    await untilInvalidate(client);
    await waitFor(() => client.fullTrace.at(-1) === 'ping', 'a ping again');
    expect(client.pings.at(-1)!.id).toBe(`${client.hello!.epoch}.${(await engine.readLog('acme')).headSeq}`);
    expect(client.trace.filter((what) => what === 'ephemeral')).toEqual([]);
  });

  test.each([4_096, 65_536])('G4: a cap of %d bytes is never exceeded, however many are slow', async (connectionCapBytes) => {
    const engine = bench().engine({ connectionCapBytes });
    const clients = await Promise.all(Array.from({ length: 8 }, async (_, i) => await open(bench(), engine, i % 2 ? { dialect: 'trpc', transformed: true } : {})));
    for (const client of clients) client.stall();
    await floodUntil(engine, () => engine.metrics().slowSinks === clients.length, 'all slow');
    let worst = -Infinity;
    for (let i = 0; i < 400; i++) {
      await engine.publish([encode({ queryPaths: [`guests.p${i % 50}`], data: 'x'.repeat(1_000) })]);
      await nextTurn();
      const { backlogBytes, slowSinks } = engine.metrics();
      // One of the large messages may be half written.
      worst = Math.max(worst, backlogBytes - slowSinks * (connectionCapBytes + FLOOD_BYTES + 1_024));
    }
    // Once each. The kernel may still take a little of a stalled stream, which then begins anew: a few more, never one a message.
    const { conflations } = engine.metrics();
    expect(conflations).toBeGreaterThanOrEqual(clients.length);
    expect(conflations).toBeLessThanOrEqual(3 * clients.length);
    expect(worst).toBeLessThanOrEqual(0);
    for (const client of clients) await resume(engine, client);
    for (const client of clients) await untilInvalidate(client);
    const { headSeq } = await engine.readLog('acme');
    for (const client of clients) expect(covered(client)).toBe(headSeq);
    expect(engine.metrics()).toMatchObject({ slowSinks: 0, backlogBytes: 0 });
  });

  test('SPEC §5: an action that is larger than the cap reaches a sink that takes it', async () => {
    const engine = bench().engine({ connectionCapBytes: 4_096 });
    const client = await open(bench(), engine);
    await engine.publish([encode({ id: 'big', data: 'x'.repeat(60_000) }), encode({ id: 'small' })]);
    await client.untilAction('small');
    expect(covered(client)).toBe(2);
    expect(client.actions).toHaveLength(2);
  });

  test('SPEC §5: a burst of more than the cap is covered exactly once, as far as the sink takes it action by action', async () => {
    const engine = bench().engine({ compactAfter: 10_000 });
    const client = await open(bench(), engine);
    await engine.publish(encodeMany(300, 'x', { data: 'x'.repeat(1_000) }));
    await waitFor(() => covered(client) === 300, 'all of them');
    expect(client.actions.length).toBeGreaterThan(10);
    // By a broker it comes in parts, and each may be more than the cap.
    if (!target.broker) expect(client.invalidates.length).toBeLessThanOrEqual(1);
  });

  test('SPEC §3, §5: what a slow stream is closed with never skips its backlog', async () => {
    const engine = bench().engine();
    const client = await open(bench(), engine);
    await conflate(engine, client);
    await engine.disconnect({ connectionId: client.connectionId }, 'revoked');
    await resume(engine, client);
    await client.untilEnd();
    const again = await open(bench(), engine, { lastEventId: client.lastEventId! });
    await engine.publish([encode({ id: 'live' })]);
    await again.untilAction('live');
    expect(covered(again, covered(client))).toBe((await engine.readLog('acme')).headSeq);
  });

  test('SPEC §5: one that leaves while it is slow takes its backlog along', async () => {
    const engine = bench().engine();
    const client = await open(bench(), engine);
    await conflate(engine, client);
    client.cut();
    await waitFor(() => engine.metrics().connections === 0, 'its end');
    expect(engine.metrics()).toMatchObject({ slowSinks: 0, backlogBytes: 0, closes: { gone: 1 } });
  });
});

conformance('Catch-up', framings, (bench) => {
  test('SPEC §2: more than compactAfter is one invalidate, as many are actions', async () => {
    const engine = bench().engine({ compactAfter: 10 });
    const first = await bench().open(engine);
    for (const encoded of encodeMany(30, 'x')) await engine.publish([encoded]);
    await engine.publish([encode({ module: 'budget', queryPaths: ['budget.get'] })]);
    const { epoch } = await engine.readLog('acme');
    const many = await bench().open(engine, { lastEventId: first.messages[0]!.id! });
    expect(await untilInvalidate(many)).toMatchObject({ from: 1, to: 31, count: 31, queryPaths: ['guests.getAll', 'budget.get'], modules: ['guests', 'budget'] });
    expect(many.hello).toMatchObject({ recovered: true, reason: 'resumed', cursor: `${epoch}.31` });
    const few = await bench().open(engine, { lastEventId: `${epoch}.21` });
    await waitFor(() => few.actions.length === 10, 'ten actions');
    const filtered = await bench().open(engine, { lastEventId: `${epoch}.0`, filter: { modules: ['budget'] } });
    await waitFor(() => filtered.actions.length === 1, 'the one that matches');
    expect(filtered.trace).toEqual(['hello', 'update:31']);
    expect(engine.metrics()).toMatchObject({ compactions: 1, conflations: 0 });
  });

  test('SPEC §2: more than connectionCapBytes is one invalidate', async () => {
    const engine = bench().engine({ connectionCapBytes: 4_096 });
    await engine.publish(encodeMany(5, 'x', { data: 'x'.repeat(1_000) }));
    const { epoch } = await engine.readLog('acme');
    const client = await bench().open(engine, { lastEventId: `${epoch}.0` });
    expect(await untilInvalidate(client)).toMatchObject({ from: 1, to: 5, count: 5 });
    const last = await bench().open(engine, { lastEventId: `${epoch}.3` });
    await last.untilAction('x5');
    expect(last.trace).toEqual(['hello', 'update:4', 'update:5']);
  });

  test('SPEC §2: where even that does not fit: overflow, not recovered, resync, live', async () => {
    const engine = bench().engine({ compactAfter: 10, maxInvalidateBytes: 1_024 });
    for (let i = 0; i < 200; i++) await engine.publish([encode({ queryPaths: [`router${i}.getAll`] })]);
    const { epoch } = await engine.readLog('acme');
    const client = await bench().open(engine, { lastEventId: `${epoch}.0` });
    await engine.publish([encode({ id: 'live' })]);
    await client.untilAction('live');
    expect(client.hello).toMatchObject({ recovered: false, reason: 'overflow', cursor: `${epoch}.200` });
    expect(client.trace).toEqual(['hello', 'resync', 'update:201']);
    expect(client.messages.slice(0, 2).map(({ id }) => id)).toEqual(['0.0', `${epoch}.200`]);
    expect(engine.metrics().resyncs).toMatchObject({ overflow: 1 });
  });

  test('SPEC §2: 5,000 actions are one event of at most 8 KiB', async () => {
    const engine = bench().engine({ logActions: 10_000 });
    for (let i = 0; i < 50; i++) await engine.publish(Array.from({ length: 100 }, (_, k) => encode({ queryPaths: [`router${k % 10}.procedure${i}`] })));
    const { epoch } = await engine.readLog('acme');
    const client = await bench().open(engine, { lastEventId: `${epoch}.0` });
    const invalidate = await untilInvalidate(client);
    expect(invalidate).toMatchObject({ from: 1, to: 5_000, count: 5_000 });
    expect(Buffer.byteLength(client.messages[1]!.data)).toBeLessThanOrEqual(DEFAULTS.maxInvalidateBytes);
    for (let k = 0; k < 10; k++) expect(invalidate.queryPaths.some((path) => path.startsWith(`router${k}`))).toBe(true);
  });
});

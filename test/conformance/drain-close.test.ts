import { readdirSync } from 'node:fs';
import { encode, encodeMany } from '../support/actions.js';
import { runSeed, withSeed } from '../support/random.js';
import { waitFor, within } from '../support/wait.js';
import { DEFAULTS, SPEC_DEFAULTS } from '../support/engine-options.js';
import { conformance, framings } from './targets.js';

conformance('Disconnect', framings, (bench) => {
  test.each<{ match: { connectionId?: true; userId?: string; companyId?: string }; hits: string[] }>([
    { match: { connectionId: true }, hits: ['a1'] },
    { match: { userId: 'a' }, hits: ['a1', 'a2', 'other'] },
    { match: { companyId: 'acme' }, hits: ['a1', 'a2', 'b'] },
    { match: { companyId: 'acme', userId: 'a' }, hits: ['a1', 'a2'] },
    { match: { companyId: 'other', connectionId: true }, hits: [] },
    { match: { userId: 'b', connectionId: true }, hits: [] },
    { match: { userId: 'nobody' }, hits: [] },
    { match: {}, hits: ['a1', 'a2', 'b', 'other'] },
  ])('SPEC §3: disconnect($match) closes $hits', async ({ match, hits }) => {
    const engine = bench().engine({ retryMs: 1_000 });
    const clients = {
      a1: await bench().open(engine, { userId: 'a' }),
      a2: await bench().open(engine, { userId: 'a', dialect: 'trpc' }),
      b: await bench().open(engine, { userId: 'b' }),
      other: await bench().open(engine, { userId: 'a', companyId: 'other' }),
    };
    const { connectionId, ...rest } = match;
    const real = connectionId ? { ...rest, connectionId: clients.a1.connectionId } : rest;
    expect(await engine.disconnect(real, 'revoked')).toBe(hits.length);
    for (const [name, client] of Object.entries(clients)) {
      if (!hits.includes(name)) continue;
      await client.untilEnd();
      expect(client.farewell!.reason).toBe('revoked');
      expect(client.farewell!.retryMs).toBeGreaterThanOrEqual(500);
      expect(client.farewell!.retryMs).toBeLessThanOrEqual(1_500);
    }
    expect(Object.entries(clients).flatMap(([name, { ended }]) => (ended ? [name] : []))).toEqual(hits);
    expect(engine.metrics()).toMatchObject({ connections: 4 - hits.length, closes: { revoked: hits.length } });
  });

  test('disconnect of a connection that is gone, or that never was', async () => {
    const engine = bench().engine();
    const client = await bench().open(engine);
    client.cut();
    await waitFor(() => engine.metrics().connections === 0, 'its end');
    // One that is alive, whose number the ids below could be taken for.
    const living = await bench().open(engine);
    for (const connectionId of [client.connectionId, '', 'hub', 'hub-', 'hub-0', 'hub--1', 'hub-1e3', 'other-1', 'oth-2', '__proto__']) {
      expect(await engine.disconnect({ connectionId }, 'revoked')).toBe(0);
    }
    expect(living.ended).toBe(false);
    expect(engine.metrics().connections).toBe(1);
  });

  test('SPEC §3: what was published before a disconnect is not lost to a resume after it', async () => {
    const engine = bench().engine();
    const client = await bench().open(engine);
    await engine.publish(encodeMany(5, 'x'));
    await engine.disconnect({ connectionId: client.connectionId }, 'revoked');
    await client.untilEnd();
    const again = await bench().open(engine, { lastEventId: client.lastEventId! });
    await waitFor(() => client.actions.length + again.actions.length >= 5, 'all five');
    expect([...client.actions, ...again.actions].map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  });
});

conformance('Drain', framings, (bench) => {
  test('G9: streams are closed evenly over the time, with a jittered retry, and resume elsewhere without a resync', async () => {
    const engine = bench().engine({ retryMs: 1_000 });
    await engine.publish(encodeMany(2, 'x'));
    const clients = await Promise.all(Array.from({ length: 20 }, async () => await bench().open(engine)));
    const start = Date.now();
    const left: { ms: number; count: number }[] = [];
    const done = engine.drain(1_000).then(() => 'done');
    let state = 'draining';
    void done.then((value) => (state = value));
    await waitFor(() => {
      // The count first: what ends before the clock is read is not missing then.
      left.push({ count: engine.metrics().connections, ms: Date.now() - start });
      return state === 'done';
    }, 'the end of the drain');
    expect(Date.now() - start).toBeGreaterThanOrEqual(850);
    for (const { ms, count } of left) expect(count).toBeGreaterThanOrEqual(Math.floor(20 * (1 - ms / 1_000)) - 1);
    expect(new Set(left.map(({ count }) => count)).size).toBeGreaterThan(5);
    for (const client of clients) await client.untilEnd();
    const retries = clients.map((client) => client.farewell!.retryMs);
    expect(clients.map((client) => client.farewell!.reason)).toEqual(clients.map(() => 'drain'));
    for (const retry of retries) {
      expect(retry).toBeGreaterThanOrEqual(500);
      expect(retry).toBeLessThanOrEqual(1_500);
    }
    expect(new Set(retries).size).toBeGreaterThan(5);
    expect(new Set(clients.map((client) => client.lastEventId))).toEqual(new Set([clients[0]!.hello!.cursor]));
    expect(engine.metrics()).toMatchObject({ connections: 0, leases: 0, closes: { drain: 20 } });
  });

  test('SPEC §3: while draining newcomers are refused, in a way on which they come back', async () => {
    const engine = bench().engine({ retryMs: 1_000 });
    await bench().open(engine);
    const done = engine.drain(400);
    const plain = await bench().connect(engine);
    const trpc = await bench().connect(engine, { dialect: 'trpc', trpcPath: 'sync.onSync' });
    expect(await engine.acquire('acme', 'u1')).toEqual({ ok: false, code: 'DRAINING', limit: 0, current: 0 });
    await Promise.all([plain.untilEnd(), trpc.untilEnd()]);
    expect(plain.trace).toEqual(['server_close']);
    expect(plain.farewell!.reason).toBe('drain');
    expect(trpc.trace).toEqual(['connected', 'serialized-error']);
    expect(trpc.messages[1]!.data).toBe(
      '{"message":"The server is draining; reconnect","code":-32603,"data":{"code":"SERVICE_UNAVAILABLE","httpStatus":503,"path":"sync.onSync"}}',
    );
    for (const retry of [plain.farewell!.retryMs, trpc.messages[0]!.retry!]) {
      expect(retry).toBeGreaterThanOrEqual(500);
      expect(retry).toBeLessThanOrEqual(1_500);
    }
    await within(done, 'the drain');
    expect(engine.metrics().refusals).toMatchObject({ DRAINING: 3 });
    const late = await bench().connect(engine);
    await late.untilEnd();
    expect(late.farewell!.reason).toBe('drain');
  });

  test('G9: it still publishes while it drains', async () => {
    const engine = bench().engine();
    const clients = await Promise.all(Array.from({ length: 4 }, async () => await bench().open(engine)));
    const done = engine.drain(60_000);
    const [outcome] = await engine.publish([encode({ id: 'late' })]);
    expect(outcome).toMatchObject({ ok: true });
    await waitFor(() => clients.some((client) => client.actions.length === 1), 'the action at one that is not yet closed');
    await engine.close();
    await within(done, 'the drain');
    for (const client of clients) await client.untilEnd();
  });

  test('it ends at once with 0 ms, without streams, when all have left, and when asked twice', async () => {
    const empty = bench().engine();
    await within(empty.drain(60_000), 'the drain of none', 20_000);
    const engine = bench().engine();
    await Promise.all(Array.from({ length: 5 }, async () => await bench().open(engine)));
    await within(engine.drain(0), 'the drain at once', 20_000);
    expect(engine.metrics().connections).toBe(0);
    const third = bench().engine();
    const clients = await Promise.all(Array.from({ length: 3 }, async () => await bench().open(third)));
    const [first, second] = [third.drain(60_000), third.drain(60_000)];
    for (const client of clients) client.cut();
    await within(Promise.all([first, second]), 'the drain of those who left', 20_000);
  });
});

conformance('Close', framings, (bench, target) => {
  test('G8: it ends every stream and lease at once, is idempotent, and all that comes after is harmless', async () => {
    const engine = bench().engine();
    const clients = await Promise.all([{}, { dialect: 'trpc' as const }, { companyId: 'b' }].map(async (spec) => await bench().open(engine, spec)));
    const lease = await engine.acquire('acme', 'u');
    const draining = engine.drain(60_000);
    await Promise.all([engine.close(), engine.close()]);
    await engine.close();
    await within(draining, 'the drain that the close cut short');
    for (const client of clients) await client.untilEnd();
    // Not a word: whoever is cut off comes back, and finds out from the next process what it missed.
    expect(clients.map((client) => client.trace)).toEqual([['hello'], ['connected', 'hello'], ['hello']]);
    expect(engine.metrics()).toMatchObject({ connections: 0, leases: 0, slowSinks: 0, backlogBytes: 0, closes: { hub_closed: 3 } });

    expect(await engine.publish([encode()])).toEqual([{ ok: false, code: 'HUB_CLOSED' }]);
    expect(await engine.acquire('acme', 'u')).toEqual({ ok: false, code: 'HUB_CLOSED', limit: 0, current: 0 });
    if (lease.ok) await engine.release(lease.leaseId);
    expect(await engine.disconnect({}, 'revoked')).toBe(0);
    expect((await engine.readLog('acme')).actions).toEqual([]);
    await engine.drain(1_000);
    engine.ephemeral({ companyId: 'acme', json: '{}' });
    engine.setResyncPaths(['a']);
    const after = { closed: 0, wrote: 0 };
    const handle = engine.openSink(SPEC_DEFAULTS, { write: () => ++after.wrote > 0, close: () => void after.closed++ });
    await waitFor(() => after.closed === 1, 'its end');
    handle.ready();
    handle.abort();
    expect(after).toEqual({ closed: 1, wrote: 0 });
  });

  test('G8: in the middle of everything', async () => {
    await withSeed(runSeed(), async (random) => {
      for (let round = 0; round < 10; round++) {
        const engine = bench().engine({ heartbeatMs: 5, slowTimeoutMs: 20, logTtlMs: 20 });
        const clients = await Promise.all(Array.from({ length: 8 }, async (_, i) => await bench().connect(engine, { userId: `u${i}` })));
        clients[0]!.stall();
        const busy = Array.from({ length: 1 + random.below(20) }, async () => await engine.publish(encodeMany(5, `${random.next()}`, { data: 'x'.repeat(2_000) })));
        if (random.chance(0.5)) clients[1]!.cut();
        if (random.chance(0.5)) await Promise.all(busy);
        const acquiring = engine.acquire('acme', 'u');
        await within(engine.close(), 'the close');
        await within(Promise.all([...busy, acquiring]), 'what was asked before');
        expect(engine.metrics().connections).toBe(0);
      }
    });
  });

  test('G8: no descriptor and no thread is left', async () => {
    const cycle = async (): Promise<void> => {
      const engine = bench().engine();
      const clients = await Promise.all(Array.from({ length: 10 }, async () => await bench().open(engine)));
      await engine.publish(encodeMany(10, 'x'));
      await clients[0]!.untilAction('x10');
      clients[1]!.cut();
      await engine.disconnect({ connectionId: clients[2]!.connectionId }, 'revoked');
      await engine.close();
      for (const client of clients) await client.untilEnd();
      expect(engine.metrics()).toMatchObject({ connections: 0, leases: 0, backlogBytes: 0, slowSinks: 0, closes: { revoked: 1 } });
      for (const client of clients) client.cut();
    };
    const held = (what: 'fd' | 'task'): number => readdirSync(`/proc/self/${what}`).length;
    await cycle();
    await waitFor(() => true, 'a turn');
    const before = { fds: held('fd'), threads: held('task') };
    for (let i = 0; i < 5; i++) await cycle();
    await waitFor(() => held('fd') <= before.fds && held('task') <= before.threads, 'descriptors and threads to be as before');
    // The count sees what it is for: a stream over a socket has a descriptor, a native hub a thread.
    const engine = bench().engine();
    const client = await bench().open(engine);
    if (target.way.endsWith('over sockets')) expect(held('fd')).toBeGreaterThan(before.fds);
    if (target.engine === 'native') expect(held('task')).toBeGreaterThan(before.threads);
    client.cut();
  });

  test('two hubs of one process know nothing of each other', async () => {
    const [first, second] = [bench().engine({ hubId: 'one' }), bench().engine({ hubId: 'two' })];
    const clients = [await bench().open(first), await bench().open(second)];
    expect(clients[0]!.hello!.connectionId.startsWith('one')).toBe(true);
    expect(clients[1]!.hello!.connectionId.startsWith('two')).toBe(true);
    await first.publish([encode({ id: 'mine' })]);
    await second.publish([encode({ id: 'theirs' })]);
    await clients[0]!.untilAction('mine');
    await clients[1]!.untilAction('theirs');
    await first.close();
    await second.publish([encode({ id: 'after' })]);
    await clients[1]!.untilAction('after');
    expect(clients[1]!.actions.map(({ id }) => id)).toEqual(['theirs', 'after']);
    expect(DEFAULTS.hubId).toBe('hub');
  });
});

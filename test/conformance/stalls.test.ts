/** What comes after a stall, and what falls into one: the second time has to be as good as the first. */
import type { Engine } from '../../lib/internal/engine.js';
import type { EngineClient } from '../support/engine-client.js';
import { encode, encodeMany } from '../support/actions.js';
import { SPEC_DEFAULTS } from '../support/engine-options.js';
import { waitFor } from '../support/wait.js';
import { conformance, engines, targets } from './targets.js';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let floods = 0;

/** Stalls the client and publishes large actions until the engine has noticed. */
async function stall(engine: Engine, client: EngineClient, check: () => boolean): Promise<void> {
  client.stall();
  for (let sent = 0; sent < 2_000 && !check(); sent++) {
    await engine.publish([encode({ id: `flood-${++floods}`, module: 'flood', queryPaths: ['flood.all'], data: 'x'.repeat(32 * 1024) })]);
    await nextTurn();
  }
  expect(check()).toBe(true);
}

/** Reads again, once all that was published is in the backlog. */
async function resume(engine: Engine, client: EngineClient): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await engine.readLog('acme');
    await nextTurn();
  }
  client.resume();
}

conformance('Stalls', targets, (bench) => {
  test('SPEC §5: an import that is too long for its event, into a stall that is conflated already, is a resync', async () => {
    const engine = bench().engine({ compactAfter: 10, maxInvalidateBytes: 2_048 });
    engine.setResyncPaths(['all.of', 'them.all']);
    const client = await bench().open(engine);
    const before = engine.metrics().conflations;
    await stall(engine, client, () => engine.metrics().conflations > before);
    // One publish call of more than compactAfter is an import; its union has too many routers for 2 KiB.
    await engine.publish(Array.from({ length: 300 }, (_, i) => encode({ id: `import-${i}`, queryPaths: [`router${i}.getAll`] })));
    await resume(engine, client);
    const resync = await waitFor(() => client.resyncs[0], 'the resync');
    expect(resync).toMatchObject({ reason: 'overflow', queryPaths: ['all.of', 'them.all'] });
    await engine.publish([encode({ id: 'live' })]);
    await client.untilAction('live');
    expect(client.actions.at(-1)!.seq).toBe((await engine.readLog('acme')).headSeq);
  });

  test('SPEC §5: slowTimeoutMs is no shorter than it says, the second time too', async () => {
    const slowTimeoutMs = 1_500;
    const engine = bench().engine({ slowTimeoutMs });
    const client = await bench().open(engine);
    await stall(engine, client, () => engine.metrics().slowSinks === 1);
    await resume(engine, client);
    await waitFor(() => engine.metrics().slowSinks === 0, 'its recovery');
    // Whoever took bytes after this is not older than it.
    const start = performance.now();
    await waitFor(async () => {
      // The kernel may have moved what it had on to the other side, and taken the backlog in its place: then there is none.
      if (engine.metrics().slowSinks === 0 && engine.metrics().connections === 1) {
        await stall(engine, client, () => engine.metrics().slowSinks === 1 || engine.metrics().connections === 0);
      }
      return engine.metrics().closes.slow === 1;
    }, 'its end');
    expect(performance.now() - start).toBeGreaterThanOrEqual(slowTimeoutMs - 20);
    expect(engine.metrics()).toMatchObject({ connections: 0, slowSinks: 0, backlogBytes: 0 });
  });
});

conformance('Farewells', targets, (bench) => {
  test('SPEC §3: who was evicted or replaced comes back five times later than who was drained', async () => {
    const engine = bench().engine({ maxPerUser: 1, limitPolicy: 'evict-oldest', retryMs: 1_000 });
    const evicted = await bench().open(engine);
    const first = await bench().open(engine, { instanceId: 'tab' });
    await evicted.untilEnd();
    const second = await bench().open(engine, { instanceId: 'tab' });
    await first.untilEnd();
    expect([evicted.farewell!.reason, first.farewell!.reason]).toEqual(['evicted', 'replaced']);
    for (const { farewell } of [evicted, first]) {
      expect(farewell!.retryMs).toBeGreaterThanOrEqual(2_500);
      expect(farewell!.retryMs).toBeLessThanOrEqual(7_500);
    }
    await engine.drain(0);
    await second.untilEnd();
    expect(second.farewell!.retryMs).toBeLessThanOrEqual(1_500);
  });
});

conformance('Sinks', engines, (bench) => {
  test('a sink that is full while more is under way gets all of it, again and again', async () => {
    const engine = bench().engine();
    const seen: string[] = [];
    const waiting = { full: false };
    const cell = new Int32Array(new SharedArrayBuffer(4));
    const handle = engine.openSink(SPEC_DEFAULTS, {
      write: (bytes) => {
        seen.push(Buffer.from(bytes).toString());
        waiting.full = true;
        return false;
      },
      close: () => undefined,
    });
    const published: string[] = [];
    await waitFor(() => waiting.full, 'the hello');
    for (let round = 0; round < 12; round++) {
      // The sink is ready, and the engine knows: what comes now is sent, not kept.
      waiting.full = false;
      handle.ready();
      await engine.readLog('acme');
      for (let i = 0; i < 4; i++) {
        const id = `r${round}-${i}`;
        published.push(id);
        void engine.publish([encode({ id, data: 'x'.repeat(round === 0 && i === 1 ? 60_000 : 1_000) })]);
        // This thread does nothing meanwhile, so that each is on its way to it by itself.
        while (engine.kind === 'native' && engine.metrics().publishes < published.length) Atomics.wait(cell, 0, 0, 1);
      }
      // The sink takes one write at a time, until it has all of this round.
      await waitFor(() => {
        const isFull = waiting.full;
        // It may be written to, and be full again, before ready() returns.
        waiting.full = false;
        if (isFull) handle.ready();
        const text = seen.join('');
        return text.includes(`"${published.at(-1)}"`) || text.includes(`"to":${published.length}`);
      }, `round ${round}`);
    }
    // Each came by itself or in a stretch, and none twice.
    const text = seen.join('');
    const seqs = [...text.matchAll(/"seq":(\d+)\}/g)].map(([, seq]) => Number(seq));
    const stretches = [...text.matchAll(/"from":(\d+),"to":(\d+)/g)].flatMap(([, from, to]) =>
      Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i),
    );
    expect([...seqs, ...stretches].sort((a, b) => a - b)).toEqual(published.map((_, i) => i + 1));
    handle.abort();
  });

  test('the id of a stream of another hub ends nobody', async () => {
    const [first, second] = [bench().engine({ hubId: 'aaaaaaaa' }), bench().engine({ hubId: 'bbbbbbbb' })];
    const clients = [await bench().open(first), await bench().open(second)];
    const { connectionId } = clients[1]!;
    expect(connectionId.slice('bbbbbbbb'.length)).toBe(clients[0]!.connectionId.slice('aaaaaaaa'.length));
    expect(await first.disconnect({ connectionId }, 'revoked')).toBe(0);
    expect(first.metrics()).toMatchObject({ connections: 1, closes: { revoked: 0 } });
    expect(await second.disconnect({ connectionId }, 'revoked')).toBe(1);
    await clients[1]!.untilEnd();
    expect(clients[0]!.ended).toBe(false);
  });
});

conformance('Shared catch-ups', engines, (bench) => {
  const DIALECTS = [
    { dialect: 'plain' },
    { dialect: 'plain', ids: false },
    { dialect: 'trpc' },
    { dialect: 'trpc', ids: false },
    { dialect: 'trpc', transformed: true },
  ] as const;

  test('streams of one cursor and one filter get it each in its own dialect, whoever came first', async () => {
    const engine = bench().engine();
    await engine.publish(encodeMany(5, 'x', { timestamp: 1 }));
    const { epoch } = await engine.readLog('acme');
    const read = async (order: readonly (typeof DIALECTS)[number][]): Promise<Map<string, unknown>> => {
      const seen = new Map<string, unknown>();
      for (const spec of order) {
        const client = await bench().open(engine, { ...spec, lastEventId: `${epoch}.2` });
        await client.untilAction('x5');
        seen.set(JSON.stringify(spec), client.messages.slice(-3).map(({ id, data }) => [id, data]));
      }
      return seen;
    };
    const seen = await read(DIALECTS);
    for (const spec of DIALECTS) {
      const messages = seen.get(JSON.stringify(spec)) as [string | undefined, string][];
      expect(messages.map(([id]) => id)).toEqual([3, 4, 5].map((seq) => ('ids' in spec ? undefined : `${epoch}.${seq}`)));
      for (const [, data] of messages) expect(data.startsWith('{"json":')).toBe('transformed' in spec);
    }
    expect(await read([...DIALECTS].reverse())).toEqual(new Map([...seen].reverse()));
  });

  test('the paths of a resync are those of now, not those of whoever came first', async () => {
    const engine = bench().engine({ compactAfter: 10, maxInvalidateBytes: 1_024 });
    for (let i = 0; i < 200; i++) await engine.publish([encode({ queryPaths: [`router${i}.getAll`] })]);
    const { epoch } = await engine.readLog('acme');
    const pathsOf = async (): Promise<readonly string[]> => {
      const client = await bench().open(engine, { lastEventId: `${epoch}.0` });
      return (await waitFor(() => client.resyncs[0], 'the resync')).queryPaths;
    };
    expect(await pathsOf()).toEqual(['*']);
    engine.setResyncPaths(['guests.getAll']);
    expect(await pathsOf()).toEqual(['guests.getAll']);
  });
});

/** What the conformance suite cannot see: how the TypeScript engine goes about it. */
import type { ByteSink, Engine, EngineOptions, SinkHandle, StreamSpec } from '../../../lib/internal/engine.js';
import { createJsEngine } from '../../../lib/jsengine/index.js';
import { DEFAULTS, SPEC_DEFAULTS } from '../../support/engine-options.js';
import { encode, encodeMany } from '../../support/actions.js';
import { parseSse } from '../../support/sse.js';
import { waitFor } from '../../support/wait.js';

const engines: Engine[] = [];

function make(options: Partial<EngineOptions> = {}): Engine {
  const engine = createJsEngine({ ...DEFAULTS, ...options }, () => undefined);
  engines.push(engine);
  return engine;
}

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

interface Recorder extends ByteSink {
  chunks: Uint8Array[];
  closed: number;
  onWrite: ((chunk: Uint8Array) => boolean) | undefined;
}

function recorder(onWrite?: Recorder['onWrite']): Recorder {
  return {
    chunks: [],
    closed: 0,
    onWrite,
    write(chunk) {
      this.chunks.push(chunk);
      return this.onWrite?.(chunk) ?? true;
    },
    close() {
      this.closed++;
    },
  };
}

function open(engine: Engine, sink: ByteSink, spec: Partial<StreamSpec> = {}): SinkHandle {
  return engine.openSink({ ...SPEC_DEFAULTS, ...spec }, sink);
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

const kinds = (sink: Recorder): string[] =>
  parseSse(Buffer.concat(sink.chunks)).map(({ event, data }) => event ?? (JSON.parse(data) as { id?: string; type: string }).id ?? (JSON.parse(data) as { type: string }).type);

describe('a company that was forgotten', () => {
  test('and comes back within the millisecond says that its history is gone', async () => {
    let within = 0;
    for (let round = 0; round < 50; round++) {
      const engine = make({ maxCompanies: 1 });
      const now = Date.now();
      void engine.publish([encode({ id: 'lost', companyId: 'a' })]);
      void engine.publish([encode({ id: 'newer', companyId: 'b' })]);
      const sink = recorder();
      open(engine, sink, { companyId: 'a', lastSyncTimestamp: now });
      if (Date.now() > now) continue;
      within++;
      await turn();
      expect(kinds(sink)).toEqual(['hello', 'resync']);
    }
    expect(within).toBeGreaterThan(0);
  });
});

describe('fan-out', () => {
  test('all sinks share one buffer, and each gets one write a turn', async () => {
    const engine = make();
    const sinks = Array.from({ length: 50 }, () => recorder());
    for (const sink of sinks) open(engine, sink);
    const filtered = recorder();
    open(engine, filtered, { filter: { modules: ['guests'] } });
    await turn();
    for (const encoded of encodeMany(20, 'x')) void engine.publish([encoded]);
    // On a busy machine a turn's time is up before all of them were written to.
    await waitFor(() => [...sinks, filtered].every(({ chunks }) => chunks.length > 1), 'every sink to be written to');
    for (const sink of sinks) expect(sink.chunks).toHaveLength(2);
    expect(new Set(sinks.map(({ chunks }) => chunks[1])).size).toBe(1);
    expect(Buffer.compare(filtered.chunks[1]!, sinks[0]!.chunks[1]!)).toBe(0);
    expect(kinds(sinks[0]!)).toHaveLength(21);
  });

  test('a catch-up is made once for all who come with the same cursor', async () => {
    const engine = make();
    await engine.publish(encodeMany(20, 'x'));
    const { epoch } = await engine.readLog('acme');
    const sinks = Array.from({ length: 10 }, () => recorder((): boolean => false));
    for (const sink of sinks) open(engine, sink, { lastEventId: `${epoch}.5` });
    await turn();
    expect(new Set(sinks.map(({ chunks }) => Buffer.concat(chunks).toString().split('\n\n')[1])).size).toBe(1);
    await engine.publish(encodeMany(1, 'y'));
    const late = recorder();
    open(engine, late, { lastEventId: `${epoch}.5` });
    await turn();
    expect(kinds(late).at(-1)).toBe('y1');
  });

  test('a large company does not hold up a small one', async () => {
    const engine = make();
    const spin = (): boolean => {
      const end = performance.now() + 0.02;
      while (performance.now() < end);
      return true;
    };
    for (let i = 0; i < 3_000; i++) open(engine, recorder(i === 0 ? undefined : spin), { companyId: 'large' });
    const small = recorder();
    open(engine, small, { companyId: 'small' });
    await waitFor(() => engine.metrics().writes === 3_001, 'all hellos');
    const before = engine.metrics().writes;
    void engine.publish([encode({ companyId: 'large' })]);
    void engine.publish([encode({ companyId: 'small', id: 'quick' })]);
    await waitFor(() => small.chunks.length === 2, 'the small one');
    expect(engine.metrics().writes - before).toBeLessThan(1_000);
    await waitFor(() => engine.metrics().writes === before + 3_001, 'the large one');
  });

  test('a stream that joins during a fan-out gets nothing twice', async () => {
    const engine = make();
    const sinks = [recorder()];
    const joining = recorder();
    sinks[0]!.onWrite = () => {
      if (sinks[0]!.chunks.length === 2) open(engine, joining);
      return true;
    };
    open(engine, sinks[0]!);
    await turn();
    await engine.publish([encode({ id: 'before' })]);
    await turn();
    await engine.publish([encode({ id: 'after' })]);
    await turn();
    expect(kinds(sinks[0]!)).toEqual(['hello', 'before', 'after']);
    expect(kinds(joining)).toEqual(['hello', 'after']);
  });
});

describe('hand-over', () => {
  test('a caller that waits is slowed down rather than refused', async () => {
    const engine = make();
    const sink = recorder();
    open(engine, sink);
    for (let i = 0; i < 300; i++) {
      const [outcome] = await engine.publish([encode({ id: `x${i}`, data: 'x'.repeat(30_000) })]);
      expect(outcome!.ok).toBe(true);
    }
    await turn();
    expect(engine.metrics().deliveries).toBe(300);
    expect(Math.max(...sink.chunks.map(({ length }) => length))).toBeLessThanOrEqual(DEFAULTS.connectionCapBytes);
  });

  test('one that does not wait is refused at last, and nothing that was accepted is lost', async () => {
    const engine = make({ logActions: 10, compactAfter: 1e9 });
    const sink = recorder();
    open(engine, sink);
    await turn();
    const data = 'x'.repeat(60_000);
    const all: Promise<{ ok: boolean }[]>[] = [];
    for (let i = 0; i < 2_500; i++) all.push(engine.publish([encode({ id: `x${i}`, data })]));
    const outcomes = (await Promise.all(all)).flat();
    const accepted = outcomes.filter(({ ok }) => ok).length;
    expect(accepted).toBeGreaterThan(1_000);
    expect(outcomes.find(({ ok }) => !ok)).toEqual({ ok: false, code: 'OVERLOADED' });
    await waitFor(() => engine.metrics().deliveries === accepted, 'the fan-out');
    const [after] = await engine.publish([encode()]);
    expect(after!.ok).toBe(true);
  });
});

describe('sinks that misbehave', () => {
  test('one that throws is gone; the others get theirs', async () => {
    const engine = make();
    const bad = recorder(() => {
      throw new Error('broken');
    });
    const good = recorder();
    open(engine, bad);
    open(engine, good);
    await turn();
    await engine.publish([encode({ id: 'x' })]);
    await turn();
    expect(kinds(good)).toEqual(['hello', 'x']);
    expect([bad.chunks.length, bad.closed]).toEqual([1, 0]);
    expect(engine.metrics()).toMatchObject({ connections: 1, closes: { gone: 1 } });
  });

  test('one whose close throws harms nobody', async () => {
    const engine = make({ maxPerUser: 1 });
    const sinks = [0, 1].map(() => ({
      ...recorder(),
      close: () => {
        throw new Error('broken');
      },
    }));
    for (const sink of sinks) open(engine, sink);
    await turn();
    expect(await engine.disconnect({}, 'revoked')).toBe(1);
    expect(engine.metrics()).toMatchObject({ connections: 0, refusals: { USER_LIMIT: 1 } });
  });

  test('ready() within write is not lost', async () => {
    const engine = make();
    const sink = recorder(() => {
      handle.ready();
      return false;
    });
    const handle = open(engine, sink);
    await turn();
    for (const encoded of encodeMany(3, 'x')) {
      await engine.publish([encoded]);
      await turn();
    }
    expect(kinds(sink)).toEqual(['hello', 'x1', 'x2', 'x3']);
    expect(engine.metrics().slowSinks).toBe(0);
  });

  test('ready() of a sink that was not full, and after the end, is nothing', async () => {
    const engine = make();
    const sink = recorder();
    const handle = open(engine, sink);
    handle.ready();
    await turn();
    handle.ready();
    handle.abort();
    handle.ready();
    handle.abort();
    await engine.publish([encode()]);
    await turn();
    expect([sink.chunks.length, sink.closed]).toEqual([1, 0]);
  });

  test.each(['abort', 'disconnect', 'publish', 'close'] as const)('one that calls %s from within write', async (what) => {
    const engine = make();
    let once = false;
    const sink = recorder(() => {
      if (once || sink.chunks.length < 2) return true;
      once = true;
      if (what === 'abort') handle.abort();
      if (what === 'disconnect') void engine.disconnect({ connectionId: handle.connectionId }, 'revoked');
      if (what === 'publish') void engine.publish([encode({ id: 'inner' })]);
      if (what === 'close') void engine.close();
      return true;
    });
    const handle = open(engine, sink);
    const other = recorder();
    open(engine, other);
    await turn();
    await engine.publish(encodeMany(2, 'x'));
    await turn();
    const last = { abort: 'x2', disconnect: 'server_close', publish: 'inner', close: 'x2' }[what];
    expect(kinds(sink)).toEqual(['hello', 'x1', 'x2', ...(last === 'x2' ? [] : [last])]);
    if (what === 'disconnect') expect(parseSse(Buffer.concat(sink.chunks)).at(-1)!.id).toMatch(/\.2$/);
    if (what !== 'close') expect(kinds(other).slice(0, 3)).toEqual(['hello', 'x1', 'x2']);
    expect(sink.closed).toBe(what === 'disconnect' || what === 'close' ? 1 : 0);
  });

  test('a stream that is gone before its hello gets none', async () => {
    const engine = make({ maxPerUser: 1 });
    const sinks = [recorder(), recorder(), recorder()];
    open(engine, sinks[0]!).abort();
    open(engine, sinks[1]!, { expiresAt: 1 }).abort();
    open(engine, recorder());
    open(engine, sinks[2]!).abort();
    await turn();
    expect(sinks.map(({ chunks, closed }) => [chunks.length, closed])).toEqual([[0, 0], [0, 0], [0, 0]]);
    expect(engine.metrics()).toMatchObject({ connections: 1, leases: 1 });
  });

  test('a full sink with nothing to send counts as slow, is not pinged, and is closed in the end', async () => {
    const engine = make({ heartbeatMs: 20, slowTimeoutMs: 200 });
    const sink = recorder(() => false);
    open(engine, sink);
    await turn();
    expect(engine.metrics()).toMatchObject({ slowSinks: 1, backlogBytes: 0 });
    await waitFor(() => sink.closed === 1, 'its end');
    expect(sink.chunks).toHaveLength(1);
    expect(engine.metrics()).toMatchObject({ slowSinks: 0, connections: 0, closes: { slow: 1 } });
  });
});

describe('what it holds', () => {
  test('its timers do not keep the process alive', () => {
    const active = (): number => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
    const before = active();
    const engine = make({ lifetimeMs: 1_000 });
    open(engine, recorder(), { expiresAt: Date.now() + 60_000 });
    void engine.drain(60_000);
    expect(active()).toBe(before);
  });

  test('streams that come and go leave nothing', async () => {
    const engine = make({ maxPerUser: 1_000 });
    for (let i = 0; i < 500; i++) {
      const handle = open(engine, recorder(), { userId: `u${i}`, instanceId: `i${i}`, filter: { excludeUserId: `u${i}` }, expiresAt: Date.now() + 60_000 });
      if (i % 2) await turn();
      handle.abort();
    }
    const inside = engine as unknown as Record<string, unknown>;
    const sizes = {
      filters: (inside.filters as { size: number }).size,
      streams: (inside.registry as { size: number }).size,
      instances: (inside.registry as { byInstance: Map<string, unknown> }).byInstance.size,
      heartbeats: (inside.heartbeats as { bucketOf: Map<unknown, unknown> }).bucketOf.size,
      expiries: (inside.expiries as { bucketOf: Map<unknown, unknown> }).bucketOf.size,
      lives: (inside.lives as { bucketOf: Map<unknown, unknown> }).bucketOf.size,
      users: (inside.registry as { byUser: Map<string, unknown> }).byUser.size,
      limiter: (inside.limiter as { total: number }).total,
    };
    expect(sizes).toEqual({ filters: 0, streams: 0, instances: 0, heartbeats: 0, expiries: 0, lives: 0, users: 0, limiter: 0 });
  });
});

describe('opening', () => {
  /** Full after its first write; `open` lets it take all from then on. */
  function shy(): { sink: Recorder; open: () => void; handle: (handle: SinkHandle) => void } {
    let takes = false;
    let handle: SinkHandle | undefined;
    return {
      sink: recorder(() => takes),
      open: () => {
        takes = true;
        handle!.ready();
      },
      handle: (made) => (handle = made),
    };
  }

  test.each([10, 3_000])('what was published before the first flush comes after a catch-up of %d-byte actions that the sink did not take', async (size) => {
    const engine = make({ compactAfter: 1e6 });
    await engine.publish(encodeMany(5, 'old', { data: 'x'.repeat(size) }));
    const { epoch } = await engine.readLog('acme');
    const { sink, open: take, handle } = shy();
    handle(open(engine, sink, { lastEventId: `${epoch}.0` }));
    await engine.publish(encodeMany(3, 'new'));
    await turn();
    await engine.publish(encodeMany(2, 'newer'));
    await turn();
    take();
    await turn();
    expect(kinds(sink)).toEqual(['hello', 'old1', 'old2', 'old3', 'old4', 'old5', 'new1', 'new2', 'new3', 'newer1', 'newer2']);
  });

  test('a long catch-up is not copied for each stream', async () => {
    const engine = make();
    await engine.publish(encodeMany(20, 'x', { data: 'x'.repeat(1_000) }));
    const { epoch } = await engine.readLog('acme');
    const sinks = Array.from({ length: 5 }, () => recorder());
    for (const sink of sinks) open(engine, sink, { lastEventId: `${epoch}.0` });
    await turn();
    expect(new Set(sinks.map(({ chunks }) => chunks[1])).size).toBe(1);
    expect(kinds(sinks[0]!)).toHaveLength(21);
  });
});

describe('position', () => {
  test('what a filter left out is behind a stream, even if it ends with a backlog', async () => {
    const engine = make();
    const sink = recorder(() => takes);
    let takes = true;
    const handle = open(engine, sink, { filter: { modules: ['mine'] } });
    await turn();
    await engine.publish(encodeMany(9, 'x'));
    await turn();
    takes = false;
    await engine.publish([encode({ id: 'one', module: 'mine' })]);
    await turn();
    await engine.publish([encode({ module: 'mine' }), encode({ module: 'mine' })]);
    await turn();
    takes = true;
    handle.ready();
    void engine.disconnect({ connectionId: handle.connectionId }, 'revoked');
    expect(parseSse(Buffer.concat(sink.chunks)).slice(1).map(({ id }) => id!.split('.')[1])).toEqual(['10', '10']);

    const second = recorder(() => takes);
    const quiet = open(engine, second, { filter: { modules: ['mine'] } });
    await turn();
    takes = false;
    for (const encoded of [encode({ module: 'mine' }), ...encodeMany(5, 'y'), encode({ module: 'mine' })]) {
      await engine.publish([encoded]);
      await turn();
    }
    takes = true;
    quiet.ready();
    void engine.disconnect({ connectionId: quiet.connectionId }, 'revoked');
    expect(parseSse(Buffer.concat(second.chunks)).at(-1)!.id!.split('.')[1]).toBe('18');
  });
});

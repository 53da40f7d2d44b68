/**
 * What broke: with the native engine a response whose `write` throws (a plugin wraps it), or an app's `toError` that throws, cost other
 * streams their events and other calls their answers. Bytes and answers come in one batch, and what a sink threw left it half done: a
 * broadcast of that batch never settled, and another stream's window was never given back.
 *
 * Right: the stream of that sink alone ends, the hub tells why (`error`, during `stream`), and the batch goes on.
 */
import type { SinkHandle, StreamSpec } from '../../lib/internal/engine.js';
import { EventStream } from '../../lib/server/event-stream.js';
import { createHub } from '../../lib/server/hub.js';
import { Teller } from '../../lib/server/teller.js';
import { conformance, engines } from '../conformance/targets.js';
import { encode } from '../support/actions.js';
import { SPEC_DEFAULTS } from '../support/engine-options.js';
import { ENGINES } from '../support/engines.js';
import { waitFor, within } from '../support/wait.js';

/** Takes the first message, then throws at each. */
class ThrowingSink {
  writes = 0;
  constructor(private readonly at: 'write' | 'close') {}
  write(): boolean {
    if (++this.writes > 1 && this.at === 'write') throw new Error('the sink is broken');
    return true;
  }
  close(): void {
    if (this.at === 'close') throw new Error('the sink is broken');
  }
}

conformance('A sink that throws', engines, (bench) => {
  test('at a write: its stream alone ends', async () => {
    const engine = bench().engine();
    const spec: StreamSpec = { ...SPEC_DEFAULTS, userId: 'broken' };
    const sink = new ThrowingSink('write');
    const broken = engine.openSink(spec, sink);
    const good = await bench().open(engine);
    for (let i = 0; i < 20; i++) {
      expect(await within(engine.publish([encode({ id: `a${i}` })]), 'the answer')).toMatchObject([{ ok: true }]);
    }
    await good.untilAction('a19');
    expect(good.actions).toHaveLength(20);
    expect(await within(engine.watch(broken.connectionId), 'its end')).toBe('gone');
    expect(sink.writes).toBe(2);
    expect(engine.metrics()).toMatchObject({
      connections: 1,
      closes: { gone: 1 },
    });
    await waitFor(() => bench().notices.some(({ type }) => type === 'failed'), 'the notice');
    expect(bench().notices).toContainEqual({
      type: 'failed',
      companyId: 'acme',
      connectionId: broken.connectionId,
      error: new Error('the sink is broken'),
    });
  });

  test('at its ready(): what waited for it is dropped with it', async () => {
    const engine = bench().engine();
    let writes = 0;
    let throws = false;
    const sink = {
      write: (): boolean => {
        writes++;
        if (throws) throw new Error('the sink is broken');
        return false;
      },
      close: (): void => undefined,
    };
    const broken: SinkHandle = engine.openSink({ ...SPEC_DEFAULTS, userId: 'broken' }, sink);
    await waitFor(() => writes === 1, 'its hello');
    const good = await bench().open(engine);
    await engine.publish([encode({ id: 'a' })]);
    await good.untilAction('a');
    throws = true;
    expect(() => broken.ready()).not.toThrow();
    await waitFor(() => engine.metrics().connections === 1, 'its end');
    await engine.publish([encode({ id: 'b' })]);
    await good.untilAction('b');
  });

  test('at its close: nobody else notices', async () => {
    const engine = bench().engine();
    engine.openSink({ ...SPEC_DEFAULTS, userId: 'broken' }, new ThrowingSink('close'));
    const good = await bench().open(engine);
    expect(await within(engine.disconnect({ companyId: 'acme' }, 'revoked'), 'the answer')).toBe(2);
    await good.untilEnd();
    engine.openSink({ ...SPEC_DEFAULTS, userId: 'broken' }, new ThrowingSink('close'));
    await within(engine.close(), 'the end of the hub');
  });
});

test('a consumer is thrown what its toError throws', async () => {
  const thrown = new Error('toError threw');
  const stream = new EventStream({
    decode: JSON.parse,
    wrap: (event) => event,
    toError: () => {
      throw thrown;
    },
  });
  expect(() => stream.close()).not.toThrow();
  await expect(stream.next()).rejects.toBe(thrown);
});

test('the hub tells of it as an error during stream', () => {
  const teller = new Teller(undefined);
  const told: unknown[] = [];
  teller.on('error', (failure) => told.push(failure));
  const error = new Error('the sink is broken');
  teller.notice({ type: 'failed', companyId: 'acme', connectionId: 'hub-1', error });
  expect(told).toEqual([{ during: 'stream', error }]);
  expect(teller.errors).toEqual({ stream: 1 });
});

test.each(ENGINES)('so it is with a stream of a hub, and the others end as they should (%s)', async (engine) => {
  const hub = createHub({ engine });
  const other = hub.stream({ companyId: 'acme', userId: 'v' });
  await other.next();
  const stream = hub.stream({
    companyId: 'acme',
    userId: 'u',
    toError: () => {
      throw new Error('toError threw');
    },
  });
  await stream.next();
  const rest = stream.next();
  const refused = expect(rest).rejects.toThrow('toError threw');
  const ended = expect(other.next()).rejects.toMatchObject({ reason: 'revoked' });
  expect(await within(hub.disconnect({ companyId: 'acme' }), 'the answer')).toBe(2);
  await refused;
  await ended;
  await hub.close();
});

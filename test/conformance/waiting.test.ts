/**
 * SPEC §4: who waits for a seat. A seat that gets free goes to who waits longest: not to a newcomer of the same turn, not
 * only where it was the user's own that stood in the way. Who waits when the hub closes, drains or ends its streams is told to come back,
 * not that it is one too many.
 */
import type { Engine } from '../../lib/internal/engine.js';
import type { EngineClient } from '../support/engine-client.js';
import { within } from '../support/wait.js';
import { conformance, engines } from './targets.js';

async function expectWaiting(engine: Engine, client: EngineClient): Promise<void> {
  // Questions are answered in order: the newcomer has been looked at.
  await engine.connections({ limit: 1 });
  expect(client.everything).toEqual([]);
}

conformance('Waiting for a seat', engines, (bench) => {
  test('a newcomer of the turn in which a seat gets free does not take it from who waits', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    const holder = await bench().open(engine);
    const waiter = await bench().connect(engine);
    await expectWaiting(engine, waiter);
    holder.cut();
    const newcoming = bench().connect(engine);
    const lease = engine.acquire('acme', 'u1');
    await waiter.untilHello();
    expect(await lease).toMatchObject({ ok: false, code: 'USER_LIMIT' });
    const newcomer = await newcoming;
    await newcomer.untilEnd();
    expect(newcomer.trace).toEqual(['server_close']);
    expect(waiter.ended).toBe(false);
  });

  test('a lease does not take it either, and the longest wait is served first', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    const holder = await bench().open(engine);
    const first = await bench().connect(engine);
    const second = await bench().connect(engine);
    await expectWaiting(engine, second);
    holder.cut();
    expect(await engine.acquire('acme', 'u1')).toMatchObject({
      ok: false,
      code: 'USER_LIMIT',
    });
    await first.untilHello();
    expect(second.everything).toEqual([]);
    first.cut();
    await second.untilHello();
  });

  test('a newcomer of another user does not take the company’s seat from who waits', async () => {
    const engine = bench().engine({ maxPerUser: 1, maxPerCompany: 2 });
    const holder = await bench().open(engine, { userId: 'u' });
    await bench().open(engine, { userId: 'v' });
    const waiter = await bench().connect(engine, { userId: 'u' });
    await expectWaiting(engine, waiter);
    holder.cut();
    expect(await engine.acquire('acme', 'z')).toMatchObject({
      ok: false,
      code: 'COMPANY_LIMIT',
    });
    await waiter.untilHello();
  });

  test('two of one browser instance that waited do not live side by side', async () => {
    const engine = bench().engine({ maxPerUser: 2 });
    const holders = [await bench().open(engine), await bench().open(engine)];
    const first = await bench().connect(engine, { instanceId: 'tab' });
    const second = await bench().connect(engine, { instanceId: 'tab' });
    await expectWaiting(engine, second);
    for (const holder of holders) holder.cut();
    await second.untilHello();
    await first.untilEnd();
    expect(first.farewell).toMatchObject({ reason: 'replaced' });
    expect(engine.metrics()).toMatchObject({
      connections: 1,
      leases: 1,
      replacements: 1,
    });
  });

  test.each([
    ['the hub closes', (engine: Engine): Promise<unknown> => engine.close()],
    ['it drains', (engine: Engine): Promise<unknown> => engine.drain(0)],
    ['its streams are moved elsewhere', (engine: Engine): Promise<unknown> => engine.disconnect({}, 'drain')],
  ])('who waits when %s is told to come back', async (_, end) => {
    const engine = bench().engine({ maxPerUser: 1 });
    await bench().open(engine);
    const trpc = await bench().connect(engine, {
      dialect: 'trpc',
      trpcPath: 'sync.onSync',
    });
    const plain = await bench().connect(engine);
    const closed = engine.watch(plain.connectionId);
    await expectWaiting(engine, plain);
    await end(engine);
    await trpc.untilEnd();
    await plain.untilEnd();
    expect(trpc.trace).toEqual(['connected', 'serialized-error']);
    expect(JSON.parse(trpc.messages[1]!.data)).toMatchObject({
      code: -32603,
      data: { code: 'SERVICE_UNAVAILABLE', httpStatus: 503 },
    });
    expect(plain.farewell).toMatchObject({ reason: 'drain' });
    expect(await within(closed, 'how it ended')).toBe('drain');
    expect(engine.metrics().refusals).toMatchObject({
      DRAINING: 2,
      USER_LIMIT: 0,
    });
  });

  test('who is revoked while it waits is refused for the limit, as before', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    await bench().open(engine);
    const waiter = await bench().connect(engine);
    await expectWaiting(engine, waiter);
    await engine.disconnect({ companyId: 'acme' }, 'revoked');
    await waiter.untilEnd();
    expect(waiter.farewell).toMatchObject({ reason: 'limit' });
  });
});

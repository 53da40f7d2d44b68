import { encode } from '../support/actions.js';
import type { EngineClient } from '../support/engine-client.js';
import { waitFor, within } from '../support/wait.js';
import { conformance, targets } from './targets.js';

conformance('Who listens', targets, (bench, target) => {
  test('connections() says of each stream who, since when, with what filter and how far', async () => {
    const engine = bench().engine();
    const before = Date.now();
    const filter = { modules: ['guests', 'budget'], queryPaths: ['guests'], excludeUserId: 'u9' };
    const first = await bench().open(engine, { companyId: 'acme', userId: 'u1', filter, address: '203.0.113.7' });
    const second = await bench().open(engine, { companyId: 'acme', userId: 'u2', dialect: 'trpc' });
    await bench().open(engine, { companyId: 'b', userId: 'u1' });
    await engine.publish([encode({ id: 'one' })]);
    await second.untilAction('one');

    const all = await engine.connections({ limit: 100 });
    expect(all.map(({ companyId, userId }) => `${companyId}/${userId}`)).toEqual(['acme/u1', 'acme/u2', 'b/u1']);
    const [info, other] = all;
    expect(info).toMatchObject({ id: first.connectionId, address: '203.0.113.7', backlogBytes: 0 });
    expect({ ...info!.filter, modules: info!.filter!.modules!.toSorted() }).toEqual({ ...filter, modules: ['budget', 'guests'] });
    expect(info!.since).toBeGreaterThanOrEqual(before - 1);
    expect(info!.since).toBeLessThanOrEqual(Date.now() + 1);
    expect(other).toMatchObject({ id: second.connectionId, filter: null, position: second.lastEventId });
    // A socket's peer is the kernel's to tell.
    expect(other!.address).toBe(target.way === 'over sockets' ? '127.0.0.1' : null);
  });

  test('connections() finds by company and user, and goes on after a page, also when its last stream has left', async () => {
    const engine = bench().engine();
    const clients: EngineClient[] = [];
    for (let i = 0; i < 7; i++) clients.push(await bench().open(engine, { companyId: i % 2 === 0 ? 'even' : 'odd', userId: `u${i % 3}` }));
    const ids = async (query: object): Promise<number[]> =>
      (await engine.connections({ limit: 100, ...query })).map(({ id }) => clients.findIndex(({ connectionId }) => connectionId === id));
    expect(await ids({ companyId: 'even' })).toEqual([0, 2, 4, 6]);
    expect(await ids({ userId: 'u1' })).toEqual([1, 4]);
    expect(await ids({ companyId: 'even', userId: 'u1' })).toEqual([4]);
    expect(await ids({ companyId: 'nobody' })).toEqual([]);
    expect(await ids({ limit: 3 })).toEqual([0, 1, 2]);
    clients[2]!.cut();
    await waitFor(() => engine.metrics().connections === 6, 'it to leave');
    expect(await ids({ limit: 3, after: clients[2]!.connectionId })).toEqual([3, 4, 5]);
    expect(await ids({ after: clients[6]!.connectionId })).toEqual([]);
  });

  test('an id in another spelling is no id: nobody comes after it, and nobody is disconnected', async () => {
    const engine = bench().engine();
    const { connectionId } = await bench().open(engine, {});
    await bench().open(engine, {});
    const [hubId, number] = [connectionId.slice(0, connectionId.lastIndexOf('-')), Number(connectionId.split('-').at(-1))];
    const odd = ['', '0', `0${number}`, `${number}e0`, `${number}.0`, `0x${number}`, ` ${number}`, '-1', '9'.repeat(20)];
    for (const id of [...odd.map((text) => `${hubId}-${text}`), 'garbage', `x-${number}`, ` ${connectionId}`]) {
      expect([id, await engine.connections({ limit: 10, after: id })]).toEqual([id, []]);
      expect([id, await engine.disconnect({ connectionId: id }, 'revoked')]).toEqual([id, 0]);
    }
    expect(await engine.connections({ limit: 10, after: connectionId })).toHaveLength(1);
    expect(engine.metrics().connections).toBe(2);
  });

  test('watch() resolves to how the stream ended, for all who ask, and for those who ask later', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    const told = await bench().open(engine, { userId: 'a' });
    const left = await bench().open(engine, { userId: 'b' });
    const until = [engine.watch(told.connectionId), engine.watch(told.connectionId), engine.watch(left.connectionId)];
    const refused = await bench().connect(engine, { userId: 'a' });
    expect(await within(engine.watch(refused.connectionId), 'the refusal')).toBe('limit');
    await engine.disconnect({ connectionId: told.connectionId }, 'revoked');
    left.cut();
    expect(await within(Promise.all(until), 'both ends')).toEqual(['revoked', 'revoked', 'gone']);
    expect(await engine.watch(told.connectionId)).toBe('revoked');
    expect(await engine.watch('hub-99999')).toBe('gone');
    expect(await engine.watch('of another hub')).toBe('gone');
  });

  test('watch() hears of the end of the hub, and a stream has the id that it was given', async () => {
    const engine = bench().engine();
    const connectionId = engine.newConnectionId();
    const client = await bench().open(engine, { connectionId });
    expect(client.connectionId).toBe(connectionId);
    expect(client.hello!.connectionId).toBe(connectionId);
    expect(engine.newConnectionId()).not.toBe(connectionId);
    const end = engine.watch(connectionId);
    await engine.close();
    expect(await within(end, 'the end')).toBe('hub_closed');
    expect(await engine.watch(connectionId)).toBe('hub_closed');
    expect(await engine.connections({ limit: 10 })).toEqual([]);
  });

  test('disconnect() by origin ends what came through one server', async () => {
    const engine = bench().engine();
    const one = await bench().open(engine, { origin: 1 });
    const two = await bench().open(engine, { origin: 2 });
    const none = await bench().open(engine);
    expect(await engine.disconnect({ origin: 1 }, 'drain')).toBe(1);
    await one.untilEnd();
    expect(one.farewell?.reason).toBe('drain');
    expect([two.ended, none.ended]).toEqual([false, false]);
  });

  test('connections() by origin are those that came through one server', async () => {
    const engine = bench().engine();
    const clients: EngineClient[] = [];
    for (const origin of [1, 2, undefined, 1]) clients.push(await bench().open(engine, origin === undefined ? {} : { origin }));
    const ids = async (query: object): Promise<string[]> => (await engine.connections({ limit: 100, ...query })).map(({ id }) => id);
    const [one, two, , again] = clients.map(({ connectionId }) => connectionId);
    expect(await ids({ origin: 1 })).toEqual([one, again]);
    expect(await ids({ origin: 1, after: one })).toEqual([again]);
    expect(await ids({ origin: 2, companyId: 'acme' })).toEqual([two]);
    expect(await ids({ origin: 3 })).toEqual([]);
  });

  test('disconnect() by origin turns away who waits for a place there, and lets wait who does elsewhere', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    const seated = await bench().open(engine, { origin: 1 });
    const here = await bench().connect(engine, { origin: 2 });
    const elsewhere = await bench().connect(engine, { origin: 3 });
    expect(await engine.disconnect({ origin: 2 }, 'drain')).toBe(0);
    await here.untilEnd();
    expect(here.farewell).toMatchObject({ reason: 'drain' });
    expect(await engine.disconnect({ origin: 1 }, 'drain')).toBe(1);
    await seated.untilEnd();
    await elsewhere.untilHello();
  });

  test('a stream that is asked to end is not asked twice, and is listed no more', async () => {
    const engine = bench().engine();
    const clients = await Promise.all(Array.from({ length: 40 }, (_, i) => bench().open(engine, { userId: `u${i}` })));
    const [first, again, all, listed] = await Promise.all([
      engine.disconnect({ companyId: 'acme' }, 'revoked'),
      engine.disconnect({ companyId: 'acme' }, 'auth_expired'),
      engine.disconnect({}, 'drain'),
      engine.connections({ limit: 100 }),
    ]);
    expect({ first, again, all, listed: listed.length }).toEqual({ first: 40, again: 0, all: 0, listed: 0 });
    for (const client of clients) {
      await client.untilEnd();
      expect(client.farewell).toMatchObject({ reason: 'revoked' });
    }
  });

  test('watch() of a stream that had expired before it opened says so', async () => {
    const engine = bench().engine();
    const client = await bench().connect(engine, { expiresAt: 1 });
    expect(await engine.watch(client.connectionId)).toBe('auth_expired');
    await client.untilEnd();
    expect(await engine.watch(client.connectionId)).toBe('auth_expired');
  });

  test('a thousand ends under watch are all told', async () => {
    const engine = bench().engine();
    const clients = await Promise.all(Array.from({ length: 1_000 }, async () => await bench().open(engine)));
    const ends = Promise.all(clients.map(async ({ connectionId }) => await engine.watch(connectionId)));
    expect(await engine.disconnect({ companyId: 'acme' }, 'revoked')).toBe(1_000);
    expect(new Set(await within(ends, 'all ends'))).toEqual(new Set(['revoked']));
  });
});

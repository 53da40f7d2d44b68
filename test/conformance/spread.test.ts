/** SPEC §18: how the clients of a company spread what an event makes them read again. */
import { encode, encodeMany } from '../support/actions.js';
import type { EngineClient } from '../support/engine-client.js';
import type { Engine } from '../../lib/internal/engine.js';
import { conformance, engines } from './targets.js';

const OPTIONS = { spreadFreeStreams: 2, spreadPerStreamMs: 10, spreadMaxMs: 45 };

conformance('The spread', engines, (bench) => {
  const open = async (engine: Engine, count: number): Promise<EngineClient[]> => {
    const clients: EngineClient[] = [];
    for (let i = 0; i < count; i++) clients.push(await bench().open(engine, { userId: `u${i}`, transformed: i % 2 === 1, dialect: i % 2 === 1 ? 'trpc' : 'plain' }));
    return clients;
  };
  /** What all of them hear of one action. */
  const heard = async (engine: Engine, clients: readonly EngineClient[]): Promise<(number | undefined)[]> => {
    const one = encode();
    await engine.publish([one]);
    return await Promise.all(
      clients.map(async (client) => {
        await client.untilAction(one.action.id);
        const event = client.actions.find(({ id }) => id === one.action.id)!;
        expect(Object.keys(event).slice(-2)).toEqual(event.spreadMs === undefined ? ['queryPaths', 'seq'] : ['seq', 'spreadMs']);
        return event.spreadMs;
      }),
    );
  };

  test('SPEC §18: nothing up to the free streams, so much for each beyond, bounded; by who is there now', async () => {
    const engine = bench().engine(OPTIONS);
    const clients = await open(engine, 2);
    expect(await heard(engine, clients)).toEqual([undefined, undefined]);
    clients.push(...(await open(engine, 1)));
    expect(await heard(engine, clients)).toEqual([30, 30, 30]);
    clients.push(...(await open(engine, 2)));
    expect(await heard(engine, clients)).toEqual([45, 45, 45, 45, 45]);
    // A company of its own.
    const other = await bench().open(engine, { companyId: 'other' });
    const one = encode({ companyId: 'other' });
    await engine.publish([one]);
    await other.untilAction(one.action.id);
    expect(other.actions[0]!.spreadMs).toBeUndefined();
  });

  test('SPEC §18: by the nodes that live', async () => {
    const engine = bench().engine(OPTIONS);
    const clients = await open(engine, 1);
    engine.setNodes(3);
    expect(await heard(engine, clients)).toEqual([30]);
    engine.setNodes(2);
    expect(await heard(engine, clients)).toEqual([undefined]);
  });

  test('SPEC §18: an invalidate and a resync say it too, and the log what was said', async () => {
    const engine = bench().engine({ ...OPTIONS, compactAfter: 3 });
    const clients = await open(engine, 3);
    const [first] = clients;
    await engine.publish(encodeMany(5, 'import'));
    const after = encode();
    await engine.publish([after]);
    for (const client of clients) {
      await client.untilAction(after.action.id);
      expect(client.invalidates.map(({ count, spreadMs }) => [count, spreadMs])).toEqual([[5, 30]]);
    }
    const late = await bench().open(engine, { userId: 'late', lastEventId: 'nowhere.7' });
    // It is one of them.
    expect(late.resyncs.map(({ spreadMs }) => spreadMs)).toEqual([40]);
    const { epoch, actions } = await engine.readLog('acme');
    expect((JSON.parse(actions.at(-1)!) as { spreadMs?: number }).spreadMs).toBe(30);
    first!.cut();
    const back = await bench().open(engine, { userId: 'back', lastEventId: `${epoch}.5` });
    await back.untilAction(after.action.id);
    expect(back.actions[0]!.spreadMs).toBe(30);
  });

  test('SPEC §18: by default nothing for a company of 20', async () => {
    const engine = bench().engine();
    const clients = await open(engine, 20);
    expect(new Set(await heard(engine, clients))).toEqual(new Set([undefined]));
    clients.push(...(await open(engine, 1)));
    expect(new Set(await heard(engine, clients))).toEqual(new Set([105]));
  });
});

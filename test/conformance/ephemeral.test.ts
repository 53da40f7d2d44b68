import { encode, encodeEphemeral, encodeMany } from '../support/actions.js';
import { waitFor } from '../support/wait.js';
import { conformance, framings } from './targets.js';

conformance('Ephemeral events', framings, (bench, target) => {
  test('DESIGN §2: they reach all streams of the company, in order among the actions, and no filter stops them', async () => {
    const engine = bench().engine();
    const clients = await Promise.all([{}, { filter: { modules: ['none'] } }, { userId: 'u2', dialect: 'trpc' as const }].map(async (spec) => await bench().open(engine, spec)));
    await engine.publish(encodeMany(1, 'x'));
    engine.ephemeral(encodeEphemeral('acme', 'typing', 1));
    await engine.publish(encodeMany(1, 'y'));
    engine.ephemeral(encodeEphemeral('acme', 'typing', 2));
    for (const client of clients) await waitFor(() => client.trace.filter((what) => what === 'ephemeral').length === 2, 'both');
    expect(clients[0]!.trace).toEqual(['hello', 'update:1', 'ephemeral', 'update:2', 'ephemeral']);
    expect(clients[1]!.trace).toEqual(['hello', 'ephemeral', 'ephemeral']);
    expect(clients[2]!.trace).toEqual(['connected', 'hello', 'update:1', 'ephemeral', 'update:2', 'ephemeral']);
  });

  test('DESIGN §2: they are never in the log, have no seq and are not caught up', async () => {
    const engine = bench().engine();
    const client = await bench().open(engine);
    await engine.publish(encodeMany(1, 'x'));
    engine.ephemeral(encodeEphemeral('acme', 'typing'));
    await engine.publish(encodeMany(1, 'y'));
    await client.untilAction('y1');
    const { headSeq, actions } = await engine.readLog('acme');
    expect([headSeq, actions.length]).toEqual([2, 2]);
    const late = await bench().open(engine, { lastEventId: client.messages[0]!.id! });
    await late.untilAction('y1');
    expect(late.trace).toEqual(['hello', 'update:1', 'update:2']);
  });

  if (!target.broker) test('DESIGN §2: to a company without streams they are nothing', async () => {
    const engine = bench().engine();
    engine.ephemeral(encodeEphemeral('nobody', 'typing'));
    await engine.publish([encode()]);
    expect(engine.metrics()).toMatchObject({ companies: 1, ephemerals: 1 });
  });

  test('DESIGN §2: whoever joins later does not get the earlier ones', async () => {
    const engine = bench().engine();
    const there = await bench().open(engine);
    engine.ephemeral(encodeEphemeral('acme', 'before'));
    const later = await bench().open(engine);
    engine.ephemeral(encodeEphemeral('acme', 'after'));
    const topics = (client: typeof there): string[] => client.events.flatMap((event) => (event.type === 'ephemeral' ? [event.topic] : []));
    await waitFor(() => topics(there).includes('after') && topics(later).includes('after'), 'the later one');
    expect(topics(there)).toEqual(['before', 'after']);
    expect(topics(later)).toEqual(['after']);
  });
});

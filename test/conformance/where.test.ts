/**
 * SPEC §19: what an action is narrowed to goes with it, and with the `invalidate` that stands for many. Whatever the engine makes of a stretch leaves out no
 * query that one of its actions concerns.
 */
import type { InvalidateEvent, SyncAction } from '../../lib/protocol/events.js';
import { contradicts, restrictionAt, type Where } from '../../lib/protocol/where.js';
import { encode } from '../support/actions.js';
import { SinkClient, type EngineClient } from '../support/engine-client.js';
import { makeRandom } from '../support/random.js';
import { waitFor } from '../support/wait.js';
import { conformance, engines } from './targets.js';

type Told = Pick<SyncAction, 'queryPaths' | 'where'>;

/** As a client reads it: some path that meets the query is not narrowed, or not to something else. */
function concerns({ queryPaths, where }: Told, query: string, input: unknown): boolean {
  return queryPaths.some((path) => {
    if (path !== '*' && path !== query && !query.startsWith(`${path}.`)) return false;
    const restriction = restrictionAt(where, path);
    return !restriction || !contradicts(restriction, input);
  });
}

const told = (client: EngineClient): Told[] => client.events.filter(({ type }) => type !== 'hello').map((event) => event as unknown as Told);

/** Actions and queries by chance, of few paths and inputs, so that they meet. */
function chance(seed: number) {
  const random = makeRandom(seed);
  const pick = (...of: string[]): string => of[random.below(of.length)]!;
  const id = (): string => `${pick('g', 'h')}${random.below(3)}`;
  const actionOf = (): Told => {
    const queryPaths = [...new Set(Array.from({ length: 1 + random.below(3) }, () => pick('guests', 'guests.getById', 'guests.getAll', 'hotels.getById', 'a.b.c', 'a.b')))];
    const where = Object.fromEntries(
      queryPaths.filter(() => random.below(4) > 0).map((path) => [path, random.below(2) === 0 ? { id: id() } : { id: [id(), id()], clientId: pick('c1', 'c2') }]),
    );
    return { queryPaths, ...(Object.keys(where).length > 0 && { where }) };
  };
  return {
    random,
    actionsOf: (count: number): Told[] => Array.from({ length: count }, actionOf),
    ask: () => ({ query: pick('guests.getById', 'guests.getAll', 'hotels.getById', 'a.b.c'), input: { id: id(), clientId: pick('c1', 'c2', 'c3') } }),
  };
}

conformance('The where', engines, (bench) => {
  /** What one stream gets for these in the place of the actions: told at once, and as a catch-up. */
  async function together(actions: readonly Told[], options = {}): Promise<[InvalidateEvent, InvalidateEvent]> {
    const engine = bench().engine({ compactAfter: 1, ...options });
    const client = await bench().open(engine);
    const last = encode({ queryPaths: ['marker'] });
    await engine.publish(actions.map((fields) => encode(fields)));
    await engine.publish([last]);
    await client.untilAction(last.action.id);
    const { epoch } = await engine.readLog('acme');
    const late = await bench().open(engine, { userId: 'late', lastEventId: `${epoch}.0` });
    await engine.publish([encode({ id: 'end', queryPaths: ['marker'] })]);
    await late.untilAction('end');
    expect([client.invalidates.length, late.invalidates.length]).toEqual([1, 1]);
    return [client.invalidates[0]!, late.invalidates[0]!];
  }

  test('SPEC §19: an action has it, live and in the log', async () => {
    const engine = bench().engine();
    const client = await bench().open(engine, { transformed: true, dialect: 'trpc' });
    const where: Where = { 'guests.getById': { id: 'g"1', day: ['2026-01-01', 'x'], count: 5, open: true } };
    const one = encode({ queryPaths: ['guests.getById', 'guests.getAll'], where });
    await engine.publish([one]);
    await client.untilAction(one.action.id);
    expect(client.actions[0]!.where).toEqual(where);
    const { actions } = await engine.readLog('acme');
    expect((JSON.parse(actions[0]!) as SyncAction).where).toEqual(where);
  });

  test('SPEC §19: a stretch joins what each says of a path, and says nothing of one that any of them leaves open', async () => {
    const both = await together([
      { queryPaths: ['guests.getById', 'guests.getAll', 'budget'], where: { 'guests.getById': { id: 'g1', clientId: 'c1' }, 'guests.getAll': { clientId: 'c1' }, budget: { year: 1 } } },
      { queryPaths: ['guests.getById', 'guests.getAll', 'budget'], where: { 'guests.getById': { id: ['g1', 'g2'] }, budget: { year: 2 } } },
      { queryPaths: ['budget'], where: { budget: { year: 2 } } },
    ]);
    for (const { queryPaths, where } of both) {
      expect(queryPaths.filter((path) => path !== 'marker').sort()).toEqual(['budget', 'guests.getAll', 'guests.getById']);
      expect(where).toEqual({ 'guests.getById': { id: ['g1', 'g2'] }, budget: { year: [1, 2] } });
    }
  });

  test('SPEC §19: a path that is narrowed covers no other one', async () => {
    for (const stale of await together([
      { queryPaths: ['guests'], where: { guests: { clientId: 'c1' } } },
      { queryPaths: ['guests.getById'], where: { 'guests.getById': { id: 'g7' } } },
    ])) {
      expect(concerns(stale, 'guests.getById', { id: 'g7', clientId: 'c2' })).toBe(true);
      expect(concerns(stale, 'guests.getById', { id: 'g8', clientId: 'c2' })).toBe(false);
      expect(concerns(stale, 'guests.getAll', { clientId: 'c1' })).toBe(true);
    }
  });

  test('SPEC §19: whatever many actions say, none of them is left out', async () => {
    const { random, actionsOf, ask: asked } = chance(1811);
    let saved = 0;
    for (let round = 0; round < 40; round++) {
      const actions = actionsOf(2 + random.below(12));
      const both = await together(actions, round % 4 === 0 ? { maxInvalidateBytes: 220 } : {});
      for (let ask = 0; ask < 150; ask++) {
        const { query, input } = asked();
        const wanted = actions.some((action) => concerns(action, query, input));
        for (const told of both) {
          const kept = concerns(told, query, input);
          if (wanted) expect({ actions, told, query, input, kept }).toMatchObject({ kept: true });
          else if (!kept) saved++;
        }
      }
    }
    expect(saved).toBeGreaterThan(100);
  });

  test('SPEC §19: nor by what a slow stream gets, which is joined of actions, and of what stood for several of them already', async () => {
    const { random, actionsOf, ask } = chance(2112);
    let [saved, joined, sinks] = [0, 0, false];
    for (let round = 0; round < 60; round++) {
      const engine = bench().engine({ compactAfter: 1 + random.below(3), connectionCapBytes: 300 + random.below(500) });
      const client = await bench().open(engine);
      client.stall();
      sinks = client instanceof SinkClient;
      const actions: Told[] = [];
      for (let batch = 3 + random.below(6); batch > 0; batch--) {
        // Of an older server none is narrowed.
        const bare = random.below(3) === 0;
        const some = actionsOf(1 + random.below(4)).map((action) => (bare ? { queryPaths: action.queryPaths } : action));
        actions.push(...some);
        await engine.publish(some.map((fields) => encode(fields)));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await engine.readLog('acme');
      client.resume();
      const last = encode({ queryPaths: ['marker'] });
      await engine.publish([last]);
      await waitFor(() => told(client).some(({ queryPaths }) => queryPaths.includes('marker') || queryPaths.includes('*')), 'the last one');
      joined += engine.metrics().conflations;
      for (let nth = 0; nth < 150; nth++) {
        const { query, input } = ask();
        const wanted = actions.some((action) => concerns(action, query, input));
        const kept = told(client).some((event) => concerns(event, query, input));
        if (wanted) expect({ actions, told: told(client), query, input, kept }).toMatchObject({ kept: true });
        else if (!kept) saved++;
      }
    }
    expect(saved).toBeGreaterThan(100);
    // A socket takes all of it.
    if (sinks) expect(joined).toBeGreaterThan(20);
  });

  test('SPEC §19: it is bounded: what is too much narrows nothing', async () => {
    const many = Array.from({ length: 60 }, (_, i): Told => ({ queryPaths: ['guests.getById'], where: { 'guests.getById': { id: `g${i}` } } }));
    for (const { where } of await together(many)) expect(where).toBeUndefined();
    const long = Array.from({ length: 40 }, (_, i): Told => ({ queryPaths: [`r${i}.q`], where: { [`r${i}.q`]: { id: 'x'.repeat(120) } } }));
    for (const stale of await together(long)) {
      expect(JSON.stringify(stale.where ?? {}).length).toBeLessThan(4_096);
      for (let i = 0; i < 40; i++) expect(concerns(stale, `r${i}.q`, { id: 'x'.repeat(120) })).toBe(true);
    }
  });
});

/**
 * A broadcast while Redis is away: it is answered in time whatever Redis does, streams of its own node are told
 * at once, and afterwards the log holds every action once and in order, and every stream has had it once.
 */
import { change } from '../support/actions.js';
import { ENGINES, type EngineKind } from '../support/engines.js';
import type { HubWarning } from '../../lib/server/results.js';
import { HubNode, endHubNodes } from '../support/hub-node.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

/** A broadcast waits for its place for so long (SPEC §13). ms */
const PUBLISH_WAIT_MS = 250;
/** What two busy cores may add; a broadcast that waited for Redis would wait until it is back, and here that is after the answer. ms */
const SLACK_MS = 5_000;

let redis: RedisServer;

beforeEach(async () => {
  redis = await RedisServer.start({ stores: 'each-write' });
});
afterEach(async () => {
  redis.cont();
  await endHubNodes();
  await redis.end();
});

const start = (engine: EngineKind): Promise<HubNode> => HubNode.start({ engine, redis: { url: redis.unixUrl(), publishWaitMs: PUBLISH_WAIT_MS, probeMs: 1_000 } });

const named = (id: string) => ({ ...change, id, queryPaths: [`guests.${id}`] });

async function timed<T>(promise: Promise<T>): Promise<[T, number]> {
  const from = performance.now();
  return [await promise, performance.now() - from];
}

/** The log as Redis has it, by a node that has just come. */
async function logOf(engine: EngineKind): Promise<string[]> {
  const fresh = await start(engine);
  const { actions } = await fresh.hub.readLog('acme');
  const parsed = actions.map((text) => JSON.parse(text) as { id: string; seq: number });
  expect(parsed.map(({ seq }) => seq)).toEqual(parsed.map((_, i) => i + 1));
  return parsed.map(({ id }) => id);
}

const ways: [string, () => Promise<void>, () => Promise<void>][] = [
  ['down', () => redis.kill(), () => redis.up()],
  ['stopped', () => redis.stop(), async () => redis.cont()],
];

describe.each(ENGINES)('%s', (engine) => {
  test.each(ways)(
    'a broadcast while Redis is %s is answered in time, told to local streams, and has its place once, in order, afterwards',
    async (_way, leave, comeBack) => {
      const [here, there] = [await start(engine), await start(engine)];
      const [local, far] = [await here.stream(), await there.stream()];
      expect(await here.hub.broadcast(named('before'))).toMatchObject({ ok: true, seq: 1 });
      await far.raw.until('guests.before');
      await local.raw.until('guests.before');
      const position = local.messages.at(-1)!.id;

      await leave();
      const answers = await Promise.all([
        ...['a1', 'a2', 'a3'].map((id) => timed(here.hub.broadcast(named(id)))),
        ...['b1', 'b2'].map((id) => timed(there.hub.broadcast(named(id)))),
      ]);
      for (const [result, took] of answers) {
        expect(result).toEqual({ ok: true, queued: true });
        expect(took).toBeLessThan(PUBLISH_WAIT_MS + SLACK_MS);
      }
      // The link is known to be away, or will be: forty more do not wait longer.
      const many = await Promise.all(Array.from({ length: 40 }, (_, i) => timed(here.hub.broadcast(named(`m${i}`)))));
      expect(many.map(([result]) => result)).toEqual(many.map(() => ({ ok: true, queued: true })));
      expect(Math.max(...many.map(([, took]) => took))).toBeLessThan(PUBLISH_WAIT_MS + SLACK_MS);

      const mine = ['a1', 'a2', 'a3', ...many.map((_, i) => `m${i}`)];
      await waitFor(() => local.told.length >= mine.length, 'the local stream to be told');
      expect(local.told).toEqual(mine.map((id) => `guests.${id}`));
      // Its position is the one that it had: whoever comes back with it misses nothing.
      expect(new Set(local.messages.slice(-mine.length).map(({ id }) => id))).toEqual(new Set([position]));
      await waitFor(() => far.told.length >= 2, 'the other node to tell its own');
      expect(far.told).toEqual(['guests.b1', 'guests.b2']);
      expect([local.actions, far.actions]).toEqual([['before'], ['before']]);

      await comeBack();
      const all = 1 + mine.length + 2;
      for (const stream of [local, far]) await waitFor(() => stream.actions.length >= all, 'all actions to come');
      const log = await logOf(engine);
      expect(log.filter((id) => !id.startsWith('b') || id === 'before')).toEqual(['before', ...mine]);
      expect(log.filter((id) => /^b\d/.test(id))).toEqual(['b1', 'b2']);
      expect([local.actions, far.actions]).toEqual([log, log]);
      const after = await here.hub.broadcast(named('after'));
      expect(after).toMatchObject({ ok: true, seq: all + 1 });
      expect([local, far].flatMap(({ events }) => events).filter(({ type }) => type === 'resync')).toEqual([]);
    },
    60_000,
  );

  test('what Redis has carried out without an answer is not carried out again', async () => {
    const node = await start(engine);
    const stream = await node.stream();
    await node.hub.broadcast(named('before'));
    // Stopped, it finds them in its socket when it goes on; killed then, it has them in its file, and nobody has an answer.
    await redis.stop();
    const results = await Promise.all(['a1', 'a2', 'a3'].map((id) => node.hub.broadcast(named(id))));
    expect(results).toEqual(results.map(() => ({ ok: true, queued: true })));
    redis.cont();
    await redis.restart('stored');
    await waitFor(() => stream.actions.length >= 4, 'all actions to come');
    await node.hub.broadcast(named('after'));
    await waitFor(() => stream.actions.length >= 5, 'the last action to come');
    const log = await logOf(engine);
    expect(log).toEqual(['before', 'a1', 'a2', 'a3', 'after']);
    expect(stream.actions).toEqual(log);
  }, 120_000);

  test('a close sends what waits first, and names what is left', async () => {
    const node = await start(engine);
    await node.hub.broadcast(named('before'));
    await redis.stop();
    await node.hub.broadcast(named('a1'));
    const closing = node.hub.close({ flushMs: 10_000 });
    redis.cont();
    await closing;
    expect(await logOf(engine)).toEqual(['before', 'a1']);

    const other = await start(engine);
    const warnings: HubWarning[] = [];
    other.hub.on('warning', (warning) => warnings.push(warning));
    await redis.stop();
    await other.hub.broadcastMany([named('a2'), named('a3')]);
    await other.hub.broadcast({ ...named('a4'), companyId: 'piper' });
    await other.hub.close({ flushMs: 100 });
    expect(warnings).toContainEqual({ message: expect.stringMatching(/closed with 3 actions/) });
    for (const [companyId, left] of [['acme', '2'], ['piper', '1']] as const) {
      expect(warnings).toContainEqual(expect.objectContaining({ companyId, message: expect.stringMatching(`closes: ${left}$`) }));
    }
  }, 120_000);
});

/**
 * What hubs are to each other through a broker (DESIGN §3: G7; SPEC §13, §14), over each way to a Redis: one log whichever of them is asked,
 * limits and replacement over both, `disconnect` and presence everywhere. The cases in full are in test/redis, over one way.
 */
import { randomBytes } from 'node:crypto';
import { createHub, type Hub } from '../../lib/server/hub.js';
import type { HubOptions, StreamOptions } from '../../lib/server/options.js';
import type { SyncEvent } from '../../lib/index.js';
import { change } from '../support/actions.js';
import { waitFor, within } from '../support/wait.js';
import { overHubs } from './targets.js';

type Stream = AsyncGenerator<SyncEvent, undefined, undefined>;

overHubs('Hubs', (redis, engine) => {
  let hubs: Hub[] = [];
  const streams: Stream[] = [];
  afterEach(async () => {
    for (const stream of streams.splice(0)) await stream.return(undefined);
    for (const hub of hubs.splice(0)) await within(hub.close({ flushMs: 0 }), 'the hub to close');
  });

  async function pair(limits: HubOptions['limits']): Promise<[Hub, Hub]> {
    const prefix = `t${randomBytes(6).toString('hex')}`;
    const make = (): Hub => {
      const option = redis();
      return createHub({ engine, limits, redis: { ...(typeof option === 'string' ? { url: option } : { client: option }), prefix, publishWaitMs: 10_000 } });
    };
    const [a, b] = [make(), make()];
    hubs = [a, b];
    for (const hub of hubs) await within(hub.ready(), 'the hub to be ready');
    for (const hub of hubs) await waitFor(async () => (await hub.nodes()).length === 2, 'both to know each other');
    return [a, b];
  }

  async function opened(hub: Hub, options: Partial<StreamOptions> = {}): Promise<{ stream: Stream; hello: SyncEvent | undefined }> {
    const stream = hub.stream({ companyId: 'acme', userId: 'ann', ...options });
    streams.push(stream);
    const { value } = await within(stream.next(), 'the first event');
    expect(value).toMatchObject({ type: 'hello' });
    return { stream, hello: value };
  }

  async function ended(stream: Stream): Promise<string | undefined> {
    try {
      for (;;) if ((await within(stream.next(), 'its end')).done) return 'done';
    } catch (error) {
      return (error as { reason?: string }).reason;
    }
  }

  async function events(stream: Stream, count: number): Promise<SyncEvent[]> {
    const heard: SyncEvent[] = [];
    while (heard.length < count) {
      const { value } = await within(stream.next(), `event ${heard.length + 1} of ${count}`);
      if (value?.type !== 'ping') heard.push(value!);
    }
    return heard;
  }

  test('G1, G2: one log: both publish, each hears all in one order, a cursor of the one resumes at the other', async () => {
    const [a, b] = await pair({ perUser: 0, perCompany: 0 });
    const [onA, onB] = [await opened(a), await opened(b)];
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => await (i % 2 === 0 ? a : b).broadcast({ ...change, companyId: 'acme', entityId: `e${i}` })),
    );
    const seqs = outcomes.map((outcome) => (outcome.ok && !outcome.queued ? outcome.seq : -1));
    expect([...seqs].sort((x, y) => x - y)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    const heard = await Promise.all([onA, onB].map(async ({ stream }) => await events(stream, 40)));
    expect(heard[0]).toEqual(heard[1]);
    const seqOf = (event: SyncEvent): number => ('seq' in event ? event.seq : NaN);
    expect(heard[0]!.map(seqOf)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    const { epoch } = outcomes[0] as { epoch: string };
    const back = await opened(b, { lastEventId: `${epoch}.10` });
    expect(back.hello).toMatchObject({ recovered: true, reason: 'resumed', cursor: `${epoch}.40` });
    expect((await events(back.stream, 30)).map(seqOf)).toEqual(Array.from({ length: 30 }, (_, i) => i + 11));
  });

  test('G7: limits count over both; who is over is refused with the numbers; a tab that comes to the other hub replaces itself', async () => {
    const [a, b] = await pair({ perUser: 2, perCompany: 3 });
    const first = await opened(a, { clientInstanceId: 'tab' });
    await opened(b);
    const guard = await a.acquire({ companyId: 'acme', userId: 'ben' });
    await Promise.all([
      expect(b.acquire({ companyId: 'acme', userId: 'ann' })).rejects.toMatchObject({ code: 'USER_LIMIT', limit: 2, current: 2 }),
      expect(b.acquire({ companyId: 'acme', userId: 'cat' })).rejects.toMatchObject({ code: 'COMPANY_LIMIT', limit: 3, current: 3 }),
    ]);
    await opened(b, { clientInstanceId: 'tab' });
    expect(await ended(first.stream)).toBe('replaced');
    await guard.release();
    await opened(a, { userId: 'cat' });
  });

  test('G7: evict-oldest ends a stream of the other hub; none of twenty who race for two seats is over the limit', async () => {
    const [a, b] = await pair({ perUser: 1, perCompany: 2, policy: 'evict-oldest' });
    const first = await opened(a);
    await opened(b);
    expect(await ended(first.stream)).toBe('evicted');
    // Whose place is taken before the log is known hears of that alone (SPEC §2).
    const raced = async (hub: Hub, userId: string): Promise<unknown> => {
      const stream = hub.stream({ companyId: 'globex', userId });
      streams.push(stream);
      return await within(stream.next(), 'the first event').then(
        ({ value }) => value?.type,
        (error: { reason?: string }) => error.reason,
      );
    };
    const said = await Promise.all(Array.from({ length: 20 }, async (_, i) => await raced(i % 2 === 0 ? a : b, `u${i}`)));
    expect(said.filter((what) => what !== 'hello' && what !== 'evicted')).toEqual([]);
    expect(said.filter((what) => what === 'hello').length).toBeGreaterThanOrEqual(2);
    await waitFor(async () => (await a.connections({ companyId: 'globex' })).length === 2, 'the last two');
    await waitFor(() => [a, b].reduce((sum, hub) => sum + hub.metrics().closes['evicted']!, 0) === 19, 'the end of each of them');
  });

  test('S11: who is there, what is ephemeral, connections and disconnect reach both', async () => {
    const [a, b] = await pair({ perUser: 0, perCompany: 0 });
    const onA = await opened(a, { presence: { topics: ['guests'] } });
    const onB = await opened(b, { userId: 'ben' });
    await waitFor(async () => (await b.presence('acme', 'guests')).length === 1, 'ann to be there');
    a.ephemeral({ companyId: 'acme', topic: 'typing', data: 1 });
    for (;;) {
      const [event] = await events(onB.stream, 1);
      if (event?.type === 'ephemeral' && event.topic === 'typing') break;
    }
    expect((await b.connections({ companyId: 'acme' })).map(({ userId }) => userId).sort()).toEqual(['ann', 'ben']);
    expect(await b.disconnect({ companyId: 'acme' })).toBe(2);
    expect(await Promise.all([onA, onB].map(async ({ stream }) => await ended(stream)))).toEqual(['revoked', 'revoked']);
    const rate = { limit: 1, windowMs: 60_000 };
    expect([await a.rateLimit('key', rate), await b.rateLimit('key', rate)]).toMatchObject([{ ok: true }, { ok: false }]);
  });
});

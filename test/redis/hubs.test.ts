/**
 * Hubs that share a Redis, as an app sees them: limits, leases, replacement and eviction over all of them, `disconnect` and `connections` everywhere,
 * who is there, rates, forgetting. On real servers, over HTTP and as generators.
 */
import { createServer, type Server } from 'node:http';
import { createHub, type Hub } from '../../lib/server/hub.js';
import type { HubOptions, StreamOptions } from '../../lib/server/options.js';
import type { SyncEvent } from '../../lib/index.js';
import { seatsKey } from '../../lib/redis/keys.js';
import { change } from '../support/actions.js';
import { LinkProxy } from '../support/link-proxy.js';
import { listen } from '../support/listen.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server?.end());
const hubs: Hub[] = [];
const servers: Server[] = [];
const streams: AsyncGenerator<SyncEvent, undefined, undefined>[] = [];
afterEach(async () => {
  for (const stream of streams.splice(0)) await stream.return(undefined);
  for (const hub of hubs.splice(0)) await within(hub.close({ flushMs: 0 }), 'the hub to close');
  for (const each of servers.splice(0)) {
    each.closeAllConnections();
    await new Promise((resolve) => each.close(resolve));
  }
});

const ENGINES = ['js', 'native'] as const;
let engine: (typeof ENGINES)[number] = 'js';
/** The native engine by its own link. */
const redisOf = (): HubOptions['redis'] => (engine === 'native' ? `redis+unix://${server.socket}` : server.client());
let companies = 0;
const company = (): string => `acme ${String((companies += 1))}`;

async function pair(options: HubOptions = {}): Promise<[Hub, Hub]> {
  const made = [0, 1].map(() => createHub({ engine, redis: redisOf(), limits: { perUser: 2, perCompany: 3 }, ...options }));
  hubs.push(...made);
  for (const hub of made) {
    await hub.ready();
    await waitFor(async () => (await hub.nodes()).length >= 1, 'a node');
  }
  await waitFor(async () => (await made[0]!.nodes()).length >= 2 && (await made[1]!.nodes()).length >= 2, 'both know each other');
  return made as [Hub, Hub];
}

/** Its first event, or what it was refused with. */
async function opened(hub: Hub, options: StreamOptions): Promise<{ stream: AsyncGenerator<SyncEvent, undefined, undefined>; hello?: SyncEvent; error?: { code: string; message: string; reason?: string } }> {
  const stream = hub.stream(options);
  streams.push(stream);
  try {
    const { value } = await within(stream.next(), 'the first event');
    return { stream, ...(value && { hello: value }) };
  } catch (error) {
    return { stream, error: error as { code: string; message: string } };
  }
}

/** What ends it. */
async function ended(stream: AsyncGenerator<SyncEvent, undefined, undefined>): Promise<string | undefined> {
  try {
    for (;;) if ((await within(stream.next(), 'its end')).done) return 'done';
  } catch (error) {
    return (error as { reason?: string }).reason;
  }
}

describe.each(ENGINES)('seats (%s)', (kind) => {
  beforeAll(() => (engine = kind));
  afterAll(() => (engine = 'js'));

  test('without limits nobody asks for a seat, but who may be replaced', async () => {
    const [a, b] = await pair({ limits: { perUser: 0, perCompany: 0 } });
    const companyId = company();
    await opened(a, { companyId, userId: 'ann' });
    const lease = await b.acquire({ companyId, userId: 'ann' });
    expect(await server.client().exists(seatsKey('pathcast', companyId))).toBe(0);
    await lease.release();
    const tab = { companyId, userId: 'ann', clientInstanceId: 'tab' };
    const { stream } = await opened(a, tab);
    await opened(b, tab);
    expect(await ended(stream)).toBe('replaced');
    expect(a.metrics().connections).toBe(1);
  });

  test('limits hold over both hubs, and a refusal says what the engine says', async () => {
    const [a, b] = await pair();
    const companyId = company();
    const first = await opened(a, { companyId, userId: 'ann' });
    expect(first.hello).toMatchObject({ type: 'hello' });
    await opened(b, { companyId, userId: 'ann' });
    const refused = await opened(a, { companyId, userId: 'ann' });
    expect(refused.error).toMatchObject({ code: 'USER_LIMIT', message: 'Too many connections for this user: 2 of 2' });
    expect(a.metrics()).toMatchObject({ refusals: { USER_LIMIT: 1 }, connections: 1 });
    await opened(b, { companyId, userId: 'ben' });
    expect((await opened(a, { companyId, userId: 'cat' })).error).toMatchObject({ code: 'COMPANY_LIMIT', message: 'Too many connections for this company: 3 of 3' });
    await first.stream.return(undefined);
    await waitFor(async () => (await opened(a, { companyId, userId: 'cat' })).hello, 'a seat');
  });

  test('a seat that gets free within a second goes to who waits', async () => {
    const [a, b] = await pair({ limits: { perUser: 1 } });
    const companyId = company();
    const first = await opened(a, { companyId, userId: 'ann' });
    const second = opened(b, { companyId, userId: 'ann' });
    await waitFor(async () => Number(await server.client().exists(seatsKey('pathcast', companyId))) === 1, 'it is asked for');
    await first.stream.return(undefined);
    expect((await second).hello).toMatchObject({ type: 'hello' });
  });

  test('leases count like streams, and the guard gives them back', async () => {
    const [a, b] = await pair();
    const companyId = company();
    const guard = await a.acquire({ companyId, userId: 'ann' });
    await b.acquire({ companyId, userId: 'ann' });
    await expect(b.acquire({ companyId, userId: 'ann' })).rejects.toMatchObject({ code: 'USER_LIMIT', limit: 2, current: 2, scope: 'user' });
    await guard.release();
    await guard.release();
    await waitFor(async () => (await opened(b, { companyId, userId: 'ann' })).hello, 'the seat of the guard');
  });

  test('a tab that comes to the other hub replaces itself; a former life of it is turned away', async () => {
    const [a, b] = await pair();
    const companyId = company();
    const tab = { companyId, userId: 'ann', clientInstanceId: 'tab' };
    const first = await opened(a, { ...tab, clientGeneration: 2 });
    const late = await opened(b, { ...tab, input: { clientGeneration: 1 } });
    expect(late.hello).toMatchObject({ type: 'hello' });
    expect(await ended(late.stream)).toBe('replaced');
    expect((await opened(b, { ...tab, clientGeneration: 3 })).hello).toMatchObject({ type: 'hello' });
    expect(await ended(first.stream)).toBe('replaced');
    expect(a.metrics().replacements).toBe(1);
  });

  test('evict-oldest ends a stream of the other hub', async () => {
    const [a, b] = await pair({ limits: { perUser: 1, policy: 'evict-oldest' } });
    const companyId = company();
    const first = await opened(a, { companyId, userId: 'ann' });
    expect((await opened(b, { companyId, userId: 'ann' })).hello).toMatchObject({ type: 'hello' });
    expect(await ended(first.stream)).toBe('evicted');
    expect(a.metrics().evictions).toBe(1);
  });

  test('over HTTP: the refusal is the plain dialect`s, the client that leaves while it waits leaves nothing', async () => {
    const [a, b] = await pair({ limits: { perUser: 1 } });
    const companyId = company();
    const http = createServer(b.handler({ identify: () => ({ companyId, userId: 'ann' }) }) as never);
    servers.push(http);
    const requests = { came: 0, over: 0 };
    http.on('request', (_request, response) => {
      requests.came += 1;
      response.on('close', () => (requests.over += 1));
    });
    const url = `http://127.0.0.1:${String(await listen(http))}/`;
    await opened(a, { companyId, userId: 'ann' });
    const refused = await fetch(url);
    expect(refused.status).toBe(200);
    const text = await within(refused.text(), 'the refusal');
    expect(text).toMatch(/^retry: \d+\nevent: server_close\ndata: \{"type":"server_close","timestamp":\d+,"queryPaths":\[\],"reason":"limit","retryMs":\d+\}\n\n$/);

    const leaving = new AbortController();
    const left = fetch(url, { signal: leaving.signal }).catch(() => undefined);
    await waitFor(() => b.metrics().refusals['USER_LIMIT'] === 1 && requests.came === 2, 'the first refusal is counted, and the second is there');
    leaving.abort();
    await left;
    await waitFor(() => requests.over === 2, 'the server to know that it has left');
    await a.disconnect({ companyId });
    const after = await fetch(url);
    const reader = after.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('"type":"hello"');
    expect(b.metrics().socketsTaken).toBe(engine === 'native' ? 1 : 0);
    await reader.cancel();
    await waitFor(async () => (await server.client().keys(`${seatsKey('pathcast', companyId)}*`)).length === 0, 'no seat is left');
  });

  test('a client that leaves while its seat is asked for is never opened, and keeps no seat', async () => {
    const [a] = await pair();
    const companyId = company();
    for (let i = 0; i < 10; i += 1) {
      const stream = a.stream({ companyId, userId: 'ann' });
      const first = stream.next();
      await stream.return(undefined);
      expect((await first).done).toBe(true);
    }
    const last = await opened(a, { companyId, userId: 'ann' });
    expect(a.metrics()).toMatchObject({ connections: 1, opened: 1, seats: { held: 1 } });
    await last.stream.return(undefined);
    await waitFor(async () => (await server.client().keys(`${seatsKey('pathcast', companyId)}*`)).length === 0, 'no seat is left');
  });

  test('a hub that closes frees its seats at once, one that drains refuses as while draining', async () => {
    const [a, b] = await pair({ limits: { perUser: 1 } });
    const companyId = company();
    await opened(a, { companyId, userId: 'ann' });
    await a.drain({ overMs: 0 });
    expect((await opened(a, { companyId, userId: 'ben' })).error).toMatchObject({ code: 'DRAINING' });
    await a.close();
    expect((await opened(b, { companyId, userId: 'ann' })).hello).toMatchObject({ type: 'hello' });
  });
});

describe('peers', () => {
  test('disconnect and connections reach both hubs; pages go on', async () => {
    const [a, b] = await pair({ limits: { perUser: 0, perCompany: 0 } });
    const companyId = company();
    for (let i = 0; i < 3; i += 1) for (const hub of [a, b]) await opened(hub, { companyId, userId: 'ann' });
    const all = await a.connections({ companyId });
    expect(all.length).toBe(6);
    expect(new Set(all.map(({ id }) => id.split('-')[0]))).toEqual(new Set([a.id, b.id]));
    const paged: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await b.connections({ companyId, limit: 2, ...(after && { after }) });
      paged.push(...page.map(({ id }) => id));
      after = page.at(-1)?.id;
      if (page.length < 2) break;
    }
    expect(paged).toEqual(all.map(({ id }) => id));
    expect(await a.disconnect({ connectionId: all.find(({ id }) => id.startsWith(b.id))!.id })).toBe(1);
    expect(await b.disconnect({ companyId, userId: 'ann' })).toBe(5);
    expect(await a.connections({ companyId })).toEqual([]);
  });

  test('a node that does not answer is named, and ends whom it did not hear of when it is back', async () => {
    const link = await LinkProxy.start(() => ({ path: server.socket }));
    try {
      const [a] = await pair();
      const cut = createHub({ engine: 'js', redis: link.url });
      hubs.push(cut);
      await waitFor(async () => (await a.nodes()).some(({ hubId }) => hubId === cut.id), 'the third is known');
      const companyId = company();
      const { stream } = await opened(cut, { companyId, userId: 'ann' });
      const other = await opened(cut, { companyId, userId: 'ben' });
      const warnings: string[] = [];
      a.on('warning', ({ message }) => warnings.push(message));
      link.refuse(true);
      const node = (await server.client().zrange('pathcast:1:nodes', 0, -1)).find((id) => id.startsWith(cut.id));
      expect(await a.disconnect({ companyId, userId: 'ann' })).toBe(0);
      expect(warnings).toEqual([expect.stringContaining(`disconnect: these nodes did not answer within 1 s: ${node ?? '?'}`)]);
      expect(cut.metrics().connections).toBe(2);
      link.refuse(false);
      expect(await ended(stream)).toBe('revoked');
      expect(cut.metrics().connections).toBe(1);
      await other.stream.return(undefined);
      await cut.close();
    } finally {
      await link.close();
    }
  });

  test('nodes() lists both, for people', async () => {
    const [a, b] = await pair();
    const nodes = await b.nodes();
    expect(nodes.map(({ hubId }) => hubId)).toEqual(expect.arrayContaining([a.id, b.id]));
    expect(nodes.find(({ hubId }) => hubId === a.id)).toMatchObject({ engine: 'js', pid: process.pid, connections: 0 });
  });

  test('forget ends the company`s streams everywhere, and nothing of it is left in Redis', async () => {
    const [a, b] = await pair();
    const companyId = company();
    const { stream } = await opened(b, { companyId, userId: 'ann', presence: { topics: ['x'] } });
    await waitFor(async () => (await a.presence(companyId)).length === 1, 'ann is there');
    await a.broadcast({ ...change, companyId });
    await a.forget(companyId);
    expect(await ended(stream)).toBe('revoked');
    // But when that was.
    const key = `pathcast:1:{${companyId.replace(' ', '%20')}}`;
    expect(await server.client().keys(`${key}*`)).toEqual([`${key}:forgotten`]);
  });
});

test('rateLimit counts over both hubs, and says when to come back', async () => {
  const [a, b] = await pair();
  const rate = { limit: 3, windowMs: 60_000 };
  expect(await a.rateLimit('key', rate)).toEqual({ ok: true, remaining: 2, retryAfterMs: 0 });
  expect(await b.rateLimit('key', rate)).toEqual({ ok: true, remaining: 1, retryAfterMs: 0 });
  expect(await a.rateLimit('key', rate)).toEqual({ ok: true, remaining: 0, retryAfterMs: 0 });
  const refused = await b.rateLimit('key', rate);
  expect(refused).toMatchObject({ ok: false, remaining: 0 });
  expect(refused.retryAfterMs).toBeGreaterThan(10_000);
  expect(refused.retryAfterMs).toBeLessThanOrEqual(20_000);
  expect(await b.rateLimit('another', rate)).toMatchObject({ ok: true });
  expect(await server.client().pttl('pathcast:1:rate:{key}')).toBeGreaterThan(50_000);
});

describe('presence', () => {
  /** Presence events that a stream has heard. */
  function hear(stream: AsyncGenerator<SyncEvent, undefined, undefined>): { event: string; userId: string; topics: string[] }[] {
    const heard: { event: string; userId: string; topics: string[] }[] = [];
    void (async () => {
      try {
        for await (const event of stream) if (event.type === 'ephemeral') heard.push(event.data as (typeof heard)[number]);
      } catch {
        // It was ended.
      }
    })();
    return heard;
  }

  test('a user once, whatever the tabs and the hubs; topics and data together', async () => {
    const [a, b] = await pair({ limits: { perUser: 0, perCompany: 0 } });
    const companyId = company();
    const before = Date.now();
    await opened(a, { companyId, userId: 'ann', presence: { topics: ['budget'], data: { name: 'Ann' } } });
    await opened(a, { companyId, userId: 'ann', presence: { topics: ['guests'] } });
    await opened(b, { companyId, userId: 'ann', presence: { topics: ['guests', 'seats'] } });
    await opened(b, { companyId, userId: 'ben', presence: {} });
    await opened(b, { companyId, userId: 'cat' });
    for (const hub of [a, b]) {
      await waitFor(async () => (await hub.presence(companyId)).length === 2 && (await hub.presence(companyId, 'seats')).length === 1, 'both are there');
      const found = await hub.presence(companyId);
      expect(found).toEqual([
        { userId: 'ann', topics: ['budget', 'guests', 'seats'], data: { name: 'Ann' }, since: expect.any(Number) },
        { userId: 'ben', topics: [], data: null, since: expect.any(Number) },
      ]);
      expect(found[0]!.since).toBeGreaterThanOrEqual(before);
      expect((await hub.presence(companyId, 'guests')).map(({ userId }) => userId)).toEqual(['ann']);
      expect(await hub.presence(company())).toEqual([]);
    }
  });

  test('a join is told once, a reconnect to the other hub is no leave, the last end is one', async () => {
    const [a, b] = await pair({ limits: { perUser: 0, perCompany: 0 } });
    const companyId = company();
    const heard = hear((await opened(b, { companyId, userId: 'watcher' })).stream);
    const first = await opened(b, { companyId, userId: 'ann', presence: { topics: ['x'] } });
    await waitFor(() => heard.length === 1, 'the join');
    await first.stream.return(undefined);
    const second = await opened(a, { companyId, userId: 'ann', presence: { topics: ['x'] } });
    await waitFor(async () => (await server.client().hlen(`pathcast:1:{${companyId.replace(' ', '%20')}}:here:${(await b.nodes()).find(({ hubId }) => hubId === b.id)!.id}`)) === 0, 'b has let go of ann');
    await second.stream.return(undefined);
    const third = await opened(b, { companyId, userId: 'ann', presence: { topics: ['x', 'y'] } });
    await waitFor(() => heard.length === 2, 'the change');
    await third.stream.return(undefined);
    await waitFor(() => heard.length === 3, 'the leave');
    expect(heard.map(({ event, userId }) => [event, userId])).toEqual([
      ['join', 'ann'],
      ['update', 'ann'],
      ['leave', 'ann'],
    ]);
  }, 120_000);

  test('who was at a node that died has left, and that is told once; who is elsewhere too is there', async () => {
    const [a, b] = await pair({ limits: { perUser: 0, perCompany: 0 } });
    const companyId = company();
    const heard = hear((await opened(b, { companyId, userId: 'watcher' })).stream);
    await opened(a, { companyId, userId: 'ann', presence: {} });
    await opened(a, { companyId, userId: 'ben', presence: {} });
    await opened(b, { companyId, userId: 'ben', presence: {} });
    await waitFor(async () => (await b.presence(companyId)).length === 2, 'both are there');
    const dead = (await a.nodes()).find(({ hubId }) => hubId === a.id)!.id;
    await server.client().zadd('pathcast:1:nodes', 1, dead);
    expect((await b.presence(companyId)).map(({ userId }) => userId)).toEqual(['ben']);
    await waitFor(() => heard.some(({ event }) => event === 'leave'), 'the leave');
    await b.presence(companyId);
    expect(heard.filter(({ event }) => event === 'leave')).toEqual([expect.objectContaining({ userId: 'ann' })]);
  });

  test.each(['js', 'native'] as const)('without Redis the hub alone (%s)', async (engine) => {
    const hub = createHub({ engine });
    hubs.push(hub);
    const heard = hear((await opened(hub, { companyId: 'acme', userId: 'watcher' })).stream);
    const { stream } = await opened(hub, { companyId: 'acme', userId: 'ann', presence: { topics: ['x'], data: 1 } });
    await waitFor(() => heard.length === 1, 'the join');
    expect(await hub.presence('acme', 'x')).toEqual([{ userId: 'ann', topics: ['x'], data: 1, since: expect.any(Number) }]);
    expect(await hub.presence('acme', 'y')).toEqual([]);
    await stream.return(undefined);
    await waitFor(() => heard.length === 2, 'the leave');
    expect(heard.map(({ event }) => event)).toEqual(['join', 'leave']);
    expect(await hub.presence('acme')).toEqual([]);
  });

  test('what is none is refused', () => {
    const hub = createHub({ engine: 'js' });
    hubs.push(hub);
    const open = (presence: unknown) => (): unknown => hub.stream({ companyId: 'acme', userId: 'ann', presence: presence as object });
    expect(open({ topics: 'x' })).toThrow(/presence\.topics must be an array of at most 100 topics, got "x"/);
    expect(open({ topics: [''] })).toThrow(/presence\.topics\[0\] must not be empty/);
    expect(open({ data: 1n })).toThrow(/presence\.data cannot be written as JSON/);
    expect(open({ data: 'x'.repeat(5_000) })).toThrow(/presence\.data is too long/);
    expect(open({ topic: 'x' })).toThrow(/presence has no option "topic"; it has: topics, data/);
    expect(() => hub.stream({ companyId: 'acme', userId: 'ann', clientGeneration: -1 })).toThrow(/clientGeneration must be a whole number from 0 on, got -1/);
  });
});

test.each(ENGINES)('a hub of the %s engine in memory forgets a company: who comes back comes to a new log', async (engine) => {
  const hub = createHub({ engine });
  hubs.push(hub);
  const { epoch } = (await hub.broadcast({ ...change, companyId: 'acme' })) as { epoch: string };
  const { stream } = await opened(hub, { companyId: 'acme', userId: 'ann' });
  await hub.forget('acme');
  expect(await ended(stream)).toBe('revoked');
  expect(await hub.readLog('acme')).toEqual({ epoch: '', headSeq: 0, actions: [] });
  const back = await opened(hub, { companyId: 'acme', userId: 'ann', lastEventId: `${epoch}.1` });
  expect(back.hello).toMatchObject({ recovered: false, reason: 'epoch_changed' });
});

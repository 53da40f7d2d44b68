/** What holds on every way, and why not where it cannot: the reasons are those of the table in lib/SPEC.md §11. */
import type { Hub, HubOptions } from '../../lib/index.js';
import { waitFor } from '../support/wait.js';
import type { Dialect, Gate, Way } from './ways.js';
import type { WayClient } from './way-client.js';

export interface Cell {
  hub: Hub;
  gate: Gate;
  way: Way;
  dialect: Dialect;
}

export interface Claim {
  name: string;
  options?: HubOptions;
  /** Why it cannot hold there. */
  cannot?: (way: Way, dialect: Dialect) => string | undefined;
  run: (cell: Cell) => Promise<void>;
}

const RETRY_MS = 1_000;

/** tRPC writes what a generator yields: where there is no response of Node's to hand over. */
const writtenByTrpc = (way: Way, dialect: Dialect): boolean => way.yields(dialect);

const byTrpc =
  (reason: string) =>
  (way: Way, dialect: Dialect): string | undefined =>
    writtenByTrpc(way, dialect) ? reason : undefined;

const change = (entityId: string, fields: object = {}) => ({
  type: 'update' as const,
  module: 'guests',
  entityId,
  companyId: 'acme',
  userId: 'writer',
  queryPaths: ['guests.getAll'],
  ...fields,
});

async function broadcast(hub: Hub, entityId: string, fields: object = {}): Promise<{ seq: number; cursor: string }> {
  const result = await hub.broadcast(change(entityId, fields));
  if (!result.ok) throw new Error(result.message);
  if (result.queued) throw new Error('not in the log yet');
  return { seq: result.seq, cursor: `${result.epoch}.${result.seq}` };
}

async function opened(gate: Gate, opening: Parameters<Gate['open']>[0] = {}): Promise<WayClient> {
  const client = await gate.open(opening);
  await client.untilHello();
  return client;
}

const entities = (client: WayClient): string[] => client.actions.map(({ entityId }) => entityId);

/** Why the hub ended it, as this way tells it. */
function reasonOf(client: WayClient): unknown {
  const told = client.named('server_close').at(-1)?.data['reason'];
  if (told !== undefined) return told;
  const thrown = client.thrown as { reason?: unknown; cause?: { reason?: unknown } } | undefined;
  if (thrown) return thrown.reason ?? thrown.cause?.reason;
  const message = client.named('serialized-error').at(-1)?.data['message'];
  return /^the hub ended the stream: (\w+)$/.exec(String(message))?.[1];
}

function expectHint(ms: unknown, factor = 1): void {
  expect(ms).toBeGreaterThanOrEqual(RETRY_MS * factor * 0.5);
  expect(ms).toBeLessThanOrEqual(RETRY_MS * factor * 1.5);
}

/** Long enough for a stamp of the hub to be another one. */
async function nextMillisecond(): Promise<void> {
  const now = Date.now();
  await waitFor(() => Date.now() > now + 1, 'the clock to go on');
}

export const CLAIMS: readonly Claim[] = [
  {
    name: 'the verdict comes first',
    run: async ({ gate, way, dialect }) => {
      const client = await gate.open();
      const hello = await client.untilHello();
      expect(hello).toMatchObject({ reason: 'fresh', recovered: false, id: hello.cursor });
      expect(client.events[0]?.type).toBe('hello');
      // Before it, in the tRPC dialect: tRPC's own `connected`, and ours, which brings the timeout.
      const before = dialect === 'trpc' && way.name !== 'generator' ? (way.yields(dialect) ? 1 : 2) : 0;
      const place = client.messages.findIndex(({ data }) => data.includes('"hello"'));
      expect(place).toBeLessThanOrEqual(before);
      expect(client.messages.slice(0, place).map(({ event }) => event)).toEqual(Array.from({ length: place }, () => 'connected'));
      if (way.name === 'generator') return;
      expect(client.status).toBe(200);
      expect(client.headers['content-type']).toMatch(/^text\/event-stream/);
      expect(client.headers['cache-control']).toMatch(/no-cache/);
    },
  },
  {
    name: 'a cursor resumes, and is exclusive',
    run: async ({ hub, gate }) => {
      const first = await opened(gate);
      await broadcast(hub, 'one');
      await first.untilAction('one');
      const cursor = first.idOf('one') ?? 'none';
      await broadcast(hub, 'two');
      first.cut();
      const again = await opened(gate, { lastEventId: cursor });
      await again.untilAction('two');
      expect(again.hello).toMatchObject({ reason: 'resumed', recovered: true, id: cursor });
      expect(entities(again)).toEqual(['two']);
    },
  },
  {
    name: 'a time resumes, and is inclusive',
    run: async ({ hub, gate }) => {
      await broadcast(hub, 'one');
      await nextMillisecond();
      await broadcast(hub, 'two');
      const { actions } = await hub.readLog('acme');
      const { timestamp } = JSON.parse(actions[1] ?? '{}') as { timestamp: number };
      const client = await opened(gate, { lastSyncTimestamp: timestamp });
      await client.untilAction('two');
      expect(client.hello).toMatchObject({ reason: 'resumed', recovered: true, timestamp });
      expect(entities(client)).toEqual(['two']);
    },
  },
  {
    name: '`since` resumes, by cursor or by time, where there is no other position',
    run: async ({ hub, gate }) => {
      const { cursor } = await broadcast(hub, 'one');
      await nextMillisecond();
      const at = Date.now();
      const two = await broadcast(hub, 'two');
      for (const since of [cursor, at, String(at)]) {
        const client = await opened(gate, { since, user: `from ${since}`.slice(0, 20) });
        await client.untilAction('two');
        expect(client.hello).toMatchObject({ reason: 'resumed', recovered: true });
        expect(entities(client)).toEqual(['two']);
      }
      const other = await opened(gate, { since: cursor, lastEventId: two.cursor });
      expect(other.hello).toMatchObject({ reason: 'resumed', id: two.cursor });
    },
  },
  {
    name: 'pings come each heartbeatMs, with the position',
    options: { heartbeatMs: 40 },
    run: async ({ hub, gate }) => {
      const client = await opened(gate);
      const { cursor } = await broadcast(hub, 'one');
      await waitFor(() => client.pings.filter(({ id }) => id === cursor).length >= 3, `pings at ${cursor}`);
      for (const { data } of client.pings) expect(data).toEqual({ type: 'ping', timestamp: expect.any(Number) as number, queryPaths: [] });
      // Those that are counted have gone out, and are seen.
      const counted = hub.metrics().heartbeats;
      await waitFor(() => client.pings.length >= counted, 'each ping that was counted');
      expect(client.pings.length).toBeLessThanOrEqual(hub.metrics().heartbeats);
    },
  },
  {
    name: '`retry` comes first, with jitter',
    options: { retryMs: RETRY_MS },
    cannot: byTrpc('tRPC writes the wire, and has no `retry:` to give'),
    run: async ({ gate }) => {
      const clients = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((user) => opened(gate, { user })));
      for (const { retries } of clients) {
        expect(retries).toHaveLength(1);
        expectHint(retries[0]);
      }
      expect(new Set(clients.map(({ retries }) => retries[0])).size).toBeGreaterThan(1);
    },
  },
  {
    name: '`connected` names its timeout (tRPC dialect)',
    options: { heartbeatMs: 20_000 },
    cannot: byTrpc('tRPC writes `connected`: set `sse.client.reconnectAfterInactivityMs` of initTRPC'),
    run: async ({ gate, dialect }) => {
      const client = await opened(gate);
      const told = client.named('connected');
      if (dialect === 'plain') expect(told).toEqual([]);
      // The last one counts; tRPC's own comes before it.
      else expect(told.at(-1)).toEqual({ id: undefined, data: { reconnectAfterInactivityMs: 50_000 } });
    },
  },
  {
    name: 'a drain ends each stream, and says so',
    run: async ({ hub, gate }) => {
      const clients = await Promise.all(['a', 'b'].map((user) => opened(gate, { user })));
      await hub.drain({ overMs: 0 });
      for (const client of clients) await client.untilEnd();
      expect(clients.map(reasonOf)).toEqual(['drain', 'drain']);
      expect(hub.metrics()).toMatchObject({ connections: 0, leases: 0, closes: { drain: 2 } });
    },
  },
  {
    name: 'a drain gives each a hint of its own, a position, and is no error',
    options: { retryMs: RETRY_MS },
    cannot: byTrpc('tRPC tells its client to stop where a generator ends: only an error makes it come back'),
    run: async ({ hub, gate }) => {
      const clients = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((user) => opened(gate, { user })));
      const { cursor } = await broadcast(hub, 'one');
      for (const client of clients) await client.untilAction('one');
      await hub.drain({ overMs: 0 });
      const hints = [];
      for (const client of clients) {
        await client.untilEnd();
        const [close] = client.named('server_close');
        expect(close).toEqual({
          id: cursor,
          data: { type: 'server_close', timestamp: expect.any(Number) as number, queryPaths: [], reason: 'drain', retryMs: client.retries.at(-1) },
        });
        expectHint(client.retries.at(-1));
        hints.push(client.retries.at(-1));
        expect(client.named('serialized-error')).toEqual([]);
        expect(client.named('return')).toEqual([]);
      }
      expect(new Set(hints).size).toBeGreaterThan(1);
      expect(gate.errors).toEqual([]);
    },
  },
  {
    name: 'what expires ends then, and says so',
    run: async ({ hub, gate }) => {
      const expiresAt = Date.now() + 1_500;
      const [client, other] = await Promise.all([opened(gate, { expiresAt }), opened(gate, { user: 'bob' })]);
      await client.untilEnd();
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
      expect(reasonOf(client)).toBe('auth_expired');
      expect(other.ended).toBe(false);
      expect(hub.metrics()).toMatchObject({ connections: 1, closes: { auth_expired: 1 } });
    },
  },
  {
    name: 'who is revoked is cut off, and told so',
    run: async ({ hub, gate }) => {
      const [client, other] = await Promise.all([opened(gate), opened(gate, { user: 'bob' })]);
      expect(await hub.disconnect({ userId: 'ann' })).toBe(1);
      await client.untilEnd();
      expect(reasonOf(client)).toBe('revoked');
      await broadcast(hub, 'after');
      await other.untilAction('after');
      expect(entities(client)).toEqual([]);
      expect(hub.metrics()).toMatchObject({ connections: 1, closes: { revoked: 1 } });
    },
  },
  {
    name: 'a slow reader is conflated, bounded, and hears of all of it',
    run: async ({ hub, gate }) => {
      const client = await opened(gate);
      client.pause();
      const pad = 'x'.repeat(60_000);
      await waitFor(async () => {
        await broadcast(hub, 'pad', { data: pad });
        const { backlogBytes, conflations } = hub.metrics();
        expect(backlogBytes).toBeLessThanOrEqual(65_536 + 70_000);
        return conflations > 0;
      }, 'conflation');
      const last = await broadcast(hub, 'last', { queryPaths: ['hotels.all'] });
      client.resume();
      await waitFor(() => client.covered.at(-1) === last.seq, 'the end of the backlog');
      expect(client.covered).toEqual(Array.from({ length: last.seq }, (_, i) => i + 1));
      expect(client.events.some(({ type }) => type === 'invalidate')).toBe(true);
      expect(client.events.some(({ queryPaths }) => (queryPaths as string[]).includes('hotels.all'))).toBe(true);
      await waitFor(() => hub.metrics().slowSinks === 0, 'the sink to be ready');
      const live = await broadcast(hub, 'live');
      await client.untilAction('live');
      expect(client.covered.at(-1)).toBe(live.seq);
      expect(hub.metrics()).toMatchObject({ slowSinks: 0, backlogBytes: 0 });
    },
  },
  {
    name: 'ephemeral events repeat the cursor (tRPC dialect) or have no id (plain)',
    run: async ({ hub, gate, dialect }) => {
      const client = await opened(gate);
      const { cursor } = await broadcast(hub, 'one');
      await client.untilAction('one');
      hub.ephemeral({ companyId: 'acme', topic: 'typing', data: { who: 'bob' } });
      const typing = await waitFor(() => client.messages.find(({ data }) => data.includes('"ephemeral"')), 'the ephemeral event');
      expect(typing.id).toBe(dialect === 'trpc' ? cursor : undefined);
      expect(JSON.parse(typing.data)).toMatchObject({ type: 'ephemeral', topic: 'typing', data: { who: 'bob' }, queryPaths: [] });
    },
  },
  {
    name: 'under load each action comes once and in order',
    run: async ({ hub, gate }) => {
      const clients = await Promise.all(['a', 'b', 'c'].map((user) => opened(gate, { user })));
      const writer = async (name: string): Promise<void> => {
        for (let i = 0; i < 60; i++) await broadcast(hub, `${name}${i}`, { data: 'x'.repeat((i * 97) % 3_000) });
      };
      await Promise.all(['x', 'y', 'z'].map(writer));
      const expected = Array.from({ length: 180 }, (_, i) => i + 1);
      for (const client of clients) {
        await waitFor(() => client.covered.length === 180, 'all of them');
        expect(client.covered).toEqual(expected);
        expect(client.actions.length + client.events.filter(({ type }) => type === 'invalidate').length).toBe(client.events.length - 1);
      }
    },
  },
  {
    name: 'the metrics tell what went out, and who is there',
    run: async ({ hub, gate, way, dialect }) => {
      const clients = await Promise.all(['a', 'b'].map((user) => opened(gate, { user })));
      for (let i = 0; i < 5; i++) await broadcast(hub, `e${i}`, { data: 'x'.repeat(500) });
      for (const client of clients) await client.untilAction('e4');
      expect(hub.metrics()).toMatchObject({ connections: 2, leases: 2, opened: 2, deliveries: 10 });
      const { bytes } = hub.metrics();
      const seen = clients.reduce((sum, client) => sum + (writtenByTrpc(way, dialect) ? payloadBytes(client) : client.bytes), 0);
      // The head of a taken socket and the frames of chunks are the hub's too.
      // tRPC's own `connected` is not.
      expect(bytes).toBeGreaterThanOrEqual(seen - (dialect === 'trpc' ? clients.length * 64 : 0));
      expect(bytes).toBeLessThanOrEqual(seen + clients.length * 1_000);
      for (const client of clients) client.cut();
      await waitFor(() => hub.metrics().connections === 0, 'both to be gone');
      expect(hub.metrics()).toMatchObject({ leases: 0, slowSinks: 0, backlogBytes: 0, closes: { gone: 2 } });
    },
  },
  {
    name: 'at the limit the newcomer is refused, and told so',
    options: { limits: { perUser: 1 }, retryMs: RETRY_MS },
    run: async ({ hub, gate, way, dialect }) => {
      const first = await opened(gate);
      const refused = await gate.open();
      await refused.untilEnd();
      expect(refused.hello).toBeUndefined();
      if (dialect === 'plain' && !way.yields(dialect)) {
        const [close] = refused.named('server_close');
        expect(close?.data).toMatchObject({ reason: 'limit', retryMs: refused.retries.at(-1) });
        expectHint(refused.retries.at(-1), 5);
      } else if (dialect === 'plain') {
        // The plain dialect says that there is a limit, not which.
        expect(refused.thrown).toMatchObject({ code: 'STREAM_CLOSED', reason: 'limit' });
      } else if (way.name === 'generator') {
        expect(refused.thrown).toMatchObject({
          code: 'TOO_MANY_REQUESTS',
          message: 'Too many connections for this user: 1 of 1',
        });
      } else {
        expect(refused.named('serialized-error')[0]?.data).toMatchObject({
          message: 'Too many connections for this user: 1 of 1',
          data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, path: 'onSync' },
        });
      }
      expect(first.ended).toBe(false);
      expect(hub.metrics()).toMatchObject({ connections: 1, leases: 1, refusals: { USER_LIMIT: 1 } });
    },
  },
];

function payloadBytes(client: WayClient): number {
  return client.events.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0);
}

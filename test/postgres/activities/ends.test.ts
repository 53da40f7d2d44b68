/** How streams of the live endpoint begin to fail, wait and end: limits, slow clients, a database that is away, hubs that drain and close. */
import { createServer, type IncomingMessage } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server, type Http2ServerRequest } from 'node:http2';
import { connect, type Socket } from 'node:net';
import type { Activities, Activity, LiveOptions, LiveUser } from '../../../lib/postgres/index.js';
import type { Hub } from '../../../lib/server/hub.js';
import { internalsOf } from '../../../lib/server/internals.js';
import { ENGINES } from '../../support/engines.js';
import { closeServers, listen } from '../../support/listen.js';
import { PostgresServer } from '../../support/postgres.js';
import { waitFor, within } from '../../support/wait.js';
import { LiveClient } from './live-client.js';
import { ENTITIES, world, type World } from './set-up.js';

jest.setTimeout(120_000);

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
}, 120_000);
afterAll(() => postgres?.end());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  closeServers();
});

const LIVE: LiveOptions<IncomingMessage | Http2ServerRequest, LiveUser> = { identify: () => ({ userId: 'ann', companyId: 'acme' }), isAllowed: (_user, changes) => changes.map(() => true) };

interface Served {
  w: World;
  hub: Hub;
  activities: Activities;
  errors: string[];
  port: number;
  open: (query?: string, headers?: Record<string, string>) => Promise<LiveClient>;
}

async function serve(hubOptions: Parameters<World['hub']>[0], live: Partial<typeof LIVE> = {}, more: Parameters<World['activities']>[1] = {}): Promise<Served> {
  const w = await world(postgres, closing);
  const hub = w.hub(hubOptions);
  const errors: string[] = [];
  hub.on('error', ({ during, error }) => void errors.push(`${during}: ${error.message}`));
  await w.worker(hub);
  const activities = w.activities(hub, more);
  const port = await listen(createServer(activities.live({ ...LIVE, ...live })));
  const open = async (query = '', headers = {}): Promise<LiveClient> => {
    const client = await LiveClient.open(port, `/organizations/acme/live?live=sse${query}`, headers);
    closing.push(async () => client.close());
    return client;
  };
  return { w, hub, activities, errors, port, open };
}

const isLive = ({ events }: LiveClient): boolean => events.some(({ event }) => event === 'offset');

describe.each(ENGINES)('%s', (engine) => {
  test('limits of the hub count it; an instance has one stream, beside that of the hub itself', async () => {
    const { hub, open } = await serve({ engine, limits: { perUser: 2 } });
    const first = await open('&clientInstanceId=tab');
    await first.until(isLive, 'to be live');
    const own = hub.stream({ companyId: 'acme', userId: 'ann', clientInstanceId: 'tab' });
    expect((await within(own.next(), 'hello')).value).toMatchObject({ type: 'hello' });
    const full = await open();
    await full.until(({ ended }) => ended, 'its refusal');
    expect(full.events).toMatchObject([{ event: 'server_close', data: { reason: 'limit', retryMs: expect.any(Number) as number } }]);
    const second = await open('&clientInstanceId=tab');
    await first.until(({ ended }) => ended, 'to be replaced');
    expect(first.events.at(-1)).toMatchObject({ event: 'server_close', data: { reason: 'replaced' } });
    await second.until(isLive, 'to be live');
    await own.return(undefined);
  });

  test('a session that ends, a hub that drains and one that closes end it, each with its reason', async () => {
    let expiresAt: number | undefined;
    const { w, hub, open } = await serve({ engine }, { identify: () => ({ userId: 'ann', companyId: 'acme', expiresAt }) });
    expiresAt = Date.now() + 1_500;
    const expiring = await open();
    expiresAt = undefined;
    const draining = await open();
    await draining.until(isLive, 'to be live');
    await expiring.until(({ ended }) => ended, 'its expiry');
    expect(expiring.events.at(-1)).toMatchObject({ event: 'server_close', data: { reason: 'auth_expired' } });
    expect(draining.ended).toBe(false);
    await within(hub.drain({ overMs: 0 }), 'the drain');
    await draining.until(({ ended }) => ended, 'the drain');
    expect(draining.events.at(-1)).toMatchObject({ event: 'server_close', data: { reason: 'drain' } });
    const late = await open();
    await late.until(({ ended }) => ended, 'its refusal');
    expect(late.events).toMatchObject([{ event: 'server_close', data: { reason: 'drain' } }]);
    await hub.close();
    const closed = await open();
    expect([closed.response.statusCode, await waitFor(() => closed.text, 'a body')]).toEqual([503, expect.stringContaining('HUB_CLOSED')]);
    await w.sql('SELECT 1');
  });

  test('a hub that closes in mid-stream ends it, and nothing of it stays', async () => {
    const { w, hub, open, errors } = await serve({ engine });
    const clients = await Promise.all([open(), open('&offset=-1'), open()]);
    for (const client of clients) await client.until(isLive, 'to be live');
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
    await within(hub.close({ flushMs: 0 }), 'the hub to close');
    for (const client of clients) await client.until(({ ended }) => ended, 'its end');
    expect(errors).toEqual([]);
  });

  test('a client that leaves while it is caught up costs nothing more', async () => {
    let release: (() => void) | undefined;
    const asked: number[] = [];
    const { w, hub, open, errors } = await serve({ engine }, {
      isAllowed: async (_user, changes: readonly Activity[]) => {
        asked.push(changes.length);
        await new Promise<void>((resolve) => (release = resolve));
        return changes.map(() => true);
      },
    });
    await w.sql(`INSERT INTO pages SELECT 'p' || i, 'acme' FROM generate_series(1, 250) i`);
    await waitFor(async () => (await w.rows('acme')).length === 250, 'the activities');
    const client = await open('&offset=-1');
    await waitFor(() => asked.length === 1, 'the first question');
    client.close();
    await waitFor(async () => (await hub.connections({ companyId: 'acme' })).length === 0, 'the stream to be gone');
    release?.();
    await waitFor(() => hub.metrics().connections === 0, 'nobody to listen to the doorbell');
    expect(asked).toEqual([100]);
    expect(errors).toEqual([]);
  });

  /** A client that reads nothing, until it is told to. */
  async function sleeper(port: number, hub: Hub): Promise<{ socket: Socket; ids: () => number[] }> {
    const before = (await hub.connections({ companyId: 'acme' })).length;
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    closing.push(async () => socket.destroy());
    socket.pause();
    socket.write('GET /organizations/acme/live?live=sse HTTP/1.1\r\nHost: x\r\n\r\n');
    await waitFor(async () => (await hub.connections({ companyId: 'acme' })).length === before + 1, 'it to be there');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.pause();
    return { socket, ids: () => [...text.matchAll(/^id: [0-9a-f]{8}\.(\d+)\ndata: \{"data"/gm)].map(([, seq]) => Number(seq)) };
  }

  // More than the kernel holds for a connection.
  const ROWS = 3_000;
  const MANY = `INSERT INTO pages SELECT 'p' || i, 'acme', repeat('x', 6000) FROM generate_series(1, ${String(ROWS)}) i`;

  test.each(['isAllowed', 'rows'] as const)("%s that never settles keeps nothing of a client that has left", async (which) => {
    const never = { isAllowed: 0, rows: 0 };
    const hang = <T>(): Promise<T> => {
      never[which]++;
      return new Promise<T>(() => undefined);
    };
    const { w, hub, open } = await serve({ engine }, which === 'isAllowed' ? { isAllowed: hang } : {}, which === 'rows' ? { entities: { pages: { rows: hang } } } : {});
    const internals = internalsOf(hub);
    const observe = internals.observe;
    const observers: AbortSignal[] = [];
    internals.observe = (companyId, from, signal, userId) => {
      if (signal) observers.push(signal);
      return observe(companyId, from, signal, userId);
    };
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme', 'x')`);
    await waitFor(async () => (await w.rows('acme')).length === 1, 'the activity');
    const client = await open('&offset=-1');
    await waitFor(() => never[which] === 1, 'the app to be asked');
    expect(observers.map(({ aborted }) => aborted)).toEqual([false]);
    client.close();
    // Nobody follows any more: the doorbell is left, too.
    await waitFor(() => observers.every(({ aborted }) => aborted), 'the observer of the doorbell to go');
  });

  test('for a client that reads nothing nothing is read, or asked; when it reads again all comes', async () => {
    let asked = 0;
    const { w, hub, open, port } = await serve({ engine, slowTimeoutMs: 60_000, heartbeatMs: 100 }, { isAllowed: (_user, changes) => ((asked += changes.length), changes.map(() => true)) });
    const other = await open();
    await other.until(isLive, 'to be live');
    const slow = await sleeper(port, hub);
    await w.sql(MANY);
    await other.until(({ changes }) => changes.length === ROWS, 'the fast one to have all');
    expect(asked).toBeGreaterThanOrEqual(ROWS);
    expect(asked).toBeLessThan(ROWS * 1.8);
    // What its connection holds is full some heartbeats later at the latest; after that nothing moves.
    const beats = (count: number): Promise<unknown> => {
      const from = other.ids.length;
      return other.until(({ ids }) => ids.length >= from + count, 'heartbeats');
    };
    await beats(10);
    const stalled = asked;
    await beats(30);
    expect(asked).toBe(stalled);
    slow.socket.resume();
    await waitFor(() => slow.ids().length === ROWS, 'the slow one to have all');
    expect(slow.ids()).toEqual(Array.from({ length: ROWS }, (_, i) => i + 1));
  });

  test('a client that reads nothing for slowTimeoutMs is ended, and holds nobody up', async () => {
    const { w, hub, open, port } = await serve({ engine, slowTimeoutMs: 1_000 });
    const slow = await sleeper(port, hub);
    const other = await open();
    await other.until(isLive, 'to be live');
    await w.sql(MANY);
    await other.until(({ changes }) => changes.length === ROWS, 'the fast one to have all');
    await waitFor(() => hub.metrics().closes['slow'] === 1, 'the slow one to be ended');
    expect(other.ended).toBe(false);
    slow.socket.resume();
    await waitFor(() => slow.socket.destroyed, 'its connection to end');
  });

  test('it hears no action: what the hub tells others is not written for it', async () => {
    const { hub, open } = await serve({ engine });
    const client = await open();
    await client.until(isLive, 'to be live');
    const own = hub.stream({ companyId: 'acme', userId: 'ann' });
    await within(own.next(), 'hello');
    const before = hub.metrics().deliveries;
    await hub.broadcast({ type: 'update', module: 'pages', entityId: '*', companyId: 'acme', userId: 'ann', queryPaths: ['*'] });
    expect((await within(own.next(), 'the action')).value).toMatchObject({ module: 'pages' });
    await own.return(undefined);
    expect(hub.metrics().deliveries).toBe(before + 1);
  });

  test('what is committed and rung for while a page is read is not missed', async () => {
    let holding = false;
    let held = false;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const w = await world(postgres, closing);
    const hub = w.hub({ engine });
    await w.worker(hub);
    const database = {
      query: async (text: string, values: unknown[]): Promise<unknown> => {
        const answer = await w.pool.query(text, values);
        if (holding && text.includes('LATERAL')) {
          holding = false;
          held = true;
          await released;
        }
        return answer;
      },
    };
    const activities = w.activities(hub, { database });
    const heard: string[] = [];
    await within(activities.subscribe({}, ({ entityId }) => void heard.push(entityId)).ready, 'its place');
    const port = await listen(createServer(activities.live(LIVE)));
    await w.sql(`INSERT INTO pages VALUES ('p0', 'acme')`);
    await waitFor(() => heard.includes('p0'), 'the first change');
    holding = true;
    const client = await LiveClient.open(port, '/organizations/acme/live?live=sse&offset=-1');
    closing.push(async () => client.close());
    await waitFor(() => held, 'its page to be read');
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
    // It hears by the same doorbell.
    await waitFor(() => heard.includes('p1'), 'the listener to hear');
    release();
    await client.until(({ changes }) => changes.length === 2, 'both');
    expect(client.changes).toEqual(['create p0', 'create p1']);
  });

  test('a replica that lags when the doorbell rings is asked again, without another ring', async () => {
    const w = await world(postgres, closing);
    const hub = w.hub({ engine });
    await w.worker(hub);
    // As old as its snapshot: what a replica is that has not got the newest commit yet.
    const replica = await w.pool.connect();
    closing.push(async () => replica.release());
    let lags = false;
    const activities = w.activities(hub, { database: { query: (text: string, values: unknown[]) => (lags ? replica : w.pool).query(text, values) } });
    const port = await listen(createServer(activities.live(LIVE)));
    const early = await LiveClient.open(port, '/organizations/acme/live?live=sse');
    closing.push(async () => early.close());
    await early.until(isLive, 'to be live');
    const heard: string[] = [];
    await within(activities.subscribe({ companyId: 'acme' }, ({ entityId }) => void heard.push(entityId)).ready, 'its place');
    const primary: string[] = [];
    await within(w.activities(hub).subscribe({}, ({ entityId }) => void primary.push(entityId)).ready, 'its place');
    await replica.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await replica.query('SELECT 1');
    lags = true;
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
    await waitFor(() => primary.includes('p1'), 'who reads the primary to hear it');
    expect([early.changes, heard]).toEqual([[], []]);
    lags = false;
    await replica.query('COMMIT');
    await early.until(({ changes }) => changes.length === 1, 'the change');
    await waitFor(() => heard.includes('p1'), 'the change');
  });

  test('who listens to the doorbell is disconnected: it listens again, and nothing is missing', async () => {
    const { w, hub, open, activities } = await serve({ engine });
    const client = await open();
    await client.until(isLive, 'to be live');
    const heard: string[] = [];
    const job = activities.subscribe({}, ({ entityId }) => void heard.push(entityId));
    await within(job.ready, 'its place');
    for (let n = 0; n < 5; n++) {
      expect(await hub.disconnect({ companyId: 'pathcast:activities' })).toBeGreaterThanOrEqual(0);
      await w.sql(`INSERT INTO pages VALUES ('p${String(n)}', 'acme')`);
    }
    await client.until(({ changes }) => changes.length === 5, 'all changes');
    await waitFor(() => heard.length === 5, 'all changes');
    expect(client.changes).toEqual([0, 1, 2, 3, 4].map((n) => `create p${String(n)}`));
  });

  test('a database that cannot be read ends who is caught up, and not who is live; what was written comes when it can be read', async () => {
    let fails = false;
    const { w, open, errors, port } = await serve({ engine }, {}, { entities: { ...ENTITIES, pages: { rows: (_company, ids) => { if (fails) throw new Error('the store of pages is away'); return ids.map((id) => ({ id })); } } } });
    const client = await open();
    await client.until(isLive, 'to be live');
    fails = true;
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
    await waitFor(() => errors.length > 0, 'the error');
    const late = await open('&offset=-1');
    await late.until(({ ended }) => ended, 'its end');
    expect(late.events).toMatchObject([{ event: 'server_close', data: { reason: 'drain' } }]);
    const page = await LiveClient.open(port, '/organizations/acme/live');
    expect([page.response.statusCode, JSON.stringify(await page.body())]).toEqual([500, expect.not.stringContaining('away')]);
    expect(client.ended).toBe(false);
    expect(client.changes).toEqual([]);
    fails = false;
    await client.until(({ changes }) => changes.length === 1, 'the change');
    expect(errors.every((error) => error === 'activities: the store of pages is away')).toBe(true);
  });

  test('over HTTP/2 it is the same', async () => {
    const { w, hub, activities } = await serve({ engine });
    const server = createHttp2Server(activities.live({ ...LIVE, headers: { 'x-app': 'a' } }));
    const port = await listen(server);
    const session = connectHttp2(`http://127.0.0.1:${String(port)}`);
    closing.push(async () => session.destroy());
    const request = session.request({ ':path': '/organizations/acme/live?live=sse&offset=-1' });
    let text = '';
    const headers = new Promise<Record<string, unknown>>((resolve) => request.once('response', resolve));
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    expect(await within(headers, 'the head')).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream', 'x-app': 'a' });
    await waitFor(() => text.includes('event: offset'), 'to be live');
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme')`);
    await waitFor(() => text.includes('"entityId":"p1"'), 'the change');
    await hub.disconnect({ userId: 'ann' });
    await waitFor(() => text.includes('"reason":"revoked"') && request.closed, 'its end');
  });
});

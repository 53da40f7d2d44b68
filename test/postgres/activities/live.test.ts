/** The live endpoint, on both engines, as a handler of Node and as a plugin of Fastify. */
import Fastify from 'fastify';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Activities, IsAllowed } from '../../../lib/postgres/index.js';
import type { Hub } from '../../../lib/server/hub.js';
import { ENGINES } from '../../support/engines.js';
import { closeServers, listen } from '../../support/listen.js';
import { PostgresServer } from '../../support/postgres.js';
import { waitFor, within } from '../../support/wait.js';
import { LiveClient } from './live-client.js';
import { world, type World } from './set-up.js';

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

interface User {
  userId: string;
}

const identify = ({ headers }: { headers: Record<string, unknown> }): User | null => (typeof headers['x-user'] === 'string' ? { userId: headers['x-user'] } : null);
const organization = (idOrSlug: string): string | null => ({ acme: 'acme', 'acme-slug': 'acme', 'ü/x': 'acme', other: 'other' })[idOrSlug] ?? null;
const everything: IsAllowed<User> = (_user, changes) => changes.map(() => true);

const SERVERS = {
  node: async (activities: Activities, isAllowed: IsAllowed<User>): Promise<number> => listen(createServer(activities.live({ identify, organization, isAllowed }))),
  Fastify: async (activities: Activities, isAllowed: IsAllowed<User>): Promise<number> => {
    const app = Fastify();
    closing.push(() => within(app.close(), 'Fastify to close'));
    app.addHook('onRequest', async (_request, reply) => void reply.header('access-control-allow-origin', '*'));
    await app.register(activities.live({ identify, organization, isAllowed }).fastify);
    await app.listen({ port: 0, host: '127.0.0.1' });
    return (app.server.address() as AddressInfo).port;
  },
};

const WAYS = ENGINES.flatMap((engine) => (['node', 'Fastify'] as const).map((way) => ({ engine, way })));

describe.each(WAYS)('$engine, $way', ({ engine, way }) => {
  const served = async (isAllowed = everything, options: Parameters<World['hub']>[0] = {}): Promise<{ w: World; hub: Hub; port: number; open: (query: string, headers?: Record<string, string>) => Promise<LiveClient> }> => {
    const w = await world(postgres, closing);
    const hub = w.hub({ engine, ...options });
    await w.worker(hub);
    const port = await SERVERS[way](w.activities(hub), isAllowed);
    const open = async (query: string, headers: Record<string, string> = {}): Promise<LiveClient> => {
      const client = await LiveClient.open(port, `/organizations/acme/live${query}`, { 'x-user': 'ann', ...headers });
      closing.push(async () => client.close());
      return client;
    };
    return { w, hub, port, open };
  };

  test('a page of what was missed, then live: each change once, with the fields that are promised', async () => {
    const { w, hub, port, open } = await served();
    await w.sql(`INSERT INTO pages VALUES ('p1', 'acme', 'One', 'x'); INSERT INTO pages VALUES ('p2', 'acme', 'Two', 'y')`);
    await waitFor(async () => (await w.rows('acme')).length === 2, 'both activities');
    const early = await open('?offset=-1&live=sse');
    expect(early.response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no', ...(way === 'Fastify' && { 'access-control-allow-origin': '*' }) });
    await early.until(({ changes }) => changes.length === 2, 'what was missed');
    await early.until(({ events }) => events.at(-1)?.event === 'offset', 'the end of it');
    expect(early.events.at(-1)).toMatchObject({ id: early.events[1]?.id, data: { offset: early.events[1]?.id } });
    expect(early.retry).toBeGreaterThan(0);
    expect(early.events[0]).toEqual({
      event: 'change',
      id: expect.stringMatching(/^[0-9a-f]{8}\.1$/) as string,
      data: { data: { id: 'p1', title: 'One' }, entityType: 'pages', entityId: 'p1', action: 'create', activityId: early.events[0]?.id, changedKeys: null, createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string, tx: null },
    });
    const page = (await (await open('?limit=1')).body()) as { offset: string; complete: boolean; activities: unknown[] };
    expect(page).toMatchObject({ offset: early.events[0]?.id, complete: false, activities: [early.events[0]?.data] });
    const later = await open(`?offset=${page.offset}&live=true`);
    const now = await open('?live=true&entityTypes=attachments,other');
    await now.until(({ events }) => events.length === 1, 'to be there');
    await w.sql(`DELETE FROM pages WHERE id = 'p1'; INSERT INTO attachments (company_id, size) VALUES ('acme', 1), ('other', 2)`);
    for (const client of [early, later, now]) await client.until(({ changes }) => changes.includes('create 1'), 'what came');
    expect(early.changes).toEqual(['create p1', 'create p2', 'delete p1', 'create 1']);
    expect(later.changes).toEqual(['create p2', 'delete p1', 'create 1']);
    expect(now.changes).toEqual(['create 1']);
    expect(hub.metrics()).toMatchObject({ connections: 4 }); // three, and who listens to the doorbell
    const [stream] = await hub.connections({ companyId: 'acme' });
    expect(stream).toMatchObject({ userId: 'ann', companyId: 'acme' });
    await hub.disconnect({ companyId: 'acme', userId: 'ann' });
    for (const client of [early, later, now]) await client.until(({ ended }) => ended, 'the end');
    expect(early.events.at(-1)).toMatchObject({ event: 'server_close', data: { reason: 'revoked' } });
    expect(port).toBeGreaterThan(0);
  });

  test('who is nobody, or asks for what is not his, gets no stream; what is asked wrongly is said', async () => {
    const { port } = await served();
    const ask = async (path: string, headers: Record<string, string> = { 'x-user': 'ann' }, method = 'GET'): Promise<[number | undefined, unknown]> => {
      const client = await LiveClient.open(port, path, headers, method);
      const body = (await client.body()) as { error?: { code: string } } | undefined;
      return [client.response.statusCode, body?.error?.code];
    };
    expect(await ask('/organizations/acme/live', {})).toEqual([401, 'UNAUTHORIZED']);
    expect(await ask('/organizations/nothing/live')).toEqual([404, 'NOT_FOUND']);
    expect(await ask('/organizations/%C3%BC%2Fx/live')).toEqual([200, undefined]);
    expect(await ask('/organizations/acme-slug/live?live=perhaps')).toEqual([400, 'INVALID_FIELD']);
    expect(await ask('/organizations/acme/live?limit=101')).toEqual([400, 'INVALID_FIELD']);
    expect(await ask('/organizations/acme/live?live=sse', { 'x-user': 'ann' }, 'HEAD')).toEqual([200, undefined]);
    expect((await ask('/organizations/acme/live', { 'x-user': 'ann' }, 'POST'))[0]).toBe(way === 'Fastify' ? 404 : 405);
  });
});

/**
 * The three scenarios of AegisX's audit ("Comprehensive Test Scenarios"), with its names, on `createEntityStore`, a real hub and a REST API over real sockets: two tabs of
 * two people, each with a stream of its own.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { indexedDB as databases } from 'fake-indexeddb';
import { createSyncClient, type SyncClient } from '../../lib/client/index.js';
import { createHub, type Hub } from '../../lib/index.js';
import { createOffline } from '../../lib/offline/create-offline.js';
import { offlineEnvironment } from '../../lib/offline/environment.js';
import type { Offline } from '../../lib/offline/inside.js';
import { createEntityStore, type EntityStore } from '../../lib/offline/store/index.js';
import { nodeBrowser } from '../client/support/node-browser.js';
import { waitFor } from '../support/wait.js';

interface User {
  id: string;
  name: string;
}
interface Written {
  id: string;
  changes?: Partial<User> | undefined;
  expected?: Record<string, string> | undefined;
  tx?: { transactionId: string; expected?: Record<string, string | null> | undefined } | undefined;
  as: string;
}

let hub: Hub;
let server: Server;
let url: string;
let away = false;
/** The stream's too. */
const sockets = new Set<Socket>();
const users = new Map<string, User>();
/** Of each name, who wrote it, and under which version. */
const versions = new Map<string, { version: string; by: string; at: number }>();
const closes: (() => void)[] = [];
let written = 0;

const bodyOf = async (request: IncomingMessage): Promise<Written> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text) as Written;
};

/** What a field-wise compare would do: who has not seen the newest version is told of it. */
async function write(kind: string, { id, changes, expected, tx, as }: Written): Promise<{ status: number; body: unknown }> {
  const now = versions.get(id);
  const saw = expected ?? tx?.expected;
  if (kind === 'update' && now && saw?.['name'] !== now.version && users.get(id)?.name !== changes?.name) {
    const conflict = { field: 'name', mine: changes?.name, theirs: users.get(id)?.name, by: now.by, at: now.at, version: now.version };
    return { status: 409, body: { code: 'CONFLICT', httpStatus: 409, pathcast: { code: 'FIELD_CONFLICT', retryable: false, conflicts: [conflict] } } };
  }
  if (kind === 'delete') users.delete(id);
  else users.set(id, { ...(users.get(id) ?? { id, name: '' }), ...changes });
  if (changes?.name !== undefined) versions.set(id, { version: `v${(written += 1)}`, by: as, at: Date.now() });
  const type = kind === 'create' ? 'insert' : (kind as 'update' | 'delete');
  await hub.broadcast({ ...(tx && { id: `tx:${tx.transactionId}` }), type, module: 'users', entityId: id, companyId: 'acme', userId: as, queryPaths: ['users'] });
  return { status: 200, body: users.get(id) ?? null };
}

beforeEach(async () => {
  // Its streams are sockets of this process's JavaScript, which a test may cut.
  hub = createHub({ engine: 'js' });
  users.clear();
  versions.clear();
  away = false;
  users.set('123', { id: '123', name: 'Zoe' });
  const stream = hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) });
  server = createServer((request, response) => {
    const [, part, kind = ''] = request.url!.split('?')[0]!.split('/');
    if (away) return void request.socket.destroy();
    if (part === 'sync') return void stream(request, response);
    void (async () => {
      const { status, body } = part === 'healthz' ? { status: 200, body: { ok: true } } : request.method === 'GET' ? { status: 200, body: [...users.values()] } : await write(kind, await bodyOf(request));
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    })();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const close of closes.splice(0)) close();
  await hub.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function ask(path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${url}/${path}`, body && { method: 'POST', body: JSON.stringify(body) });
  const data: unknown = JSON.parse(await answer.text());
  if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { data });
  return data;
}
const load = () => ask('users') as Promise<User[]>;

interface Tab {
  userRealtimeService: EntityStore<User>;
  websocketService: SyncClient;
}

/** A tab of somebody's. */
async function tab(as: string): Promise<Tab> {
  const websocketService = createSyncClient({ url: `${url}/sync`, companyId: 'acme', userId: as, environment: nodeBrowser() });
  const userRealtimeService = createEntityStore<User>({
    entity: 'users', load, sync: websocketService,
    create: (row) => ask('users/create', { id: row.id, changes: row, as }),
    update: (id, changes, { expected }) => ask('users/update', { id, changes, expected, as }),
    delete: (id) => ask('users/delete', { id, as }),
  });
  closes.push(() => {
    userRealtimeService.close();
    websocketService.close({ forget: true });
  });
  await waitFor(() => websocketService.status.state === 'live' && !userRealtimeService.getSnapshot().isLoading, 'the tab to be live');
  return { userRealtimeService, websocketService };
}
const localState = ({ userRealtimeService }: Tab): readonly User[] => userRealtimeService.getSnapshot().items;

test('should sync user creation across tabs', async () => {
  const [tabA, tabB] = [await tab('ann'), await tab('bob')];
  const userData = { id: '124', name: 'New' };
  const created = tabA.userRealtimeService.optimisticCreate(userData);
  expect(localState(tabA)).toContainEqual(userData);
  await created;
  await waitFor(() => localState(tabB).some(({ id }) => id === '124'), 'tab B to show it');
  expect(localState(tabB)).toContainEqual(userData);
});

test('the delete operation: shown at once in tab A, then in tab B', async () => {
  const [tabA, tabB] = [await tab('ann'), await tab('bob')];
  const gone = tabA.userRealtimeService.optimisticDelete('123');
  expect(localState(tabA)).toEqual([]);
  await gone;
  await waitFor(() => localState(tabB).length === 0, 'tab B to show it');
  expect(localState(tabA)).toEqual([]);
});

test('should queue operations when WebSocket disconnected', async () => {
  const environment = { ...offlineEnvironment(), ...nodeBrowser(), indexedDB: databases, persist: undefined };
  const offline: Offline = createOffline({
    app: 'seed-004', companyId: 'acme', userId: 'ann', probe: `${url}/healthz`, environment,
    mutations: { 'users.delete': { entity: 'users', kind: 'delete' } },
  });
  const sync = createSyncClient({ url: `${url}/sync`, companyId: 'acme', userId: 'ann', environment: nodeBrowser() });
  const send = (path: string, input: unknown) => ask(path.replace('.', '/'), { ...(input as object), as: 'ann' });
  await offline.start({ send, sync });
  const userRealtimeService = createEntityStore<User>({ entity: 'users', load, offline });
  closes.push(() => {
    userRealtimeService.close();
    offline.close();
    sync.close({ forget: true });
  });
  await waitFor(() => sync.status.state === 'live' && userRealtimeService.getSnapshot().items.length === 1, 'the tab to be live');
  // Disconnect WebSocket.
  away = true;
  for (const socket of sockets) socket.destroy();
  await waitFor(() => sync.status.state !== 'live', 'the stream to be cut');
  const deleted = userRealtimeService.optimisticDelete('123');
  await waitFor(() => userRealtimeService.pendingOperations().length === 1, 'it to be queued');
  expect([userRealtimeService.getSnapshot().items, users.size]).toEqual([[], 1]);
  // Reconnect, and verify sync.
  away = false;
  sync.reconnect();
  await deleted;
  await waitFor(() => userRealtimeService.pendingOperations().length === 0, 'nothing to be pending');
  expect([userRealtimeService.getSnapshot().items, users.size]).toEqual([[], 0]);
});

test('should detect and resolve conflicts', async () => {
  const [tabA, tabB] = [await tab('ann'), await tab('bob')];
  // Simultaneous edits.
  const promise1 = tabA.userRealtimeService.optimisticUpdate('123', { name: 'Alice' });
  const promise2 = tabB.userRealtimeService.optimisticUpdate('123', { name: 'Bob' });
  const ends = await Promise.allSettled([promise1, promise2]);
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const late = ends[0].status === 'rejected' ? tabA : tabB;
  expect(late.userRealtimeService.hasConflicts()).toBe(true);
  const [conflict] = late.userRealtimeService.conflicts();
  expect(conflict).toMatchObject({ rowId: '123', fields: [late === tabB ? { field: 'name', mine: 'Bob', theirs: 'Alice', by: 'ann' } : { field: 'name', mine: 'Alice', theirs: 'Bob', by: 'bob' }] });
  await late.userRealtimeService.resolve(conflict!.id, 'mine');
  expect(late.userRealtimeService.hasConflicts()).toBe(false);
  const mine = late === tabB ? 'Bob' : 'Alice';
  await waitFor(() => [tabA, tabB].every((each) => localState(each)[0]?.name === mine), 'both tabs to show what was decided');
});

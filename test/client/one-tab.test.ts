/** `createSyncClient` in one tab, against a real hub over real sockets: what it hears, what it says of itself, how its handles share. */
import { createServer, type RequestListener } from 'node:http';
import { createHub, isPathcastError, PathcastError, type Hub } from '../../lib/index.js';
import { ERROR_CODES } from '../../lib/protocol/codes.js';
import { createSyncClient, type ClientEvent, type SyncClient, type SyncClientOptions } from '../../lib/client/index.js';
import { closeServers, listen } from '../support/listen.js';
import { waitFor } from '../support/wait.js';
import { nodeBrowser, type NodeBrowser } from './support/node-browser.js';

const change = (id: string, fields: object = {}) => ({
  id,
  type: 'update' as const,
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'writer',
  queryPaths: ['guests.getAll'],
  ...fields,
});
const idOf = (event: ClientEvent): string => ('id' in event ? event.id : event.type);

let hub: Hub;
let browser: NodeBrowser;
const clients: SyncClient[] = [];

beforeEach(() => {
  hub = createHub({ engine: 'js', retryMs: 50, heartbeatMs: 1_000 });
  browser = nodeBrowser();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close({ forget: true });
  await hub.close();
  closeServers();
});

/** Where the hub is, and what each request asked for. */
async function serve(before?: RequestListener): Promise<{ url: string; asked: URL[]; headers: Record<string, unknown>[] }> {
  const asked: URL[] = [];
  const headers: Record<string, unknown>[] = [];
  const handler = hub.handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) });
  const port = await listen(
    createServer((request, response) => {
      asked.push(new URL(request.url ?? '', 'http://localhost'));
      headers.push(request.headers);
      before?.(request, response);
      if (!response.headersSent && !response.writableEnded) handler(request, response);
    }),
  );
  return { url: `http://127.0.0.1:${port}/sync`, asked, headers };
}

function open(options: Partial<SyncClientOptions> & { url: string }): SyncClient {
  const client = createSyncClient({ companyId: 'acme', userId: 'ann', environment: browser, ...options });
  clients.push(client);
  return client;
}

describe.each(['EventSource', 'fetch'])('over %s', (transport) => {
  const extra = transport === 'fetch' ? { headers: { 'x-app': '1' } } : {};

  test('hears each action once, over a cut and a drain, and says in which state it is', async () => {
    const { url } = await serve();
    const client = open({ url, ...extra });
    expect(client.status).toMatchObject({ state: 'connecting', reason: 'starting', leader: true });
    const heard: string[] = [];
    client.subscribe((event) => heard.push(idOf(event)));
    const states: string[] = [];
    client.onStatus(({ state, reason }) => states.push(`${state} ${reason}`));
    await waitFor(() => client.status.state === 'live', 'the verdict');
    await hub.broadcast(change('one'));
    await waitFor(() => heard.length === 1, 'the first action');
    void hub.disconnect({ userId: 'ann' }, 'drain');
    await hub.broadcast(change('two'));
    await waitFor(() => heard.length === 2, 'the second action');
    expect(heard).toEqual(['one', 'two']);
    expect(states).toEqual(['live open', 'connecting drain', 'live open']);
    expect(client.status.cursor).toMatch(/\.2$/);
  });

  test('a stream begins where the page was read', async () => {
    const { url, asked } = await serve();
    await hub.broadcast(change('before'));
    const first = open({ url, ...extra });
    await waitFor(() => first.status.state === 'live', 'the verdict');
    const since = first.status.cursor as string;
    await hub.broadcast(change('between'));
    const heard: string[] = [];
    // Another page, of another moment.
    open({ url, since, ...extra, environment: nodeBrowser() }).subscribe((event) => heard.push(idOf(event)));
    await waitFor(() => heard.length === 1, 'what came between');
    expect(heard).toEqual(['between']);
    expect(asked[1]?.searchParams.get('lastEventId')).toBe(since);
  });
});

test.each([
  [{ url: undefined }, 'one of url and trpc must be given, got undefined'],
  [{ url: '/sync' }, 'url must be an http address, got "/sync"'],
  [{ url: 'javascript:alert(1)' }, 'url must be an http address, got "javascript:alert(1)"'],
  [{ url: 'https://ann:secret@app.test/sync' }, 'url must be an http address, got "https://ann:secret@app.test/sync"'],
  [{ companyId: '' }, 'companyId must be a non-empty string, got ""'],
  [{ userId: 5 }, 'userId must be a non-empty string, got number'],
  [{ userId: '\ud800' }, 'userId must be a non-empty string, got "\\ud800"'],
  [{ since: Infinity }, 'since must be a cursor ("<epoch>.<seq>") or Unix ms, got number'],
  [{ tokenParam: '' }, 'tokenParam must be a non-empty string, got ""'],
  [{ headers: 'x-app: 1' }, 'headers must be an object or a function, got "x-app: 1"'],
  [{ headers: Promise.resolve({ 'x-app': '1' }) }, 'headers must be an object or a function, got object'],
  [{ headers: new Headers({ 'x-app': '1' }) }, 'headers must be an object or a function, got object'],
  [{ credentials: ['omit'] }, 'credentials must be omit, same-origin or include, got object'],
  [{ since: 'yesterday' }, 'since must be a cursor ("<epoch>.<seq>") or Unix ms, got "yesterday"'],
  [{ getToken: 'x' }, 'getToken must be a function, got "x"'],
  [{ compayId: 'x' }, 'an option must be one of url,trpc,companyId,userId,since,getToken,tokenParam,headers,credentials,shared,environment, got "compayId"'],
])('what is wrong with %p is named', (options, message) => {
  let thrown: unknown;
  try {
    createSyncClient({ url: 'http://127.0.0.1:1/', companyId: 'acme', userId: 'ann', ...(options as Partial<SyncClientOptions>) });
  } catch (error) {
    thrown = error;
  }
  expect(isPathcastError(thrown)).toBe(true);
  expect(thrown instanceof PathcastError).toBe(true);
  expect(thrown).toMatchObject({ code: 'INVALID_OPTION', number: ERROR_CODES.INVALID_OPTION, message });
});

test.each([
  [{ module: ['guests'] }, 'an option must be one of modules,queryPaths,topics,since, got "module"'],
  [{ modules: 'guests' }, 'modules must be a list, got "guests"'],
  [{ queryPaths: null }, 'queryPaths must be a list, got object'],
])('what is wrong with the filter %j is named', (filter, message) => {
  const client = createSyncClient({ url: 'http://127.0.0.1:1/', companyId: 'acme', userId: 'ann', environment: browser });
  clients.push(client);
  expect(() => client.subscribe(() => undefined, filter as never)).toThrow(message);
  client.subscribe(() => undefined, { modules: undefined });
});

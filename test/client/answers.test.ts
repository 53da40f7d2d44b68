/** What is no stream, over real sockets: each answer is named, and come back from. SPEC §15. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSyncClient, type SyncClient, type SyncClientOptions } from '../../lib/client/index.js';
import { freePort } from '../support/free-port.js';
import { closeServers, listen } from '../support/listen.js';
import { waitFor } from '../support/wait.js';
import { nodeBrowser } from './support/node-browser.js';

const clients: SyncClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close({ forget: true });
  closeServers();
});

const HELLO = 'id: e.1\ndata: {"type":"hello","timestamp":1,"queryPaths":[],"recovered":false,"reason":"fresh","cursor":"e.1","epoch":"e","serverTime":1,"heartbeatMs":60000,"connectionId":"c"}\n\n';
const stream = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(HELLO);
};
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers the first attempts as told, each further one with a stream. */
async function serve(...answers: Answer[]): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const port = await listen(
    createServer((request, response) => {
      if (request.method === 'HEAD') return void response.end();
      asked.push(request);
      (answers[asked.length - 1] ?? ((_request, answer) => stream(answer)))(request, response);
    }),
  );
  return { url: `http://127.0.0.1:${port}/sync`, asked };
}

function open(url: string, options: Partial<SyncClientOptions> = {}): { client: SyncClient; states: string[] } {
  // Waits are as short as chance allows.
  const client = createSyncClient({ url, companyId: 'acme', userId: 'ann', environment: nodeBrowser({ random: () => 0 }), ...options });
  clients.push(client);
  const states: string[] = [];
  client.onStatus(({ state, reason }) => states.push(`${state} ${reason}`));
  return { client, states };
}

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(code, headers).end();
const html: Answer = (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sign in to the hotel</h1>');

describe.each([
  ['EventSource', {}],
  ['fetch', { headers: { 'x-app': '1' } }],
])('by %s', (transport, options) => {
  test.each([
    ['502', status(502), 'bad_gateway'],
    ['503', status(503), 'bad_gateway'],
    ['504', status(504), 'bad_gateway'],
    ['500', status(500), 'server_error'],
    ['429', status(429), 'limit'],
    ['400', status(400), 'unexpected_answer'],
    ['204', status(204), 'unexpected_answer'],
    ['a page', html, 'not_a_stream'],
  ])('%s is named, and tried again', async (_what, answer, reason) => {
    // EventSource says of no answer why it was none: fetch asks a second time.
    const { url } = await serve(answer, answer);
    const { client, states } = open(url, options);
    await waitFor(() => client.status.state === 'live', 'the stream after it');
    expect(states).toEqual(expect.arrayContaining([`connecting ${reason}`, 'live open']));
  });

  test.each([
    ['403', 'forbidden'],
    ['404', 'not_found'],
  ])('%s is final, until a person asks', async (code, reason) => {
    const said = status(Number(code));
    const { url, asked } = await serve(...(transport === 'fetch' ? [said] : [said, said]));
    const { client } = open(url, options);
    await waitFor(() => client.status.state === 'refused', 'the refusal');
    expect(client.status.reason).toBe(reason);
    client.reconnect();
    await waitFor(() => client.status.state === 'live', 'the stream');
    expect(asked.length).toBe(transport === 'fetch' ? 2 : 3);
  });

  test('what is no event of pathcast ends the stream, and what comes after it is a new one', async () => {
    const { url } = await serve((_request, response) => {
      stream(response);
      response.write('data: {"type":\n\n');
    });
    const { client, states } = open(url, options);
    await waitFor(() => states.filter((state) => state === 'live open').length === 2, 'the second stream');
    expect(states).toContain('connecting malformed');
    expect(client.status.cursor).toBe('e.1');
  });
});

test('a token that has run out is replaced at once, in a header, and the position is kept', async () => {
  const { url, asked } = await serve((_request, response) => {
    stream(response);
    response.write('id: e.2\nevent: server_close\ndata: {"type":"server_close","timestamp":1,"queryPaths":[],"reason":"auth_expired","retryMs":1}\n\n');
    response.end();
  }, status(401));
  const tokens: boolean[] = [];
  const { client } = open(url, { getToken: ({ expired }) => (tokens.push(expired), `t${tokens.length}`) });
  await waitFor(() => asked.length === 3 && client.status.state === 'live', 'the third attempt');
  expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer t1', 'Bearer t2', 'Bearer t3']);
  expect(tokens).toEqual([false, true, true]);
  expect(asked.map(({ url: path }) => new URL(path ?? '', url).searchParams.get('lastEventId'))).toEqual([null, 'e.2', 'e.2']);
  expect(asked.every(({ url: path }) => !path?.includes('t1'))).toBe(true);
});

test.each([
  ['seconds', () => '40'],
  ['a date', () => new Date(Date.now() + 40_000).toUTCString()],
])('Retry-After as %s is the floor of the wait', async (_what, after) => {
  const { url } = await serve((_request, response) => void response.writeHead(503, { 'retry-after': after() }).end());
  const waits: number[] = [];
  const environment = nodeBrowser({ random: () => 0 });
  const client = createSyncClient({
    url,
    companyId: 'acme',
    userId: 'ann',
    headers: { 'x-app': '1' },
    environment: { ...environment, setTimeout: (run, ms) => (waits.push(ms), environment.setTimeout(run, ms)) },
  });
  clients.push(client);
  await waitFor(() => client.status.reason === 'bad_gateway', 'the answer');
  // A date has whole seconds. The wait for a token is 20 s.
  expect(waits.filter((ms) => ms > 38_000 && ms <= 40_000)).toHaveLength(1);
});

test('a message without an end is cut off at a bound', async () => {
  const { url } = await serve((_request, response) => {
    stream(response);
    response.write(`data: ${'x'.repeat(2 << 20)}`);
  });
  const { states } = open(url, { headers: { 'x-app': '1' } });
  await waitFor(() => states.filter((state) => state === 'live open').length === 2, 'the second stream');
  expect(states).toContain('connecting malformed');
});

test('a server that nobody reaches is offline, by proof, and found again', async () => {
  const { client } = open(`http://127.0.0.1:${await freePort()}/sync`);
  await waitFor(() => client.status.state === 'offline', 'the proof');
  expect(client.status.reason).toBe('unreachable');
});

/** What is too large, broken or too much is refused in words that both kinds of client understand. */
import { createTRPCClient, httpBatchLink, httpSubscriptionLink, TRPCClientError } from '@trpc/client';
import { EventSource } from 'eventsource';
import { MAX_BATCH_CALLS, MAX_BODY_BYTES, MAX_URL_CHARS } from '../../lib/reference/http/refusals.js';
import type { AppRouter } from '../../lib/reference/routers/index.js';
import { waitFor, within } from '../support/wait.js';
import { apiOf, StreamClient } from './support/clients.js';
import { login, post, startServer, type TestServer } from './support/server.js';

let server: TestServer;
let token: string;
beforeAll(async () => {
  server = await startServer();
  token = await login(server, 'acme');
});
afterAll(() => server.close());

async function refusal(call: Promise<unknown>): Promise<{ code: unknown; message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof TRPCClientError) return { code: (error as TRPCClientError<AppRouter>).data?.code, message: error.message };
    throw error;
  }
  throw new Error('was not refused');
}

describe('tRPC calls', () => {
  test('a body over the bound: PAYLOAD_TOO_LARGE', async () => {
    const guests = Array.from({ length: 600 }, (_, i) => ({ name: `Guest ${i}`, notes: 'x'.repeat(4_000) }));
    expect(JSON.stringify(guests).length).toBeGreaterThan(MAX_BODY_BYTES);
    expect(await refusal(apiOf(server, token).guests.bulkImport.mutate({ clientId: 'c1', guests }))).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(await apiOf(server, token).guests.getAll.query()).toEqual([]);
  });

  test('a query over the bound: PAYLOAD_TOO_LARGE, with the figures', async () => {
    const call = apiOf(server, token).guests.getAll.query({ clientId: 'x'.repeat(MAX_URL_CHARS) });
    expect(await refusal(call)).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', message: expect.stringContaining(String(MAX_URL_CHARS)) });
  });

  test('a batch over the bound: BAD_REQUEST', async () => {
    const api = createTRPCClient<AppRouter>({
      links: [httpBatchLink({ url: `${server.url}/trpc`, headers: { authorization: `Bearer ${token}` } })],
    });
    const calls = Array.from({ length: MAX_BATCH_CALLS + 1 }, () => refusal(api.guests.getAll.query()));
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual(calls.map(() => 'BAD_REQUEST'));
  });

  test('input that does not fit: BAD_REQUEST that names the field', async () => {
    const api = apiOf(server, token);
    const wrong = (input: Record<string, unknown>) => refusal(api.guests.create.mutate(input as { clientId: string; name: string }));
    expect(await wrong({ clientId: 'c1' })).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('name') });
    expect(await wrong({ clientId: '', name: 'Ada' })).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('clientId') });
    expect(await wrong({ clientId: 'c1', name: 'a\0b' })).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('NUL') });
    expect(await wrong({ clientId: 'c1', name: 'a\udc00' })).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('surrogate') });
    expect(await wrong({ clientId: 'c1', name: 'Ada', needsHotel: 'yes' })).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('needsHotel') });
    expect(await wrong({ clientId: 'c1', name: 'Ada', partySize: 0 })).toMatchObject({ code: 'BAD_REQUEST', message: expect.stringContaining('partySize') });
  });

  test('a row that is not there: NOT_FOUND; an id that is taken: CONFLICT', async () => {
    const api = apiOf(server, token);
    expect(await refusal(api.guests.getById.query({ id: 'nobody' }))).toMatchObject({ code: 'NOT_FOUND', message: 'guests has no row "nobody"' });
    expect(await refusal(api.guests.delete.mutate({ id: 'nobody' }))).toMatchObject({ code: 'NOT_FOUND' });
    await api.clients.create.mutate({ id: 'taken', name: 'A' });
    expect(await refusal(api.clients.create.mutate({ id: 'taken', name: 'B' }))).toMatchObject({ code: 'CONFLICT' });
  });

  test('a body that is no JSON: a typed error, and the server lives on', async () => {
    const response = await post(`${server.url}/trpc/guests.create`, '{"clientId":', { authorization: `Bearer ${token}` });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { data: { code: expect.stringMatching(/BAD_REQUEST|PARSE_ERROR/) } } });
  });

  test('an unknown procedure: 404', async () => {
    const response = await fetch(`${server.url}/trpc/guests.list`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(404);
  });
});

describe('streams', () => {
  test('a query over the bound ends a tRPC subscription with a typed error', async () => {
    const code = await within(
      new Promise((resolve) => {
        const client = createTRPCClient<AppRouter>({
          links: [httpSubscriptionLink({ url: `${server.url}/trpc`, EventSource, connectionParams: { token } })],
        });
        client.sync.onSync.subscribe({ clientId: 'x'.repeat(MAX_URL_CHARS) }, { onError: (error) => resolve(error.data?.code) });
      }),
      'a refusal',
    );
    expect(code).toBe('PAYLOAD_TOO_LARGE');
  });

  test('the same on the plain endpoint is a status that stops an EventSource', async () => {
    const response = await fetch(`${server.url}/sync/stream?clientId=${'x'.repeat(MAX_URL_CHARS)}`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(414);
    expect(await response.json()).toMatchObject({ error: { code: 'PAYLOAD_TOO_LARGE' } });
  });

  test('a head beyond all bounds: 431 from Node itself', async () => {
    const response = await fetch(`${server.url}/sync/stream`, { headers: { authorization: `Bearer ${'x'.repeat(40_000)}` } });
    expect(response.status).toBe(431);
  });

  test('limits hold per user and per company, and a place that is given back can be taken', async () => {
    const tight = await startServer({ PATHCAST_MAX_PER_USER: '2', PATHCAST_MAX_PER_COMPANY: '3' });
    const open: StreamClient[] = [];
    try {
      const [ada, bob] = [await login(tight, 'acme', 'ada'), await login(tight, 'acme', 'bob')];
      const live = async (who: string) => open.push(await StreamClient.live(tight, who));
      await live(ada);
      await live(ada);

      const refused = await StreamClient.open(tight, ada, '/trpc/sync.onSync');
      await refused.end();
      const error = refused.messages.find((message) => message.event === 'serialized-error');
      expect(JSON.parse(error?.data ?? '{}')).toMatchObject({
        message: 'Too many connections for this user: 2 of 2',
        data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, path: 'sync.onSync' },
      });
      const plain = await StreamClient.open(tight, ada, '/sync/stream');
      await plain.end();
      expect(plain.messages.at(-1)).toMatchObject({ event: 'server_close', data: expect.stringContaining('"reason":"limit"') });

      await live(bob);
      const full = await StreamClient.open(tight, bob, '/trpc/sync.onSync');
      await full.end();
      expect(full.messages.some((message) => message.data.includes('Too many connections for this company: 3 of 3'))).toBe(true);

      await open[0]?.close();
      await waitFor(() => tight.hub.metrics().connections === 2, 'the place to be free');
      await live(bob);
      expect(tight.hub.metrics()).toMatchObject({ connections: 3, refusals: { USER_LIMIT: 2, COMPANY_LIMIT: 1 } });
    } finally {
      await Promise.all(open.map((stream) => stream.close()));
      await tight.close();
    }
  });
});

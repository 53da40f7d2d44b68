/** Who may do what: logins, broken and expired tokens, roles; each refusal in a form that its client understands. */
import { SignJWT } from 'jose';
import { createTRPCClient, httpSubscriptionLink, TRPCClientError } from '@trpc/client';
import { EventSource } from 'eventsource';
import type { AppRouter } from '../../lib/reference/routers/index.js';
import { within } from '../support/wait.js';
import { apiOf, StreamClient } from './support/clients.js';
import { login, post, startServer, TEST_SECRET, type TestServer } from './support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

/** A token like the server's own, but for what the test changes. */
function forge(options: { secret?: string; expiresIn?: string; issuer?: string; claims?: Record<string, unknown> } = {}): Promise<string> {
  return new SignJWT({ companyId: 'acme', role: 'member', ...options.claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(options.issuer ?? 'pathcast-reference')
    .setSubject('u1')
    .setJti('forged')
    .setIssuedAt()
    .setExpirationTime(options.expiresIn ?? '1h')
    .sign(new TextEncoder().encode(options.secret ?? TEST_SECRET));
}

const unsigned = (): string => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: 'u1', companyId: 'acme', role: 'admin', exp: 4e9, iss: 'pathcast-reference' })}.`;
};

/** How an unmodified tRPC client sees its subscription end: the error's code, or `started`. */
function subscribe(token: string): Promise<string> {
  return within(
    new Promise<string>((resolve) => {
      const client = createTRPCClient<AppRouter>({
        links: [httpSubscriptionLink({ url: `${server.url}/trpc`, EventSource, connectionParams: { token } })],
      });
      const subscription = client.sync.onSync.subscribe(undefined, {
        onData: () => done('started'),
        onError: (error) => done(error.data?.code ?? error.message),
      });
      const done = (outcome: string): void => {
        subscription.unsubscribe();
        resolve(outcome);
      };
    }),
    'the subscription to start or fail',
  );
}

const codeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return 'no error';
  } catch (error) {
    return error instanceof TRPCClientError ? String((error as TRPCClientError<AppRouter>).data?.code) : String(error);
  }
};

describe('login', () => {
  test('gives a token, and a cookie that scripts cannot read', async () => {
    const response = await post(`${server.url}/login`, { userId: 'ada', companyId: 'acme' });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ userId: 'ada', companyId: 'acme', role: 'member', token: expect.any(String) });
    const cookie = response.headers.getSetCookie()[0] ?? '';
    expect(cookie).toMatch(/^pathcast_session=[^;]+;.*HttpOnly/);
    expect(cookie).toMatch(/SameSite=Lax/);
    expect(cookie).not.toMatch(/Secure/);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test.each([
    [{ userId: 'u1', companyId: null }, /^companyId: .*expected string/],
    [{ userId: 'u1' }, /^companyId: /],
    [{ userId: 'u1', companyId: '' }, /^companyId: must not be empty/],
    [{ userId: 'u1', companyId: 7 }, /^companyId: .*expected string/],
    [{ userId: 'u1', companyId: 'x'.repeat(257) }, /^companyId: must be at most 256 bytes/],
    [{ userId: 'a\0b', companyId: 'acme' }, /^userId: must not contain NUL/],
    [{ userId: 'u1', companyId: 'a\ud800' }, /^companyId: .*surrogate/],
    [{ userId: 'u1', companyId: 'acme', role: 'king' }, /^role: .*"admin"\|"member"\|"viewer"/],
    [['u1'], /JSON object/],
  ])('%j is refused', async (body, message) => {
    const response = await post(`${server.url}/login`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: { code: 'BAD_REQUEST', message: expect.stringMatching(message) } });
  });

  test('a body that is no JSON, or is too long, is refused', async () => {
    expect((await post(`${server.url}/login`, '{"userId":')).status).toBe(400);
    expect((await post(`${server.url}/login`, { userId: 'u1', companyId: 'acme', more: 'x'.repeat(5_000) })).status).toBe(413);
    expect((await post(`${server.url}/login`, 'userId=u1', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
  });

  test('is limited per address', async () => {
    const strict = await startServer({ PATHCAST_LOGINS_PER_MINUTE: '3' });
    try {
      const statuses = [];
      for (let i = 0; i < 5; i++) statuses.push((await post(`${strict.url}/login`, { userId: 'u1', companyId: 'acme' })).status);
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
      // Others are not: a session works on.
      expect((await fetch(`${strict.url}/healthz`)).status).toBe(200);
    } finally {
      await strict.close();
    }
  });

  test('is limited by what the nearest proxy says, not by what anybody may have written before it', async () => {
    const strict = await startServer({ PATHCAST_LOGINS_PER_MINUTE: '3', TRUST_PROXY: '1' });
    const from = async (forwarded: string) =>
      (await post(`${strict.url}/login`, { userId: 'u1', companyId: 'acme' }, { 'x-forwarded-for': forwarded })).status;
    try {
      const statuses = [];
      for (let i = 0; i < 5; i++) statuses.push(await from(`10.0.0.${i}, 192.0.2.1`));
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
      expect(await from('192.0.2.2')).toBe(200);
    } finally {
      await strict.close();
    }
  });

  test('logout ends the token and the streams of the user, and nobody else', async () => {
    const token = await login(server, 'acme', 'leaver');
    const streams = await Promise.all([
      StreamClient.live(server, token),
      StreamClient.live(server, token, '/sync/stream'),
    ]);
    const stays = await StreamClient.live(server, await login(server, 'acme', 'stays'), '/sync/stream');
    const response = await fetch(`${server.url}/logout`, { method: 'POST', headers: { cookie: `pathcast_session=${token}` } });
    expect(response.status).toBe(204);
    await within(Promise.all(streams.map((stream) => stream.end())), 'the streams to end');
    const again = await fetch(`${server.url}/sync/stream`, { headers: { authorization: `Bearer ${token}` } });
    expect([again.status, await again.text()]).toEqual([401, expect.stringContaining('The session was ended')]);
    const clientId = 'c1';
    const { id } = await apiOf(server, await login(server, 'acme', 'leaver')).guests.create.mutate({ clientId, name: 'Ada' });
    await apiOf(server, await login(server, 'acme', 'leaver')).guests.delete.mutate({ id });
    await stays.action(() => true, 'the action');
    await stays.close();
  });

  test('logout clears the cookie', async () => {
    const response = await fetch(`${server.url}/logout`, { method: 'POST' });
    expect(response.status).toBe(204);
    expect(response.headers.getSetCookie()[0]).toMatch(/^pathcast_session=;.*Expires=Thu, 01 Jan 1970/);
  });
});

describe('a token is accepted', () => {
  test('as Bearer, as cookie, and in connectionParams', async () => {
    const token = await login(server, 'acme');
    expect(await apiOf(server, token).guests.getAll.query()).toEqual([]);
    const cookie = await fetch(`${server.url}/trpc/guests.getAll`, { headers: { cookie: `pathcast_session=${token}` } });
    expect(cookie.status).toBe(200);
    const plain = await fetch(`${server.url}/sync/stream`, { headers: { cookie: `pathcast_session=${token}` } });
    expect(plain.status).toBe(200);
    await plain.body?.cancel();
    expect(await subscribe(token)).toBe('started');
  });
});

describe('a token is refused', () => {
  const bad: [name: string, make: () => string | Promise<string>][] = [
    ['missing', () => ''],
    ['no token at all', () => 'nonsense'],
    ['of another secret', () => forge({ secret: 'another secret that is long enough!' })],
    ['of another issuer', () => forge({ issuer: 'somebody-else' })],
    ['expired', () => forge({ expiresIn: '-1s' })],
    ['unsigned', unsigned],
    ['without a company', () => forge({ claims: { companyId: undefined } })],
    ['with an empty company', () => forge({ claims: { companyId: '' } })],
    ['with an unknown role', () => forge({ claims: { role: 'king' } })],
  ];

  test.each(bad)('%s: UNAUTHORIZED for tRPC calls, tRPC streams and plain streams', async (_name, make) => {
    const token = await make();
    expect(await codeOf(apiOf(server, token).guests.getAll.query())).toBe('UNAUTHORIZED');
    expect(await codeOf(apiOf(server, token).guests.create.mutate({ clientId: 'c1', name: 'x' }))).toBe('UNAUTHORIZED');
    if (token !== '') expect(await subscribe(token)).toBe('UNAUTHORIZED');
    const plain = await fetch(`${server.url}/sync/stream`, { headers: { authorization: `Bearer ${token}` } });
    expect(plain.status).toBe(401);
    expect(await plain.json()).toMatchObject({ error: { code: 'UNAUTHORIZED' } });
  });

  test('a broken Bearer is not saved by a good cookie', async () => {
    const cookie = `pathcast_session=${await login(server, 'acme')}`;
    const response = await fetch(`${server.url}/trpc/guests.getAll`, { headers: { cookie, authorization: 'Bearer broken' } });
    expect(response.status).toBe(401);
  });

  test('an expired one says so', async () => {
    const headers = { authorization: `Bearer ${await forge({ expiresIn: '-1s' })}` };
    const response = await fetch(`${server.url}/sync/stream`, { headers });
    expect(await response.json()).toEqual({ error: { code: 'UNAUTHORIZED', message: 'The session has expired; log in again' } });
  });

  test('one that expires ends its stream', async () => {
    // The clock of tokens has whole seconds: one of 1 s may be over at once.
    const token = await forge({ expiresIn: '4s' });
    const stream = await StreamClient.live(server, token);
    await within(stream.end(), 'the stream to end with its session');
    const last = stream.messages.at(-1);
    expect(last?.event).toBe('server_close');
    expect(JSON.parse(last?.data ?? '{}')).toMatchObject({ reason: 'auth_expired' });
  });
});

describe('roles', () => {
  test('a viewer reads and listens, and changes nothing', async () => {
    const token = await login(server, 'acme', 'auditor', 'viewer');
    const api = apiOf(server, token);
    expect(await api.guests.getAll.query()).toEqual([]);
    expect(await codeOf(api.guests.create.mutate({ clientId: 'c1', name: 'x' }))).toBe('FORBIDDEN');
    expect(await subscribe(token)).toBe('started');
  });
});

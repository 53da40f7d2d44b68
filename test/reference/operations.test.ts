/** Health, metrics, shutdown, and the process that npm start runs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../support/free-port.js';
import { waitFor, within } from '../support/wait.js';
import { apiOf, StreamClient } from './support/clients.js';
import { login, post, startServer, type TestServer } from './support/server.js';

/** Prometheus text as a map from `name{labels}` to the value. */
async function metricsOf(server: TestServer): Promise<Map<string, number>> {
  const response = await fetch(`${server.url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

describe('metrics', () => {
  test('count what happened', async () => {
    const server = await startServer({ PATHCAST_MAX_PER_USER: '1' });
    try {
      const token = await login(server, 'acme');
      const stream = await StreamClient.live(server, token);
      const refused = await StreamClient.open(server, token, '/sync/stream');
      await refused.end();
      const broken = await StreamClient.live(server, await login(server, 'acme', 'u2'), '/sync/stream', { 'last-event-id': 'nonsense' });
      await apiOf(server, token).guests.create.mutate({ clientId: 'c1', name: 'Ada' });
      await stream.action(() => true, 'the action');
      await broken.action(() => true, 'the action');

      // Broadcasts that nobody hears of unless a metric says so.
      const lost = { type: 'update', module: 'guests', entityId: '1', companyId: '', queryPaths: ['guests'] } as const;
      expect(await server.hub.broadcast(lost)).toMatchObject({ ok: false, code: 'INVALID_COMPANY_ID' });
      await server.hub.broadcast({ ...lost, companyId: 'elsewhere', queryPaths: ['guests.list'] });

      const metrics = await waitFor(async () => {
        const read = await metricsOf(server);
        return (read.get('pathcast_publish_to_written_seconds_count') ?? 0) >= 1 ? read : undefined;
      }, 'the publish to be measured');
      expect(Object.fromEntries(metrics)).toMatchObject({
        pathcast_connections: 2,
        pathcast_streams_opened_total: 2,
        pathcast_publishes_total: 2,
        pathcast_deliveries_total: 2,
        pathcast_companies: 2,
        pathcast_log_actions: 2,
        pathcast_slow_sinks: 0,
        pathcast_backlog_bytes: 0,
        pathcast_conflations_total: 0,
        pathcast_evictions_total: 0,
        pathcast_sockets_taken_total: server.hub.engine === 'native' ? 3 : 0, // the refused one too
        pathcast_warnings_total: expect.any(Number) as number,
        pathcast_phantom_paths_total: 1,
        'pathcast_failures_total{code="INVALID_COMPANY_ID"}': 1,
        'pathcast_refusals_total{code="USER_LIMIT"}': 1,
        'pathcast_resyncs_total{reason="unknown_cursor"}': 1,
        'pathcast_publish_to_written_seconds_bucket{le="+Inf"}': 1,
      });
      expect(metrics.get('pathcast_bytes_total')).toBeGreaterThan(500);
      expect(metrics.get('pathcast_publish_to_written_seconds_sum')).toBeGreaterThan(0);
      expect(metrics.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
      expect(metrics.has('pathcast_js_loop_delay_seconds{quantile="0.99"}')).toBe(true);

      // The buckets of a histogram only ever rise.
      const buckets = [...metrics].filter(([name]) => name.startsWith('pathcast_publish_to_written_seconds_bucket')).map(([, value]) => value);
      expect(buckets.length).toBeGreaterThan(5);
      expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
      await Promise.all([stream.close(), broken.close()]);
    } finally {
      await server.close();
    }
  });
});

describe('shutdown', () => {
  test('is announced on /readyz, ends the streams with a hint, refuses newcomers, answers requests until the end', async () => {
    const server = await startServer({ PORT: String(await freePort()), PATHCAST_DRAIN_MS: '4000' });
    const token = await login(server, 'acme');
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    const streams = await Promise.all([1, 2, 3].map(() => StreamClient.live(server, token)));
    const done = server.shutDown();

    const ready = await fetch(`${server.url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, reason: 'draining' }]);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    await apiOf(server, token).guests.create.mutate({ clientId: 'c1', name: 'Last order' });
    const late = await StreamClient.open(server, token, '/trpc/sync.onSync');
    await late.end();
    expect(late.messages.at(-1)).toMatchObject({ event: 'serialized-error', data: expect.stringContaining('SERVICE_UNAVAILABLE') });

    await within(done, 'the server to be closed');
    for (const stream of streams) {
      await stream.end();
      expect(stream.messages.at(-1)).toMatchObject({ event: 'server_close', data: expect.stringContaining('"reason":"drain"') });
    }
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    // Again, in any order, is harmless.
    await Promise.all([server.shutDown(), server.close()]);
  });

  test('does not wait for a connection on which nothing was asked', async () => {
    const server = await startServer({ PORT: String(await freePort()) });
    const { port } = new URL(server.url);
    const { connect } = await import('node:net');
    const idle = connect(Number(port), '127.0.0.1');
    await waitFor(() => idle.readyState === 'open', 'the connection');
    await fetch(`${server.url}/healthz`);
    await within(server.close(), 'the server to be closed', 15_000);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    idle.destroy();
  });

  test('a database that belongs to another schema is refused', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pathcast-db-'));
    const file = path.join(folder, 'data.sqlite');
    try {
      const first = await startServer({ PATHCAST_DB: file });
      await apiOf(first, await login(first, 'acme')).guests.create.mutate({ clientId: 'c1', name: 'Ada' });
      await first.close();
      const second = await startServer({ PATHCAST_DB: file });
      expect(await apiOf(second, await login(second, 'acme')).guests.getAll.query()).toMatchObject([{ name: 'Ada' }]);
      await second.database.client.execute('PRAGMA user_version = 99');
      await second.close();
      await expect(startServer({ PATHCAST_DB: file })).rejects.toThrow(/schema version 99; this server needs 1/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('the process', () => {
  const MAIN = path.join(__dirname, '../../dist/esm/reference/main.js');
  let folder: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    expect(existsSync(MAIN)).toBe(true);
    folder = await mkdtemp(path.join(tmpdir(), 'pathcast-main-'));
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  interface Run {
    child: ChildProcess;
    output: () => string;
    exit: Promise<number | null>;
    url: () => Promise<string>;
  }

  function run(env: Record<string, string>): Run {
    const child = spawn(process.execPath, [MAIN], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', PATHCAST_DRAIN_MS: '100', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const exit = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
    const url = async () => (await waitFor(() => /reference server on (http:\/\/[^"]+)/.exec(text), `the server to listen; so far: ${text}`))[1] ?? '';
    return { child, output: () => text, exit, url };
  }

  test.each(['SIGTERM', 'SIGINT'] as const)('prints its settings without secrets, serves, and on %s drains and exits with 0', async (signal) => {
    const secret = 'never to be seen in any log at all';
    const server = run({ SESSION_SECRET: secret });
    const url = await server.url();
    const settings = server.output().split('\n').filter((line) => line.includes('"msg":"settings"'));
    expect(settings).toHaveLength(1);
    expect(JSON.parse(settings[0] ?? '{}')).toMatchObject({ PORT: 0, PATHCAST_MAX_PER_USER: 5, PATHCAST_MAX_PER_COMPANY: 50, SESSION_SECRET: '(hidden)' });

    const { token } = (await (await post(`${url}/login`, { userId: 'u1', companyId: 'acme' })).json()) as { token: string };
    const stream = await fetch(`${url}/sync/stream`, { headers: { authorization: `Bearer ${token}` } });
    const page = await fetch(`${url}/`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>pathcast</title>')]);
    server.child.kill(signal);
    expect(await stream.text()).toContain('event: server_close');
    expect(await within(server.exit, 'the process to end')).toBe(0);
    expect(server.output()).not.toContain(secret);
    expect(server.output()).not.toContain(token);
  });

  test('in production it refuses to start without a secret, in one line', async () => {
    const server = run({ NODE_ENV: 'production' });
    expect(await within(server.exit, 'the process to end')).toBe(1);
    expect(server.output().trim().split('\n')).toEqual([expect.stringMatching(/^SESSION_SECRET is not set; in production it is needed/)]);
  });

  test('in production there is no page, no dashboard and no debug data', async () => {
    const server = run({ NODE_ENV: 'production', SESSION_SECRET: 'x'.repeat(32), HOST: '127.0.0.1' });
    const url = await server.url();
    for (const where of ['/', '/dashboard', '/dashboard/data', '/assets/demo.js']) expect([where, (await fetch(url + where)).status]).toEqual([where, 404]);
    const response = await post(`${url}/login`, { userId: 'u1', companyId: 'new-here' });
    expect(response.headers.getSetCookie()[0]).toMatch(/Secure/);
    const { token } = (await response.json()) as { token: string };
    const guests = await fetch(`${url}/trpc/guests.getAll`, { headers: { authorization: `Bearer ${token}` } });
    expect(await guests.json()).toEqual({ result: { data: [] } });
    server.child.kill('SIGTERM');
    expect(await within(server.exit, 'the process to end')).toBe(0);
  });

  test('a bad setting is refused in one line that says what is allowed', async () => {
    const server = run({ PATHCAST_HEARTBEAT_MS: 'often' });
    expect(await within(server.exit, 'the process to end')).toBe(1);
    expect(server.output().trim()).toBe('PATHCAST_HEARTBEAT_MS is "often"; allowed is a whole number from 10 to 86400000');
  });

  test('a database that cannot be written is told in one line that names the file and the setting', async () => {
    const server = run({ PATHCAST_DB: path.join(MAIN, 'data.sqlite') }); // below a file
    expect(await within(server.exit, 'the process to end')).toBe(1);
    expect(server.output().trim()).toMatch(/^the database \S+main\.js\/data\.sqlite cannot be opened for writing \(.+\)\. Set PATHCAST_DB to [^\n]+$/);
  });

  test('on a terminal it says where to click, and nothing else', async () => {
    // `script` gives the program a terminal.
    const command = `"${process.execPath}" "${MAIN}"`;
    const child = spawn('script', ['-qefc', command, '/dev/null'], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', PATHCAST_DRAIN_MS: '0', PATHCAST_ENGINE: 'js' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    children.push(child);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const lines = await waitFor(() => (text.split('\r\n').length > 2 ? text.split('\r\n') : undefined), 'two lines');
    const [, url = ''] = /^Demo +(http:\/\/localhost:\d+)\/$/.exec(lines[0] ?? '') ?? [];
    expect(lines).toEqual([`Demo       ${url}/`, `Dashboard  ${url}/dashboard`, '']);
    expect((await fetch(`${url}/dashboard`)).status).toBe(200);
    child.stdin.write('\x03');
    await within(new Promise((resolve) => child.once('close', resolve)), 'the process to end');
  });

  test('a port that is taken is told in one line', async () => {
    const taken = await startServer();
    try {
      const server = run({ PORT: new URL(taken.url).port });
      expect(await within(server.exit, 'the process to end')).toBe(1);
      const { port } = new URL(taken.url);
      expect(server.output().split('\n')).toContain(
        `Port ${port} of 127.0.0.1 is taken (EADDRINUSE). End the program that has it, or choose another: PORT=${Number(port) + 1} npm start`,
      );
    } finally {
      await taken.close();
    }
  });
});

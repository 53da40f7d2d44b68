/** `pathcast tail` on real streams: what it shows, how it comes back, how it ends, and what never reaches a terminal. */
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import superjson from 'superjson';
import { sinceOf } from '../../lib/cli/tail/command.js';
import { waitMs } from '../../lib/cli/tail/pace.js';
import { widthOf } from '../../lib/cli/terminal/text.js';
import type { Hub } from '../../lib/index.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { appRouter, startTrpc } from '../support/trpc-servers.js';
import { waitFor, within } from '../support/wait.js';
import { ANN, endAll, hubOf, later, serve, urlOf } from './doctor/set-ups.js';
import { Cli, runHere } from './support/cli.js';
import { Tail } from './support/tail.js';

afterEach(endAll);

/** Events each; a heartbeat would be one more on some ways. */
const QUIET = { heartbeatMs: 3_600_000, retryMs: 50 };

const say = (hub: Hub, entityId: string): Promise<unknown> =>
  hub.broadcast({ type: 'update', module: 'guests', entityId, companyId: 'acme', userId: 'bob', queryPaths: ['guests.getAll', 'guests.getStats'] });

const plainOf = (hub: Hub): Promise<number> => serve(hub.handler({ identify: () => ANN }));

describe('what it shows', () => {
  test('one line an event: time, type, module and paths, id', async () => {
    const hub = hubOf(QUIET);
    const tail = new Tail(['--url', urlOf(await plainOf(hub))]);
    await tail.until('hello');
    await say(hub, 'g1');
    hub.ephemeral({ companyId: 'acme', topic: 'typing', data: { who: 'bob' } });
    await tail.until('typing');
    const time = /^\d\d:\d\d:\d\d\.\d{3} {2}/.source;
    const id = /[0-9a-f]{12}\./.source;
    expect(tail.lines).toEqual([
      expect.stringMatching(new RegExp(`${time}hello {9}fresh: live from here on  ${id}0$`)),
      expect.stringMatching(new RegExp(`${time}update {8}guests g1  guests\\.getAll, guests\\.getStats  by bob  ${id}1$`)),
      expect.stringMatching(new RegExp(`${time}ephemeral {5}typing  \\{"who":"bob"\\}$`)),
    ]);
    expect(await tail.stop()).toBe(0);
    expect(tail.stderr).toBe('');
  });

  test.each([
    ['plain', undefined],
    ['superjson', superjson],
  ])('a tRPC subscription, %s: its connected and its heartbeats with --verbose alone', async (_name, transformer) => {
    const options = transformer ? { transformer } : {};
    const hub = hubOf({ heartbeatMs: 20, ...options });
    const server = await startTrpc('standalone', appRouter(hub, options));
    later(() => server.close());
    const url = `${server.url}/sync.onSync?connectionParams=${encodeURIComponent('{"token":"acme/ann"}')}`;
    const [quiet, verbose] = [new Tail(['--url', url]), new Tail(['--url', url, '--verbose'])];
    await Promise.all([quiet.until('hello'), verbose.until('  ping')]);
    await say(hub, 'g1');
    await Promise.all([quiet.until('guests g1  guests.getAll'), verbose.until('guests g1  guests.getAll')]);
    expect(quiet.lines.map((line) => line.split(/ +/)[1])).toEqual(['hello', 'update']);
    expect(verbose.stdout).toContain('  connected  ');
  });

  test('--json: an object a line, and nothing else', async () => {
    const hub = hubOf(QUIET);
    const tail = new Tail(['--url', urlOf(await plainOf(hub)), '--json', '--count', '2']);
    await tail.until('hello');
    await say(hub, 'g\u007f\u009b1\u202e');
    expect(await within(tail.done, 'the end')).toBe(0);
    expect(tail.stdout).not.toMatch(/[\u007f-\u009f\u202e]/);
    expect(tail.lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { time: expect.any(String), event: 'message', id: expect.any(String), data: { type: 'hello', reason: 'fresh' } },
      { data: { type: 'update', entityId: 'g\u007f\u009b1\u202e' } },
    ]);
  });

  test('a terminal of 80 columns: colours, no longer lines, paths before ids; NO_COLOR and a pipe: none', async () => {
    const hub = hubOf(QUIET);
    const url = urlOf(await plainOf(hub));
    const tails = [new Tail(['--url', url], { columns: 80 }), new Tail(['--url', url], { columns: 80, env: { NO_COLOR: '1' } }), new Tail(['--url', url])];
    await Promise.all(tails.map((tail) => tail.until('hello')));
    await say(hub, 'guest-1');
    await Promise.all(tails.map((tail) => tail.until('guest-1')));
    const [colours, none, pipe] = tails;
    expect(colours?.stdout).toContain('\u001b[32mhello');
    expect(none?.stdout).not.toContain('\u001b');
    expect(pipe?.stdout).not.toContain('\u001b');
    const bare = (colours?.lines ?? []).map((line) => line.replace(/\u001b\[\d+m/g, ''));
    const untimed = (lines: readonly string[] = []): string[] => lines.map((line) => line.slice(12));
    expect(untimed(bare)).toEqual(untimed(none?.lines));
    expect(bare.map(widthOf)).toEqual([80, 80]);
    expect(bare[1]).toMatch(/guests guest-1 {2}guests\.getAll, guests\.getStats … {2}\.1$/);
  });

  test('no control character of the wire reaches a terminal', async () => {
    const evil = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\r';
    const port = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [name, data] of [
        [evil.replace('\r', ''), evil.replace('\r', '')],
        ['message', JSON.stringify({ type: evil, queryPaths: [evil] })],
        ['message', JSON.stringify({ type: 'hello', reason: evil })],
        ['message', JSON.stringify({ type: 'update', module: evil, entityId: evil, userId: evil, queryPaths: [evil] })],
        ['serialized-error', JSON.stringify({ message: evil, code: -32001, data: { code: 'UNAUTHORIZED' } })],
      ]) response.write(`id: ${evil.replace('\r', '')}\nevent: ${name}\ndata: ${data}\n\n`);
    });
    for (const [args, where] of [[[], { columns: 100, env: { NO_COLOR: '1' } }], [[], {}], [['--json'], {}]] as const) {
      const tail = new Tail(['--url', urlOf(port), ...args], where);
      expect(await within(tail.done, 'the end')).toBe(1);
      expect(tail.lines).toHaveLength(5);
      expect(tail.stderr).toMatch(/^pathcast tail: refused: \\x1b\]0;owned/);
      expect(tail.stdout + tail.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    }
  });
});

describe('a stream that is lost', () => {
  test('comes back with its cursor: resumed, each action once', async () => {
    const hub = hubOf(QUIET);
    const proxy = await CuttingProxy.start(await plainOf(hub), () => undefined);
    later(() => proxy.close());
    const tail = new Tail(['--url', urlOf(proxy.port)]);
    for (let nth = 0; nth < 5; nth++) {
      await waitFor(() => tail.stdout.split('  hello  ').length === nth + 2, `opening ${nth}`);
      await say(hub, `seen-${nth}`);
      await tail.until(`seen-${nth}`);
      proxy.cutAll();
      await say(hub, `missed-${nth}`);
    }
    await tail.until('missed-4');
    const told = tail.lines.map((line) => line.split(/ {2,}/)).map(([, type, text = '']) => (type === 'hello' ? text.split(':')[0] : text.split(' ')[1]));
    expect(told).toEqual(['fresh', 'seen-0', ...[0, 1, 2, 3, 4].flatMap((n) => ['resumed', `missed-${n}`, ...(n < 4 ? [`seen-${n + 1}`] : [])])]);
    expect(tail.stderr).toMatch(/^(pathcast tail: (the connection (broke|was closed)|no answer from \S+ \(ECONNRESET\)); again in 0\.\d s\n)+$/);
  });

  test('of another life: the verdict says so, and the resync is shown', async () => {
    const first = hubOf(QUIET);
    let hub = first;
    const port = await serve((request, response) => hub.handler({ identify: () => ANN })(request, response));
    const tail = new Tail(['--url', urlOf(port)]);
    await tail.until('fresh');
    hub = hubOf(QUIET);
    await first.drain({ overMs: 0 });
    await tail.until('epoch_changed: all may be stale');
    await tail.until('epoch_changed: read all again');
    expect(tail.stdout).toMatch(/server_close {2}drain/);
    expect(tail.stderr).toMatch(/^pathcast tail: the server closed the stream \(drain\); again in 0\.\d s\n$/);
  });

  test('without ids it comes back with the time of what came last', async () => {
    const hub = hubOf(QUIET);
    const server = await startTrpc('standalone', appRouter(hub));
    later(() => server.close());
    const proxy = await CuttingProxy.start(server.port, () => undefined);
    later(() => proxy.close());
    const tail = new Tail(['--url', urlOf(proxy.port, `/trpc/sync.bare?connectionParams=${encodeURIComponent('{"token":"acme/ann"}')}`)]);
    await tail.until('hello');
    await say(hub, 'g1');
    await tail.until('g1');
    proxy.cutAll();
    await say(hub, 'g2');
    await tail.until('g2');
    expect(tail.stdout).toContain('resumed: ');
  });

  test('where no place is free it asks again, and gets in when one is', async () => {
    const hub = hubOf({ ...QUIET, retryMs: 20, limits: { perUser: 1 } });
    const port = await plainOf(hub);
    const living = await RawHttp.open(port, GET('/sync/stream'));
    await living.until('"type":"hello"');
    const tail = new Tail(['--url', urlOf(port)]);
    await tail.untilTold('refused: no place is free; again in 0.');
    living.socket.destroy();
    await tail.until('hello');
  });

  test('a server that says when to ask again is asked then', async () => {
    const hub = hubOf(QUIET);
    let asked = 0;
    const handle = hub.handler({ identify: () => ANN });
    const port = await serve((request, response) => {
      if (++asked > 1) handle(request, response);
      else response.writeHead(503, { 'retry-after': '1' }).end();
    });
    const tail = new Tail(['--url', urlOf(port)]);
    await tail.until('hello');
    expect(tail.stderr).toMatch(/answers 503; again in [0-2]\.\d s\n$/);
  });
});

describe('where it begins', () => {
  test('--since, by a cursor and by a time', async () => {
    const hub = hubOf(QUIET);
    const url = urlOf(await plainOf(hub));
    for (const entityId of ['g1', 'g2']) await say(hub, entityId);
    const { epoch } = await hub.readLog('acme');
    const byCursor = new Tail(['--url', url, '--since', `${epoch}.1`]);
    const byTime = new Tail(['--url', url, '--since', '1m']);
    await Promise.all([byCursor.until('g2'), byTime.until('hello')]);
    expect(byCursor.stdout).toContain('resumed: ');
    expect(byCursor.stdout).not.toContain('g1');
    expect(byTime.stdout).toContain('epoch_changed: ');
  });

  test.each([
    ['5d6c00000000.41', '5d6c00000000.41'],
    ['1764345600000', '1764345600000'],
    ['2025-11-28T16:00:00Z', '1764345600000'],
    ['30s', '1764345570000'],
    ['2h', '1764338400000'],
    ['1d', '1764259200000'],
  ])('%s', (text, position) => expect(sinceOf(text, 1_764_345_600_000)).toBe(position));

  test.each(['yesterday', '5w', '2025-13-99', '-1', '5D6C.1'])('%j is refused', (text) => {
    expect(() => sinceOf(text, 0)).toThrow(/^--since must be a cursor .*, got "/);
  });
});

describe('when it comes back', () => {
  test('first as the server said; then a random time up to a bound that doubles, 30 s at most', () => {
    expect(waitMs(0, 1_234, () => 0.5)).toBe(1_234);
    expect(waitMs(0, undefined, () => 0.5)).toBe(3_000);
    expect([1, 2, 3, 10, 1_000].map((failures) => waitMs(failures, 1_000, () => 0.5))).toEqual([1_000, 2_000, 4_000, 15_000, 15_000]);
    expect(waitMs(3, 1_000, () => 0)).toBe(100);
    expect(waitMs(0, 0, () => 0)).toBe(100);
    expect(waitMs(1, 60_000, () => 1)).toBe(60_000);
    expect(waitMs(0, 1e12, () => 0.5)).toBe(600_000);
  });
});

describe('a stream that is refused says why, and the code is 1', () => {
  const answering = async (status: number, headers: Record<string, string>, body: string): Promise<string> =>
    urlOf(await serve((_request, response) => void response.writeHead(status, headers).end(body)));
  test.each<[string, () => Promise<string>, string]>([
    ['signed out', async () => urlOf(await serve(hubOf().handler({ identify: () => null }))), 'answers 401: Sign in to open this stream'],
    ['a page', () => answering(200, { 'content-type': 'text/html' }, '<p>'), 'is no event stream: its type is text/html'],
    ['a redirect', () => answering(302, { location: '/login?next=x' }, ''), '/login: give that address if it is the stream'],
    ['204', () => answering(204, {}, ''), 'answers 204'],
    ['https at http', async () => urlOf(await serve(() => undefined)).replace('http:', 'https:'), 'no answer from https://'],
    ['a name that is none', async () => 'http://nowhere.invalid/', '(ENOTFOUND)'],
    ['tRPC', async () => {
      const server = await startTrpc('standalone', appRouter(hubOf()));
      later(() => server.close());
      return `${server.url}/sync.onSync`;
    }, 'refused: UNAUTHORIZED'],
  ])('%s', async (_name, make, why) => {
    const tail = new Tail(['--url', await make(), '--header', 'Authorization: Bearer secret-token']);
    expect(await within(tail.done, 'the end')).toBe(1);
    expect(tail.stderr).toMatch(/^pathcast tail: [^\n]+\n$/);
    expect(tail.stderr).toContain(why);
    expect(tail.stdout + tail.stderr).not.toContain('secret');
  });

  test('the command line', async () => {
    expect(await runHere(['tail'])).toMatchObject({ code: 2, stderr: expect.stringMatching(/^pathcast tail: --url is missing: /) });
    expect(await runHere(['tail', '--url', 'http://a/', '--count', '0'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--count must be a whole number from 1 ') });
  });
});

describe('as a process', () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await Cli.build();
  }, 120_000);
  afterAll(() => cli.remove());

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with code 0, and the stream with it', async (signal) => {
    const hub = hubOf(QUIET);
    const child = spawn(process.execPath, [cli.program, 'tail', '--url', urlOf(await plainOf(hub))], { stdio: ['ignore', 'pipe', 'pipe'] });
    later(() => child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    await waitFor(() => stdout.includes('hello'), 'hello');
    child.kill(signal);
    expect(await within(exit, 'the end')).toEqual([0, null]);
    expect(stderr).toBe('');
    await waitFor(() => hub.metrics().connections === 0, 'the hub to see it');
  });

  test('a reader that goes away ends it', async () => {
    const hub = hubOf(QUIET);
    const url = urlOf(await plainOf(hub));
    const ran = cli.run(['tail', '--url', url], { readOnly: 1 });
    await waitFor(() => hub.metrics().connections === 1, 'the stream');
    const more = setInterval(() => void say(hub, 'g'), 20);
    later(() => clearInterval(more));
    expect(await within(ran, 'the end')).toMatchObject({ code: 0, stderr: '' });
  });
});

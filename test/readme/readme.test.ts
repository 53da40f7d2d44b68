/** The code of README.md and docs/: every block compiles, and the apps that it shows run, from the packed package, with tRPC's own client. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { consumer, root, type Consumer } from '../package/packed.js';
import { Browser } from '../reference/support/browser.js';
import { endChild } from '../support/child.js';
import { freePort } from '../support/free-port.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { RedisServer } from '../support/redis.js';
import { COMPILERS } from '../types/compilers.js';
import { waitFor } from '../support/wait.js';
import { blocksOf, packagesOf, pages, type Block } from './blocks.js';

jest.setTimeout(240_000);

const blocks = pages().flatMap(blocksOf);
/** The pages are projects of their own: react-app.test.ts, offline-page.test.ts. */
const files = blocks.filter(({ kind, about }) => kind === 'file' && !/^(react|offline-page)\//.test(about));
const textOf = (kind: Block['kind'], about: string): string => blocks.find((block) => block.kind === kind && block.about === about)?.text ?? '';

let project: Consumer;
const running: ChildProcess[] = [];

beforeAll(() => {
  project = consumer();
  writeFileSync(path.join(project.dir, 'package.json'), '{ "type": "module" }');
  for (const { about, text } of files) {
    // One project for all folders, with the settings that docs/trpc.md shows for the first.
    const file = path.join(project.dir, path.basename(about) === 'tsconfig.json' ? 'tsconfig.json' : about);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  // What the pages take for granted, because a reader has it: the routers of an app.
  cpSync(path.join(root, 'test/fixtures/readme'), project.dir, { recursive: true });
});
afterEach(async () => {
  for (const child of running.splice(0)) await endChild(child);
});
afterAll(() => project?.remove());

interface Running {
  child: ChildProcess;
  output: () => string;
  /** Resolves once the output holds it. */
  said: (pattern: RegExp) => Promise<RegExpMatchArray>;
}

/** A .ts file runs compiled, any other as it is, in its own folder. */
function start(file: string, env: Record<string, string> = {}): Running {
  const compiled = file.endsWith('.ts');
  const [cwd, program] = compiled
    ? [project.dir, path.join('dist', file.replace(/\.ts$/, '.js'))]
    : [path.join(project.dir, path.dirname(file)), path.basename(file)];
  const child = spawn(process.execPath, [program], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const said = (pattern: RegExp) =>
    waitFor(() => pattern.exec(output) ?? undefined, `${file} to say ${String(pattern)}`, 60_000).catch((error: Error) => {
      throw new Error(`${error.message}; it said:\n${output}`);
    });
  return { child, output: () => output, said };
}

/** A server that prints its address, or its port. */
async function serve(file: string): Promise<Running & { port: string }> {
  // A test may start it again there.
  const server = start(file, { PORT: String(await freePort()) });
  const [, url, bare] = await server.said(/^http:\/\/\S+:(\d+)|port: (\d+)/m);
  return { ...server, port: url ?? bare ?? '' };
}

async function stopped({ child }: Running): Promise<number | null> {
  const exit = child.exitCode === null ? once(child, 'exit') : undefined;
  child.kill('SIGTERM');
  await exit;
  return child.exitCode;
}

test('the README asks for the Node that the package asks for', () => {
  const { engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
  expect(readFileSync(path.join(root, 'README.md'), 'utf8')).toContain(`You need Node.js ${engines.node.replace('>=', '')} or newer.`);
});

test('no two blocks are the same file', () => {
  const names = files.map(({ about }) => about);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test.each(pages())('%s: every package that a block imports stands in an npm install line there, or is pathcast', (page) => {
  const of = (kind: Block['kind']): Block[] => blocks.filter((block) => block.page === page && block.kind === kind);
  const lines = of('shell').flatMap(({ text }) => text.split('\n'));
  const installed = new Set(lines.filter((line) => line.startsWith('npm install')).flatMap((line) => line.split(' ').slice(2)));
  const imported = [...new Set(of('file').flatMap(({ text }) => packagesOf(text)))];
  expect(imported.filter((name) => name !== 'pathcast' && !installed.has(name))).toEqual([]);
});

// The last one writes what the tests below run.
test.each([...COMPILERS].reverse())('all blocks compile with %s', (compiler) => {
  const tsc = path.join(root, 'node_modules', compiler, 'bin/tsc');
  let said = '';
  try {
    execFileSync(process.execPath, [tsc, '-p', project.dir, '--pretty', 'false'], { cwd: project.dir, encoding: 'utf8' });
  } catch (error) {
    said = String((error as { stdout?: unknown }).stdout ?? error);
  }
  expect(said).toBe('');
});

describe('the quick start of the README', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await Browser.launch();
  });
  afterAll(() => browser?.close());

  test('what is added in one window shows in the other', async () => {
    const server = await serve('first/server.mjs');
    const [one, two] = [await browser.page(), await browser.page()];
    for (const page of [one, two]) {
      await page.goto(`http://localhost:${server.port}`);
      await page.getByText('Rose', { exact: true }).waitFor();
    }
    await one.getByPlaceholder('Name of a guest').fill('Ada');
    await one.getByRole('button', { name: 'Add' }).click();
    await two.getByText('Ada', { exact: true }).waitFor();
    expect(browser.complaints).toEqual([]);
    expect(server.output().split('\n')).toHaveLength(2);
  });
});

describe('a server of the README', () => {
  const streamAt = (port: string, path = '/sync/stream') => RawHttp.open(Number(port), GET(path, { Accept: 'text/event-stream' }));

  test.each(['fastify', 'express', 'hono'])('%s: a stream hears what a route broadcasts, and the engine is native', async (name) => {
    const server = await serve(`frameworks/${name}.ts`);
    const stream = await streamAt(server.port);
    await stream.until('"type":"hello"');
    const { status } = await fetch(`http://localhost:${server.port}/guests`, { method: 'POST' });
    expect(status).toBe(201);
    await stream.until('"queryPaths":["guests.getAll"]');
    stream.socket.destroy();
    expect(server.output()).not.toMatch(/warning/i);
  });

  test('tRPC and Fastify, with the client beside it: its cache is stale at the start and after a mutation', async () => {
    const server = await serve('frameworks/trpc-fastify.ts');
    // What a browser has: addresses without a host, and EventSource.
    const script = `
      import { EventSource } from 'eventsource';
      import { QueryClient } from '@tanstack/react-query';
      const at = (url) => new URL(url, 'http://localhost:${server.port}');
      globalThis.EventSource = class extends EventSource { constructor(url, options) { super(at(url), options); } };
      const { fetch } = globalThis;
      globalThis.fetch = (url, options) => fetch(at(url), options);
      const { listen, trpc } = await import('./dist/frameworks/client.js');
      const queryClient = new QueryClient();
      queryClient.setQueryData([['guests', 'getAll'], { type: 'query' }], []);
      const query = queryClient.getQueryCache().getAll()[0];
      const stale = () => new Promise((resolve) => {
        const look = () => query.state.isInvalidated && (off(), resolve());
        const off = queryClient.getQueryCache().subscribe(look);
        look();
      });
      const { unsubscribe } = listen(queryClient);
      await stale();
      queryClient.setQueryData(query.queryKey, await trpc.guests.getAll.query());
      await trpc.guests.create.mutate('Rose');
      await stale();
      console.log(JSON.stringify(await trpc.guests.getAll.query()));
      unsubscribe();`;
    writeFileSync(path.join(project.dir, 'listen.mjs'), script);
    await start('listen.mjs').said(/^\["Rose"\]$/m);
  });

  test('two nodes of docs/redis.md with one Redis: a stream of one hears what the other one is told', async () => {
    const redis = await RedisServer.start();
    try {
      const nodes = [];
      for (let n = 0; n < 2; n++) {
        const node = start('nodes/node.ts', { PORT: '0', REDIS_URL: `redis+unix://${redis.socket}` });
        nodes.push({ ...node, port: (await node.said(/port: (\d+)/))[1] ?? '' });
      }
      const [a, b] = nodes as [Running & { port: string }, Running & { port: string }];
      await waitFor(async () => (await fetch(`http://localhost:${a.port}/readyz`)).status === 200, 'A to be ready');
      const stream = await streamAt(b.port);
      await stream.until('"type":"hello"');
      expect(await (await fetch(`http://localhost:${a.port}/guests`, { method: 'POST' })).json()).toMatchObject({ ok: true, seq: 1 });
      await stream.until('"queryPaths":["guests.getAll"]');
      stream.socket.destroy();
      expect(await stopped(a)).toBe(0);
      expect(await stopped(b)).toBe(0);
    } finally {
      await redis.end();
    }
  });

  test('the shut-down: the streams end one after the other, each is told, and the process ends well', async () => {
    const server = await serve('frameworks/shutdown.ts');
    const streams = await Promise.all([1, 2, 3].map(() => streamAt(server.port)));
    for (const stream of streams) await stream.until('"type":"hello"');
    const start = performance.now();
    const code = stopped(server);
    const ends = streams.map(async (stream) => {
      await stream.until('"reason":"drain"');
      return performance.now() - start;
    });
    const [first = 0, , last = 0] = (await Promise.all(ends)).sort((a, b) => a - b);
    // Over the 3 s of the page. Over the hub's own second they would all be gone by then.
    expect(last - first).toBeGreaterThan(1_000);
    expect(await code).toBe(0);
  });

  test('Next: the route gives a stream, the configuration names the package', () => {
    const script = `
      import config from './frameworks/next/next.config.mjs';
      import { GET } from './dist/frameworks/next/route.js';
      setInterval(() => undefined, 1_000); // as a server does, this keeps the process
      const { status, body } = await GET(new Request('http://localhost/sync/stream'));
      const { value } = await body.getReader().read();
      console.log(JSON.stringify([config, status, new TextDecoder().decode(value).includes('"type":"hello"')]));
      process.exit();`;
    writeFileSync(path.join(project.dir, 'next.mjs'), script);
    const said = execFileSync(process.execPath, ['next.mjs'], { cwd: project.dir, encoding: 'utf8' });
    expect(JSON.parse(said)).toEqual([{ serverExternalPackages: ['pathcast'] }, 200, true]);
  });
});

test('docs/browser.md: an EventSource that met a 502 is opened again', async () => {
  const script = `
    import { createServer } from 'node:http';
    import { EventSource } from 'eventsource';
    import { handler } from 'pathcast';
    globalThis.EventSource = EventSource;
    Math.random = () => 0;
    const stream = handler({ identify: () => ({ companyId: 'acme', userId: 'ann' }) });
    let asked = 0;
    const server = createServer((req, res) => (asked++ === 0 ? res.writeHead(502).end() : stream(req, res)));
    server.listen(0, async () => {
      const { listenTo } = await import('./dist/pages/reopened.js');
      const end = listenTo('http://localhost:' + server.address().port, ({ type }) => {
        console.log(asked, type);
        end();
        process.exit();
      });
    });`;
  writeFileSync(path.join(project.dir, 'reopened.mjs'), script);
  await start('reopened.mjs').said(/^2 hello$/m);
});

test('docs/trpc.md: the client hears its action, and says what the page prints', async () => {
  const server = await serve('quickstart/server.ts');
  const client = start('quickstart/client.ts', { PORT: server.port });
  await client.said(/insert/);
  expect(client.output()).toBe(textOf('output', 'quickstart/client.ts'));
  expect(await stopped(server)).toBe(0);
  expect(server.output().split('\n')).toHaveLength(2);
});

test('docs/trpc.md: a client that finds no place comes back by itself once there is one', async () => {
  const first = await serve('quickstart/server.ts');
  const clients = [1, 2, 3, 4, 5, 6].map(() => start('quickstart/client.ts', { PORT: first.port }));
  // Five streams a user: one of the six waits.
  await waitFor(() => clients.filter(({ output }) => output().includes('hello')).length === 5, 'five clients to have a stream', 60_000);
  const waiting = clients.find(({ output }) => !output().includes('hello'));
  clients.find((client) => client !== waiting)?.child.kill();
  await waiting?.said(/hello/);
  expect(waiting?.output()).not.toContain('error');
});

test('docs/trpc.md: who was connected hears of everything after a restart', async () => {
  const first = await serve('quickstart/server.ts');
  const client = start('quickstart/client.ts', { PORT: first.port });
  await client.said(/insert/);
  await stopped(first);
  await start('quickstart/server.ts', { PORT: first.port }).said(/^http/m);
  await client.said(/resync/);
  expect(client.child.exitCode).toBeNull();
});

test.each(['express', 'hono', 'node'])('docs/trpc.md: the router on %s, natively, to the same client', async (name) => {
  const server = await serve(`quickstart/on-${name}.ts`);
  const client = start('quickstart/client.ts', { PORT: server.port });
  await client.said(/insert \[ 'guests\.getAll' \]/);
  expect(server.output()).not.toMatch(/warning/i);
});

test('a path, a prefix and * name the right keys of TanStack Query', () => {
  const script = `
    import { QueryClient } from '@tanstack/react-query';
    import { invalidate } from './dist/quickstart/invalidate.js';
    const queryClient = new QueryClient();
    const stale = (...paths) => {
      queryClient.clear();
      for (const path of ['guests.getAll', 'guests.getById', 'guestTransport.getAll', 'hotels.getAll'])
        queryClient.setQueryData([path.split('.'), { input: { id: 1 }, type: 'query' }], 1);
      invalidate(queryClient, paths);
      return queryClient.getQueryCache().getAll().filter((query) => query.state.isInvalidated).map((query) => query.queryKey[0].join('.'));
    };
    console.log(JSON.stringify([stale('guests.getAll'), stale('guests'), stale('hotels', 'guests.getById'), stale('*'), stale()]));`;
  writeFileSync(path.join(project.dir, 'keys.mjs'), script);
  const said = execFileSync(process.execPath, ['keys.mjs'], { cwd: project.dir, encoding: 'utf8' });
  const all = ['guests.getAll', 'guests.getById', 'guestTransport.getAll', 'hotels.getAll'];
  expect(JSON.parse(said)).toEqual([['guests.getAll'], ['guests.getAll', 'guests.getById'], ['guests.getById', 'hotels.getAll'], all, []]);
});

test('the typed map: a mutation announces its paths and what cascades from them', () => {
  const said = execFileSync(process.execPath, ['dist/typed/told.js'], { cwd: project.dir, encoding: 'utf8' });
  expect(JSON.parse(said)).toEqual(['budget', 'clients', 'guestTransport', 'guests.getAll', 'guests.getStats', 'hotels', 'timeline']);
});

test('the recorder: the suite that docs/query-paths.md shows passes', () => {
  const said = execFileSync(process.execPath, ['--test', 'dist/typed/guests.test.js'], { cwd: project.dir, encoding: 'utf8' });
  expect(said).toMatch(/pass 1\b[\s\S]*fail 0\b/);
});

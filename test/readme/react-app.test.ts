/**
 * The React app of the README, as a reader builds it: its blocks and nothing else, the packed package, the commands that stand there, two
 * browsers. Its server dies under it, with its history and without, and its reads fail: what is on the screen becomes true again by itself.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { consumer, root, type Consumer } from '../package/packed.js';
import type { CdpEvent } from '../support/chromium/cdp.js';
import { Chromium } from '../support/chromium/chromium.js';
import type { Tab } from '../support/chromium/tab.js';
import { endChild } from '../support/child.js';
import { freePort } from '../support/free-port.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';
import { COMPILERS } from '../types/compilers.js';
import { blocksOf, type Block } from './blocks.js';

jest.setTimeout(180_000);

const FOLDER = 'react/';
const blocks = blocksOf('README.md').filter(({ kind, about }) => kind === 'file' && about.startsWith(FOLDER));
/** What a reader types to start the page. */
const [, PAGE_COMMAND = ''] = /^npx (esbuild .*)$/m.exec(shellWith('npx esbuild')) ?? [];
const NOT_CONNECTED = 'Not connected: this may be out of date';

function shellWith(text: string): string {
  return blocksOf('README.md').find((block: Block) => block.kind === 'shell' && block.text.includes(text))?.text ?? '';
}

let project: Consumer;
let chromium: Chromium;
/** The ports of the README, and those that are free here. */
const ports: Record<string, number> = {};
const running: ChildProcess[] = [];
const tabs: Tab[] = [];

const atFreePorts = (text: string): string => text.replace(/\b(?:3000|5173)\b/g, (port) => String(ports[port] ?? port));

function run(command: string, args: readonly string[], said: RegExp, env: Record<string, string> = {}): Promise<ChildProcess> {
  // esbuild serves for as long as its input is open.
  const child = spawn(command, args, { cwd: project.dir, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  running.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return waitFor(() => (said.test(output) ? child : undefined), `${command} to say ${String(said)}`).catch((error: Error) => {
    throw new Error(`${error.message}; it said:\n${output}`);
  });
}

const serve = (env: Record<string, string> = {}, program = 'dist/server.js'): Promise<ChildProcess> => run(process.execPath, [program], /^http:/m, env);

beforeAll(async () => {
  project = consumer();
  writeFileSync(path.join(project.dir, 'package.json'), '{ "type": "module" }');
  for (const port of ['3000', '5173']) ports[port] = await freePort();
  for (const { about, text } of blocks) {
    const file = path.join(project.dir, about.slice(FOLDER.length));
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, atFreePorts(text));
  }
  const [command = '', ...args] = atFreePorts(PAGE_COMMAND).split(' ');
  await run(path.join(root, 'node_modules/.bin', command), args, /http:/);
  chromium = await Chromium.launch();
});
beforeEach(() => rmSync(path.join(project.dir, 'guests.json'), { force: true }));
afterEach(async () => {
  for (const tab of tabs.splice(0)) await tab.close();
  // All but the page's.
  for (const child of running.splice(1)) await endChild(child);
});
afterAll(async () => {
  await chromium?.close();
  for (const child of running) await endChild(child);
  project?.remove();
});

async function browser(): Promise<Tab> {
  const tab = await chromium.open(`http://localhost:${ports['5173']}/`, { context: await chromium.privateContext() });
  tabs.push(tab);
  return tab;
}

const add = (tab: Tab, name: string): Promise<unknown> =>
  tab.evaluate(`void (document.querySelector('input').value = ${JSON.stringify(name)}, document.querySelector('button').click())`);

/** What is on the screen: the list, and what the page says of it. */
function says(tab: Tab): Promise<[guests: string[], status: string]> {
  return tab.evaluate("[[...document.querySelectorAll('li')].map((item) => item.textContent), document.querySelector('[role=status]')?.textContent ?? '']");
}

async function shows(tab: Tab, guests: readonly string[], status = ''): Promise<void> {
  let seen: unknown;
  await waitFor(async () => JSON.stringify((seen = await says(tab))) === JSON.stringify([guests, status]), 'the screen').catch((error: Error) => {
    throw new Error(`${error.message} to show ${JSON.stringify([guests, status])}; it shows ${JSON.stringify(seen)}`);
  });
}

/** Two browsers that show the guests as they are. */
async function both(): Promise<[Tab, Tab]> {
  const two: [Tab, Tab] = [await browser(), await browser()];
  for (const tab of two) await shows(tab, ['Rose']);
  return two;
}

/** Somebody's script, while nobody tells of it. */
function changeUnheard(...guests: string[]): void {
  writeFileSync(path.join(project.dir, 'guests.json'), JSON.stringify(guests));
}

/** Answers reads in the server's place, for as long as `answer` gives something. */
async function intercept(tab: Tab, answer: () => 500 | 'cut' | undefined): Promise<() => number> {
  let reads = 0;
  chromium.cdp.on('event', ({ method, params, sessionId }: CdpEvent) => {
    if (method !== 'Fetch.requestPaused' || sessionId !== tab.sessionId) return;
    reads += 1;
    const { requestId } = params;
    const how = answer();
    const headers = { 'access-control-allow-origin': `http://localhost:${ports['5173']}`, 'access-control-allow-credentials': 'true' };
    const responseHeaders = Object.entries(headers).map(([name, value]) => ({ name, value }));
    if (how === undefined) void tab.send('Fetch.continueRequest', { requestId });
    else if (how === 'cut') void tab.send('Fetch.failRequest', { requestId, errorReason: 'ConnectionReset' });
    else void tab.send('Fetch.fulfillRequest', { requestId, responseCode: how, responseHeaders });
  });
  await tab.send('Fetch.enable', { patterns: [{ urlPattern: '*/trpc/guests.getAll*' }] });
  return () => reads;
}

// The last one writes what the tests below run.
test.each([...COMPILERS].reverse())('it compiles with %s', (compiler) => {
  let said = '';
  try {
    execFileSync(process.execPath, [path.join(root, 'node_modules', compiler, 'bin/tsc'), '--pretty', 'false'], { cwd: project.dir, encoding: 'utf8' });
  } catch (error) {
    said = String((error as { stdout?: unknown }).stdout ?? error);
  }
  expect(said).toBe('');
});

test('what is added in one browser shows in the other, and nothing is said', async () => {
  await serve();
  const [one, two] = await both();
  await add(one, 'Ada');
  for (const tab of [one, two]) await shows(tab, ['Rose', 'Ada']);
  expect([one, two].flatMap(({ complaints }) => complaints)).toEqual([]);
});

test('a guest of the same name is another guest, and what could not be added is said', async () => {
  const server = await serve();
  const [one, two] = await both();
  await add(one, 'Rose');
  for (const tab of [one, two]) await shows(tab, ['Rose', 'Rose']);
  expect([one, two].flatMap(({ complaints }) => complaints)).toEqual([]);
  await endChild(server);
  await shows(one, ['Rose', 'Rose'], NOT_CONNECTED);
  await add(one, 'Ada');
  await waitFor(async () => /^Not added: ./.test(await one.evaluate<string>("document.querySelector('[role=alert]')?.textContent ?? ''")), 'the page to say that nobody was added');
});

test('the page reads from the other origin how new an answer is', async () => {
  await serve();
  const [tab] = await both();
  await add(tab, 'Ada');
  await shows(tab, ['Rose', 'Ada']);
  const read = `fetch('http://localhost:${ports['3000']}/trpc/guests.getAll', { credentials: 'include' })`;
  expect(await tab.evaluate<string>(`${read}.then(({ headers }) => headers.get('x-pathcast-position'))`)).toMatch(/^\w+\.1$/);
});

test('the server dies, and comes back without its history: what changed meanwhile is shown', async () => {
  const server = await serve();
  const two = await both();
  await add(two[0], 'Ada');
  for (const tab of two) await shows(tab, ['Rose', 'Ada']);

  await endChild(server);
  for (const tab of two) await shows(tab, ['Rose', 'Ada'], NOT_CONNECTED);
  changeUnheard('Rose', 'Bea');
  // A few seconds, in which the pages try in vain.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  for (const tab of two) expect(await says(tab)).toEqual([['Rose', 'Ada'], NOT_CONNECTED]);

  await serve();
  for (const tab of two) await shows(tab, ['Rose', 'Bea']);
  await add(two[1], 'Cleo');
  for (const tab of two) await shows(tab, ['Rose', 'Bea', 'Cleo']);
});

test('the same with Redis, where another node has told of a change meanwhile', async () => {
  const redis = await RedisServer.start();
  try {
    const env = { REDIS_URL: `redis+unix://${redis.socket}` };
    const other = await freePort();
    const compiled = readFileSync(path.join(project.dir, 'dist/server.js'), 'utf8');
    writeFileSync(path.join(project.dir, 'dist/other.js'), compiled.replaceAll(String(ports['3000']), String(other)));
    const server = await serve(env);
    await serve(env, 'dist/other.js');
    const two = await both();

    server.kill('SIGTERM');
    await waitFor(() => server.exitCode !== null, 'the server to end');
    for (const tab of two) await shows(tab, ['Rose'], NOT_CONNECTED);
    const told = await fetch(`http://localhost:${other}/trpc/guests.create`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '"Ada"',
    });
    expect(told.status).toBe(200);
    await serve(env);
    for (const tab of two) await shows(tab, ['Rose', 'Ada']);
  } finally {
    await redis.end();
  }
});

test.each([500, 'cut'] as const)('a read that fails once (%s): the screen is true by itself', async (how) => {
  await serve();
  const [one, two] = await both();
  const answers = [how];
  const reads = await intercept(two, () => answers.shift());
  await add(one, 'Ada');
  await shows(one, ['Rose', 'Ada']);
  await shows(two, ['Rose'], 'Reading what has changed');
  await shows(two, ['Rose', 'Ada']);
  expect(reads()).toBe(2);
});

test('reads that go on to fail: the page says which, and is true once they do not', async () => {
  await serve();
  const [one, two] = await both();
  let fails = true;
  await intercept(two, () => (fails ? 500 : undefined));
  await add(one, 'Ada');
  await shows(one, ['Rose', 'Ada']);
  await shows(two, ['Rose'], 'Out of date, and tried again: guests.getAll');
  fails = false;
  await shows(two, ['Rose', 'Ada']);
});

/** Each mutation of the code base, as `npm run demo:browsers` shows it on the screen of a second browser, and what has to hold. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BrowserResults } from './browsers/main.js';

const SCRIPT = path.join(__dirname, '../../scripts/demo-browsers.mjs');
/** Of the slowest of all, on a machine that does other things too: it fails where something waits for a heartbeat or a second try. ms */
const SLOWEST_MS = 5_000;

let results: BrowserResults;
let code: number | null;
let output = '';

beforeAll(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-demo-'));
  const file = path.join(folder, 'results.json');
  try {
    const child = spawn(process.execPath, [SCRIPT, '--built', '--quick', '--json', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    code = await new Promise((resolve) => child.on('close', resolve));
    results = JSON.parse(readFileSync(file, 'utf8')) as BrowserResults;
  } catch (error) {
    throw new Error(`${String(error)}\n${output}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 480_000);

test('it says that all is right, ends with 0, and prints one table', () => {
  expect(results.wrong).toEqual([]);
  expect(code).toBe(0);
  expect(output).toMatch(/^\| 68 mutations, a second browser looks on +\| +hand-made layer \| +pathcast \|$/m);
});

test('with pathcast: 66 mutations are on the second screen as the server has them, 2 change nothing there', () => {
  const { seen, figures } = results.pathcast;
  expect(new Set(seen.map(({ mutation }) => mutation)).size).toBe(68);
  expect(figures).toMatchObject({ mutations: 68, reached: 66, inPart: 0, notReached: 0, silent: 2, inVain: 0 });
  expect(seen.filter(({ changed }) => changed.length === 0).map(({ mutation }) => mutation)).toEqual([
    'floorPlans.logChange',
    'floorPlans.updateGuestSeatingRules',
  ]);
});

test('with pathcast: it is there soon, by one refetch at most of each query that is shown', () => {
  const { seen, figures } = results.pathcast;
  expect(figures.p99).toBeLessThan(SLOWEST_MS);
  expect(seen.filter(({ queries, shown }) => queries > shown.length)).toEqual([]);
  for (const { shown, changed, queries, bytes, requests } of seen) {
    expect(shown.length).toBeGreaterThan(0);
    expect(queries).toBeGreaterThanOrEqual(changed.length);
    expect([requests > 0, bytes > 0]).toEqual([changed.length > 0, changed.length > 0]);
  }
});

test('with the hand-made layer and its client: the same changes, and fewer of them on the screen', () => {
  const { handMade, pathcast } = results;
  const changes = ({ seen }: BrowserResults['pathcast']) => seen.map(({ mutation, shown, changed }) => [mutation, shown, changed]);
  expect(changes(handMade)).toEqual(changes(pathcast));
  expect(handMade.figures.reached).toBeGreaterThan(0);
  expect(handMade.figures.reached).toBeLessThan(pathcast.figures.reached);
});

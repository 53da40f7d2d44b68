/** The demonstration, run as `npm run demo:weddingflo` runs it, and what it has to show. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DemoResults } from './weddingflo/main.js';

const SCRIPT = path.join(__dirname, '../../scripts/demo-weddingflo.mjs');
const RIGHTLY_SILENT = ['floorPlans.logChange', 'floorPlans.updateGuestSeatingRules'];
/** What its query paths happen to name rightly, and all that it changes is below them. */
const REACHED_AS_FOUND = [
  'clients.create',
  'clients.delete',
  'clients.update',
  'floorPlans.addTable',
  'floorPlans.assignGuest',
  'floorPlans.batchAssignGuests',
  'floorPlans.create',
  'floorPlans.delete',
  'floorPlans.deleteTable',
  'floorPlans.unassignGuest',
  'floorPlans.updateTable',
];

let results: DemoResults;
let code: number | null;
let output = '';

beforeAll(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-demo-'));
  const file = path.join(folder, 'results.json');
  try {
    const child = spawn(process.execPath, [SCRIPT, '--built', '--json', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    code = await new Promise((resolve) => child.on('close', resolve));
    results = JSON.parse(readFileSync(file, 'utf8')) as DemoResults;
  } catch (error) {
    throw new Error(`${String(error)}\n${output}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 480_000);

test('it says that all is right, and ends with 0', () => {
  expect(results.wrong).toEqual([]);
  expect(code).toBe(0);
  expect(output).toContain('66 of 68 mutations reach the second client');
});

test('moved to pathcast: every mutation is one action, and what it changed is current in the second client', () => {
  const { outcomes } = results.repaired;
  expect(new Set(outcomes.map((one) => one.mutation)).size).toBe(68);
  for (const one of outcomes.filter(({ mutation }) => !RIGHTLY_SILENT.includes(mutation))) {
    expect(one).toMatchObject({ actions: 1, stale: [] });
    expect(one.changed.length).toBeGreaterThan(0);
    expect(one.invalidated).toEqual(expect.arrayContaining([...one.changed, ...one.readers]));
    expect(one.current).toEqual(one.changed);
  }
});

test('moved to pathcast: the silent ones send nothing, and change nothing that anybody has', () => {
  const silent = results.repaired.outcomes.filter(({ mutation }) => RIGHTLY_SILENT.includes(mutation));
  expect(silent.map(({ mutation, wrote }) => [mutation, wrote])).toEqual([
    ['floorPlans.logChange', ['seating_change_log']],
    ['floorPlans.updateGuestSeatingRules', []],
  ]);
  for (const one of silent) expect(one).toMatchObject({ actions: 0, changed: [], readers: [], invalidated: [], stale: [] });
});

test('moved to pathcast: the hub has nothing to complain of', () => {
  expect(results.repaired.complaints).toEqual([]);
});

test('as it was found: the same events, carried by the same hub, leave most of the cache stale', () => {
  const { outcomes, tally } = results.broken;
  expect(outcomes.filter(({ actions }) => actions > 0)).toHaveLength(39);
  const reached = outcomes.filter(({ changed, current }) => changed.length > 0 && changed.length === current.length);
  expect(reached.map(({ mutation }) => mutation).sort()).toEqual(REACHED_AS_FOUND);
  expect(tally).toEqual({
    mutations: 68,
    sent: 39,
    complete: 11,
    partly: 9,
    notReached: 46,
    silent: 2,
    changedEntries: 340,
    currentEntries: 33,
  });
});

test('both versions are changed by the same calls in the same places', () => {
  const changes = ({ outcomes }: DemoResults['broken']) => outcomes.map(({ mutation, changed }) => [mutation, changed]);
  expect(changes(results.repaired)).toEqual(changes(results.broken));
});

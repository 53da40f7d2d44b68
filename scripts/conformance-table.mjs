// npm run -s conformance:table [-- what Jest takes]: runs test/conformance and prints how many of each suite passed over each engine and
// each way to its log, as a table. PATHCAST_ALL_COLUMNS=1: all suites over all ways.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { at, root } from './support.mjs';

/** `The log (native over sockets, ioredis, Cluster)` */
const TITLE = /^(.+) \((js|native) [^,]+, (.+)\)$/;

/** Of Jest's report in JSON. */
export function tableOf({ testResults }) {
  const suites = new Map();
  const columns = new Set();
  for (const { ancestorTitles, status } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
    const [, suite, engine, broker] = TITLE.exec(ancestorTitles[0] ?? '') ?? [];
    if (suite === undefined || (status !== 'passed' && status !== 'failed')) continue;
    const column = `${broker} | ${engine}`;
    columns.add(column);
    if (!suites.has(suite)) suites.set(suite, new Map());
    const counts = suites.get(suite);
    if (!counts.has(column)) counts.set(column, { passed: 0, failed: 0 });
    counts.get(column)[status] += 1;
  }
  const names = [...suites.keys()].sort();
  const cell = (counts) => (counts ? (counts.failed > 0 ? `${counts.passed}, **${counts.failed} failed**` : String(counts.passed)) : '');
  const rows = [...columns].sort().map((column) => `| ${column} | ${names.map((name) => cell(suites.get(name).get(column))).join(' | ')} |`);
  return [`| log | engine | ${names.join(' | ')} |`, `| --- | --- |${' ---: |'.repeat(names.length)}`, ...rows].join('\n');
}

const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-table-'));
try {
  const report = path.join(folder, 'jest.json');
  const more = process.argv.slice(2);
  const args = [at('node_modules/jest/bin/jest.js'), ...(more.length > 0 ? more : ['test/conformance']), '--json', `--outputFile=${report}`];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  process.stdout.write(`${tableOf(JSON.parse(readFileSync(report, 'utf8')))}\n`);
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

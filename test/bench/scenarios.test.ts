/** `npm run bench`: the quick form of two scenarios runs, and writes figures of the documented shape. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.join(__dirname, '../..');
const bench = (...args: string[]) =>
  spawnSync(process.execPath, [path.join(root, 'bench/run.mjs'), '--no-build', ...args], { cwd: root, encoding: 'utf8' });

interface Row {
  subject: string;
  metric: string;
  value: number;
  unit: string;
}

describe('npm run bench', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-bench-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('prints a table and writes rows of subject, metric, value and unit', () => {
    const out = path.join(folder, 'figures.json');
    const { status, stdout, stderr } = bench('fanout', 'catch-up', '--quick', '--out', out);
    expect({ status, failures: `${stdout}${stderr}`.match(/^(FAILED|Error).*/gm) }).toEqual({ status: 0, failures: null });

    const results = JSON.parse(readFileSync(out, 'utf8')) as { scenarios: Record<string, Row[]> };
    expect(Object.keys(results)).toEqual(['scenarios']);
    expect(Object.keys(results.scenarios)).toEqual(['fanout', 'catch-up']);
    for (const row of Object.values(results.scenarios).flat()) {
      expect(row).toEqual({ subject: expect.any(String), metric: expect.any(String), value: expect.any(Number), unit: expect.any(String) });
      expect(row.value).toBeGreaterThanOrEqual(0);
      expect(stdout).toContain(row.subject);
      expect(stdout).toContain(row.metric);
    }

    const value = (scenario: string, subject: string, metric: string) =>
      results.scenarios[scenario]?.find((row) => row.subject === subject && row.metric === metric)?.value;
    for (const subject of ['send-loop', 'pathcast-native', 'pathcast-js', 'better-sse', 'trpc']) {
      expect(value('fanout', subject, 'cpuPerDelivery')).toBeGreaterThan(0);
    }
    expect(value('fanout', 'pathcast-native', 'cpuVsSendLoop')).toBeGreaterThan(0);
    for (const subject of ['pathcast-native', 'pathcast-js']) expect(value('catch-up', subject, 'events')).toBe(1);
    for (const subject of ['better-sse', 'trpc']) expect(value('catch-up', subject, 'events')).toBe(500);
  }, 600_000);

  test('a publish through Redis is one command, and a company that comes back is one reading', () => {
    const out = path.join(folder, 'redis.json');
    const { status, stdout, stderr } = bench('redis-publish', 'redis-resume', 'redis-latency', '--quick', '--subjects', 'js-ioredis,polling-500ms', '--out', out);
    expect({ status, failures: `${stdout}${stderr}`.match(/^(FAILED|Error).*/gm) }).toEqual({ status: 0, failures: null });
    const { scenarios } = JSON.parse(readFileSync(out, 'utf8')) as { scenarios: Record<string, Row[]> };
    const value = (scenario: string, subject: string, metric: string) =>
      scenarios[scenario]?.find((row) => row.subject === subject && row.metric === metric)?.value;
    // Of twenty, and a slow machine has a probe or a lease in between.
    expect(value('redis-publish', 'js-ioredis', 'commands')).toBeGreaterThanOrEqual(1);
    expect(value('redis-publish', 'js-ioredis', 'commands')).toBeLessThan(1.5);
    expect(value('redis-resume', 'js-ioredis', 'reads')).toBe(1);
    expect(value('redis-latency', 'polling-500ms', 'p50')).toBeGreaterThan(value('redis-latency', 'js-ioredis', 'p50') ?? Infinity);
  }, 600_000);

  test('a mutation that says whom it concerns is read again by those alone, one that is only announced by nobody', () => {
    const out = path.join(folder, 'refetch.json');
    const { status, stdout, stderr } = bench('refetch', 'fence', '--quick', '--subjects', 'announced,refetched,where,page-of-8', '--out', out);
    expect({ status, failures: `${stdout}${stderr}`.match(/^(FAILED|Error).*/gm) }).toEqual({ status: 0, failures: null });
    const { scenarios } = JSON.parse(readFileSync(out, 'utf8')) as { scenarios: Record<string, Row[]> };
    const value = (subject: string, metric: string) => scenarios['refetch']?.find((row) => row.subject === subject && row.metric === metric)?.value;
    // Six browsers look at six clients, two mutations concern one client each: six browsers' lists of clients, and seven queries of one.
    expect(['announced', 'refetched', 'where'].map((subject) => value(subject, 'queries'))).toEqual([0, 48, 13]);
    for (const subject of ['announced', 'refetched', 'where']) {
      const [queries, requests, statements] = ['queries', 'requests', 'statements'].map((metric) => value(subject, metric)!) as [number, number, number];
      // Each query is a statement, each request another one for its session, the mutation's own four.
      expect({ subject, statements }).toEqual({ subject, statements: queries + requests + 4 });
      // The mutation, and what a browser asks for at once in one of its own: two where the machine was slow in between.
      const browsers = subject === 'announced' ? 0 : 6;
      expect(requests).toBeGreaterThanOrEqual(1 + browsers);
      expect(requests).toBeLessThanOrEqual(1 + Math.min(2 * browsers, queries));
    }
    expect(value('refetched', 'lastP99')).toBeGreaterThan(0);
    expect(scenarios['fence']?.find(({ metric }) => metric === 'fencedVsPlain')?.value).toBeGreaterThan(0);
  }, 600_000);

  test('rows of a PostgreSQL: each reader has all of them, by itself and in one transaction, and each is timed', () => {
    const out = path.join(folder, 'cdc.json');
    const { status, stdout, stderr } = bench('cdc', '--quick', '--out', out);
    expect({ status, failures: `${stdout}${stderr}`.match(/^(FAILED|Error).*/gm) }).toEqual({ status: 0, failures: null });
    const { scenarios } = JSON.parse(readFileSync(out, 'utf8')) as { scenarios: Record<string, Row[]> };
    const value = (subject: string, metric: string) => scenarios['cdc']?.find((row) => row.subject === subject && row.metric === metric)?.value;
    for (const subject of ['cdc-worker', 'cdc-worker-redis', 'pg-logical-replication', 'wal2json-polling']) {
      for (const metric of ['perSecond', 'cpu', 'bulkPerSecond', 'bulkCpu', 'lagP50', 'lagCpu']) expect([subject, metric, value(subject, metric)]).toEqual([subject, metric, expect.any(Number)]);
      expect(value(subject, 'lagP50')).toBeGreaterThan(0);
      expect(value(subject, 'lagP99')).toBeGreaterThanOrEqual(value(subject, 'lagP50') ?? Infinity);
    }
    expect(value('cdc-worker', 'cpuVsWorker')).toBeUndefined();
    expect(value('wal2json-polling', 'cpuVsWorker')).toBeGreaterThan(0);
  }, 600_000);

  test.each([
    [['fan'], 'unknown scenario "fan"; valid ones: fanout, burst, fanout-2000, '],
    [['fanout', '--subjects', 'nginx'], 'unknown subject "nginx"; valid ones: pathcast-native, '],
    [['catch-up', '--set', 'clients=3'], 'unknown parameter "clients"; valid ones: missed, logActions'],
    [['--set', 'clients=many'], '--set takes KEY=NUMBER with a number of at least 0, got "clients=many"'],
    [['--against', 'nowhere'], '--against takes the folder of a checkout that is built, got "nowhere"'],
    [['--trials', '0'], '--trials takes a whole number of at least 1, got "0"'],
  ])('refuses %j and lists what it knows', (args, message) => {
    const { status, stderr } = bench(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});

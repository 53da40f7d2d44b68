/**
 * Four processes race for the seats of three companies on one Redis, 100,000 admissions (`PATHCAST_RACES=1000000` for more): at no
 * moment do they hold more than a limit allows. One of them is killed: its seats are free within 30 s, and not before its life is over.
 *
 * A seat is surely held from the answer to the call that gives it back, by a clock that the processes share; Redis counts it for longer.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ioredisBroker } from '../../lib/redis/brokers/ioredis.js';
import { Life } from '../../lib/redis/nodes/life.js';
import { Seats } from '../../lib/redis/seats/seats.js';
import { endChild } from '../support/child.js';
import { Program } from '../support/program.js';
import { runSeed, withSeed } from '../support/random.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';
import type { Race } from './programs/racer.js';

const ADMISSIONS = Number(process.env['PATHCAST_RACES'] ?? 100_000);
const NODES = 4;
const LIMITS = { perUser: 2, perCompany: 5 } as const;

let server: RedisServer;
let program: Program;
beforeAll(async () => {
  server = await RedisServer.start();
  program = new Program(path.join(__dirname, 'programs', 'racer.ts'));
});
afterAll(async () => {
  await program?.end();
  await server?.end();
});

/** The most that were held at once, by name of what they were held of. */
function most(files: readonly string[]): Map<string, number> {
  const steps: [at: bigint, by: 1 | -1, names: string[]][] = [];
  for (const file of files) {
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const [company = '', user = '', from = '', to = ''] = line.split(' ');
      const names = [company, `${company} ${user}`];
      steps.push([BigInt(from), 1, names], [BigInt(to), -1, names]);
    }
  }
  // What ends where another begins was over before.
  steps.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1]));
  const now = new Map<string, number>();
  const found = new Map<string, number>();
  for (const [, by, names] of steps) {
    for (const name of names) {
      const count = (now.get(name) ?? 0) + by;
      now.set(name, count);
      if (count > (found.get(name) ?? 0)) found.set(name, count);
    }
  }
  return found;
}

test(`${String(ADMISSIONS)} admissions from ${String(NODES)} processes: never over a limit; what a killed one held is free within 30 s`, async () => {
  await withSeed(runSeed(), async (random) => {
    const races = Array.from({ length: NODES }, (_, n): Race => ({
      socket: server.socket,
      node: `n${String(n)}`,
      admissions: ADMISSIONS / NODES,
      seed: random.below(2 ** 31),
      file: path.join(program.folder, `spans-${String(n)}`),
      ...LIMITS,
      policy: 'reject',
      holds: n === 0,
    }));
    const running = races.map((race) => program.run(JSON.stringify(race)));
    const told = (await Promise.all(running.map(({ line }) => line))).map((line) => JSON.parse(line) as { refused: number; held: number; admittedLocally: number });
    expect(told.map(({ admittedLocally }) => admittedLocally)).toEqual([0, 0, 0, 0]);
    const found = most(races.map(({ file }) => file));
    for (const [name, count] of found) expect([name, count]).toEqual([name, name.includes(' ') ? LIMITS.perUser : LIMITS.perCompany]);
    expect(found.size).toBe(3 + 3 * 4);
    expect(told.reduce((sum, { refused }) => sum + refused, 0)).toBeGreaterThan(ADMISSIONS / 100);

    expect(told[0]?.held).toBe(LIMITS.perCompany);
    const broker = ioredisBroker(server.client());
    const life = new Life({ broker, prefix: 'pathcast', nodeId: 'last' });
    const seats = new Seats(life, { ...LIMITS, policy: 'reject' }, () => undefined);
    await waitFor(() => life.isUsable && life.alive.length > 0, 'a node more');
    const killed = performance.now();
    await endChild(running[0]!.child);
    let tries = 0;
    const taken = async (): Promise<boolean> => (await seats.admit({ companyId: 'held', userId: 'ann', id: `last-${String((tries += 1))}`, kind: 'stream' })).ok;
    expect(await taken()).toBe(false);
    await waitFor(taken, 'a seat of the killed one', 40_000);
    const tookMs = performance.now() - killed;
    expect(tookMs).toBeLessThan(30_000);
    expect(tookMs).toBeGreaterThan(14_000);
    await life.leave();
    await broker.close();
  });
}, 120_000 + ADMISSIONS / 2);

test('evict-oldest: an eviction that races with a release and with another one leaves what the limits allow', async () => {
  await withSeed(runSeed(), async (random) => {
    const races = Array.from({ length: 3 }, (_, n): Race => ({
      socket: server.socket,
      node: `e${String(n)}`,
      admissions: 3_000,
      seed: random.below(2 ** 31),
      file: path.join(program.folder, `evictions-${String(n)}`),
      ...LIMITS,
      policy: 'evict-oldest',
      holds: false,
    }));
    const told = await Promise.all(races.map((race) => program.run(JSON.stringify(race)).line));
    // Each seat was taken once, and given back or evicted once.
    for (const line of told) expect(JSON.parse(line)).toMatchObject({ refused: 0, remains: 0, admittedLocally: 0 });
  });
}, 60_000);

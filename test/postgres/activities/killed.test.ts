/** Workers that are killed, stopped and overtaken while others write, and a PostgreSQL that crashes: the table has every commit once, in order, and who follows it hears each. */
import path from 'node:path';
import { activityTables, createActivities, type Activities } from '../../../lib/postgres/index.js';
import { createHub } from '../../../lib/server/hub.js';
import { Pool } from 'pg';
import { PostgresServer } from '../../support/postgres.js';
import { Program } from '../../support/program.js';
import { runSeed, withSeed, type Random } from '../../support/random.js';
import { RedisServer } from '../../support/redis.js';
import { waitFor, within } from '../../support/wait.js';
import { GUEST_TABLE } from '../guests.js';
import type { WorkerArguments } from '../programs/worker.js';
import { TENANTS, Writer } from '../writer.js';

jest.setTimeout(180_000);

let redis: RedisServer;
let postgres: PostgresServer;
const program = new Program(path.join(__dirname, '..', 'programs', 'worker.ts'));
beforeAll(async () => {
  [redis, postgres] = await Promise.all([RedisServer.start(), PostgresServer.start({ settings: { wal_sender_timeout: '2s' } })]);
  await postgres.sql(GUEST_TABLE);
  await postgres.sql(activityTables());
}, 120_000);
afterAll(async () => {
  await program.end();
  await redis?.end();
  await postgres?.end();
});

test('workers are killed, stopped and go on, and PostgreSQL crashes: each commit once, in order, without a hole', async () => {
  await withSeed(runSeed(), schedule);
});

async function schedule(random: Random): Promise<void> {
  const args: WorkerArguments = { url: postgres.url(), slot: 'pathcast', redis: redis.socket, prefix: 'p', activities: true };
  const workers: ReturnType<Program['run']>[] = [];
  const start = (): void => {
    const worker = program.run(JSON.stringify(args));
    // One that is killed before it has said anything.
    worker.line.catch(() => undefined);
    workers.push(worker);
  };
  const hub = createHub({ engine: 'js', redis: { client: redis.client(), prefix: 'p' }, logger: { warn: () => undefined, error: () => undefined } });
  const pool = new Pool({ connectionString: postgres.url(), max: 2 });
  pool.on('error', () => undefined);
  const activities: Activities = createActivities({ hub, database: pool });
  const heard: string[] = [];
  activities.on('activity', ({ companyId, seq, entityId }) => void heard.push(`${companyId} ${String(seq)} ${entityId}`));
  const writer = new Writer(postgres.url(), random);
  try {
    start();
    // What is committed before there is a slot is nobody's.
    for (let line = await within(workers[0]!.line, 'a state'); line !== 'streaming'; ) line = await within(workers[0]!.next(), 'a state');
    await writer.some(3);
    start();
    for (let n = 0; n < 14; n++) {
      const at = random.below(workers.length);
      const what = random.pick(['kill', 'kill', 'stop', 'write', n % 7 === 3 ? 'crash' : 'kill']);
      if (what === 'kill') {
        const writing = writer.some(4 + random.below(8));
        workers[at]!.child.kill('SIGKILL');
        workers.splice(at, 1);
        start();
        await writing;
      } else if (what === 'stop') {
        const { child } = workers[at]!;
        child.kill('SIGSTOP');
        await writer.some(5 + random.below(10));
        child.kill('SIGCONT');
      } else if (what === 'crash') {
        // Nobody writes meanwhile: of what is under way nobody would know what became of it.
        await writer.end();
        await postgres.crash();
        await postgres.up();
      }
      await writer.some(random.below(10));
    }
    const table = async (): Promise<string[][]> => postgres.sql('SELECT company_id, seq, action, entity_id FROM pathcast.activities ORDER BY 1, 2');
    for (const tenant of TENANTS) {
      const expected = (writer.committed.get(tenant) ?? []).map((what) => what.replace('insert', 'create'));
      const own = async (): Promise<string[][]> => (await table()).filter(([company]) => company === tenant);
      const changes = (rows: string[][]): string[] => rows.filter(([, , , id]) => id !== '*').map(([, , action, id]) => `${String(action)} ${String(id)}`);
      await waitFor(async () => changes(await own()).length >= expected.length, `all of ${tenant}`, 60_000);
      const rows = await own();
      expect(rows.map(([, seq]) => Number(seq))).toEqual(rows.map((_, i) => i + 1));
      expect(changes(rows)).toEqual(expected);
    }
    // Those of a resync are heard as what they are, and may be passed over by one.
    const all = (await table()).filter(([, , , id]) => id !== '*').map(([company, seq, , id]) => `${String(company)} ${String(seq)} ${String(id)}`);
    const heardAll = (): string[] => heard.filter((line) => !line.endsWith(' *'));
    if (!(await table()).some(([, , , id]) => id === '*')) {
      await waitFor(() => heardAll().length >= all.length, 'all to be heard');
      for (const tenant of TENANTS) expect(heardAll().filter((line) => line.startsWith(`${tenant} `))).toEqual(all.filter((line) => line.startsWith(`${tenant} `)));
    }
  } finally {
    for (const { child } of workers) child.kill('SIGKILL');
    await activities.close();
    await writer.end();
    await pool.end();
    await hub.close({ flushMs: 0 });
  }
}

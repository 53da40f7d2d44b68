/**
 * What a table is may change while it is read: other replica identities, partitions with their own, another name, another table of the same name, out of the publication and in
 * again. No row of the WAL says so, and nothing may be missing in silence.
 */
import { createCdc, type Cdc, type CdcMap } from '../../lib/postgres/index.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import type { SyncAction } from '../../lib/protocol/events.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor, within } from '../support/wait.js';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
}, 120_000);
afterAll(() => postgres?.end());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const GUESTS = 'CREATE TABLE guests (id text NOT NULL, company_id text NOT NULL, name text, amount int, PRIMARY KEY (company_id, id));';
const LISTED = 'CREATE PUBLICATION pathcast FOR TABLE guests WITH (publish_via_partition_root = true);';
const MAP: CdcMap = { guests: { tenant: 'company_id', paths: ['guests'] } };

let databases = 0;

class Bench {
  readonly errors: string[] = [];
  readonly hub: Hub;

  private constructor(readonly name: string) {
    this.hub = createHub({ engine: 'js' });
    this.hub.on('warning', () => undefined);
    this.hub.on('error', ({ error }) => void this.errors.push(String(error)));
    closing.push(() => within(this.hub.close(), 'the hub to close'));
  }

  static async start(sql: string): Promise<Bench> {
    const bench = new Bench(`t${String((databases += 1))}`);
    await postgres.sql(`CREATE DATABASE ${bench.name}`);
    await bench.sql(sql);
    // Those who may hear of it.
    for (const companyId of ['acme', 'other']) {
      await bench.hub.broadcast({ id: 'first', companyId, type: 'insert', module: 'm', entityId: '1', queryPaths: ['first'], userId: 'ann' });
    }
    return bench;
  }

  sql(text: string): Promise<string[][]> {
    return postgres.sql(text, { database: this.name });
  }

  async worker(map: CdcMap = MAP): Promise<Cdc> {
    const cdc = createCdc({ hub: this.hub, connection: postgres.url(this.name), slot: this.name, map });
    closing.push(() => within(cdc.close(), 'the worker to close'));
    await within(cdc.start(), 'the worker to start');
    return cdc;
  }

  /** All that was committed until now is in the log: what it says to the company since the last time. */
  async told(companyId: string): Promise<string[]> {
    const mark = `mark${String((this.#marks += 1))}`;
    await this.sql(`INSERT INTO marks VALUES ('${mark}', '${companyId}')`);
    const all = await waitFor(async () => {
      const { actions } = await this.hub.readLog(companyId);
      const read = actions.map((text) => JSON.parse(text) as SyncAction);
      return read.some(({ entityId }) => entityId === mark) ? read : undefined;
    }, `the action of ${mark}`);
    const since = all.slice(this.#read.get(companyId) ?? 0);
    this.#read.set(companyId, all.length);
    return since.filter(({ module }) => module !== 'marks').map(({ type, entityId, queryPaths }) => `${type} ${entityId} ${queryPaths.join()}`);
  }

  #marks = 0;
  readonly #read = new Map<string, number>();
}

const MARKS = 'CREATE TABLE marks (id text NOT NULL, company_id text NOT NULL, PRIMARY KEY (company_id, id));';
const MARKED = { marks: { tenant: 'company_id', paths: ['marks'] } };
const marked = (map: CdcMap): CdcMap => ({ ...map, ...MARKED });
const ALL = 'CREATE PUBLICATION pathcast FOR ALL TABLES WITH (publish_via_partition_root = true);';

describe('a replica identity', () => {
  test('of a partition counts, not that of its table: an update that says nothing of before has not said that nothing changed', async () => {
    const bench = await Bench.start(`
      CREATE TABLE guests (id text NOT NULL, company_id text NOT NULL, name text, amount int, PRIMARY KEY (company_id, id)) PARTITION BY HASH (company_id);
      CREATE TABLE guests_0 PARTITION OF guests FOR VALUES WITH (MODULUS 1, REMAINDER 0);
      ALTER TABLE ONLY guests REPLICA IDENTITY FULL; ${MARKS} ${ALL}`);
    await bench.worker(marked({
      guests: { tenant: 'company_id', paths: ({ changed }) => (changed('amount') === false ? [] : ['guests']), where: ({ value }) => ({ guests: { name: value('name') ?? null } }) },
    }));
    await bench.sql(`INSERT INTO guests VALUES ('g1', 'acme', 'Ann', 1)`);
    await bench.told('acme');
    await bench.sql('UPDATE guests SET amount = 2');
    await bench.sql(`UPDATE guests SET amount = 3, name = 'Bob'`);
    expect(await bench.told('acme')).toEqual(['update g1 guests', 'update g1 guests']);
    const { actions } = await bench.hub.readLog('acme');
    expect(actions.filter((text) => text.includes('"where"'))).toHaveLength(1);
    // As the table says of itself, from now on.
    await bench.sql('ALTER TABLE guests_0 REPLICA IDENTITY FULL');
    await bench.sql(`UPDATE guests SET name = 'Cid'`);
    await bench.sql('UPDATE guests SET amount = 4');
    expect(await bench.told('acme')).toEqual(['update g1 guests']);
  });

  test.each([
    ['of a partition that was made later', `ALTER TABLE guests REPLICA IDENTITY USING INDEX guests_tenant; ALTER TABLE guests_0 REPLICA IDENTITY USING INDEX guests_0_company_id_id_day_idx`, 'CREATE TABLE guests_1 PARTITION OF guests FOR VALUES FROM (10) TO (20)'],
    ['that is another one now', `ALTER TABLE guests_0 REPLICA IDENTITY USING INDEX guests_0_company_id_id_day_idx`, 'CREATE TABLE guests_1 PARTITION OF guests FOR VALUES FROM (10) TO (20); ALTER TABLE guests_0 REPLICA IDENTITY DEFAULT'],
  ])('%s lacks the tenant: whose a row was is not known, so everybody hears', async (_what, before, later) => {
    const bench = await Bench.start(`
      CREATE TABLE guests (id text NOT NULL, company_id text NOT NULL, day int NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
      CREATE TABLE guests_0 PARTITION OF guests FOR VALUES FROM (0) TO (10);
      CREATE UNIQUE INDEX guests_tenant ON guests (company_id, id, day); ${before}; ${MARKS} ${ALL}`);
    await bench.worker(marked(MAP));
    await bench.sql(`INSERT INTO guests VALUES ('g0', 'acme', 1)`);
    await bench.sql(later);
    await bench.sql(`INSERT INTO guests VALUES ('g1', 'acme', 11), ('g2', 'acme', 12)`);
    await bench.told('acme');
    for (const change of [`UPDATE guests SET company_id = 'other' WHERE id = 'g1'`, `DELETE FROM guests WHERE id = 'g2'`]) {
      await bench.sql(change);
      expect(await bench.told('acme')).toEqual(['update * *']);
    }
    expect(bench.errors.join()).toContain('did not send its tenant');
  });

  test('of a table that has lost the tenant: a move to another company is told the former one too', async () => {
    const bench = await Bench.start(`${GUESTS} CREATE UNIQUE INDEX guests_id ON guests (id); ${MARKS} ${ALL}`);
    await bench.worker(marked(MAP));
    await bench.sql(`INSERT INTO guests VALUES ('g1', 'acme')`);
    await bench.sql('ALTER TABLE guests REPLICA IDENTITY USING INDEX guests_id');
    await bench.told('acme');
    await bench.sql(`UPDATE guests SET company_id = 'other'`);
    expect(await bench.told('acme')).toEqual(['update * *']);
    expect((await bench.told('other')).at(-1)).toBe('update * *');
  });
});

test('a table that gets another name: everybody is told, and that it is not there is an error with what to do', async () => {
  const bench = await Bench.start(`${GUESTS} ${MARKS} ${ALL}`);
  await bench.worker(marked(MAP));
  await bench.sql(`INSERT INTO guests VALUES ('g1', 'acme')`);
  await bench.sql('ALTER TABLE guests RENAME TO visitors');
  await bench.told('acme');
  await bench.sql(`INSERT INTO visitors VALUES ('g2', 'other')`);
  expect(await bench.told('acme')).toEqual(['update * guests']);
  await waitFor(() => bench.errors.some((error) => error.includes('map has the table public.guests, which is not there')), 'the error');
});

test('while it reads: a table that is made anew is out of the publication; that is an error, and when it is mended everybody reads again', async () => {
  const bench = await Bench.start(`${GUESTS} ${LISTED}`);
  const cdc = await bench.worker();
  const { resyncs } = cdc.metrics();
  await bench.sql(`BEGIN; CREATE TABLE anew (LIKE guests INCLUDING ALL); DROP TABLE guests; ALTER TABLE anew RENAME TO guests; COMMIT`);
  await bench.sql(`INSERT INTO guests VALUES ('missed', 'acme')`);
  const sql = await waitFor(() => bench.errors.map((error) => /run: (ALTER PUBLICATION .*)$/.exec(error)?.[1]).find((found) => found !== undefined), 'the error');
  expect(cdc.status().state).toBe('streaming');
  await bench.sql(sql);
  await waitFor(() => cdc.metrics().resyncs > resyncs && cdc.status().state === 'streaming', 'everybody to be told');
  expect((await bench.hub.readLog('acme')).actions.at(-1)).toContain('"queryPaths":["*"]');
  expect(bench.errors).toHaveLength(1);
  await bench.sql(`INSERT INTO guests VALUES ('heard', 'acme')`);
  await waitFor(async () => (await bench.hub.readLog('acme')).actions.at(-1)?.includes('"heard"'), 'the next change');
});

test('a worker that ends while something is wrong: who comes later tells everybody', async () => {
  const bench = await Bench.start(`${GUESTS} ${LISTED}`);
  const first = await bench.worker();
  await bench.sql('ALTER PUBLICATION pathcast SET TABLE guests WHERE (amount > 5)').catch(() => bench.sql('ALTER PUBLICATION pathcast DROP TABLE guests'));
  await bench.sql(`ALTER PUBLICATION pathcast SET (publish = 'insert')`);
  await waitFor(() => bench.errors.some((error) => error.includes('leaves kinds of changes out')), 'the error');
  await first.close();
  await bench.sql(`ALTER PUBLICATION pathcast SET (publish = 'insert, update, delete, truncate'); ALTER PUBLICATION pathcast SET TABLE guests`);
  const second = await bench.worker();
  expect(second.metrics().resyncs).toBe(1);
  expect((await bench.hub.readLog('acme')).actions.at(-1)).toContain('"queryPaths":["*"]');
});

test('while no worker runs: a table that is another one, and one that is new in the map, are told of at the start; the same ones are not', async () => {
  const bench = await Bench.start(`${GUESTS} CREATE TABLE budget (LIKE guests INCLUDING ALL); ${ALL}`);
  const last = async (): Promise<string | undefined> => (await bench.hub.readLog('acme')).actions.at(-1);
  const again = async (map?: CdcMap): Promise<number> => {
    const cdc = await bench.worker(map);
    const { resyncs } = cdc.metrics();
    await cdc.close();
    return resyncs;
  };
  expect(await again()).toBe(1);
  expect(await again()).toBe(0);
  const both: CdcMap = { ...MAP, budget: { tenant: 'company_id', paths: ['budget.total'] } };
  expect(await again(both)).toBe(1);
  expect(await last()).toContain('"queryPaths":["budget.total"]');
  expect(await again(both)).toBe(0);
  // Somebody with the former map reads in between, and does not listen to it.
  expect(await again()).toBe(0);
  expect(await again(both)).toBe(1);
  await bench.sql('DROP TABLE guests');
  await bench.sql(GUESTS);
  expect(await again(both)).toBe(1);
  expect(await last()).toContain('"queryPaths":["guests"]');
});

test('two transactions that give the same id are both told', async () => {
  const bench = await Bench.start(`${GUESTS} ${MARKS} ${ALL}`);
  await bench.worker(marked(MAP));
  await bench.told('acme');
  for (const id of ['g1', 'g2', 'g3']) {
    await bench.sql(`BEGIN; INSERT INTO guests VALUES ('${id}', 'acme'); SELECT pg_logical_emit_message(true, 'pathcast', '{"id": "same"}'); COMMIT`);
  }
  expect(await bench.told('acme')).toEqual(['insert g1 guests', 'insert g2 guests', 'insert g3 guests']);
});

test('a thousand tables are checked at once', async () => {
  const bench = await Bench.start(`DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('CREATE TABLE t%s (id text, company_id text, a int, b int, c int, d int, PRIMARY KEY (company_id, id))', i); END LOOP; END $$; ${ALL}`);
  await bench.worker(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`t${String(i + 1)}`, { tenant: 'company_id', paths: ['t'] }])));
  await bench.sql(`INSERT INTO t1000 VALUES ('g', 'acme')`);
  await waitFor(async () => (await bench.hub.readLog('acme')).actions.at(-1)?.includes('"t1000"'), 'its change');
});

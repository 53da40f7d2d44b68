/** The CDC worker from psql to a browser's stream: over memory and over Redis, on both engines. */
import { createCdc, type Cdc, type CdcOptions } from '../../lib/postgres/index.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import type { SyncAction } from '../../lib/protocol/events.js';
import { ENGINES } from '../support/engines.js';
import { PostgresServer } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

const TABLES = `
CREATE TABLE guests (id text NOT NULL, company_id text NOT NULL, name text, big text, PRIMARY KEY (company_id, id));
CREATE TABLE budget (id serial PRIMARY KEY, company_id text NOT NULL, amount int, note jsonb);
ALTER TABLE budget REPLICA IDENTITY FULL;
CREATE TABLE notes (id int PRIMARY KEY, text text);
CREATE PUBLICATION pathcast FOR ALL TABLES;`;

const MAP: CdcOptions['map'] = {
  guests: { tenant: 'company_id', paths: ['guests.getAll', 'guests.getById'], where: ({ entityId }) => ({ 'guests.getById': { id: entityId } }) },
  budget: { tenant: 'company_id', module: 'money', paths: ({ changed }) => (changed('amount') === false ? ['budget.notes'] : ['budget']), data: ['amount', 'note'] },
};

let postgres: PostgresServer;
let redis: RedisServer;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
}, 120_000);
afterAll(async () => {
  await postgres?.end();
  await redis?.end();
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

let databases = 0;
/** A database of its own, with the tables. */
async function database(): Promise<{ name: string; url: string; sql: (text: string) => Promise<string[][]> }> {
  const name = `db${String((databases += 1))}`;
  await postgres.sql(`CREATE DATABASE ${name}`);
  const sql = (text: string): Promise<string[][]> => postgres.sql(text, { database: name });
  await sql(TABLES);
  return { name, url: postgres.url(name), sql };
}

function hubOf(options: Parameters<typeof createHub>[0]): Hub {
  const hub = createHub(options);
  closing.push(() => within(hub.close({ flushMs: 0 }), 'the hub to close'));
  return hub;
}

async function started(hub: Hub, name: string, url: string, more: Partial<CdcOptions> = {}): Promise<Cdc> {
  const cdc = createCdc({ hub, connection: url, slot: name, map: MAP, ...more });
  closing.push(() => within(cdc.close(), 'the worker to close'));
  await within(cdc.start(), 'the worker to start');
  return cdc;
}

const logOf = async (hub: Hub, companyId: string): Promise<(SyncAction & { seq: number })[]> => (await hub.readLog(companyId)).actions.map((text) => JSON.parse(text) as SyncAction & { seq: number });

async function untilLogged(hub: Hub, companyId: string, count: number): Promise<(SyncAction & { seq: number })[]> {
  await waitFor(async () => (await logOf(hub, companyId)).length >= count, `${String(count)} actions of ${companyId}`);
  return logOf(hub, companyId);
}

const STORES = ENGINES.flatMap((engine) => [
  { engine, log: 'memory' },
  { engine, log: 'Redis' },
]);

describe.each(STORES)('$engine, $log', ({ engine, log }) => {
  const hub = (): Hub => hubOf(log === 'memory' ? { engine } : { engine, redis: { url: redis.unixUrl(), prefix: `p${String(databases)}` } });

  test('a row that psql changes is an action for the browsers of its company, and of no other one', async () => {
    const { name, url, sql } = await database();
    const node = hub();
    await within(node.ready(), 'the hub');
    const cdc = await started(node, name, url);
    expect(cdc.status()).toMatchObject({ state: 'streaming' });
    const [acme, other] = ['acme', 'other'].map((companyId) => node.stream({ companyId, userId: 'ann' }));
    for (const stream of [acme, other]) await within(stream!.next(), 'hello');

    await sql(`INSERT INTO guests VALUES ('g1', 'acme', 'Ann')`);
    expect((await within(acme!.next(), 'the action')).value).toMatchObject({
      type: 'insert', module: 'guests', entityId: 'g1', companyId: 'acme', userId: 'external', queryPaths: ['guests.getAll', 'guests.getById'], where: { 'guests.getById': { id: 'g1' } }, seq: 1,
    });
    await sql(`INSERT INTO budget (company_id, amount, note) VALUES ('other', 5, '{"a": [1]}')`);
    expect((await within(other!.next(), 'the action')).value).toMatchObject({ type: 'insert', module: 'money', entityId: '1', queryPaths: ['budget'], data: { amount: 5, note: { a: [1] } } });
    await sql(`UPDATE budget SET note = NULL`);
    expect((await within(other!.next(), 'the action')).value).toMatchObject({ type: 'update', queryPaths: ['budget.notes'], data: { amount: 5, note: null } });
    await sql(`DELETE FROM budget`);
    const deleted = (await within(other!.next(), 'the action')).value as SyncAction;
    expect(deleted).toMatchObject({ type: 'delete', entityId: '1', queryPaths: ['budget'] });
    expect(deleted).not.toHaveProperty('data');
    for (const stream of [acme, other]) await stream!.return(undefined);
    expect((await logOf(node, 'acme')).length).toBe(1);
    await waitFor(() => cdc.status().written !== undefined && cdc.metrics().actions === 4, 'all to be counted');
    expect(cdc.metrics()).toMatchObject({ commits: 4, changes: 4, poison: 0, resyncs: 1, connections: 1, waiting: 0 });
  });

  test('one transaction is one action a company: its paths together; what was rolled back is none', async () => {
    const { name, url, sql } = await database();
    const node = hub();
    await within(node.ready(), 'the hub');
    await started(node, name, url);
    await sql(`
      BEGIN; INSERT INTO guests VALUES ('g1', 'acme'), ('g2', 'acme'), ('g3', 'other'); INSERT INTO budget (company_id, amount) VALUES ('acme', 1);
      SAVEPOINT s; INSERT INTO guests VALUES ('g4', 'never'); ROLLBACK TO s; INSERT INTO notes VALUES (1); COMMIT;
      BEGIN; INSERT INTO guests VALUES ('g5', 'never'); ROLLBACK`);
    await sql(`BEGIN; INSERT INTO guests VALUES ('g6', 'prepared'); PREPARE TRANSACTION '${name}'`);
    await sql(`INSERT INTO guests VALUES ('g7', 'acme')`);
    const [first, second] = await untilLogged(node, 'acme', 2);
    expect(first).toMatchObject({ type: 'insert', module: '*', entityId: '*', queryPaths: ['guests.getAll', 'guests.getById', 'budget'] });
    expect(first?.where).toEqual({ 'guests.getById': { id: ['g1', 'g2'] } });
    expect(second).toMatchObject({ entityId: 'g7' });
    expect(await untilLogged(node, 'other', 1)).toMatchObject([{ entityId: 'g3', id: first?.id }]);
    expect(await logOf(node, 'prepared')).toEqual([]);
    await sql(`COMMIT PREPARED '${name}'`);
    expect(await untilLogged(node, 'prepared', 1)).toMatchObject([{ entityId: 'g6' }]);
    expect(await logOf(node, 'never')).toEqual([]);
  });

  test('a row that moves to another company is gone for the one and new for the other', async () => {
    const { name, url, sql } = await database();
    const node = hub();
    await within(node.ready(), 'the hub');
    await started(node, name, url);
    await sql(`INSERT INTO guests VALUES ('g1', 'acme', 'secret'); INSERT INTO budget (company_id, amount) VALUES ('acme', 7)`);
    await sql(`UPDATE guests SET company_id = 'other'`);
    await sql(`UPDATE budget SET company_id = 'other'`);
    const ours = await untilLogged(node, 'acme', 3);
    expect(ours.slice(-2)).toMatchObject([{ type: 'delete', entityId: 'g1' }, { type: 'delete', entityId: '1', module: 'money' }]);
    expect(ours.at(-1)).not.toHaveProperty('data');
    expect(await untilLogged(node, 'other', 2)).toMatchObject([{ type: 'insert', entityId: 'g1' }, { type: 'insert', entityId: '1', data: { amount: 7 } }]);
  });

  test('TRUNCATE, and a table that has got another form, are for everybody who has a log', async () => {
    const { name, url, sql } = await database();
    const node = hub();
    await within(node.ready(), 'the hub');
    await started(node, name, url);
    await sql(`INSERT INTO guests VALUES ('g1', 'acme'), ('g1', 'other')`);
    await untilLogged(node, 'other', 1);
    await sql('TRUNCATE guests');
    for (const companyId of ['acme', 'other']) expect((await untilLogged(node, companyId, 2)).at(-1)).toMatchObject({ module: '*', entityId: '*', queryPaths: ['guests.getAll', 'guests.getById'] });
    await sql(`ALTER TABLE guests ADD COLUMN vip bool DEFAULT true; INSERT INTO guests VALUES ('g2', 'acme')`);
    expect((await untilLogged(node, 'other', 3)).at(-1)).toMatchObject({ queryPaths: ['guests.getAll', 'guests.getById'] });
    expect((await untilLogged(node, 'acme', 3)).at(-1)?.where).toBeUndefined();
    await sql(`INSERT INTO guests VALUES ('g3', 'other')`);
    expect((await untilLogged(node, 'other', 4)).at(-1)).toMatchObject({ entityId: 'g3' });
  });

  test('what a transaction says of itself: who, which tab, which id; a broadcast of the app with that id is told once, and what it left out is told', async () => {
    const { name, url, sql } = await database();
    const node = hub();
    await within(node.ready(), 'the hub');
    await started(node, name, url);
    const said = (more: object): string => `SELECT pg_logical_emit_message(true, 'pathcast', '${JSON.stringify({ userId: 'ann', sourceId: 'tab', transactionId: 't1', ...more })}')`;
    await sql(`BEGIN; ${said({})}; INSERT INTO guests VALUES ('g1', 'acme'); COMMIT`);
    expect(await untilLogged(node, 'acme', 1)).toMatchObject([{ userId: 'ann', sourceId: 'tab', tx: { transactionId: 't1' } }]);

    const { companyId, ...rest } = { companyId: 'acme', id: 'mutation 1', type: 'insert', module: 'guests', entityId: 'g2', userId: 'ann' } as const;
    await node.broadcast({ companyId, ...rest, queryPaths: ['guests'] });
    await sql(`BEGIN; INSERT INTO guests VALUES ('g2', 'acme'); ${said({ id: 'mutation 1' })}; COMMIT`);
    await node.broadcast({ companyId, ...rest, id: 'mutation 2', queryPaths: ['guests.getAll'] });
    await sql(`BEGIN; INSERT INTO guests VALUES ('g3', 'acme'); INSERT INTO guests VALUES ('g3', 'other'); ${said({ id: 'mutation 2', companyId: 'acme' })}; COMMIT`);
    const all = await untilLogged(node, 'acme', 4);
    expect(all.slice(1).map(({ id, queryPaths }) => [id.startsWith('mutation') ? id : 'own', queryPaths])).toEqual([
      ['mutation 1', ['guests']],
      ['mutation 2', ['guests.getAll']],
      ['own', ['guests.getById']],
    ]);
    // Of what it says of itself for one company another one hears nothing.
    const [other] = await untilLogged(node, 'other', 1);
    expect(other).toMatchObject({ userId: 'external', entityId: 'g3' });
    expect(other).not.toHaveProperty('tx');
    expect(other).not.toHaveProperty('sourceId');
  });
});

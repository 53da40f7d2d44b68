/** Who changed a row, by a column of it: for apps whose role may not call `pg_logical_emit_message`. What an older transaction left there is never believed. */
import { announce } from '../../lib/postgres/changes/actions.js';
import { checkMap } from '../../lib/postgres/changes/mapping.js';
import type { Collected } from '../../lib/postgres/changes/collector.js';
import { createCdc, type CdcMap } from '../../lib/postgres/index.js';
import { decoderOf } from '../../lib/postgres/server/encodings.js';
import { Acker } from '../../lib/postgres/stream/acker.js';
import { Intake } from '../../lib/postgres/stream/intake.js';
import { createHub, type Hub } from '../../lib/server/hub.js';
import type { SyncAction, SyncActionInput } from '../../lib/protocol/events.js';
import { pgoutput, walData, type TestColumn, type Value } from '../support/pgoutput-bytes.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor, within } from '../support/wait.js';

const COLUMNS: TestColumn[] = [{ name: 'id', isKey: true }, { name: 'company_id', isKey: true }, { name: 'name', isKey: true }, { name: 'tx', isKey: true, type: 3802 }];
const MAP: CdcMap = { guests: { tenant: 'company_id', paths: ['guests'], tx: 'tx' } };
const ANN = '{"userId": "ann", "sourceId": "tab", "transactionId": "t1"}';
const BOB = '{"userId": "bob", "transactionId": "t2"}';

class Bench {
  readonly odd: string[] = [];
  readonly #committed: Collected[] = [];
  readonly #intake: Intake;
  #lsn = 100n;

  constructor(columns = COLUMNS, identity = 'f') {
    const acker = new Acker({ acked: 0n, written: 0n, statusEveryMs: 1_000, silenceMs: 1_000, now: 0 });
    const host = { committed: (one: Collected) => void this.#committed.push(one), poison: () => undefined, odd: (kind: string, message: string) => void this.odd.push(`${kind}: ${message}`) };
    this.#intake = new Intake(acker, { tables: checkMap(MAP), forms: new Map(), maxPaths: 100, maxDataBytes: 100, decode: decoderOf('UTF8') }, host, { commits: 0, changes: 0, skipped: 0 });
    this.#take(pgoutput.relation(1, 'guests', columns, { identity }));
  }

  #take(bytes: Buffer): void {
    this.#intake.take(walData(0n, bytes), 0);
  }

  /** Whom each company's action names: user, tab, transaction. */
  commit(...messages: Buffer[]): Record<string, unknown> {
    this.#take(pgoutput.begin(this.#lsn));
    for (const message of messages) this.#take(message);
    this.#take(pgoutput.commit(this.#lsn, this.#lsn + 5n));
    this.#lsn += 10n;
    const actions: SyncActionInput[] = [...announce(this.#committed.pop()!, 'e', [], 1)].map(({ action }) => action);
    expect(actions.every(({ id }) => id?.startsWith('e-'))).toBe(true);
    return Object.fromEntries(actions.map(({ companyId, userId, sourceId, tx }) => [companyId, [userId, sourceId, (tx as { transactionId?: unknown } | undefined)?.transactionId].filter((one) => one !== undefined).join(' ')]));
  }
}

const row = (id: string, company: string, name: string, tx: Value): Value[] => [id, company, name, tx];
const insert = (id: string, company: string, tx: Value): Buffer => pgoutput.insert(1, row(id, company, 'n', tx));
const update = (id: string, company: string, before: Value, after: Value): Buffer =>
  pgoutput.update(1, row(id, company, 'new', after), { kind: 'O', values: row(id, company, 'old', before) });

describe('rows of one transaction', () => {
  test('an insert says it, and an update that has changed it; what was there before does not', () => {
    const bench = new Bench();
    expect(bench.commit(insert('g', 'acme', ANN))).toEqual({ acme: 'ann tab t1' });
    expect(bench.commit(update('g', 'acme', ANN, BOB))).toEqual({ acme: 'bob t2' });
    // By psql: the column stays as it was.
    expect(bench.commit(update('g', 'acme', BOB, BOB))).toEqual({ acme: 'external' });
    // A large value that was not sent again has not changed.
    expect(bench.commit(update('g', 'acme', BOB, undefined))).toEqual({ acme: 'external' });
    expect(bench.commit(update('g', 'acme', BOB, null))).toEqual({ acme: 'external' });
    expect(bench.commit(insert('g', 'acme', null))).toEqual({ acme: 'external' });
    expect(bench.odd).toEqual([]);
  });

  test('a delete says nothing of its own; in a transaction with rows that do, it is theirs', () => {
    const bench = new Bench();
    const remove = pgoutput.delete(1, 'O', row('g', 'acme', 'n', ANN));
    expect(bench.commit(remove)).toEqual({ acme: 'external' });
    expect(bench.commit(remove, insert('h', 'acme', BOB), update('i', 'acme', ANN, ANN))).toEqual({ acme: 'bob t2' });
  });

  test('a message of the transaction wins', () => {
    const bench = new Bench();
    expect(bench.commit(insert('g', 'acme', BOB), pgoutput.message('pathcast', ANN))).toEqual({ acme: 'ann tab t1' });
    // One for another company says that this one is to hear nothing.
    expect(bench.commit(insert('g', 'acme', BOB), pgoutput.message('pathcast', '{"userId": "eve", "companyId": "other"}'))).toEqual({ acme: 'external' });
  });

  test('rows that say different things are believed by nobody', () => {
    const bench = new Bench();
    expect(bench.commit(insert('g', 'acme', ANN), insert('h', 'acme', BOB))).toEqual({ acme: 'external' });
    expect(bench.odd).toEqual([expect.stringMatching(/^cdc-metadata: .*not the same in all of them/)]);
  });

  test('of several companies those hear it whose rows say it: the only one, or all', () => {
    const bench = new Bench();
    expect(bench.commit(insert('g', 'acme', ANN), insert('h', 'other', null))).toEqual({ acme: 'ann tab t1', other: 'external' });
    expect(bench.commit(insert('g', 'acme', ANN), insert('h', 'other', ANN))).toEqual({ acme: 'ann tab t1', other: 'ann tab t1' });
    expect(bench.commit(insert('g', 'acme', ANN), insert('h', 'other', ANN), insert('i', 'third', null))).toEqual({ acme: 'external', other: 'external', third: 'external' });
    // Whom a row has left hears nothing of who took it.
    const move = pgoutput.update(1, row('g', 'other', 'n', BOB), { kind: 'O', values: row('g', 'acme', 'n', ANN) });
    expect(bench.commit(move)).toEqual({ acme: 'external', other: 'bob t2' });
  });

  test('an id and a company in it are not taken: a row that was copied is no double of an older action', () => {
    const bench = new Bench();
    expect(bench.commit(insert('g', 'acme', '{"id": "m1", "userId": "ann", "companyId": "other"}'))).toEqual({ acme: 'ann' });
  });

  test.each(['[]', '7', '{"userId": 7}', `{"a": "${'x'.repeat(20_000)}"}`])('what is no such object is said to be odd: %.20s', (text) => {
    const bench = new Bench();
    expect(bench.commit(insert('g', 'acme', text))).toEqual({ acme: 'external' });
    expect(bench.odd).toEqual([expect.stringMatching(/^cdc-metadata: what rows say of their transaction (is|has)/)]);
  });

  test('where PostgreSQL does not say what was there before, an update is not believed', () => {
    const bench = new Bench(COLUMNS.map((column) => ({ ...column, isKey: column.name === 'id' || column.name === 'company_id' })), 'd');
    expect(bench.commit(pgoutput.update(1, row('g', 'acme', 'n', ANN)))).toEqual({ acme: 'external' });
    expect(bench.commit(insert('g', 'acme', ANN))).toEqual({ acme: 'ann tab t1' });
  });
});

describe('on a server', () => {
  let postgres: PostgresServer;
  let hub: Hub;
  beforeAll(async () => {
    postgres = await PostgresServer.start();
    await postgres.sql('CREATE TABLE guests (id text, company_id text NOT NULL, name text, tx jsonb, PRIMARY KEY (company_id, id)); CREATE PUBLICATION pathcast FOR TABLE guests');
    hub = createHub({ engine: 'js' });
    hub.on('warning', () => undefined);
  }, 120_000);
  afterAll(async () => {
    await hub?.close({ flushMs: 0 });
    await postgres?.end();
  });

  const cdc = (map: CdcMap) => createCdc({ hub, connection: postgres.url(), map });

  test('start refuses a column that is not there, none of jsonb, and an identity without it; each with its SQL', async () => {
    await expect(cdc({ guests: { ...MAP['guests']!, tx: 'txs' } }).start()).rejects.toThrow('has no column txs; it has: id, company_id, name, tx');
    await expect(cdc({ guests: { ...MAP['guests']!, tx: 'name' } }).start()).rejects.toThrow('run: ALTER TABLE public.guests ALTER COLUMN name TYPE jsonb USING name::jsonb');
    await expect(cdc(MAP).start()).rejects.toThrow('run: ALTER TABLE guests REPLICA IDENTITY FULL');
    expect(() => cdc({ guests: { ...MAP['guests']!, tx: '' } })).toThrow('map["guests"].tx must be a text that is not empty');
  });

  test('an app without messages, psql, and a deletion', async () => {
    await postgres.sql('ALTER TABLE guests REPLICA IDENTITY FULL');
    const worker = cdc(MAP);
    try {
      await within(worker.start(), 'the worker to start');
      for (const statement of [
        `INSERT INTO guests VALUES ('g', 'acme', 'Ann', '${ANN}')`,
        `UPDATE guests SET name = 'by psql'`,
        `UPDATE guests SET name = 'Bob', tx = '${BOB}'`,
        'DELETE FROM guests',
      ]) await postgres.sql(statement);
      const log = async (): Promise<SyncAction[]> => (await hub.readLog('acme')).actions.map((text) => JSON.parse(text) as SyncAction);
      await waitFor(async () => (await log()).length === 4, 'all to be told');
      expect((await log()).map(({ type, userId, sourceId, tx }) => [type, userId, sourceId, tx])).toEqual([
        ['insert', 'ann', 'tab', { transactionId: 't1' }],
        ['update', 'external', undefined, undefined],
        ['update', 'bob', undefined, { transactionId: 't2' }],
        ['delete', 'external', undefined, undefined],
      ]);
    } finally {
      await worker.close();
    }
  });
});

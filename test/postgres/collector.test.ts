/** What one transaction makes stale for whom: rows become paths, a bounded number of them, whatever their number; and what the map does wrong is told and ends nothing. */
import { announce } from '../../lib/postgres/changes/actions.js';
import { Acker } from '../../lib/postgres/stream/acker.js';
import type { Collected, Poison } from '../../lib/postgres/changes/collector.js';
import { Intake } from '../../lib/postgres/stream/intake.js';
import { checkMap } from '../../lib/postgres/changes/mapping.js';
import { decoderOf } from '../../lib/postgres/server/encodings.js';
import type { CdcMap } from '../../lib/postgres/index.js';
import { coveredRest, entryOf } from '../../lib/server/shared-id.js';
import { readKept, writeKept } from '../../lib/postgres/worker/kept-state.js';
import type { SyncActionInput } from '../../lib/protocol/events.js';
import { pgoutput, walData, type TestColumn, type Value } from '../support/pgoutput-bytes.js';

const COLUMNS: TestColumn[] = [{ name: 'id', isKey: true }, { name: 'company_id', isKey: true }, { name: 'name' }, { name: 'age', type: 23 }, { name: 'vip', type: 16 }];

class Bench {
  readonly committed: Collected[] = [];
  readonly poison: Poison[] = [];
  readonly odd: string[] = [];
  readonly #intake: Intake;
  #lsn = 100n;

  constructor(map: CdcMap, more: { maxPaths?: number; maxDataBytes?: number; maxRecords?: number; decode?: ReturnType<typeof decoderOf> } = {}) {
    const acker = new Acker({ acked: 0n, written: 0n, statusEveryMs: 1_000, silenceMs: 1_000, now: 0 });
    this.#intake = new Intake(
      acker,
      { tables: checkMap(map), forms: new Map(), maxPaths: 100, maxDataBytes: 100, decode: decoderOf('UTF8'), ...more },
      { committed: (one) => void this.committed.push(one), poison: (one) => void this.poison.push(one), odd: (kind, message) => void this.odd.push(`${kind}: ${message}`) },
      { commits: 0, changes: 0, skipped: 0 },
    );
    this.table(1, 'guests', COLUMNS);
  }

  table(oid: number, name: string, columns: TestColumn[], identity = 'd'): void {
    this.#take(pgoutput.relation(oid, name, columns, { identity }));
  }

  #take(bytes: Buffer): void {
    this.#intake.take(walData(0n, bytes), 0);
  }

  /** A transaction of these messages; what it announces. */
  commit(messages: readonly Buffer[], companies: readonly string[] = []): SyncActionInput[] {
    const before = this.committed.length;
    this.#take(pgoutput.begin(this.#lsn, 1_764_345_600_000));
    for (const message of messages) this.#take(message);
    this.#take(pgoutput.commit(this.#lsn, this.#lsn + 5n, 1_764_345_600_000));
    this.#lsn += 10n;
    const collected = this.committed[before];
    return collected ? [...announce(collected, 'e', companies, 1_764_345_700_000)].map(({ action }) => action) : [];
  }
}

/** Of what is not given a value; `undefined` is one that is not sent. */
const row = (id: string, company: Value, ...more: Value[]): Value[] => [id, company, ...more, ...['n', '1', 't'].slice(more.length)];
const STATIC: CdcMap = { guests: { tenant: 'company_id', paths: ['guests.getAll', 'guests.getById'] } };

describe('one transaction', () => {
  test('of one row: its kind, its id, and the data that was asked for, as JSON has it', () => {
    const bench = new Bench({ guests: { ...STATIC['guests']!, data: ['name', 'age', 'vip'] } });
    expect(bench.commit([pgoutput.insert(1, row('g1', 'acme', 'Ann', '41'))])).toMatchObject([
      { id: 'e-0000000000000069', type: 'insert', module: 'guests', entityId: 'g1', companyId: 'acme', timestamp: 1_764_345_600_000, data: { name: 'Ann', age: 41, vip: true } },
    ]);
    // A value that is not sent, and one that is too long: pages fetch.
    for (const name of [undefined, 'x'.repeat(200)]) expect(bench.commit([pgoutput.update(1, row('g1', 'acme', name))])[0]).not.toHaveProperty('data');
    expect(bench.commit([pgoutput.delete(1, 'K', row('g1', 'acme', null, null, null))])).toMatchObject([{ type: 'delete', entityId: 'g1' }]);
  });

  test('of many rows: one action a tenant, with the paths together and nothing of a single row', () => {
    const bench = new Bench({ ...STATIC, budget: { tenant: 'company_id', paths: ['budget'], module: 'money' } });
    bench.table(2, 'budget', COLUMNS);
    const many = Array.from({ length: 50 }, (_, i) => pgoutput.insert(1, row(`g${String(i)}`, 'acme')));
    expect(bench.commit([...many, pgoutput.update(2, row('b', 'acme')), pgoutput.insert(2, row('b', 'other'))])).toMatchObject([
      { companyId: 'acme', type: 'update', module: '*', entityId: '*', queryPaths: ['guests.getAll', 'guests.getById', 'budget'] },
      { companyId: 'other', type: 'insert', module: 'money', entityId: 'b', queryPaths: ['budget'] },
    ]);
    expect(bench.commit([pgoutput.insert(1, row('g1', 'acme')), pgoutput.update(1, row('g1', 'acme'))])).toMatchObject([{ type: 'update', module: 'guests', entityId: 'g1' }]);
  });

  test('tables that the map has not are nobody’s; without any there is nothing to tell', () => {
    const bench = new Bench(STATIC);
    bench.table(9, 'other', COLUMNS);
    expect(bench.commit([pgoutput.insert(9, row('x', 'acme'))])).toEqual([]);
    expect(bench.committed).toEqual([]);
  });

  test('where the map says that nothing is stale nobody hears anything; of others of the transaction it is the same', () => {
    const bench = new Bench({ guests: { tenant: 'company_id', paths: ({ value }) => (value('name') === 'quiet' ? [] : ['guests']) } });
    expect(bench.commit([pgoutput.insert(1, row('g1', 'acme', 'quiet'))])).toEqual([]);
    expect(bench.committed).toEqual([]);
    expect(bench.commit([pgoutput.insert(1, row('g1', 'acme', 'quiet')), pgoutput.insert(1, row('g2', 'other'))])).toMatchObject([{ companyId: 'other', queryPaths: ['guests'] }]);
    // The form that a table had there is kept with the next one that is told.
    const forms = [...(bench.committed[0]?.forms.keys() ?? [])];
    expect(forms).toEqual(['public.guests']);
    expect(bench.commit([pgoutput.insert(1, row('g1', 'acme', 'quiet')), pgoutput.truncate([1])], ['acme'])).toMatchObject([{ companyId: 'acme', queryPaths: ['*'] }]);
    expect(bench.poison).toEqual([]);
    // Activities say what has changed, whatever is stale.
    const recording = new Bench({ guests: { tenant: 'company_id', paths: () => [] } }, { maxRecords: 10 });
    expect(recording.commit([pgoutput.insert(1, row('g1', 'acme'))])).toEqual([]);
    expect([...(recording.committed[0]?.records?.tenants ?? [])]).toEqual(['acme']);
  });

  test('beyond the bound first segments are told apart, then nothing; a tenant that comes later, too', () => {
    const bench = new Bench({ guests: { tenant: 'company_id', paths: ({ entityId }) => [`r${String(Number(entityId) % 7)}.q${entityId}`] } }, { maxPaths: 20 });
    const rows = (count: number, company: string): Buffer[] => Array.from({ length: count }, (_, i) => pgoutput.insert(1, row(String(i), company)));
    expect(bench.commit(rows(20, 'acme'))[0]?.queryPaths).toHaveLength(20);
    expect(bench.commit([...rows(21, 'acme'), ...rows(2, 'other')])).toMatchObject([{ queryPaths: ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6'] }, { queryPaths: ['r0', 'r1'] }]);
    const all = bench.commit(['a', 'b', 'c', 'd'].flatMap((company) => rows(7, company)));
    expect(all.map(({ queryPaths }) => queryPaths)).toEqual(Array(4).fill(['*']));
  });

  test('where: what all rows say of a path; a row without it opens the path, and so do too many values', () => {
    const bench = new Bench({ guests: { tenant: 'company_id', paths: ['guests.getById', 'guests.getAll'], where: ({ value }) => (value('name') === 'all' ? null : { 'guests.getById': { id: value('id') ?? null } }) } });
    const of = (...rows: Value[][]): unknown => bench.commit(rows.map((values) => pgoutput.insert(1, values)))[0]?.where;
    expect(of(row('g1', 'acme'))).toEqual({ 'guests.getById': { id: 'g1' } });
    expect(of(row('g1', 'acme'), row('g2', 'acme'))).toEqual({ 'guests.getById': { id: ['g1', 'g2'] } });
    expect(of(row('g1', 'acme'), row('g2', 'acme', 'all'))).toBeUndefined();
    expect(of(...Array.from({ length: 17 }, (_, i) => row(`g${String(i)}`, 'acme')))).toBeUndefined();
  });

  test('data and what a transaction says of itself lose no digit', () => {
    const bench = new Bench({ bills: { tenant: 'company_id', paths: ['bills'], data: ['total', 'seen', 'doc', 'share'] } }, { maxDataBytes: 1_000 });
    bench.table(3, 'bills', [...COLUMNS.slice(0, 2), { name: 'total', type: 1700 }, { name: 'seen', type: 20 }, { name: 'doc', type: 3802 }, { name: 'share', type: 701 }]);
    const doc = '{"id": 12345678901234567890, "safe": 9007199254740991, "past": 9007199254740993, "list": [0.1, 1.50, 0.12345678901234567890, 1e400, -1e-7, 1e23], "text": "12345678901234567890 \\"1e400", "on": true}';
    const [action] = bench.commit([pgoutput.message('pathcast', '{"userId":"ann","run":98765432109876543210}'), pgoutput.insert(3, ['b1', 'acme', '19.90', '9007199254740993', doc, '0.1'])]);
    expect(action).toMatchObject({
      userId: 'ann',
      tx: { run: '98765432109876543210' },
      data: {
        total: '19.90',
        seen: '9007199254740993',
        doc: { id: '12345678901234567890', safe: 9007199254740991, past: '9007199254740993', list: [0.1, 1.5, '0.12345678901234567890', '1e400', -1e-7, 1e23], text: '12345678901234567890 "1e400', on: true },
        share: 0.1,
      },
    });
  });

  test('a message is read in the encoding of its database', () => {
    const said = (encoding: string, bytes: readonly number[]): unknown => {
      const bench = new Bench(STATIC, { decode: decoderOf(encoding) });
      const content = Buffer.concat([Buffer.from('{"userId":"'), Buffer.from(bytes), Buffer.from('"}')]);
      const [action] = bench.commit([pgoutput.message('pathcast', content), pgoutput.insert(1, row('g1', 'acme'))]);
      return bench.odd[0] ?? action?.userId;
    };
    expect(said('LATIN1', [0x4a, 0xfc, 0x72, 0x67])).toBe('Jürg');
    expect(said('LATIN9', [0xa4])).toBe('€');
    expect(said('WIN1251', [0xc0, 0xed, 0xff])).toBe('Аня');
    expect(said('EUC_JP', [0xa4, 0xa2])).toBe('あ');
    expect(said('UTF8', [0x4a, 0xc3, 0xbc, 0x72, 0x67])).toBe('Jürg');
    expect(said('MULE_INTERNAL', [0x61, 0x6e, 0x6e])).toBe('ann');
    for (const [encoding, bytes] of [['MULE_INTERNAL', [0x81, 0xfc]], ['SQL_ASCII', [0xfc]]] as const) expect(said(encoding, [...bytes])).toMatch(/cdc-metadata.*no text in the database's encoding/);
  });

  test('what it says of itself is for the company that it names, and is bounded', () => {
    const bench = new Bench(STATIC);
    const insert = [pgoutput.insert(1, row('g1', 'acme')), pgoutput.insert(1, row('g1', 'other'))];
    const said = (content: string): SyncActionInput[] => bench.commit([pgoutput.message('pathcast', content), ...insert]);
    expect(said('{"id":"m1","userId":"ann","sourceId":"tab","companyId":"acme","transactionId":"t"}')).toMatchObject([
      { id: 'm1', userId: 'ann', sourceId: 'tab', tx: { transactionId: 't' } },
      { id: expect.stringMatching(/^e-/) as string, userId: 'external' },
    ]);
    for (const wrong of ['{', '[]', '{"userId":7}', `{"userId":"${'x'.repeat(300)}"}`, `"${'x'.repeat(20_000)}"`]) expect(said(wrong)[0]).toMatchObject({ userId: 'external' });
    expect(bench.odd).toHaveLength(5);
    expect(bench.commit([pgoutput.message('elsewhere', '{"userId":"ann"}'), pgoutput.message('pathcast', '{"userId":"ann"}', false), ...insert])[0]).toMatchObject({ userId: 'external' });
  });

  test('TRUNCATE is for every company there is, with what the table’s rows would have said', () => {
    const bench = new Bench(STATIC);
    expect(bench.commit([pgoutput.truncate([1])], ['acme', 'globex'])).toMatchObject([
      { companyId: 'acme', module: '*', entityId: '*', queryPaths: ['guests.getAll', 'guests.getById'] },
      { companyId: 'globex' },
    ]);
    const byFunction = new Bench({ guests: { tenant: 'company_id', paths: () => ['guests'] } });
    expect(byFunction.commit([pgoutput.insert(1, row('g', 'own')), pgoutput.truncate([1])], ['acme'])).toMatchObject([{ companyId: 'own', queryPaths: ['*'] }, { companyId: 'acme', queryPaths: ['*'] }]);
  });

  test('a table that has got another form is for every company, once', () => {
    const bench = new Bench(STATIC);
    expect(bench.commit([pgoutput.insert(1, row('g', 'acme'))], ['other'])).toHaveLength(1);
    expect(bench.committed[0]?.forms.size).toBe(1);
    bench.table(1, 'guests', [...COLUMNS, { name: 'more' }]);
    expect(bench.commit([pgoutput.insert(1, [...row('g', 'acme'), 'x'])], ['other']).map(({ companyId }) => companyId)).toEqual(['acme', 'other']);
    bench.table(1, 'guests', [...COLUMNS, { name: 'more' }]);
    expect(bench.commit([pgoutput.insert(1, [...row('g', 'acme'), 'x'])], ['other'])).toHaveLength(1);
  });
});

describe('a change', () => {
  test('says what PostgreSQL says: values of now and before, and what has changed', () => {
    const seen: unknown[] = [];
    const bench = new Bench({
      guests: {
        tenant: 'company_id',
        paths: ({ op, tenant, value, before, changed }) => {
          seen.push([op, tenant, value('name'), before('name'), before('id'), changed('name'), changed('id')]);
          return ['guests'];
        },
      },
    });
    bench.commit([
      pgoutput.insert(1, row('g1', 'acme', 'Ann')),
      pgoutput.update(1, row('g1', 'acme', undefined)),
      pgoutput.update(1, row('g2', 'acme', 'Bob'), { kind: 'K', values: row('g1', 'acme', null, null, null) }),
      pgoutput.update(1, row('g2', 'acme', undefined), { kind: 'O', values: row('g2', 'acme', 'Bob') }),
      pgoutput.delete(1, 'K', row('g2', 'acme', null, null, null)),
    ]);
    expect(seen).toEqual([
      ['insert', 'acme', 'Ann', undefined, undefined, true, true],
      ['update', 'acme', undefined, undefined, 'g1', false, false],
      ['update', 'acme', 'Bob', undefined, 'g1', undefined, true],
      ['update', 'acme', 'Bob', 'Bob', 'g2', false, false],
      ['delete', 'acme', undefined, undefined, 'g2', true, true],
    ]);
  });

  test('that moves to another tenant is a delete there and an insert here, each with its own values', () => {
    const seen: unknown[] = [];
    const bench = new Bench({ guests: { tenant: 'company_id', paths: ({ op, tenant, value }) => (seen.push([op, tenant, value('name')]), ['guests']) } });
    const moved = bench.commit([pgoutput.update(1, row('g1', 'new', 'secret'), { kind: 'O', values: row('g1', 'old', 'before') })]);
    expect(seen).toEqual([['delete', 'old', 'before'], ['insert', 'new', 'secret']]);
    expect(moved).toMatchObject([{ companyId: 'old', type: 'delete', entityId: 'g1' }, { companyId: 'new', type: 'insert', entityId: 'g1' }]);
    // Of nobody's, from somebody, to nobody.
    expect(bench.commit([pgoutput.update(1, row('g1', 'new'), { kind: 'O', values: row('g1', null) })])).toMatchObject([{ companyId: 'new', type: 'insert' }]);
    expect(bench.commit([pgoutput.update(1, row('g1', null), { kind: 'O', values: row('g1', 'new') })])).toMatchObject([{ companyId: 'new', type: 'delete' }]);
    expect(bench.poison).toEqual([]);
  });
});

describe('what a row has left is as stale as what it is in now', () => {
  const map: CdcMap = {
    guests: {
      tenant: 'company_id',
      paths: ({ value }) => [`rooms.${value('vip') === 't' ? 'best' : 'other'}`, 'guests.byName', 'guests.getById'],
      where: ({ value, entityId }) => ({ 'guests.byName': { name: value('name') ?? null }, 'guests.getById': { id: entityId } }),
    },
  };
  const updated = (bench: Bench, message: Buffer): SyncActionInput | undefined => bench.commit([message])[0];

  test('with the whole row of before: both are named, and both are what it is narrowed to', () => {
    const bench = new Bench(map);
    expect(updated(bench, pgoutput.update(1, row('g1', 'acme', 'New', '1', 'f'), { kind: 'O', values: row('g1', 'acme', 'Old') }))).toMatchObject({
      queryPaths: ['rooms.other', 'guests.byName', 'guests.getById', 'rooms.best'],
      where: { 'guests.byName': { name: ['New', 'Old'] }, 'guests.getById': { id: 'g1' } },
    });
    expect(updated(bench, pgoutput.update(1, row('g1', 'acme', 'Same', '2'), { kind: 'O', values: row('g1', 'acme', 'Same') }))).toMatchObject({
      queryPaths: ['rooms.best', 'guests.byName', 'guests.getById'],
      where: { 'guests.byName': { name: 'Same' } },
    });
    expect(bench.odd).toEqual([]);
  });

  test('with the key alone: of other columns nothing is narrowed in an update, and that paths depend on one is told once', () => {
    const bench = new Bench(map);
    for (let n = 0; n < 2; n++) expect(updated(bench, pgoutput.update(1, row('g1', 'acme')))).not.toHaveProperty('where');
    expect(bench.odd).toEqual([expect.stringMatching(/^cdc-before: .*column "vip".*run: ALTER TABLE guests REPLICA IDENTITY FULL$/)]);
    expect(updated(bench, pgoutput.insert(1, row('g1', 'acme')))?.where).toBeDefined();
  });

  test('an id that changes: the page of the former one too', () => {
    const bench = new Bench({ guests: { tenant: 'company_id', paths: ['guests.getById'], where: ({ entityId }) => ({ 'guests.getById': { id: entityId } }) } });
    expect(updated(bench, pgoutput.update(1, row('g2', 'acme'), { kind: 'K', values: row('g1', 'acme', null, null, null) }))).toMatchObject({ entityId: '*', where: { 'guests.getById': { id: ['g2', 'g1'] } } });
    expect(updated(bench, pgoutput.update(1, row('g2', 'acme')))).toMatchObject({ entityId: 'g2', where: { 'guests.getById': { id: 'g2' } } });
  });
});

describe('what the map does wrong', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['throws', () => { throw new RangeError('the row says: secret'); }, /^the map's functions threw RangeError/],
    ['gives no array', () => 'guests', /must give an array/],
    ['gives what is no path', () => [7], /must give an array/],
    ['gives a promise, which fails', () => Promise.reject(new Error('late')), /not a promise/],
  ])('a function that %s: the tenant is told that everything may be stale, and it goes on', async (_what, paths, reason) => {
    const bench = new Bench({ guests: { tenant: 'company_id', paths: paths as () => string[] }, budget: { tenant: 'company_id', paths: ['budget'] } });
    bench.table(2, 'budget', COLUMNS);
    const both = bench.commit([pgoutput.insert(1, row('g1', 'acme')), pgoutput.insert(1, row('g2', 'acme')), pgoutput.insert(2, row('b', 'other'))]);
    expect(both).toMatchObject([{ companyId: 'acme', queryPaths: ['*'] }, { companyId: 'other', queryPaths: ['budget'] }]);
    expect(bench.poison).toMatchObject([{ table: 'guests', op: 'insert', tenant: 'acme', entityId: 'g1', commitLsn: 100n }]);
    expect(bench.poison[0]?.reason).toMatch(reason);
    expect(bench.poison[0]?.reason).not.toMatch(/secret/);
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('a column that there is not, and a change that is asked too late, are named', () => {
    let kept: (() => unknown) | undefined;
    const bench = new Bench({
      guests: {
        tenant: 'company_id',
        paths: ({ value }) => {
          kept = () => value('name');
          return value('nam') === null ? [] : ['guests'];
        },
      },
    });
    bench.commit([pgoutput.insert(1, row('g1', 'acme'))]);
    expect(bench.poison[0]?.reason).toBe('the table guests has, or its publication gives, no column "nam"');
    expect(kept).toThrow(/during the call alone/);
  });

  test('a row without a tenant is nobody’s, and is told to the app; one whose tenant was not sent is everybody’s', () => {
    const bench = new Bench(STATIC);
    expect(bench.commit([pgoutput.insert(1, row('g1', null)), pgoutput.insert(1, row('g2', null)), pgoutput.insert(1, row('g3', ''))])).toEqual([]);
    expect(bench.poison).toMatchObject([{ tenant: undefined, entityId: 'g1', reason: 'its tenant is NULL', count: 3 }]);
    expect(bench.commit([pgoutput.insert(1, row('g1', undefined))], ['acme'])).toMatchObject([{ companyId: 'acme', queryPaths: ['*'] }]);
    bench.table(1, 'guests', [{ name: 'id', isKey: true }]);
    expect(bench.commit([pgoutput.delete(1, 'K', ['g1'])], ['acme'])).toMatchObject([{ companyId: 'acme', queryPaths: ['*'] }]);
  });

  test.each([
    [null, /map must be an object/],
    [{}, /no table/],
    [{ guests: 7 }, /must be an object/],
    [{ guests: { tenant: '', paths: ['a'] } }, /tenant must be a text/],
    [{ guests: { tenant: 't', paths: [] } }, /paths must be query paths/],
    [{ guests: { tenant: 't', paths: ['a'], tenants: 1 } }, /no option "tenants"; it has: tenant, entity/],
    [{ guests: { tenant: 't', paths: ['a'], where: {} } }, /where must be a function/],
    [{ guests: { tenant: 't', paths: ['a'], data: 'name' } }, /data must be false or names/],
    [{ guests: { tenant: 't', paths: ['a'] }, 'public.guests': { tenant: 't', paths: ['a'] } }, /public\.guests twice/],
    [{ '.guests': { tenant: 't', paths: ['a'] } }, /no name of a table/],
  ])('%j is refused', (map, why) => {
    expect(() => checkMap(map)).toThrow(why);
  });
});

test('two who announce one transaction: what the first left out is left over', () => {
  const action: SyncActionInput = { companyId: 'acme', id: 'm', type: 'insert', module: 'g', entityId: 'x', queryPaths: ['guests.getAll', 'guests.getById', 'budget'], where: { 'guests.getById': { id: 'g1' } }, data: { a: 1 } };
  const rest = (told: object | undefined): unknown => coveredRest(action, told as Record<string, unknown> | undefined);
  expect(rest({ queryPaths: ['guests', 'budget'] })).toBeUndefined();
  expect(rest({ queryPaths: ['*'] })).toBeUndefined();
  expect(rest({ queryPaths: ['guests.getAll'] })).toMatchObject({ queryPaths: ['guests.getById', 'budget'], where: { 'guests.getById': { id: 'g1' } } });
  expect(rest({ queryPaths: ['guests.getAll', 'guests.getById', 'budget.x'], where: { 'guests.getById': { id: 'g2' } } })).toMatchObject({ queryPaths: ['guests.getById', 'budget'] });
  expect(rest({ queryPaths: ['guests.getAll', 'guests.getById', 'budget'], where: { 'guests.getById': { id: 'g1' } } })).toBeUndefined();
  expect(rest(undefined)).toMatchObject({ queryPaths: action.queryPaths });
  expect(rest(undefined)).not.toHaveProperty('data');
  expect(entryOf(['{"id":"m","queryPaths":["a"]}', '{"id":"mm"}'], 'm')).toEqual({ id: 'm', queryPaths: ['a'] });
  expect(entryOf(['{"id":"mm"}'], 'm')).toBeUndefined();
});

test('what a worker leaves to its successor is read as it was written; what cannot be read counts as nothing', () => {
  const kept = { epoch: '7.1.ab', written: 0x16b374d848n, acked: 5n, resync: false, owed: new Set(['a"b']), forms: new Map([['public.x', 'id 25']]), activities: '"pathcast"', tables: new Map([['public.x', '1.2.3']]) };
  expect(readKept(writeKept(kept))).toEqual(kept);
  expect(writeKept({ acked: 1n })).toEqual({ acked: '0000000000000001' });
  expect(readKept({})).toEqual({ epoch: '', written: 0n, acked: 0n, resync: true, owed: new Set(), forms: new Map(), activities: '', tables: new Map() });
  expect(readKept({ written: 'x', owed: '{', forms: '[1]' })).toMatchObject({ written: 0n, owed: new Set(), forms: new Map(), activities: '' });
});

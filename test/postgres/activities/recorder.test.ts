/** Who writes activities: two at once, one that comes late, what cannot be kept, what is too old. */
import type { Collected } from '../../../lib/postgres/changes/collector.js';
import type { Metadata } from '../../../lib/postgres/changes/metadata.js';
import type { RowRecord, RowRecords } from '../../../lib/postgres/changes/records.js';
import { Recorder, type Recorded } from '../../../lib/postgres/activities/recorder.js';
import { pgConnections } from '../../../lib/postgres/server/pg.js';
import { PostgresServer } from '../../support/postgres.js';
import { runSeed, withSeed, type Random } from '../../support/random.js';
import { within } from '../../support/wait.js';
import { world, type World } from './set-up.js';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
}, 120_000);
afterAll(() => postgres?.end());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const row = (entityId: string): RowRecord => ({ type: 'pages', table: 'pages', entityId, action: 'create', changedKeys: null });

function commit(endLsn: bigint, byTenant: Readonly<Record<string, readonly string[]>>, { metadata, committedAt = Date.now() }: { metadata?: Metadata; committedAt?: number } = {}): Recorded {
  const records = { isForAll: false, tenants: Object.keys(byTenant), of: (tenant: string) => (byTenant[tenant] ?? []).map(row) } as unknown as RowRecords;
  return { collected: { endLsn, committedAt, records, metadata } as unknown as Collected, companies: [] };
}

async function recorder(w: World, { source = '7.1', generation = 'g1', keepMs = 3_600_000 } = {}): Promise<{ recorder: Recorder; warnings: string[] }> {
  const sql = await pgConnections(w.url).sql();
  closing.push(() => sql.end());
  const warnings: string[] = [];
  return { recorder: new Recorder(sql, { schema: '"pathcast"', keepMs, maxPerCommit: 10 }, { source, generation }, (_kind, message) => warnings.push(message)), warnings };
}

const table = (w: World): Promise<string[][]> => w.sql('SELECT company_id, seq, entity_id FROM pathcast.activities ORDER BY company_id, seq');

test('two who write the same commits at the same time, in batches of their own, write each once, in order, without a hole', async () => {
  for (let round = 0; round < 4; round++) await withSeed(runSeed(), twoWriters);
});

async function twoWriters(random: Random): Promise<void> {
  const w = await world(postgres, closing);
  const companies = ['a', 'b', 'c', 'd'];
  const commits = Array.from({ length: 120 }, (_, i) => {
    const names = companies.filter(() => random.chance(0.5));
    return commit(BigInt(i * 10 + 10), Object.fromEntries(names.map((name) => [name, Array.from({ length: 1 + random.below(3) }, (__, n) => `${String(i)}-${String(n)}`)])));
  });
  const write = async (from: number): Promise<void> => {
    const { recorder: own } = await recorder(w);
    for (let at = from; at < commits.length; ) {
      const some = commits.slice(at, at + 1 + random.below(9));
      await own.record(some);
      at += some.length;
    }
  };
  // The successor begins anywhere before what the other one has written.
  const first = write(0);
  await within(Promise.all([first, write(0), write(0)]), 'all to be written');
  const expected = companies.flatMap((company) =>
    commits.flatMap(({ collected }) => (collected.records as RowRecords).of(company).map(({ entityId }) => entityId)).map((id, i) => [company, String(i + 1), id]),
  );
  expect(await table(w)).toEqual(expected);
  const heads = await w.sql('SELECT h.company_id, h.seq, (SELECT max(seq) FROM pathcast.activities a WHERE a.company_id = h.company_id) FROM pathcast.activity_heads h');
  for (const [, head, newest] of heads) expect(head).toBe(newest);
}

test('a commit that is there is not written again, on whichever connection; on another time line LSNs are others', async () => {
  const w = await world(postgres, closing);
  const { recorder: one } = await recorder(w);
  expect(await one.record([commit(10n, { a: ['x', 'y'] }), commit(20n, { a: ['z'], b: ['z'] })])).toEqual(new Map([['a', 3], ['b', 1]]));
  const { recorder: again } = await recorder(w);
  // Who is told of what is there already: those whose rows they are, for nobody may have been.
  expect(await again.record([commit(10n, { a: ['x', 'y'] }), commit(20n, { a: ['z'], b: ['z'] }), commit(30n, { b: ['w'] })])).toEqual(new Map([['a', 3], ['b', 2]]));
  const { recorder: promoted } = await recorder(w, { source: '7.2' });
  await promoted.record([commit(15n, { a: ['new'] })]);
  expect(await table(w)).toEqual([['a', '1', 'x'], ['a', '2', 'y'], ['a', '3', 'z'], ['a', '4', 'new'], ['b', '1', 'z'], ['b', '2', 'w']]);
});

test('a resync is one row for each company, once a generation, and ends the life of offsets', async () => {
  const w = await world(postgres, closing);
  const { recorder: one } = await recorder(w);
  await one.record([commit(10n, { a: ['x'] })]);
  const lives = async (): Promise<string[][]> => w.sql('SELECT company_id, life, seq FROM pathcast.activity_heads ORDER BY 1');
  const [[, before]] = (await lives()) as [string[]];
  const { recorder: two } = await recorder(w, { generation: 'g2' });
  expect(await two.resync(['b', 'pathcast:activities'])).toEqual(new Map([['a', 2], ['b', 1]]));
  expect(await two.resync(['a', 'b'])).toEqual(new Map());
  const after = await lives();
  expect(after.map(([company, , seq]) => [company, seq])).toEqual([['a', '2'], ['b', '1']]);
  expect(after[0]?.[1]).not.toBe(before);
  // What the former worker still has to write is written, and once.
  await one.record([commit(20n, { a: ['y'] })]);
  await two.record([commit(20n, { a: ['y'] }), commit(30n, { a: ['z'] })]);
  expect(await table(w)).toEqual([['a', '1', 'x'], ['a', '2', '*'], ['a', '3', 'y'], ['a', '4', 'z'], ['b', '1', '*']]);
});

test('what a transaction says of itself, and PostgreSQL cannot hold, keeps no activity back', async () => {
  const w = await world(postgres, closing);
  const { recorder: one, warnings } = await recorder(w);
  let deep: unknown = 1;
  for (let i = 0; i < 8_000; i++) deep = [deep];
  await one.record([
    commit(10n, { a: ['x'], b: ['x'] }, { metadata: { userId: 'an\0n', companyId: 'a', tx: { 'k\0': ['\ud800 and \u{1f600}', 1], n: 1e400 } } }),
    commit(20n, { a: ['y'] }, { metadata: { userId: 'bob', tx: { deep } } }),
    commit(30n, { a: ['z'] }, { metadata: { userId: 'eve', tx: { fine: true } } }),
  ]);
  expect(await w.sql('SELECT company_id, entity_id, user_id, tx FROM pathcast.activities ORDER BY 1, seq')).toEqual([
    ['a', 'x', 'an\ufffdn', '{"n": null, "k\ufffd": ["\ufffd and \u{1f600}", 1]}'],
    ['a', 'y', 'bob', ''],
    ['a', 'z', 'eve', expect.anything()],
    ['b', 'x', '', ''],
  ]);
  expect(warnings).toHaveLength(1);
});

test('a letter that the encoding of the database has not keeps no activity back, and costs its own transaction alone what it says', async () => {
  const w = await world(postgres, closing, { encoding: 'LATIN1' });
  const { recorder: one, warnings } = await recorder(w);
  await one.record([
    commit(10n, { a: ['x'] }, { metadata: { userId: 'Jürg', tx: { why: 'ü' } } }),
    commit(20n, { a: ['y'] }, { metadata: { userId: 'Jürg', tx: { why: '€' } } }),
    commit(30n, { a: ['z'] }, { metadata: { userId: '安', companyId: '会', tx: { fine: true } } }),
    commit(40n, { a: ['w'], b: ['w'] }, { metadata: { userId: 'eve', companyId: 'b' } }),
  ]);
  const { rows } = await w.pool.query('SELECT company_id, entity_id, user_id, tx FROM pathcast.activities ORDER BY company_id, seq');
  expect(rows.map((found: object) => Object.values(found))).toEqual([
    ['a', 'x', 'Jürg', { why: 'ü' }],
    ['a', 'y', 'Jürg', null],
    ['a', 'z', null, null],
    ['a', 'w', null, null],
    ['b', 'w', 'eve', null],
  ]);
  expect(warnings).toHaveLength(2);
});

test('a company that is erased while it is written begins anew; offsets of before are of another life', async () => {
  const w = await world(postgres, closing);
  const { recorder: one } = await recorder(w);
  const hub = w.hub();
  const activities = w.activities(hub);
  await one.record([commit(10n, { a: ['x'], b: ['x'] })]);
  const { offset } = await activities.fetchActivities({ companyId: 'a' });
  await activities.forget('a');
  expect(await activities.fetchActivities({ companyId: 'a', after: offset })).toEqual({ activities: [], offset: '0', complete: true, resync: 'life_changed' });
  await one.record([commit(20n, { a: ['y'], b: ['y'] })]);
  expect(await table(w)).toEqual([['a', '1', 'y'], ['b', '1', 'x'], ['b', '2', 'y']]);
  expect(await activities.fetchActivities({ companyId: 'a', after: offset })).toMatchObject({ activities: [], resync: 'life_changed', complete: true });
});

test('what is too old goes from the oldest on, and an offset of before it is told so', async () => {
  const w = await world(postgres, closing);
  const { recorder: one } = await recorder(w);
  const old = Date.now() - 7_200_000;
  await one.record([commit(10n, { a: ['1', '2', '3'] }, { committedAt: old }), commit(20n, { a: ['4'], b: ['1'] })]);
  const activities = w.activities(w.hub());
  const { offset } = await activities.fetchActivities({ companyId: 'a', limit: 2 });
  const { offset: kept } = await activities.fetchActivities({ companyId: 'a', limit: 3 });
  await one.clean();
  expect(await table(w)).toEqual([['a', '4', '4'], ['b', '1', '1']]);
  expect(await activities.fetchActivities({ companyId: 'a', after: kept })).toMatchObject({ activities: [{ seq: 4 }], complete: true });
  expect((await activities.fetchActivities({ companyId: 'a', after: kept })).resync).toBeUndefined();
  const late = await activities.fetchActivities({ companyId: 'a', after: offset });
  expect(late).toMatchObject({ activities: [], resync: 'trimmed', complete: true });
  expect(await activities.fetchActivities({ companyId: 'a', after: '-1' })).toMatchObject({ activities: [{ seq: 4 }], resync: 'trimmed', offset: late.offset });
  // All of it is old, and nobody has come since: the head stays.
  await w.sql(`UPDATE pathcast.activities SET created_at = now() - interval '1 day'`);
  await one.clean();
  expect(await table(w)).toEqual([]);
  expect(await activities.fetchActivities({ companyId: 'a', after: late.offset })).toEqual({ activities: [], offset: late.offset, complete: true });
  expect(await activities.fetchActivities({ companyId: 'a', after: kept })).toMatchObject({ resync: 'trimmed', offset: late.offset });
  await one.record([commit(30n, { a: ['5'] })]);
  expect(await table(w)).toEqual([['a', '5', '5']]);
});

test('offsets that are none, and what cannot be asked', async () => {
  const w = await world(postgres, closing);
  const { recorder: one } = await recorder(w);
  await one.record([commit(10n, { a: ['1', '2', '3'] })]);
  const activities = w.activities(w.hub());
  const { offset } = await activities.fetchActivities({ companyId: 'a' });
  const ask = (after: string | number): Promise<object> => activities.fetchActivities({ companyId: 'a', after });
  expect(await ask('now')).toEqual({ activities: [], offset, complete: true });
  for (const none of ['x', '1', '-2', `${offset}0x`, 'zzzzzzzz.1', '00000000.99999999999999999999']) expect(await ask(none)).toMatchObject({ activities: [], resync: 'unknown_offset', offset });
  expect(await ask(`${offset.slice(0, 8)}.4`)).toMatchObject({ activities: [], resync: 'ahead_of_log', offset });
  expect(await ask(`00000000.1`)).toMatchObject({ resync: 'life_changed', offset });
  for (const start of [-1, 0, '-1', '0', '']) expect(await ask(start)).toMatchObject({ activities: [{}, {}, {}], offset });
  for (const [bad, message] of [
    [{ after: 5 }, /after must be an offset/],
    [{ limit: 101 }, /limit must be a whole number from 1 to 100, got 101/],
    [{ limit: 0 }, /limit/],
    [{ entityTypes: [] }, /entityTypes/],
    [{ entityTypes: 'pages' }, /entityTypes must be an array of names/],
    [{ companyId: '' }, /companyId/],
    [{ user: 'ann' }, /no isAllowed/],
    [{ isAllowed: 5 }, /isAllowed must be a function/],
    [{ from: 5 }, /no option "from"/],
  ] as [object, RegExp][])
    await expect(activities.fetchActivities({ companyId: 'a', ...bad })).rejects.toThrow(message);
  for (const answer of [[true], [true, true, 1], 'yes', undefined, { length: 3 }])
    await expect(activities.fetchActivities({ companyId: 'a', user: 1, isAllowed: () => answer as boolean[] })).rejects.toThrow('isAllowed must give an array of 3 booleans');
});

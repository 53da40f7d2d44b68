/** Reports of browsers: what is taken, what is refused, and that nothing a client sent becomes a name. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createClientReports } from '../../../lib/server/client-reports.js';
import { APPLIED_MS, REPORT_REASONS } from '../../../lib/protocol/reports.js';

const WHO = { companyId: 'c', userId: 'u' };
let time = 0;
const make = () => createClientReports({ now: () => time });
const body = (more: object = {}) => ({ from: 'browser', elections: 1, handOvers: 2, reconnects: { cut: 3 }, ...more });

test('counts are added up, by known reasons; what is unknown is dropped or counts as other', () => {
  const reports = make();
  expect(reports.take(WHO, body({ secret: 'x', reconnects: { cut: 3, 'a"} evil': 2, __proto__: 1 } }))).toBe(204);
  expect(reports.take(WHO, JSON.stringify(body({ from: 'other browser', elections: 'many', handOvers: -1, reconnects: [7] })))).toBe(204);
  const totals = reports.totals();
  expect(totals).toMatchObject({ reports: 2, refused: 0, elections: 1, handOvers: 2 });
  expect(Object.keys(totals.reconnects).sort()).toEqual([...REPORT_REASONS].sort());
  expect(totals.reconnects).toMatchObject({ cut: 3, other: 9 });
});

test('one a 9 s a browser, who says one a 10 s on ways that differ; ten browsers a user; another user is not touched', () => {
  const reports = make();
  expect([reports.take(WHO, body()), reports.take(WHO, body())]).toEqual([204, 429]);
  expect(reports.take({ ...WHO, userId: 'v' }, body())).toBe(204);
  expect(reports.take({ companyId: 'c","u', userId: '' + 'u' }, body())).toBe(204);
  for (let i = 1; i < 10; i++) expect(reports.take(WHO, body({ from: String(i) }))).toBe(204);
  expect(reports.take(WHO, body({ from: '10' }))).toBe(429);
  time += 8_999;
  expect(reports.take(WHO, body())).toBe(429);
  time += 1;
  expect(reports.take(WHO, body())).toBe(204);
  expect(reports.totals()).toMatchObject({ reports: 13, refused: 3 });
});

test('what is too long, and what is no report, is refused', () => {
  const reports = make();
  expect(reports.take(WHO, body({ more: 'x'.repeat(4_096) }))).toBe(413);
  expect(reports.take(WHO, 'é'.repeat(2_100))).toBe(413);
  for (const wrong of [undefined, null, 7, '', 'no json', '[]', [], '"text"']) expect(reports.take(WHO, wrong)).toBe(400);
  expect(reports.take(WHO, body({ elections: 1e9 }))).toBe(204);
  expect(reports.totals()).toMatchObject({ elections: 1_000, refused: 10 });
});

test('what one report adds to a count is bounded, however many names it invents', () => {
  const reports = make();
  const invented = Object.fromEntries(Array.from({ length: 200 }, (_, nth) => [`n${nth}`, 1e9]));
  expect(reports.take(WHO, { from: 'b', reconnects: { ...invented, other: 5 } })).toBe(204);
  expect(reports.totals().reconnects.other).toBe(1_000);
});

test('bytes are read as the JSON that they hold', () => {
  const reports = make();
  expect(reports.take(WHO, Buffer.from(JSON.stringify(body())))).toBe(204);
  expect(reports.totals()).toMatchObject({ elections: 1, handOvers: 2 });
  expect(reports.take(WHO, Buffer.from('nothing of JSON'))).toBe(400);
});

test('what is remembered of who reported is 64 characters of a name each, and goes with the interval', () => {
  const reports = make();
  const collect = (): void => {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
  };
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let nth = 0; nth < 2_000; nth += 1) {
    expect(reports.take({ companyId: 'c', userId: `u${nth}` }, JSON.stringify({ from: `${nth} `.padEnd(3_900, 'x') }))).toBe(204);
  }
  collect();
  // 8 MB, were the whole texts kept.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000);
  time += 10_000;
  expect(reports.take(WHO, body())).toBe(204);
});

const caches = (more: object = {}) => ({
  paths: ['guests.getAll'],
  refetches: 4,
  failed: 1,
  avoided: { coalesced: 5, where: 6, position: 7 },
  applied: [1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0],
  appliedMs: 3_020,
  ...more,
});

test('caches are added up, of all and of each company; a report without them is one of an older client', () => {
  const heard: string[][] = [];
  const reports = createClientReports({ now: () => time, hub: { cached: (paths) => heard.push([...paths]) } });
  expect(reports.companies()).toEqual([]);
  expect(reports.take(WHO, body())).toBe(204);
  expect(reports.companies()).toEqual([]);
  for (const [companyId, from] of [['c', 'a'], ['c', 'b'], ['d', 'a']] as const) {
    expect(reports.take({ companyId, userId: 'u' }, body({ from, caches: caches() }))).toBe(204);
  }
  expect(heard).toEqual([['guests.getAll'], ['guests.getAll'], ['guests.getAll']]);
  const { caches: all } = reports.totals();
  expect(all).toEqual({
    refetches: 12,
    failed: 3,
    avoided: { coalesced: 15, where: 18, position: 21 },
    applied: { boundsMs: [...APPLIED_MS], counts: [3, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0], sumMs: 9_060 },
  });
  expect(reports.companies().map(({ companyId, refetches, applied }) => [companyId, refetches, applied.sumMs])).toEqual([['c', 8, 6_040], ['d', 4, 3_020]]);
  // What is given is a copy.
  (all.applied.counts as number[])[0] = 99;
  expect(reports.totals().caches.applied.counts[0]).toBe(3);
});

test.each<[string, unknown]>([
  ['texts', { paths: 'guests', refetches: '4', failed: '1', avoided: 'all', applied: 'soon', appliedMs: '5' }],
  ['lists', { paths: [[]], refetches: [4], failed: [], avoided: [1, 2], applied: [[1]], appliedMs: [] }],
  ['less than nothing', { refetches: -1, failed: -1, avoided: { coalesced: -1, where: NaN }, applied: new Array(13).fill(-5), appliedMs: -1 }],
  ['other buckets', { applied: [5, 5, 5] }],
  ['names of its own', { avoided: { evil: 5, __proto__: 5 } }],
  ['no object', 'caches'],
])('of what is no report of a cache (%s) nothing is counted', (_what, given) => {
  const reports = make();
  expect(reports.take(WHO, body({ caches: given }))).toBe(204);
  expect(reports.totals().caches).toEqual(make().totals().caches);
});

test('a count is bounded, and the sum is one that the buckets allow', () => {
  const reports = make();
  const huge = caches({ refetches: 1e9, failed: 1e9, avoided: { where: 1e300 }, applied: [1e9, ...new Array<number>(11).fill(0), 2], appliedMs: 1e300 });
  expect(reports.take(WHO, body({ caches: huge }))).toBe(204);
  const { refetches, failed, avoided, applied } = reports.totals().caches;
  expect({ refetches, failed, avoided }).toEqual({ refetches: 1_000, failed: 1_000, avoided: { coalesced: 0, where: 1_000, position: 0 } });
  expect([applied.counts[0], applied.counts[12], applied.sumMs]).toEqual([1_000, 2, 1_000 * 25 + 2 * 600_000]);
  expect(reports.take(WHO, body({ from: 'b', caches: caches({ failed: 9, appliedMs: 0 }) }))).toBe(204);
  // Two of more than a second each.
  expect([reports.totals().caches.failed, reports.totals().caches.applied.sumMs - applied.sumMs]).toEqual([1_009, 2_000]);
});

test('of 100 companies the totals are kept, the one that was heard least recently is forgotten', () => {
  const reports = make();
  const say = (nth: number, from: string) => reports.take({ companyId: `c${nth}`, userId: 'u' }, body({ from, caches: caches() }));
  for (let nth = 0; nth < 100; nth += 1) say(nth, 'a');
  say(0, 'b');
  say(100, 'a');
  const names = reports.companies().map(({ companyId }) => companyId);
  expect([names.length, names.includes('c1'), names.includes('c0'), names.includes('c100')]).toEqual([100, false, true, true]);
  expect(reports.totals().caches.refetches).toBe(408);
});

test.each([
  [{ hub: {} }, 'hub must be what createHub() gave, got an object'],
  [{ hubs: {} }, "createClientReports() has no option \"hubs\"; it has: hub, now"],
  [7, 'options must be an object, got 7'],
])('%j is an error', (options, message) => {
  expect(() => createClientReports(options as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', message }));
});

test('who reports is checked: it comes from the session', () => {
  expect(() => make().take({ companyId: '', userId: 'u' }, body())).toThrow(expect.objectContaining({ code: 'INVALID_COMPANY_ID' }));
});

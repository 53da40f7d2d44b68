/** Reports of browsers: what is taken, what is refused, and that nothing a client sent becomes a name. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createClientReports } from '../../../lib/server/client-reports.js';
import { REPORT_REASONS } from '../../../lib/protocol/reports.js';

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

test('one a 10 s a browser, ten browsers a user; another user is not touched', () => {
  const reports = make();
  expect([reports.take(WHO, body()), reports.take(WHO, body())]).toEqual([204, 429]);
  expect(reports.take({ ...WHO, userId: 'v' }, body())).toBe(204);
  expect(reports.take({ companyId: 'c","u', userId: '' + 'u' }, body())).toBe(204);
  for (let i = 1; i < 10; i++) expect(reports.take(WHO, body({ from: String(i) }))).toBe(204);
  expect(reports.take(WHO, body({ from: '10' }))).toBe(429);
  time += 9_999;
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

test('who reports is checked: it comes from the session', () => {
  expect(() => make().take({ companyId: '', userId: 'u' }, body())).toThrow(expect.objectContaining({ code: 'INVALID_COMPANY_ID' }));
});

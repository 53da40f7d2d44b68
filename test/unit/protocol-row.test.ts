/** What a page takes for a row (SPEC §20): nothing that another version, or somebody else, may have put there. */
import { readRow, ROW_DATES, ROW_DEPTH, ROW_LISTS } from '../../lib/protocol/row.js';

const row = { query: 'guests.getById', input: { id: 1 }, lists: ['guests.getAll'], idKey: 'uuid', whole: true, at: 'e1.5', began: 7, dates: [['at'], ['a', 0, 'b']] };

test('one that is whole is as it was sent', () => {
  expect(readRow(row)).toEqual(row);
  expect(readRow({ query: 'a' })).toEqual({ query: 'a' });
});

test('what a later version adds is left out', () => {
  expect(readRow({ ...row, more: 1 })).toEqual(row);
});

test.each([
  [undefined],
  [null],
  ['guests.getById'],
  [[]],
  [{}],
  [{ ...row, query: 5 }],
  [{ ...row, query: '' }],
  [{ ...row, query: 'x'.repeat(300) }],
  [{ ...row, lists: 'guests.getAll' }],
  [{ ...row, lists: [5] }],
  [{ ...row, lists: Array(ROW_LISTS + 1).fill('a') }],
  [{ ...row, idKey: 5 }],
  [{ ...row, dates: ['at'] }],
  [{ ...row, dates: [[]] }],
  [{ ...row, dates: [[-1]] }],
  [{ ...row, dates: [[{}]] }],
  [{ ...row, dates: [Array(ROW_DEPTH + 1).fill('a')] }],
  [{ ...row, dates: Array(ROW_DATES + 1).fill(['a']) }],
])('%j is none', (given) => {
  expect(readRow(given)).toBeUndefined();
});

test('a place that is none proves nothing, and takes nothing with it', () => {
  for (const wrong of [{ at: 'e1' }, { at: 5 }, { began: 'now' }, { began: NaN }, { whole: 'yes' }]) {
    const [key] = Object.keys(wrong) as [keyof typeof row];
    const { [key]: _gone, ...rest } = row;
    expect(readRow({ ...row, ...wrong })).toEqual(rest);
  }
});

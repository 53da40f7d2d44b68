/**
 * The rows of phases 7 to 11 of the plan "sync engine" (seed 002), by phase: its numbered requirements, and by a name of ours (`ITEM-…`) what its list asks
 * for without a number. FE-MUT-023 stands in two phases, FE-MUT-003 where it is made. Of the range FE-MUT-010 to FE-MUT-024 the numbers 013 to 019 are of no
 * requirement.
 */
const nameOf = (prefix: string, number: number): string => `${prefix}-${`${number}`.padStart(3, '0')}`;
const range = (prefix: string, from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, nth) => nameOf(prefix, from + nth));

export const ROWS: Readonly<Record<number, readonly string[]>> = {
  7: ['FE-MUT-003', 'FE-MUT-003a', ...range('DATA', 20, 26), ...range('CONFLICT', 10, 12), ...range('NET', 1, 10), 'DEC-16'],
  8: [
    ...range('FE-MUT', 1, 2), ...range('FE-MUT', 4, 5), ...range('FE-MUT', 10, 12), ...range('FE-MUT', 20, 24), 'CONFLICT-013',
    'ITEM-UPDATE', 'ITEM-DELETE', 'ITEM-ATTACHMENTS',
  ],
  9: ['FE-MUT-023', ...range('INT-QUERY', 1, 5), 'ITEM-HYDRATION'],
  10: [...range('OFFLINE-OFFSET', 1, 6), ...range('OFFLINE', 1, 6), ...range('OFFLINE', 10, 13), ...range('OFFLINE', 20, 24), ...range('MERGE', 1, 7)],
  11: [...range('TAB', 1, 4), ...range('TAB', 10, 13), ...range('TAB', 20, 22)],
};

/** How far the audit is: for somebody who watches a terminal, and for the log of a CI. */
import { progressOn } from '../../../lib/cli/audit/progress.js';
import { parseOptions } from '../../../lib/cli/audit/options.js';
import { Budget } from '../../../lib/cli/audit/budget.js';

function watch(isTTY: boolean, wanted = true) {
  const printed: string[] = [];
  let time = 0;
  const stderr = { isTTY, columns: 30, print: (text: string) => Promise.resolve(void printed.push(text)) };
  const progress = progressOn(stderr, wanted, () => time);
  return { printed, progress, at: (ms: number) => (time = ms) };
}

test('in a log a line each five seconds, and none of a run that is over before', () => {
  const { printed, progress, at } = watch(false);
  for (const ms of [10, 4_000, 5_100, 5_200, 9_000, 10_200]) {
    at(ms);
    progress.step(ms, 20_000, 'following procedures');
  }
  progress.end();
  expect(printed).toEqual(['pathcast audit: following procedures 5100/20000\n', 'pathcast audit: following procedures 10200/20000\n']);
});

test('in a terminal one line that is written over and gone at the end', () => {
  const { printed, progress, at } = watch(true);
  at(100);
  progress.step(1, 9, 'reading');
  at(120);
  progress.step(2, 9, 'reading');
  progress.end();
  expect(printed).toEqual(['\r\u001b[2Kreading 1/9', '\r\u001b[2K']);
});

test('--no-progress is silent in both', () => {
  for (const isTTY of [true, false]) {
    const { printed, progress, at } = watch(isTTY, false);
    at(60_000);
    progress.step(1, 9, 'reading');
    progress.end();
    expect(printed).toEqual([]);
  }
});

test('--budget takes seconds above 0', () => {
  expect(parseOptions(['--budget', '30']).budget).toBe(30);
  expect(parseOptions([]).budget).toBeUndefined();
  for (const wrong of ['0', '-1', 'soon', ' ']) expect(() => parseOptions([`--budget=${wrong}`])).toThrow(/^--budget must be a number of seconds above 0, got "/);
});

describe('a budget', () => {
  test('counts nothing before the first procedure, and each procedure from its beginning', () => {
    const budget = new Budget({ procedure: 3 }, () => 0);
    for (let step = 0; step < 10; step++) expect(budget.step()).toBe(true);
    budget.begin();
    expect([1, 2, 3, 4, 5].map(() => budget.step())).toEqual([true, true, true, false, false]);
    expect(budget.spent).toBe('procedure');
    budget.begin();
    expect(budget.spent).toBeUndefined();
    expect(budget.step()).toBe(true);
  });

  test('of the run stays spent, whatever begins then', () => {
    let time = 0;
    const budget = new Budget({ seconds: 2 }, () => time);
    budget.begin();
    expect(budget.spent).toBeUndefined();
    time = 2_001;
    budget.begin();
    expect(budget.spent).toBe('run');
    expect(budget.step()).toBe(false);
    expect(budget.why()).toContain('2 seconds of processor time');
  });

  test('of the run is looked at within a procedure too', () => {
    let time = 0;
    const budget = new Budget({ seconds: 1 }, () => time);
    budget.begin();
    time = 1_500;
    let steps = 0;
    while (budget.step()) steps += 1;
    expect(steps).toBeLessThan(5_000);
    expect(budget.spent).toBe('run');
  });
});

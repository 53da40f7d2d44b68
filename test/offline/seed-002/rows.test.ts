/** Each row of the plan's phases 7 to 11 has a test of its name, in the file of its phase, and no test has another name. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROWS } from './rows.js';

/** A call of another form, or one that is switched off, is none: then the numbers differ. */
function testsOf(file: string): string[] {
  const text = readFileSync(path.join(__dirname, file), 'utf8');
  const called = text.match(/^\s*(?:test|it)\b/gm) ?? [];
  const names = [...text.matchAll(/^\s*(?:test|it)\((['"])(.*?)\1, /gm)].map(([, , name]) => name!);
  expect(names).toHaveLength(called.length);
  return names;
}

const files = readdirSync(__dirname).filter((file) => file.startsWith('phase-'));

test.each(Object.keys(ROWS).map(Number))('phase %i: each row is a test, and each test a row', (phase) => {
  const named = files.filter((file) => file.startsWith(`phase-${phase}`)).flatMap(testsOf);
  // The id first, then what is promised.
  for (const name of named) expect(name).toMatch(/^[A-Z][A-Z0-9-]+[0-9A-Z]a?: \S/);
  expect(named.map((name) => name.split(':')[0]!).sort()).toEqual([...ROWS[phase]!].sort());
});

test('there is no other phase', () => {
  expect([...new Set(files.map((file) => Number(/^phase-(\d+)/.exec(file)?.[1])))].sort((a, b) => a - b)).toEqual(Object.keys(ROWS).map(Number));
});

/** The diff is one that other programs read: of any two texts git makes the second out of the first. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { unifiedDiff } from '../../lib/cli/terminal/diff.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pathcast-diff-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Few different lines, so that they meet again; the last one with or without its end. */
const text = fc.tuple(fc.array(fc.constantFrom('a', 'b', 'c', '', '-- d', '\te'), { maxLength: 14 }), fc.boolean()).map(([lines, end]) => lines.join('\n') + (end && lines.length > 0 ? '\n' : ''));

test('git apply makes the new text of the old one, also of a file that is new', () => {
  const file = path.join(folder, 'file');
  fc.assert(
    fc.property(fc.option(text, { nil: undefined }), text, (before, after) => {
      const diff = unifiedDiff('file', before, after);
      if (before === after || (before === undefined && after === '')) return;
      rmSync(file, { force: true });
      if (before !== undefined) writeFileSync(file, before);
      execFileSync('git', ['apply', '--whitespace=nowarn', '-'], { cwd: folder, input: diff, env: { ...process.env, GIT_CEILING_DIRECTORIES: path.dirname(folder) } });
      expect(readFileSync(file, 'utf8')).toBe(after);
    }),
    { numRuns: 150, seed: 8 },
  );
});

test('a file that is new begins at line 0 of nothing, as other programs write it; one that becomes empty ends there', () => {
  expect(unifiedDiff('file', undefined, 'a\nb\n')).toBe('--- /dev/null\n+++ b/file\n@@ -0,0 +1,2 @@\n+a\n+b\n');
  expect(unifiedDiff('file', 'a\n', '')).toBe('--- a/file\n+++ b/file\n@@ -1 +0,0 @@\n-a\n');
});

test('nothing for what is the same', () => {
  expect(unifiedDiff('file', 'a\nb\n', 'a\nb\n')).toBe('');
});

test('changes that are far apart are hunks of their own, with three lines around each', () => {
  const lines = Array.from({ length: 30 }, (_, n) => `line ${n}`);
  const after = lines.map((line, n) => (n === 5 || n === 20 ? `${line}!` : line));
  const diff = unifiedDiff('src/a.ts', `${lines.join('\n')}\n`, `${after.join('\n')}\n`);
  expect(diff.match(/^@@.*$/gm)).toEqual(['@@ -3,7 +3,7 @@', '@@ -18,7 +18,7 @@']);
  expect(diff.startsWith('--- a/src/a.ts\n+++ b/src/a.ts\n')).toBe(true);
});

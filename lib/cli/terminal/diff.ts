/** Unified diffs, as `git apply` and `patch` read them. */

/** Lines around a change. */
const CONTEXT = 3;
/** Cells of the table that the longest common part is found by, at most; a larger change is one hunk of removals and additions. */
const MAX_CELLS = 4_000_000;

type Line = readonly [sign: ' ' | '-' | '+', text: string];

/** `before` undefined: the file is new. Empty where nothing changes. */
export function unifiedDiff(file: string, before: string | undefined, after: string): string {
  if (before === after) return '';
  const lines = compare(splitLines(before ?? ''), splitLines(after));
  const hunks = hunksOf(lines).map((hunk) => render(lines, hunk));
  return `--- ${before === undefined ? '/dev/null' : `a/${file}`}\n+++ b/${file}\n${hunks.join('')}`;
}

/** Each with its line end; the last one may have none. */
const splitLines = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

function compare(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const keep = (lines: readonly string[]): Line[] => lines.map((text) => [' ', text] as const);
  return [
    ...keep(before.slice(0, start)),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...keep(before.slice(before.length - end)),
  ];
}

/** By the longest common subsequence. */
function middle(before: readonly string[], after: readonly string[]): Line[] {
  const lines: Line[] = [];
  const columns = after.length + 1;
  const small = (before.length + 1) * columns <= MAX_CELLS;
  const common = new Uint32Array(small ? (before.length + 1) * columns : 0);
  const at = (i: number, j: number): number => common[i * columns + j] ?? 0;
  for (let i = before.length - 1; small && i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * columns + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const [old, fresh] = [before[i], after[j]];
    if (small && old !== undefined && old === fresh) {
      lines.push([' ', old]);
      i++;
      j++;
    } else if (old !== undefined && (fresh === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(['-', old]);
      i++;
    } else if (fresh !== undefined) {
      lines.push(['+', fresh]);
      j++;
    }
  }
  return lines;
}

/** Changes that share context are one hunk. */
function hunksOf(lines: readonly Line[]): [from: number, to: number][] {
  const hunks: [number, number][] = [];
  lines.forEach(([sign], index) => {
    if (sign === ' ') return;
    const from = Math.max(0, index - CONTEXT);
    const to = Math.min(lines.length, index + 1 + CONTEXT);
    const last = hunks.at(-1);
    if (last && from <= last[1]) last[1] = to;
    else hunks.push([from, to]);
  });
  return hunks;
}

function render(lines: readonly Line[], [from, to]: [number, number]): string {
  const count = (part: readonly Line[], but: '+' | '-'): number => part.filter(([sign]) => sign !== but).length;
  const [head, body] = [lines.slice(0, from), lines.slice(from, to)];
  /** An empty side is said to be at the line before it. */
  const side = (but: '+' | '-'): string => {
    const size = count(body, but);
    return `${count(head, but) + (size === 0 ? 0 : 1)}${size === 1 ? '' : `,${size}`}`;
  };
  const text = body.map(([sign, line]) => `${sign}${line}${line.endsWith('\n') ? '' : '\n\\ No newline at end of file\n'}`);
  return `@@ -${side('+')} +${side('-')} @@\n${text.join('')}`;
}

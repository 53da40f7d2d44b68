/**
 * Two people have changed one text: what both made of it, as far as that can be told. By words: what only one has changed is as that one has it; where both
 * changed the same place, mine stands first and theirs after it, for a person to mend. Pure.
 */

/** Words that are compared with each other at most, of each text; longer ones are compared by lines, and beyond that not at all. */
const MOST = 2_000;

const wordsOf = (text: string): string[] => text.match(/\s+|[^\s]+/gu) ?? [];
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+/gu) ?? [];

/** For each part of `base` where it stands in `other`, or -1: a longest common subsequence. */
function matches(base: readonly string[], other: readonly string[]): number[] {
  const width = other.length + 1;
  const lengths = new Uint16Array((base.length + 1) * width);
  for (let i = base.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      lengths[i * width + j] = base[i] === other[j] ? (lengths[(i + 1) * width + j + 1] as number) + 1 : Math.max(lengths[(i + 1) * width + j] as number, lengths[i * width + j + 1] as number);
    }
  }
  const found = base.map(() => -1);
  for (let i = 0, j = 0; i < base.length && j < other.length; ) {
    if (base[i] === other[j]) found[i++] = j++;
    else if ((lengths[(i + 1) * width + j] as number) >= (lengths[i * width + j + 1] as number)) i++;
    else j++;
  }
  return found;
}

/** `clean`: nothing was changed by both to something else. */
export function threeWay(base: string, mine: string, theirs: string): { text: string; clean: boolean } {
  if (mine === theirs || theirs === base) return { text: mine, clean: true };
  if (mine === base) return { text: theirs, clean: true };
  const both = [base, mine, theirs];
  const split = both.every((text) => wordsOf(text).length <= MOST) ? wordsOf : linesOf;
  const [was = [], own = [], other = []] = both.map(split);
  if ([was, own, other].some((parts) => parts.length > MOST)) return { text: `${mine}\n${theirs}`, clean: false };
  const [inOwn, inOther] = [matches(was, own), matches(was, other)];
  let [i, a, b] = [0, 0, 0];
  let text = '';
  let clean = true;
  while (i <= was.length) {
    // Up to the next part that all three have.
    let end = i;
    while (end < was.length && ((inOwn[end] as number) < 0 || (inOther[end] as number) < 0)) end++;
    const [toA, toB] = end < was.length ? [inOwn[end] as number, inOther[end] as number] : [own.length, other.length];
    const [before, left, right] = [was.slice(i, end).join(''), own.slice(a, toA).join(''), other.slice(b, toB).join('')];
    if (left === right || right === before) text += left;
    else if (left === before) text += right;
    else {
      clean = false;
      text += left === '' || right === '' ? left + right : `${left}${/\s$/u.test(left) || /^\s/u.test(right) ? '' : ' '}${right}`;
    }
    if (end === was.length) break;
    text += was[end] as string;
    [i, a, b] = [end + 1, toA + 1, toB + 1];
  }
  return { text, clean };
}

/** Text that others wrote made safe to print: a name of a table, a header and an event may hold anything. */

/** Control characters, bidirectional overrides and line separators as `\x1b`, `\u202e`: nothing moves the cursor or hides text. */
export function visible(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu,
    (char) => {
      const code = char.codePointAt(0) ?? 0;
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
    },
  );
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const COMBINING = /\p{Mn}|\p{Me}/u;

/** Columns that the text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += char < '\u0300' ? 1 : COMBINING.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return width;
}

/** Lines of at most `width` columns, broken at blanks; a word that is longer is cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (widthOf(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (widthOf(line) > width) {
      const head = headOf(line, width);
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
}

/** As many characters as fit, one at least; broken after a separator where one is near the end. */
function headOf(word: string, width: number): string {
  let head = '';
  let used = 0;
  for (const char of word) {
    used += widthOf(char);
    if (used > width && head !== '') break;
    head += char;
  }
  const separator = Math.max(head.lastIndexOf('.'), head.lastIndexOf('/'), head.lastIndexOf(','));
  return separator >= head.length / 2 ? head.slice(0, separator + 1) : head;
}

/** As much of it as fits into `width` columns, with a mark where something is left out. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 1;
  for (const char of text) {
    used += widthOf(char);
    if (used > width) break;
    kept += char;
  }
  return `${kept}…`;
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

export const at = ({ file, line }: { file: string; line: number }): string => `${file}:${line}`;

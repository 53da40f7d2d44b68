/** Tables of a terminal: cells of several lines, columns as wide as their content and no wider than the screen. */
import type { Style } from '../../terminal/colours.js';
import { pad, widthOf, wrap } from '../../terminal/text.js';

/** One item of a cell; each begins a line of its own. */
export interface Item {
  text: string;
  style?: Style;
}
export type Cell = readonly Item[];

export interface Column {
  title: string;
  /** Columns of the screen that it never falls below, content permitting. Default: its content, whole. */
  least?: number;
}

const GAP = '  ';

/**
 * @param width Of the screen.
 * @returns Lines without a line end. Columns with a `least` share what the others leave.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  indent: number,
  head: Style,
): string[] {
  const widths = fit(columns, rows, width - indent - GAP.length * (columns.length - 1));
  const start = ' '.repeat(indent);
  const lines: string[] = [];
  const print = (cells: readonly Cell[]): void => {
    const wrapped = cells.map((cell, index) =>
      cell.flatMap(({ text, style }) => wrap(text, widths[index] ?? 1).map((line) => ({ text: line, style }))),
    );
    const height = Math.max(1, ...wrapped.map((cell) => cell.length));
    for (let row = 0; row < height; row++) {
      const parts = wrapped.map((cell, index) => {
        const line = cell[row];
        const padded = index === wrapped.length - 1 ? (line?.text ?? '') : pad(line?.text ?? '', widths[index] ?? 0);
        return line?.style ? line.style(padded) : padded;
      });
      lines.push(`${start}${parts.join(GAP)}`.trimEnd());
    }
  };
  print(columns.map(({ title }) => [{ text: title, style: head }]));
  for (const row of rows) print(row);
  return lines;
}

function fit(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): number[] {
  const natural = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...rows.flatMap((row) => (row[index] ?? []).map(({ text }) => widthOf(text)))),
  );
  const widths = [...natural];
  const over = (): number => widths.reduce((sum, one) => sum + one, 0) - width;
  while (over() > 0) {
    // The widest of those that may shrink gives way first.
    let widest = -1;
    for (const [index, { least }] of columns.entries()) {
      if (
        least !== undefined &&
        (widths[index] ?? 0) > least &&
        (widest < 0 || (widths[index] ?? 0) > (widths[widest] ?? 0))
      )
        widest = index;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 1) - 1;
  }
  return widths;
}

/** Levenshtein's distance: insertions, deletions and replacements between two texts. */

/** UTF-16 units of each text that are compared; what is longer is cut. Bounds the work of one comparison. */
const MAX_COMPARED = 64;

let above = new Uint16Array(MAX_COMPARED + 1);
let row = new Uint16Array(MAX_COMPARED + 1);

/** The distance, or `limit + 1` where it is above `limit`. */
export function editDistance(a: string, b: string, limit = MAX_COMPARED): number {
  if (a === b) return 0;
  const rows = Math.min(a.length, MAX_COMPARED);
  const columns = Math.min(b.length, MAX_COMPARED);
  if (Math.abs(rows - columns) > limit) return limit + 1;
  for (let j = 0; j <= columns; j++) above[j] = j;
  for (let i = 1; i <= rows; i++) {
    const unit = a.charCodeAt(i - 1);
    let left = i;
    let best = i;
    row[0] = i;
    for (let j = 1; j <= columns; j++) {
      const corner = above[j - 1] as number;
      const replaced = unit === b.charCodeAt(j - 1) ? corner : corner + 1;
      left = Math.min(replaced, (above[j] as number) + 1, left + 1);
      row[j] = left;
      if (left < best) best = left;
    }
    if (best > limit) return limit + 1;
    [above, row] = [row, above];
  }
  return Math.min(above[columns] as number, limit + 1);
}

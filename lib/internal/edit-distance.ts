/** Levenshtein's distance: insertions, deletions and replacements between two texts. */

/** UTF-16 units of each text that are compared; what is longer is cut. Bounds the work of one comparison. */
const MAX_COMPARED = 64;

const row = new Uint8Array(MAX_COMPARED + 1);

/** The distance, or `limit + 1` where it is above `limit`. */
export function editDistance(a: string, b: string, limit = MAX_COMPARED): number {
  if (a === b) return 0;
  let aEnd = Math.min(a.length, MAX_COMPARED);
  let bEnd = Math.min(b.length, MAX_COMPARED);
  const most = Math.min(limit, MAX_COMPARED);
  if (Math.abs(aEnd - bEnd) > most) return limit + 1;
  while (aEnd > 0 && bEnd > 0 && a.charCodeAt(aEnd - 1) === b.charCodeAt(bEnd - 1)) {
    aEnd--;
    bEnd--;
  }
  let start = 0;
  while (start < aEnd && start < bEnd && a.charCodeAt(start) === b.charCodeAt(start)) start++;
  const columns = bEnd - start;
  for (let j = 0; j <= columns; j++) row[j] = j;
  let last = columns;
  for (let i = start; i < aEnd; i++) {
    const unit = a.charCodeAt(i);
    let corner = row[0] as number;
    let left = corner + 1;
    let best = left;
    row[0] = left;
    for (let j = 1; j <= columns; j++) {
      const above = row[j] as number;
      let cell = unit === b.charCodeAt(start + j - 1) ? corner : corner + 1;
      if (above < cell) cell = above + 1;
      if (left < cell) cell = left + 1;
      row[j] = cell;
      if (cell < best) best = cell;
      corner = above;
      left = cell;
    }
    if (best > most) return limit + 1;
    last = left;
  }
  return last > most ? limit + 1 : last;
}

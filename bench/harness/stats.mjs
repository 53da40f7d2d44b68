/** Numbers of several trials made one. */

export function median(values) {
  if (values.length === 0) throw new RangeError('median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Half the range of the trials as a share of their median: 0.05 means ± 5 %. */
export function spread(values) {
  const middle = median(values);
  return middle === 0 ? 0 : (Math.max(...values) - Math.min(...values)) / 2 / Math.abs(middle);
}

/** For a table and a file: what the measurement can tell, not sixteen digits. */
export const rounded = (value) => (Number.isInteger(value) ? value : Number(value.toPrecision(4)));

/** Sets of nodes of a path table: checked, sorted, and without what another one of them holds. */

/** A copy in node order; one node may be in it several times. Throws RangeError for what is no node. */
export function sortedNodes(nodes: readonly number[], size: number): number[] {
  const sorted: number[] = [];
  let last = -1;
  let ascending = true;
  for (let i = 0; i < nodes.length; i++) {
    const node = checkIndex('node', nodes[i], size);
    if (node < last) ascending = false;
    last = node;
    sorted.push(node);
  }
  return ascending ? sorted : sorted.sort((a, b) => a - b);
}

/** Leaves out, in place, each node that lies below another one, and doubles. REQUIRES: node order. */
export function coverOf(sorted: number[], ends: Uint32Array): number[] {
  let kept = 0;
  let end = 0;
  for (let i = 0; i < sorted.length; i++) {
    const node = sorted[i] as number;
    if (node < end) continue;
    sorted[kept++] = node;
    end = ends[node] as number;
  }
  sorted.length = kept;
  return sorted;
}

/** Throws RangeError. */
export function checkIndex(what: string, value: unknown, size: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= size) {
    throw new RangeError(`${what} must be a whole number from 0 to ${size - 1}, got ${String(value)}`);
  }
  return value;
}

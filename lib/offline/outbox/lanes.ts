/** What may be sent now. Pure. */
import type { OutboxEntry } from '../types.js';
import { isOpen, isUnsent } from './entry.js';

/** No wait is longer, whatever a server says. One that is was set by a clock that has been set back since, and is over. */
export const LONGEST_WAIT_MS = 3_600_000;

export interface Due {
  ready: OutboxEntry[];
  /** Unix ms at which the next one may be sent; Infinity: none waits for its time. */
  next: number;
}

/**
 * The first of each lane, unless it waits for a lane that still has an older one. What waits for a person holds its lane, and who depends on it; other lanes
 * go on. A delete waits for what was made upon its row, too. `now`: by default whatever their time. `busy`: on its way from here.
 */
export function due(entries: readonly OutboxEntry[], now = Infinity, busy?: ReadonlyMap<string, unknown>): Due {
  const held = new Set<string>();
  const needed = new Set<string>();
  const ready: OutboxEntry[] = [];
  let next = Infinity;
  for (const entry of entries) {
    const { kind, lane, after, id, notBefore } = entry;
    if (!isOpen(entry)) continue;
    const waits = held.has(lane) || after.some((other) => held.has(other)) || (kind === 'delete' && needed.has(lane));
    held.add(lane);
    for (const other of after) needed.add(other);
    if (waits || !isUnsent(entry) || busy?.has(id)) continue;
    if (notBefore > now && notBefore - now <= LONGEST_WAIT_MS) next = Math.min(next, notBefore);
    else ready.push(entry);
  }
  return { ready, next };
}

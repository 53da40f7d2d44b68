/** What may be sent now. Pure. */
import type { OutboxEntry } from '../types.js';

export interface Due {
  ready: OutboxEntry[];
  /** Unix ms at which the next one may be sent; undefined: none waits for its time. */
  next: number | undefined;
}

/**
 * The first of each lane, unless it waits for a lane that still has an older one. What waits for a person holds its lane, and who depends on it; other lanes
 * go on. A delete waits for what was made upon its row, too. `busy`: on its way from here.
 */
export function due(entries: readonly OutboxEntry[], now: number, busy: ReadonlySet<string> = new Set()): Due {
  const held = new Set<string>();
  const needed = new Set<string>();
  const ready: OutboxEntry[] = [];
  let next: number | undefined;
  for (const entry of entries) {
    const { state, kind, lane, after, id, notBefore } = entry;
    if (state === 'acked') continue;
    const waits = held.has(lane) || after.some((other) => held.has(other)) || (kind === 'delete' && needed.has(lane));
    held.add(lane);
    for (const other of after) needed.add(other);
    if (waits || (state !== 'queued' && state !== 'sending') || busy.has(id)) continue;
    if (notBefore > now) next = Math.min(next ?? notBefore, notBefore);
    else ready.push(entry);
  }
  return { ready, next };
}

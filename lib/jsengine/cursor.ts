import { parsePosition, type Position } from '../protocol/position.js';

/** A place in one life of a tenant's log: after `seq`, before `seq + 1`. */
export type Cursor = Position;

/** Of an epoch that never exists: whoever resumes from it is told to resync (SPEC §2). */
export const NOWHERE = '0.0';

export function formatCursor(epoch: string, seq: number): string {
  return `${epoch}.${seq}`;
}

/** Null when `text` is no cursor of ours: strict, since it comes from a browser. */
export function parseCursor(text: string): Cursor | null {
  return parsePosition(text) ?? null;
}

/** A place in one life of a tenant's log: after `seq`, before `seq + 1`. */
export interface Cursor {
  epoch: string;
  seq: number;
}

/** Of an epoch that never exists: whoever resumes from it is told to resync (SPEC §2). */
export const NOWHERE = '0.0';

const CURSOR = /^([0-9a-z]{1,32})\.(0|[1-9][0-9]{0,15})$/;

export function formatCursor(epoch: string, seq: number): string {
  return `${epoch}.${seq}`;
}

/** Null when `text` is no cursor of ours: strict, since it comes from a browser. */
export function parseCursor(text: string): Cursor | null {
  const [, epoch, digits] = CURSOR.exec(text) ?? [];
  const seq = Number(digits);
  return epoch !== undefined && Number.isSafeInteger(seq) ? { epoch, seq } : null;
}

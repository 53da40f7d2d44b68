/** Where in a company's log an answer stands: `"<epoch>.<seq>"`, the form of a cursor. Imports nothing: the browser reads it too. */

/** Of an HTTP response. What is read before it was set contains all actions up to and including this place. */
export const POSITION_HEADER = 'x-pathcast-position';

const POSITION = /^([0-9a-z]{1,32})\.(0|[1-9][0-9]{0,15})$/;

export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** Undefined where it is none. */
export function parsePosition(text: string | null | undefined): Position | undefined {
  const [, epoch, digits] = POSITION.exec(text ?? '') ?? [];
  const seq = Number(digits);
  return epoch !== undefined && Number.isSafeInteger(seq) ? { epoch, seq } : undefined;
}

/** Whether what has `position` contains what stands at `cursor`. Of another epoch, or of none, it counts as older. */
export function reaches(position: string | null | undefined, cursor: string): boolean {
  const has = parsePosition(position);
  const asked = parsePosition(cursor);
  return has !== undefined && asked !== undefined && has.epoch === asked.epoch && has.seq >= asked.seq;
}

/** Places in a company's activities: `<life>.<seq>`, exclusive. */
import { PathcastError } from '../../protocol/error.js';
import { describe } from '../../internal/describe.js';

export interface Offset {
  /** 8 hex digits; empty: before the first of all, whatever the life. */
  readonly life: string;
  readonly seq: number;
}

/** `beginning`: all that is kept. `now`: what comes from now on. `unknown`: no offset of ours. */
export type Start = Offset | 'beginning' | 'now' | 'unknown';

const OFFSET = /^([0-9a-f]{8})\.(0|[1-9][0-9]{0,15})$/;

export const formatOffset = ({ life, seq }: Offset): string => (life === '' ? '0' : `${life}.${String(seq)}`);

export function parseStart(text: string): Start {
  if (text === '-1') return 'beginning';
  if (text === 'now') return 'now';
  if (text === '0') return { life: '', seq: 0 };
  const [, life = '', digits] = OFFSET.exec(text) ?? [];
  const seq = Number(digits);
  return Number.isSafeInteger(seq) ? { life, seq } : 'unknown';
}

/** `undefined`, null and `''` are `fallback`. What is no text, and no -1 or 0, is INVALID_FIELD; a text that is no offset is `unknown`. */
export function checkStart(field: string, value: unknown, fallback: Start): Start {
  if (value === undefined || value === null || value === '') return fallback;
  if (typeof value === 'string') return parseStart(value);
  if (value === -1 || value === 0) return parseStart(String(value));
  throw new PathcastError('INVALID_FIELD', `${field} must be an offset ('<life>.<seq>', an activityId), -1 or 'now', got ${describe(value)}`);
}

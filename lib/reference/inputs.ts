/** Input shapes shared by the routers. Every bound says in its message what is allowed. */
import * as z from 'zod';
import { MAX_ID_BYTES } from '../protocol/limits.js';

/** Rows one import may bring. Above it: BAD_REQUEST; send it in parts. */
export const MAX_IMPORT_ROWS = 2_000;

/** Text that every layer can hold: no NUL (SQLite would cut it there), no lone surrogate. */
function clean(value: string): boolean {
  return !value.includes('\0') && !/\p{Surrogate}/u.test(value);
}
const CLEAN = 'must not contain NUL or a lone surrogate';

/** An id of a row, user or company. */
export const identifier = z
  .string()
  .min(1, 'must not be empty')
  .refine((value) => new TextEncoder().encode(value).length <= MAX_ID_BYTES, `must be at most ${MAX_ID_BYTES} bytes`)
  .refine(clean, CLEAN);

/** A line of text with something in it. */
export const line = z.string().trim().min(1, 'must not be empty').max(200).refine(clean, CLEAN);
export const optionalLine = line.nullish();
export const note = z.string().max(4_000).refine(clean, CLEAN).nullish();
export const day = z.iso.date('must be a day, YYYY-MM-DD').nullish();
/** Unix ms. */
export const moment = z.number().int().min(0).max(8.64e15).nullish();
export const cents = z.number().int().min(0).max(1e12);
export const count = z.number().int().min(0).max(100_000);

export const byId = z.object({ id: identifier });
/** Lists are of the whole company, or of one client. */
export const byClient = z.object({ clientId: identifier.optional() }).optional();
export const ofClient = z.object({ clientId: identifier });

/**
 * The row of an action (SPEC §20): which cached queries the `data` of an action is an answer of. Imports nothing: the browser reads it too.
 */
import { isPlain } from './where.js';
import { parsePosition } from './position.js';

/** As it travels. Who does not know it reads `queryPaths` again, as ever. */
export interface Row {
  /** The path of the query whose answer `data` is, whole or in part. */
  readonly query: string;
  /** Its input, as JSON; absent: it has none. */
  readonly input?: unknown;
  /** Queries in whose arrays the row stands. */
  readonly lists?: readonly string[];
  /** What tells one row of a list from another; absent: `id`. */
  readonly idKey?: string;
  /** `data` is the whole answer of `query`, whatever the page shows now. */
  readonly whole?: true;
  /** `<epoch>.<seq>`: the row contains every action up to this place, and its own. Absent: nobody knows. */
  readonly at?: string;
  /** When what made the row began, Unix ms. */
  readonly began?: number;
  /** Where in `data` a text is a date that the app's transformer carries. */
  readonly dates?: readonly (readonly (string | number)[])[];
}

/** Of its JSON, bytes; beyond it the action has no row. */
export const ROW_BYTES = 2_048;
/** Lists of one row, and its dates; beyond them the action has no row. */
export const ROW_LISTS = 8;
export const ROW_DATES = 64;
/** Keys on the way to a date. */
export const ROW_DEPTH = 8;
/** Characters of a path and a key. */
export const ROW_TEXT = 256;

const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= ROW_TEXT;
const isStep = (value: unknown): value is string | number => (typeof value === 'string' && value.length <= ROW_TEXT) || (Number.isInteger(value) && (value as number) >= 0);
const isDate = (value: unknown): value is (string | number)[] => Array.isArray(value) && value.length > 0 && value.length <= ROW_DEPTH && value.every(isStep);

/** Of what came through a stream; undefined: it is none, and what the action names is read again. */
export function readRow(given: unknown): Row | undefined {
  if (!isPlain(given)) return undefined;
  const { query, input, lists = [], idKey, whole, at, began, dates = [] } = given;
  if (!isText(query) || !Array.isArray(lists) || lists.length > ROW_LISTS || !lists.every(isText)) return undefined;
  if (!Array.isArray(dates) || dates.length > ROW_DATES || !dates.every(isDate)) return undefined;
  if (idKey !== undefined && !isText(idKey)) return undefined;
  const position = typeof at === 'string' && parsePosition(at) ? at : undefined;
  return {
    query,
    ...(input !== undefined && { input }),
    ...(lists.length > 0 && { lists }),
    ...(idKey !== undefined && { idKey }),
    ...(whole === true && { whole }),
    ...(position !== undefined && { at: position }),
    ...(typeof began === 'number' && Number.isFinite(began) && { began }),
    ...(dates.length > 0 && { dates }),
  };
}

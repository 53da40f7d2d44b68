/** What a row makes of the data that a query shows. Nothing here changes what it is given. */
import { isPlain } from '../protocol/where.js';

export interface Fitted {
  readonly value: unknown;
  /** Nothing of what is shown, and nothing of the row, is left over: the row is the whole of it. */
  readonly whole: boolean;
}

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean', 'bigint'].includes(typeof value);
const kept = (value: unknown): Fitted => ({ value, whole: false });

/**
 * The row in the shape of what is shown: keys that both have are the row's, where they are of one kind. A page that reads what is shown can read what
 * this gives: it adds no key and takes none away.
 */
export function fitTo(shown: unknown, row: unknown): Fitted {
  if (row === null) return { value: null, whole: true };
  if (shown === null) return isScalar(row) || row instanceof Date ? { value: row, whole: true } : kept(shown);
  if (shown instanceof Date || row instanceof Date) return shown instanceof Date && row instanceof Date ? { value: row, whole: true } : kept(shown);
  if (Array.isArray(shown)) return Array.isArray(row) ? fitArray(shown, row) : kept(shown);
  if (isPlain(shown)) return isPlain(row) ? fitObject(shown, row) : kept(shown);
  return isScalar(shown) && typeof shown === typeof row ? { value: row, whole: true } : kept(shown);
}

function fitObject(shown: Record<string, unknown>, row: Record<string, unknown>): Fitted {
  const has = (one: Record<string, unknown>, key: string): boolean => Object.hasOwn(one, key) && one[key] !== undefined;
  let whole = Object.keys(row).every((key) => has(shown, key) || !has(row, key));
  const fitted = Object.keys(shown).map((key): [string, unknown] => {
    if (!has(row, key) || !has(shown, key)) {
      whole &&= !has(shown, key);
      return [key, shown[key]];
    }
    const one = fitTo(shown[key], row[key]);
    whole &&= one.whole;
    return [key, one.value];
  });
  return { value: Object.fromEntries(fitted), whole };
}

/** Elements of other kinds than those that are shown could be more than the page can read. */
function fitArray(shown: readonly unknown[], row: readonly unknown[]): Fitted {
  const like = shown.find((each) => each !== null);
  const fits = (each: unknown): boolean => (like === undefined ? isScalar(each) : fitTo(like, each).whole);
  return row.every(fits) ? { value: row, whole: true } : kept(shown);
}

/** A copy with dates where texts stand for them. */
export function revive(data: unknown, dates: readonly (readonly (string | number)[])[]): unknown {
  return dates.reduce<unknown>((value, path) => dateAt(value, path), data);
}

function dateAt(value: unknown, [step, ...rest]: readonly (string | number)[]): unknown {
  if (step === undefined) {
    const date = typeof value === 'string' ? new Date(value) : undefined;
    return date && !Number.isNaN(date.getTime()) ? date : value;
  }
  if (Array.isArray(value)) return value.map((each: unknown, at) => (at === step ? dateAt(each, rest) : each));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, key === step ? dateAt(each, rest) : each]));
}

/** What happened to a row of a list. */
export interface ListChange {
  readonly type: 'insert' | 'update' | 'delete';
  readonly idKey: string;
  readonly id: string;
  /** Of a delete: nothing. */
  readonly row: unknown;
}

export function idOf(value: unknown, key: string): string | undefined {
  const id = isPlain(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : undefined;
}

/**
 * What is shown with the row in it, in its place; undefined: it stands nowhere in it. `data`: an array of objects, an object with one array in it (or an
 * array named `items`), or pages of these.
 */
export function patchList(data: unknown, change: ListChange, input: unknown, infinite: boolean): unknown {
  if (!infinite) return patchPage(data, change, input);
  if (!isPlain(data) || !Array.isArray(data['pages'])) return undefined;
  const pages = data['pages'].map((page: unknown) => patchPage(page, { ...change, type: change.type === 'insert' ? 'update' : change.type }, input));
  if (pages.every((page) => page === undefined)) return undefined;
  return { ...data, pages: pages.map((page, at) => page ?? (data['pages'] as unknown[])[at]) };
}

/** Where an answer that is an object has its list: in `items`, or in the one array that it has. */
export function arrayKey(page: Readonly<Record<string, unknown>>): string | undefined {
  const arrays = Object.keys(page).filter((key) => Array.isArray(page[key]));
  return arrays.includes('items') ? 'items' : arrays.length === 1 ? arrays[0] : undefined;
}

function patchPage(page: unknown, change: ListChange, input: unknown): unknown {
  if (Array.isArray(page)) return patchArray(page, change, input);
  const key = isPlain(page) ? arrayKey(page) : undefined;
  if (!isPlain(page) || key === undefined) return undefined;
  // Beside a cursor or a total only the server knows where a new row stands.
  const rows = patchArray(page[key] as unknown[], { ...change, type: change.type === 'insert' ? 'update' : change.type }, input);
  return rows && { ...page, [key]: rows };
}

function patchArray(rows: readonly unknown[], { type, idKey, id, row }: ListChange, input: unknown): unknown[] | undefined {
  const at = rows.findIndex((each) => idOf(each, idKey) === id);
  if (type === 'delete') return at < 0 ? undefined : rows.filter((_, index) => index !== at);
  // What the list was asked for says otherwise: it may not stand in it any more.
  if (isPlain(input) && isPlain(row) && Object.keys(input).some((key) => isScalar(input[key]) && Object.hasOwn(row, key) && row[key] !== input[key])) return undefined;
  if (at >= 0) return rows.map((each, index) => (index === at ? fitTo(each, row).value : each));
  return type === 'insert' && belongs(rows, row, input) ? [...rows, row] : undefined;
}

/** A new row is appended where all that the list was asked for is a value that the row has, and the rows that are there look like it. */
function belongs(rows: readonly unknown[], row: unknown, input: unknown): boolean {
  if (rows.length === 0 || !isPlain(row) || !fitTo(rows[0], row).whole) return false;
  if (input === undefined || input === null) return true;
  return isPlain(input) && Object.keys(input).every((key) => isScalar(input[key]) && Object.hasOwn(row, key) && row[key] === input[key]);
}

/**
 * What a person's change makes of the data that a query shows. Pure: nothing that is given is changed, and where nothing is to be changed the same
 * object comes back. What was laid already is laid again without effect.
 */
import { arrayKey, idOf } from '../../tanstack/patch.js';
import { textOf } from '../../tanstack/keys.js';
import { isPlain } from '../../protocol/where.js';
import type { MutationKind } from '../types.js';

/** One change of one row. */
export interface Layer {
  readonly kind: MutationKind;
  readonly id: string;
  readonly idKey: string;
  /** Of a create: the row as far as it is known here. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How a query shows rows. */
export interface Place {
  /** A list: an array, an object with one array (or `items`), pages of these. Else the answer is of one row. */
  readonly list: boolean;
  readonly input: unknown;
  /** Of a row's query: its input says which row it is of. Else an answer with another id, or with none, is of another row. */
  readonly named?: boolean | undefined;
  /** Of a row's query: where the row stands in an answer. Default: it is the answer. */
  readonly row?: ((answer: never) => unknown) | undefined;
  /** Of a list: where a new row is put. Default: last. */
  readonly first?: boolean | undefined;
}

type Rows = readonly unknown[];
type Plain = Readonly<Record<string, unknown>>;
/** An array of a list's data, and the data with another one in its place. */
type Held = [rows: Rows, put: (rows: Rows) => unknown];

const isScalar = (value: unknown): boolean => typeof value !== 'object' && typeof value !== 'function' && value !== undefined;

/** Two values that a page shows alike: a date and its text too. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (isScalar(a) && isScalar(b)) return false;
  const text = textOf(a);
  return text !== undefined && text === textOf(b);
}

/** A date where a date was: what reads the one cannot read a text. */
const like = (shown: unknown, value: unknown): unknown => (shown instanceof Date && isScalar(value) ? new Date(value as string) : value);

function set(row: Plain, fields: Plain): Plain {
  const by = Object.keys(fields).map((field): [string, unknown] => [field, like(row[field], fields[field])]).filter(([field, value]) => !isSame(row[field], value));
  return by.length === 0 ? row : { ...row, ...Object.fromEntries(by) };
}

/** `data` with `by` where `at` stands in it. */
function replaced(data: unknown, at: unknown, by: unknown, deep = 4): unknown {
  if (data === at) return by;
  if (!isPlain(data) || deep === 0) return data;
  for (const key of Object.keys(data)) {
    const one = replaced(data[key], at, by, deep - 1);
    if (one !== data[key]) return { ...data, [key]: one };
  }
  return data;
}

function arraysIn(data: unknown): Held[] {
  if (Array.isArray(data)) return [[data as Rows, (rows) => rows]];
  if (!isPlain(data)) return [];
  const { pages } = data;
  if (Array.isArray(pages) && Array.isArray(data['pageParams'])) {
    return pages.flatMap((page: unknown, at) =>
      arraysIn(page).map(([rows, put]): Held => [rows, (by) => ({ ...data, pages: pages.map((each: unknown, nth) => (nth === at ? put(by) : each)) })]),
    );
  }
  const key = arrayKey(data);
  return key === undefined ? [] : [[data[key] as Rows, (rows) => ({ ...data, [key]: rows })]];
}

/** The row as the data has it, if it has it. */
export function rowIn(data: unknown, { id, idKey }: Pick<Layer, 'id' | 'idKey'>, { list, row, named }: Place): Plain | undefined {
  if (list) return arraysIn(data).flatMap(([rows]) => rows).find((each) => idOf(each, idKey) === id) as Plain | undefined;
  const one = data === undefined || data === null ? data : row ? row(data as never) : data;
  return isPlain(one) && (idOf(one, idKey) ?? (named && id)) === id ? one : undefined;
}

/** What a list was asked for says that a row of these fields is not in it. */
const isElsewhere = (input: unknown, fields: Plain): boolean =>
  isPlain(input) && Object.keys(input).some((key) => isScalar(input[key]) && isScalar(fields[key]) && fields[key] !== input[key]);

/** The data with the change in it. */
export function lay(data: unknown, layer: Layer, place: Place): unknown {
  const { kind, fields, id, idKey } = layer;
  const row = rowIn(data, layer, place);
  if (kind === 'delete') return row && place.list ? without(data, row) : data;
  if (row) {
    const by = set(row, fields);
    return by === row ? data : place.list ? swapped(data, row, [by]) : replaced(data, row, by);
  }
  if (kind !== 'create' || !place.list || isElsewhere(place.input, fields)) return data;
  const arrays = arraysIn(data);
  const [rows, put] = arrays.at(place.first ? 0 : -1) ?? [];
  const made = { [idKey]: id, ...fields };
  return rows && put ? put(place.first ? [made, ...rows] : [...rows, made]) : data;
}

const without = (data: unknown, row: Plain): unknown => swapped(data, row, []);

function swapped(data: unknown, row: Plain, by: Rows): unknown {
  const [rows, put] = arraysIn(data).find(([all]) => all.includes(row)) as Held;
  return put(rows.flatMap((each) => (each === row ? by : [each])));
}

/**
 * Takes a change out of data that may hold it, where it was laid in and nobody has the data from before: a store's, or what an app has written over it.
 * `before`: an older answer of the query, if there is one; `seen`: what the person saw.
 */
export function takeOut(data: unknown, layer: Layer, place: Place, before: unknown, seen: Readonly<Record<string, { value?: unknown }>>): unknown {
  const { kind, fields } = layer;
  const row = rowIn(data, layer, place);
  const old = rowIn(before, layer, place);
  if (kind === 'delete') {
    if (row || !old || !place.list) return data;
    const at = arraysIn(before).findIndex(([all]) => all.includes(old));
    const was = arraysIn(before)[at]?.[0].indexOf(old) ?? 0;
    const [rows, put] = arraysIn(data)[at] ?? [];
    return rows && put ? put([...rows.slice(0, was), old, ...rows.slice(was)]) : data;
  }
  if (!row) return data;
  if (kind === 'create') return old || !place.list ? data : without(data, row);
  const back: Record<string, unknown> = {};
  for (const field of Object.keys(fields)) {
    if (!isSame(row[field], like(row[field], fields[field]))) continue;
    const from = seen[field];
    if (old) back[field] = old[field];
    else if (from && 'value' in from) back[field] = from.value;
  }
  return lay(data, { ...layer, kind: 'update', fields: back }, place);
}

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
  let changed = row;
  for (const field of Object.keys(fields)) {
    const value = like(row[field], fields[field]);
    if (!isSame(row[field], value)) changed = { ...changed, [field]: value };
  }
  return changed;
}

/** `data` with `by` where `at` stands in it. */
function replaced(data: unknown, at: unknown, by: unknown, deep = 4): unknown {
  if (data === at) return by;
  if (!isPlain(data) || !deep) return data;
  for (const key of Object.keys(data)) {
    const one = replaced(data[key], at, by, deep - 1);
    if (one !== data[key]) return { ...data, [key]: one };
  }
  return data;
}

/** `put`: of an array the data with another one in its place. */
function arraysIn(data: unknown, put: (by: unknown) => unknown = (by) => by): Held[] {
  if (Array.isArray(data)) return [[data as Rows, put]];
  if (!isPlain(data)) return [];
  const { pages, pageParams } = data;
  if (Array.isArray(pages) && Array.isArray(pageParams)) {
    return pages.flatMap((page: unknown, nth) => arraysIn(page, (by) => put({ ...data, pages: pages.map((each: unknown, at) => (at === nth ? by : each)) })));
  }
  const key = arrayKey(data);
  return key === undefined ? [] : [[data[key] as Rows, (rows) => put({ ...data, [key]: rows })]];
}

/** The row as the data has it, if it has it. */
export function rowIn(data: unknown, { id, idKey }: Pick<Layer, 'id' | 'idKey'>, { list, row, named }: Place): Plain | undefined {
  const is = (one: unknown, other?: unknown): boolean => (idOf(one, idKey) ?? other) === id;
  if (list) return arraysIn(data).flatMap(([rows]) => rows).find((each) => is(each)) as Plain | undefined;
  const one = row && data !== undefined && data !== null ? row(data as never) : data;
  return isPlain(one) && is(one, named && id) ? one : undefined;
}

/** What a list was asked for says that a row of these fields is not in it. */
const isElsewhere = (input: unknown, fields: Plain): boolean =>
  isPlain(input) && Object.keys(input).some((key) => isScalar(input[key]) && isScalar(fields[key]) && fields[key] !== input[key]);

/** The data with the change in it. */
export function lay(data: unknown, layer: Layer, place: Place): unknown {
  const { kind, fields, id, idKey } = layer;
  const { list, input, first } = place;
  const row = rowIn(data, layer, place);
  if (kind === 'delete') return row && list ? without(data, row) : data;
  if (row) {
    const by = set(row, fields);
    return by === row ? data : list ? swapped(data, row, [by]) : replaced(data, row, by);
  }
  if (kind !== 'create' || !list || isElsewhere(input, fields)) return data;
  const [rows, put] = arraysIn(data).at(first ? 0 : -1) ?? [];
  const made = { [idKey]: id, ...fields };
  return rows && put ? put(first ? [made, ...rows] : [...rows, made]) : data;
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

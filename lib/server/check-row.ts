/** The row of an action (SPEC §20), as an app gave it and as it travels. What is wrong with one is a warning: the action goes out without it. */
import { Buffer } from 'node:buffer';
import { parsePosition } from '../protocol/position.js';
import { ROW_BYTES, ROW_DATES, ROW_DEPTH, ROW_LISTS, ROW_TEXT, type Row } from '../protocol/row.js';
import { isPlain } from '../protocol/where.js';
import { describe, describeThrown, describeType, isArray } from '../internal/describe.js';
import type { Codec } from './transformer.js';

const KEYS = ['query', 'input', 'list', 'idKey', 'whole', 'at', 'began', 'audience'];
/** Values of a row, and how deep they lie; one that has more, or a cycle, does not travel. */
const MAX_VALUES = 10_000;
const MAX_DEPTH = 100;

class NoRow extends Error {}

interface Given {
  /** What has it under `row`: to read it may throw. */
  action: Readonly<Record<string, unknown>>;
  data: unknown;
  type: string;
  /** What goes out as stale. */
  queryPaths: readonly string[];
  /** What tRPC writes may be more than JSON: a date is a date in a page. */
  codec: Pick<Codec, 'form' | 'carriesDate'>;
  /** Of the bound router, if there is one. */
  isQuery?: ((path: string) => boolean) | undefined;
}

/** Undefined: none was given, or `say` was told what is wrong with it. Nothing of what was given is quoted: it has seen the row. */
export function checkRow({ action, data, type, queryPaths, codec, isQuery }: Given, say: (why: string) => void): Row | undefined {
  try {
    const { row } = action;
    if (row === undefined || row === null) return undefined;
    const checked = read(row);
    for (const path of [checked.query, ...(checked.lists ?? [])]) {
      // Who does not take the row would never read it again.
      if (!isStale(path, queryPaths)) throw new NoRow(`names a query, ${describeType(path)}, that queryPaths does not call stale`);
      if (isQuery?.(path) === false) throw new NoRow(`names a query, ${describeType(path)}, that the router does not have`);
    }
    if (type === 'delete') return within(checked);
    if (typeof data !== 'object' || data === null || isArray(data)) throw new NoRow(`needs data that is an object, got ${describeType(data)}`);
    const dates = datesIn(data, (value, depth) => judgeData(value, depth, codec));
    return within(dates.length === 0 ? checked : { ...checked, dates });
  } catch (thrown) {
    say(thrown instanceof NoRow ? thrown.message : `could not be read: ${describeThrown(thrown)}`);
    return undefined;
  }
}

function read(given: unknown): Row {
  if (!isPlain(given)) throw new NoRow(`must be { query, input, list, audience: 'company' }, got ${describeType(given)}`);
  for (const key of Object.keys(given)) if (!KEYS.includes(key)) throw new NoRow(`has no key ${describe(key)}; it has: ${KEYS.join(', ')}`);
  const { query, input, list, idKey, whole, at, began, audience } = given;
  if (audience !== 'company') throw new NoRow(`needs audience: 'company', for the row goes to everybody of the company; got ${describeType(audience)}`);
  const lists: readonly unknown[] = list === undefined ? [] : isArray(list) ? list : [list];
  if (lists.length > ROW_LISTS) throw new NoRow(`has ${lists.length} lists; at most ${ROW_LISTS}`);
  for (const path of [query, ...lists]) if (!isText(path)) throw new NoRow(`must name queries by their paths, got ${describeType(path)}`);
  if (idKey !== undefined && !isText(idKey)) throw new NoRow(`.idKey must be the name of a key, got ${describeType(idKey)}`);
  if (at !== undefined && (typeof at !== 'string' || !parsePosition(at))) throw new NoRow(`.at must be what hub.position() gave, got ${describeType(at)}`);
  return {
    query: query as string,
    ...(input !== undefined && { input: inputOf(input) }),
    ...(lists.length > 0 && { lists: lists as string[] }),
    ...(idKey !== undefined && idKey !== 'id' && { idKey }),
    ...(whole === true && { whole }),
    ...(at !== undefined && { at }),
    ...(typeof began === 'number' && Number.isFinite(began) && { began }),
  };
}

const isStale = (path: string, queryPaths: readonly string[]): boolean => queryPaths.some((stale) => stale === '*' || path === stale || path.startsWith(`${stale}.`));
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= ROW_TEXT;

function within(row: Row): Row {
  const bytes = Buffer.byteLength(JSON.stringify(row));
  if (bytes > ROW_BYTES) throw new NoRow(`is ${bytes} bytes of JSON without the data; at most ${ROW_BYTES}`);
  return row;
}

/** As it travels. What JSON tells of in another way, or not at all, would be the input of another query. */
function inputOf(input: unknown): unknown {
  datesIn(input, judgeInput, '.input', "which is none of a query's input as JSON");
  // Once: a toJSON may say something else the next time.
  return JSON.parse(JSON.stringify(input)) as unknown;
}

/** Where a value is: the way to it is only written out where it is told of. */
interface Place {
  readonly key: string | number;
  readonly depth: number;
  readonly above: Place | undefined;
}

interface Step {
  value: unknown;
  at: Place | undefined;
}

/** What is wrong with one value; `leaf`: nothing in it is looked at. */
type Judge = (value: unknown, depth: number) => { unfit?: string; leaf?: boolean; date?: boolean };

/**
 * The ways to its dates. Throws where `judge` finds what does not travel. It counts before it takes in, so that a cycle, or a million of elements, cost
 * no more than what is bounded.
 */
function datesIn(root: unknown, judge: Judge, field = '', why = "which it cannot carry to a page as the query's answer has it"): (string | number)[][] {
  const dates: (string | number)[][] = [];
  const todo: Step[] = [{ value: root, at: undefined }];
  const start = field === '' ? '' : `${field} `;
  let seen = 1;
  for (let step = todo.pop(); step; step = todo.pop()) {
    const { value, at } = step;
    const { unfit, leaf = false, date = false } = judge(value, at?.depth ?? 0);
    if (unfit !== undefined) throw new NoRow(`${start}holds ${unfit} at ${placeName(at)}, ${why}`);
    if (date && dates.push(wayTo(at)) > ROW_DATES) throw new NoRow(`${start}has more than ${ROW_DATES} dates`);
    if (leaf || date || typeof value !== 'object' || value === null) continue;
    const depth = (at?.depth ?? 0) + 1;
    const keys = isArray(value) ? undefined : Object.keys(value);
    const length = keys ? keys.length : (value as readonly unknown[]).length;
    seen += length;
    if (seen > MAX_VALUES) throw new NoRow(`${start}has more than ${MAX_VALUES} values`);
    if (length > 0 && depth > MAX_DEPTH) throw new NoRow(`${start}is more than ${MAX_DEPTH} deep, or holds itself`);
    for (let nth = 0; nth < length; nth++) {
      const key = keys ? (keys[nth] as string) : nth;
      const each = (value as Record<string | number, unknown>)[key];
      // JSON leaves it out of an object, and so does whoever compares.
      if (each !== undefined || !keys) todo.push({ value: each, at: { key, depth, above: at } });
    }
  }
  return dates;
}

/** Without a transformer what JSON makes of it is the query's answer too; with one each kind that JSON has not would be another one. */
function judgeData(value: unknown, depth: number, { form, carriesDate }: Given['codec']): ReturnType<Judge> {
  const late = lateness(value);
  if (late) return { unfit: late };
  const transforms = form !== 'none';
  if (typeof value !== 'object' || value === null) return !transforms || (isJson(value) && !Object.is(value, -0)) ? {} : { unfit: describeType(value) };
  if (!transforms || (value instanceof Date && !carriesDate)) return { leaf: ArrayBuffer.isView(value) || saysItself(value) };
  if (value instanceof Date) return Number.isNaN(value.getTime()) || depth > ROW_DEPTH ? { unfit: 'a date that cannot be told of' } : { date: true };
  return isArray(value) || isPlain(value) ? {} : { unfit: describeType(value) };
}

function judgeInput(value: unknown): ReturnType<Judge> {
  const late = lateness(value);
  if (late) return { unfit: late };
  if (typeof value !== 'object' || value === null) return isJson(value) ? {} : { unfit: describeType(value) };
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? { unfit: 'a date that is none' } : { leaf: true };
  if (ArrayBuffer.isView(value)) return { unfit: 'binary data' };
  if (isArray(value) || isPlain(value) || saysItself(value)) return { leaf: saysItself(value) };
  // A Map, a Set, what keeps all to itself: JSON has nothing of it.
  return Object.keys(value).length > 0 ? {} : { unfit: 'an object without keys of its own' };
}

/** What comes later than the action, and is nothing in JSON; a query that answers so gives its page what comes. */
function lateness(value: unknown): string | undefined {
  if (typeof (value as { then?: unknown } | null | undefined)?.then === 'function') return 'a promise';
  return typeof (value as { [Symbol.asyncIterator]?: unknown } | null | undefined)?.[Symbol.asyncIterator] === 'function' ? 'a stream' : undefined;
}
/** What JSON makes of it. */
const saysItself = (value: object): boolean => typeof (value as { toJSON?: unknown }).toJSON === 'function';

function isJson(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}

function wayTo(place: Place | undefined): (string | number)[] {
  const way: (string | number)[] = [];
  for (let at = place; at; at = at.above) way.push(at.key);
  return way.reverse();
}

function placeName(place: Place | undefined): string {
  return place ? wayTo(place).join('.') : 'its top';
}

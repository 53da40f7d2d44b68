/** `row` of the map: which query's answer a mutation's result is (SPEC §20). */
import type { RowInput } from '../protocol/events.js';
import { PathcastError } from '../protocol/error.js';
import { ROW_LISTS } from '../protocol/row.js';
import { describe, describeThrown, describeType, isArray } from '../internal/describe.js';
import { nearestPaths } from '../internal/nearest.js';
import { checkRow } from '../server/check-row.js';
import type { PathBinding } from '../server/paths/binding.js';
import type { CallValues } from './closure.js';
import { hush } from './hush.js';

/** As the map says it, checked. */
export interface RowRule {
  query: string;
  /** Of the query: a value, or what gives one. */
  input: unknown;
  list: readonly string[];
  data: ((call: CallValues) => unknown) | undefined;
  idKey: string | undefined;
  whole: boolean;
}

/** What goes out with an action. */
export interface GivenRow {
  row: RowInput;
  data: unknown;
}

/** Queries that one message offers. */
const MAX_NAMED = 3;
const KEYS = ['query', 'input', 'list', 'data', 'idKey', 'whole', 'audience'];
export const ROW_FORM = "{ query, input, list, data, idKey, whole, audience: 'company' }";

/** Whatever is wrong becomes a line of `problems`. */
export function readRowRule(where: string, value: unknown, problems: string[]): RowRule | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || isArray(value)) {
    problems.push(`${where} must be ${ROW_FORM}, got ${describe(value)}`);
    return undefined;
  }
  const before = problems.length;
  for (const key of Object.keys(value)) if (!KEYS.includes(key)) problems.push(`${where} has no key ${describe(key)}; it is ${ROW_FORM}`);
  const { query, input, list = [], data, idKey, whole = false, audience } = value as Record<string, unknown>;
  if (typeof query !== 'string') problems.push(`${where}.query must be the path of a query, got ${describe(query)}`);
  // Spread, for an array may have holes.
  const lists: readonly unknown[] = !isArray(list) ? [list] : list.length > ROW_LISTS ? list : [...list];
  if (lists.length > ROW_LISTS || lists.some((path) => typeof path !== 'string'))
    problems.push(`${where}.list must be the path of a query, or a list of at most ${ROW_LISTS}, got ${describe(list)}`);
  if (data !== undefined && typeof data !== 'function') problems.push(`${where}.data must be a function ({ input, result }) => row, got ${describe(data)}`);
  if (idKey !== undefined && (typeof idKey !== 'string' || idKey === '')) problems.push(`${where}.idKey must be the name of a key, got ${describe(idKey)}`);
  if (typeof whole !== 'boolean') problems.push(`${where}.whole must be true or false, got ${describe(whole)}`);
  if (audience !== 'company') {
    problems.push(
      `${where}.audience must be written out as 'company', got ${describe(audience)}: the row goes to everybody of the company who hears the action, whatever the query would have answered them`,
    );
  }
  if (problems.length > before) return undefined;
  // What is wrong with each row that it will give is known now.
  const fixed = { query, input: typeof input === 'function' ? undefined : input, list: lists, idKey, whole, audience };
  checkRow({ action: { row: fixed }, data: undefined, type: 'delete', queryPaths: ['*'], codec: { form: 'none', carriesDate: false } }, (why) => problems.push(`${where}${why.startsWith('.') ? '' : ' '}${why}`));
  if (problems.length > before) return undefined;
  return { query: query as string, input, list: lists as string[], data: data as RowRule['data'], idKey: idKey as string | undefined, whole: whole as boolean };
}

/** `stale`: nodes of what the entry names, cascades included; undefined: known only when it is called. */
export function checkRowRule(where: string, rule: RowRule | undefined, binding: PathBinding, stale: readonly number[] | undefined, problems: string[]): void {
  if (!rule) return;
  const { table } = binding;
  const covered = stale && new Set(table.expand(stale));
  for (const [field, path] of [['query', rule.query], ...rule.list.map((one) => ['list', one])] as [string, string][]) {
    const node = table.find(path);
    if (node < 0 || table.exact[node] !== 1) {
      const queries = [...binding.queries];
      // The nearest may be a prefix, this one too, which is as wrong.
      const near = nearestPaths(path, queries, MAX_NAMED + 1).map((each) => each.path);
      const named = near.filter((each) => queries.includes(each)).slice(0, MAX_NAMED);
      problems.push(`${where}.${field}: ${describe(path)} is no query${named.length > 0 ? `; nearest: ${named.join(', ')}` : ''}`);
    } else if (covered && !covered.has(node)) {
      // Who does not take the row would never read it again.
      problems.push(`${where}.${field}: ${describe(path)} is not among what the entry calls stale`);
    }
  }
}

/** Undefined: nothing, of which `failed` was told if it is a fault. Nothing of what a function threw or gave is quoted: it has seen the input. */
export function rowOf(name: string, rule: RowRule, call: CallValues, isDelete: boolean, failed: (error: PathcastError) => void): GivenRow | undefined {
  const { query, list, idKey, whole } = rule;
  const say = (what: string): void => failed(new PathcastError('INVALID_MAP', `the row of ${describe(name)} in the invalidation map ${what}; the action goes out without it`));
  try {
    const input: unknown = typeof rule.input === 'function' ? (rule.input as (call: CallValues) => unknown)(call) : rule.input;
    if (hush(input)) {
      say('gave a promise for its input: it must not be async');
      return undefined;
    }
    const row: RowInput = { query, input, list, idKey, whole, audience: 'company' };
    // What is gone is told by its id.
    if (isDelete) return { row, data: undefined };
    const data = rule.data ? rule.data(call) : call.result;
    if (data === undefined || data === null) return undefined;
    if (rule.data && hush(data)) say('gave a promise for its data: it must not be async');
    else if (typeof data === 'object' && !isArray(data)) return { row, data };
    else say(`gave ${describeType(data)} and not an object`);
  } catch (thrown) {
    say(`threw ${describeThrown(thrown)}`);
  }
  return undefined;
}

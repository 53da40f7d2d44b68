/** Reads a map of unknown shape into one of known shape; whatever is wrong becomes a line of `problems`. */
import { ACTION_TYPES, type ActionType } from '../protocol/events.js';
import { describe, describeThrown, isArray } from '../internal/describe.js';
import { ON_ERROR, type OnError } from './invalidation-map.js';
import { readRowRule, type RowRule } from './rows.js';

export type StaleFunction = (call: { input: unknown; result: unknown }) => unknown;

export type WhereFunction = (call: { input: unknown; result: unknown }) => unknown;

export interface ReadEntry {
  stale: readonly string[] | StaleFunction;
  /** undefined: by what is touched. */
  cascade: false | readonly string[] | undefined;
  module: string | undefined;
  type: ActionType | undefined;
  onError: OnError | undefined;
  where: WhereFunction | undefined;
  row: RowRule | undefined;
}

export type ReadMapEntry = ReadEntry | { silent: string };
export type ReadToolEntry = ReadMapEntry | { mutation: string };

export interface ReadMap {
  modules: Map<string, readonly string[]>;
  cascades: Map<string, readonly string[]>;
  mutations: Map<string, ReadMapEntry>;
  tools: Map<string, ReadToolEntry>;
}

const PARTS = ['modules', 'cascades', 'mutations', 'tools'];
const ENTRY_KEYS = ['stale', 'cascade', 'module', 'type', 'onError', 'where', 'row'];
const ENTRY_FORMS =
  "a list of query paths, a function that gives one, { stale, cascade, module, type, onError, where, row } or { silent: 'why' }";

export function readMap(value: unknown, problems: string[]): ReadMap {
  const map: ReadMap = { modules: new Map(), cascades: new Map(), mutations: new Map(), tools: new Map() };
  if (!isRecord(value)) {
    problems.push(`the map must be an object, got ${describe(value)}`);
    return map;
  }
  for (const key of Object.keys(value)) {
    if (!PARTS.includes(key)) problems.push(`the map has no part ${describe(key)}; it has: ${PARTS.join(', ')}`);
  }
  const each = <T>(
    part: keyof ReadMap,
    into: Map<string, T>,
    read: (where: string, entry: unknown) => T | undefined,
  ) => {
    const given = value[part];
    if (given === undefined && part !== 'mutations') return;
    if (!isRecord(given)) {
      problems.push(`${part} must be an object, got ${describe(given)}`);
      return;
    }
    for (const name of Object.keys(given)) {
      const where = `${part}[${describe(name)}]`;
      try {
        const taken = read(where, given[name]);
        if (taken !== undefined) into.set(name, taken);
      } catch (thrown) {
        problems.push(`${where} could not be read: ${describeThrown(thrown)}`);
      }
    }
  };
  const list = (where: string, entry: unknown): readonly string[] | undefined => readList(where, entry, problems);
  each('modules', map.modules, list);
  each('cascades', map.cascades, list);
  each('mutations', map.mutations, (where, entry) => readEntry(where, entry, problems));
  each('tools', map.tools, (where, entry) =>
    typeof entry === 'string' ? { mutation: entry } : readEntry(where, entry, problems),
  );
  return map;
}

function readEntry(where: string, entry: unknown, problems: string[]): ReadMapEntry | undefined {
  const plain = { cascade: undefined, module: undefined, type: undefined, onError: undefined, where: undefined, row: undefined };
  if (typeof entry === 'function') return { stale: entry as StaleFunction, ...plain };
  if (isArray(entry)) {
    const stale = readStale(where, entry, problems);
    return stale && { stale, ...plain };
  }
  if (!isRecord(entry)) {
    problems.push(`${where} must be ${ENTRY_FORMS}, got ${describe(entry)}`);
    return undefined;
  }
  if ('silent' in entry) return readSilent(where, entry, problems);
  const before = problems.length;
  for (const key of Object.keys(entry)) {
    if (!ENTRY_KEYS.includes(key)) problems.push(`${where} has no key ${describe(key)}; an entry is ${ENTRY_FORMS}`);
  }
  const { stale, cascade, module, type, onError, where: narrows } = entry;
  const read = typeof stale === 'function' ? (stale as StaleFunction) : readStale(`${where}.stale`, stale, problems);
  const modules =
    cascade === undefined || cascade === false ? cascade : readList(`${where}.cascade`, cascade, problems, ' or false');
  if (module !== undefined && (typeof module !== 'string' || module === ''))
    problems.push(`${where}.module must be a string that is not empty, got ${describe(module)}`);
  if (type !== undefined && !ACTION_TYPES.includes(type as ActionType))
    problems.push(`${where}.type must be one of ${ACTION_TYPES.join(', ')}, got ${describe(type)}`);
  if (onError !== undefined && !ON_ERROR.includes(onError as OnError))
    problems.push(`${where}.onError must be one of ${ON_ERROR.join(', ')}, got ${describe(onError)}`);
  if (narrows !== undefined && typeof narrows !== 'function')
    problems.push(`${where}.where must be a function ({ input, result }) => ({ path: { key: value } }), got ${describe(narrows)}`);
  const row = readRowRule(`${where}.row`, entry['row'], problems);
  if (problems.length > before || read === undefined) return undefined;
  return {
    stale: read,
    cascade: modules,
    module: module as string | undefined,
    type: type as ActionType | undefined,
    onError: onError as OnError | undefined,
    where: narrows as WhereFunction | undefined,
    row,
  };
}

function readSilent(where: string, entry: Record<string, unknown>, problems: string[]): { silent: string } | undefined {
  const { silent } = entry;
  if (Object.keys(entry).length > 1) problems.push(`${where} is silent: it can say nothing else`);
  if (typeof silent === 'string' && silent.trim() !== '') return { silent };
  problems.push(`${where}.silent must say why in words, got ${describe(silent)}`);
  return undefined;
}

function readStale(where: string, value: unknown, problems: string[]): readonly string[] | undefined {
  const stale = readList(where, value, problems);
  if (stale?.length !== 0) return stale;
  problems.push(`${where} is empty; a mutation that rightly makes nothing stale is { silent: 'why' }`);
  return undefined;
}

function readList(where: string, value: unknown, problems: string[], or = ''): readonly string[] | undefined {
  if (isArray(value) && value.every((item) => typeof item === 'string')) return [...value];
  const got = isArray(value) ? describe(value.find((item) => typeof item !== 'string')) + ' in it' : describe(value);
  problems.push(`${where} must be a list of strings${or}, got ${got}`);
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !isArray(value);
}

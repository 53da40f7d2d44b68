/** What a stream lets through: the app's filter, checked, and the client's own wishes, which only ever narrow it. */
import { PathcastError } from '../protocol/error.js';
import { MAX_FILTER_VALUES } from '../protocol/limits.js';
import { describeKind, isArray } from '../internal/describe.js';
import type { EngineFilter } from '../internal/engine.js';
import { checkIdentifier, checkKeys, checkObject, checkOptionalIdentifier } from './check.js';
import type { StreamFilter } from './options.js';
import type { PathBinding } from './paths/binding.js';
import { checkQueryPath } from './query-paths.js';

const KNOWN = [
  'clientId',
  'modules',
  'entities',
  'queryPaths',
  'excludeSourceId',
  'excludeUserId',
] as const satisfies readonly (keyof StreamFilter)[];

/**
 * Throws INVALID_FIELD, INVALID_QUERY_PATH or INVALID_OPTION: a filter that is not understood must not let everything
 * through. Where a router is bound, its query paths become names of that router, so that clients can make up none.
 */
export function engineFilter(
  filter: StreamFilter | null | undefined,
  userId: string,
  router?: Pick<PathBinding, 'widen'>,
): EngineFilter | undefined {
  if (filter === undefined || filter === null) return undefined;
  const raw = checkObject('filter', filter);
  checkKeys('filter', raw, KNOWN);
  const result: EngineFilter = {};
  const clientIds = list('filter.clientId', typeof raw['clientId'] === 'string' ? [raw['clientId']] : raw['clientId']);
  const modules = list('filter.modules', raw['modules']);
  const entities = list('filter.entities', raw['entities']);
  const queryPaths = list('filter.queryPaths', raw['queryPaths'], checkQueryPath);
  if (clientIds) result.clientIds = clientIds;
  if (modules) result.modules = modules;
  if (entities) result.entities = entities;
  if (queryPaths) result.queryPaths = router ? widened(queryPaths, router) : queryPaths;
  const source = checkOptionalIdentifier('filter.excludeSourceId', raw['excludeSourceId']);
  if (source !== undefined) result.excludeSourceId = source;
  const user = excludedUser(raw['excludeUserId'], userId);
  if (user !== undefined) result.excludeUserId = user;
  return Object.keys(result).length === 0 ? undefined : result;
}

function widened(paths: readonly string[], router: Pick<PathBinding, 'widen'>): string[] {
  const wide = new Set(paths.map((path) => router.widen(path)));
  return wide.has('*') ? ['*'] : [...wide];
}

function excludedUser(value: unknown, own: string): string | undefined {
  if (value === undefined || value === null || value === false || value === '') return undefined;
  return value === true ? own : checkIdentifier('filter.excludeUserId', value);
}

function list(
  field: string,
  value: unknown,
  check: (field: string, value: unknown) => string = checkIdentifier,
): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isArray(value))
    throw new PathcastError('INVALID_FIELD', `${field} must be an array of strings, got ${describeKind(value)}`);
  if (value.length > MAX_FILTER_VALUES) {
    throw new PathcastError('INVALID_FIELD', `${field} has ${value.length} values; at most ${MAX_FILTER_VALUES}`);
  }
  return [...new Set(value.map((item, i) => check(`${field}[${i}]`, item)))];
}

/**
 * The app's filter narrowed by a plain client's query: `?modules=a,b`, `?entities=…`, `?queryPaths=…`,
 * `?clientId=…`, `?excludeSourceId=…`. A part that the app has set is intersected, so a client never sees more than the
 * app allows. Aliases count as what they lead to.
 */
export function narrowByQuery(
  filter: StreamFilter | undefined,
  query: URLSearchParams,
  router?: Pick<PathBinding, 'aliasOf'>,
): StreamFilter | undefined {
  const narrowed: { -readonly [K in keyof StreamFilter]: StreamFilter[K] } = { ...filter };
  const own = typeof filter?.clientId === 'string' ? [filter.clientId] : filter?.clientId;
  const clientId = intersect(own, query.getAll('clientId'));
  const modules = intersect(filter?.modules, query.getAll('modules'));
  const entities = intersect(filter?.entities, query.getAll('entities'));
  if (clientId) narrowed.clientId = clientId;
  if (modules) narrowed.modules = modules;
  if (entities) narrowed.entities = entities;
  const queryPaths = narrowPaths(filter?.queryPaths, query.getAll('queryPaths'), router);
  if (queryPaths) narrowed.queryPaths = queryPaths;
  const source = query.get('excludeSourceId');
  if (source && narrowed.excludeSourceId === undefined) narrowed.excludeSourceId = source;
  return Object.keys(narrowed).length === 0 ? undefined : narrowed;
}

function intersect(allowed: readonly string[] | undefined, asked: readonly string[]): readonly string[] | undefined {
  const wished = listed(asked);
  if (wished.length === 0) return allowed;
  return allowed ? wished.filter((text) => allowed.includes(text)) : wished;
}

/** The same for paths, which hold what is below them: of two that meet the longer one is left. */
function narrowPaths(
  given: readonly string[] | undefined,
  asked: readonly string[],
  router: Pick<PathBinding, 'aliasOf'> | undefined,
): readonly string[] | undefined {
  const real = (path: string): string => router?.aliasOf(path) ?? path;
  const wished = listed(asked).map(real);
  const allowed = isArray(given) ? given.map(real) : given;
  if (wished.length === 0 || !isArray(allowed)) return wished.length === 0 ? allowed : wished;
  const kept = new Set<string>();
  for (const path of new Set(wished)) {
    for (const bound of allowed) {
      if (holds(bound, path)) kept.add(path);
      else if (holds(path, bound)) kept.add(bound);
    }
  }
  return [...kept];
}

function holds(path: string, other: string): boolean {
  return path === '*' || path === other || other.startsWith(`${path}.`);
}

/** `?modules=a,b&modules=c` → a, b, c. */
function listed(given: readonly string[]): string[] {
  return given.flatMap((text) => text.split(',')).filter((text) => text !== '');
}

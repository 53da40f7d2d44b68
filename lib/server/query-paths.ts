/** The grammar of a query path: `segment(.segment)*`, or `*` alone. */
import { PathcastError } from '../protocol/error.js';
import { MAX_QUERY_PATHS, MAX_QUERY_PATH_BYTES } from '../protocol/limits.js';
import { describe, isArray } from '../internal/describe.js';
import { exceedsBytes, isWellFormed } from '../internal/text.js';

/** A segment is a router's or procedure's key: anything but separators, wildcards, blanks and controls. */
const QUERY_PATH = /^(?:\*|[^\s.*,\u0000-\u001f\u007f]+(?:\.[^\s.*,\u0000-\u001f\u007f]+)*)$/u;

/**
 * A copy of the list. An empty one is refused: an action that makes nothing stale tells nobody anything,
 * and is a forgotten path far more often than meant. (A message without invalidation is an ephemeral event.)
 */
export function checkQueryPaths(value: unknown): string[] {
  if (!isArray(value)) {
    throw new PathcastError('INVALID_FIELD', `queryPaths must be an array of strings, got ${describe(value)}`);
  }
  const { length } = value;
  if (length === 0) {
    throw new PathcastError('INVALID_FIELD', `queryPaths is empty; name at least one query path, or '*' for all`);
  }
  if (length > MAX_QUERY_PATHS) {
    throw new PathcastError(
      'INVALID_FIELD',
      `queryPaths has ${length} paths; at most ${MAX_QUERY_PATHS} (a prefix such as 'guests', or '*', covers many)`,
    );
  }
  const paths: string[] = [];
  for (let i = 0; i < length; i++) paths.push(checkQueryPath(`queryPaths[${i}]`, value[i]));
  return paths;
}

/** True for what `checkQueryPath` lets pass. */
export function isQueryPath(path: string): boolean {
  return !exceedsBytes(path, MAX_QUERY_PATH_BYTES) && QUERY_PATH.test(path) && isWellFormed(path);
}

export function checkQueryPath(field: string, path: unknown): string {
  if (typeof path !== 'string') {
    throw new PathcastError('INVALID_QUERY_PATH', `${field} must be a string, got ${describe(path)}`);
  }
  if (exceedsBytes(path, MAX_QUERY_PATH_BYTES)) {
    throw new PathcastError(
      'INVALID_QUERY_PATH',
      `${field} is too long: ${describe(path)}; at most ${MAX_QUERY_PATH_BYTES} UTF-8 bytes`,
    );
  }
  if (!QUERY_PATH.test(path) || !isWellFormed(path)) {
    throw new PathcastError(
      'INVALID_QUERY_PATH',
      `${field} is ${describe(path)}; a query path is 'router.procedure', a prefix ('guests') or '*'`,
    );
  }
  return path;
}

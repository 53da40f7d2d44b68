/** The query paths that a query answers to. */
import { invalid } from '../client/invalid.js';
import type { QueryNames } from './heard.js';
import { namesOf, readTrpcKey, textOf } from './keys.js';
import type { QueryLike } from './types.js';

export type PathsOf = (queryKey: readonly unknown[]) => string | readonly string[] | undefined;

export const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((one) => typeof one === 'string');

/** Asks `pathsOf` once a query. What an app's own function throws or gives reaches neither the cache, whose call this is, nor what other queries have to be told. */
export function namesIn(pathsOf: PathsOf, report: (error: unknown) => void): (query: QueryLike) => readonly QueryNames[] {
  const known = new WeakMap<QueryLike, QueryNames[]>();

  function given(queryKey: readonly unknown[]): readonly string[] {
    let wrong: unknown;
    try {
      const paths: unknown = pathsOf(queryKey) ?? [];
      if (typeof paths === 'string') return [paths];
      if (isTexts(paths)) return paths;
      wrong = typeof paths;
    } catch (thrown) {
      wrong = thrown;
    }
    report(invalid(`pathsOf must give a text or a list of texts for ${textOf(queryKey) ?? 'a key'}, got ${String(wrong)}`));
    return ['*'];
  }

  return (query) => {
    let paths = known.get(query);
    if (!paths) {
      const input = readTrpcKey(query.queryKey)?.input;
      paths = given(query.queryKey).map((path) => ({ path, names: namesOf(path), input }));
      known.set(query, paths);
    }
    return paths;
  };
}

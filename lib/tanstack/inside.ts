/** What stands behind a binding, for those parts of the package that look on (`observe.ts`): whoever loads none of them pays for none. */
import type { CacheEnvironment } from './environment.js';
import type { Demand, Heard, QueryNames } from './heard.js';
import type { Happened, Reads } from './reads.js';
import type { Tasks } from './tasks.js';
import type { QueryLike } from './types.js';

/** On the binding, for an ES module and a CommonJS copy of the package may meet in a page. */
export const INSIDE = Symbol.for('pathcast.binding.1');

/** Called as it happens. May not throw. */
export interface Tap {
  /** After what an event demands was noted, and marked. `paths`: as the binding takes them. */
  heard(event: object, paths: readonly string[], demand: Demand, own: boolean): void;
  /** A fetch was begun. */
  begun(query: QueryLike): void;
  happened(query: QueryLike, what: Happened): void;
}

export interface Inside {
  readonly environment: Pick<CacheEnvironment, 'now' | 'elapsed' | 'report'>;
  readonly queries: () => readonly QueryLike[];
  readonly namesOf: (query: QueryLike) => readonly QueryNames[];
  readonly reads: Pick<Reads, 'of'>;
  readonly heard: Pick<Heard, 'contains'>;
  readonly tasks: Pick<Tasks, 'lacks' | 'isFetched'>;
  /** Of a binding that has ended: none, and none counts. */
  readonly taps: Set<Tap>;
}

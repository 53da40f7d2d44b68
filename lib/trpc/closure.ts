/** What entries of the map are closed over, and what they are asked with. */
import type { Cascades } from '../internal/path-table.js';
import type { PathBinding } from '../server/paths/binding.js';

export interface CallValues {
  input: unknown;
  result: unknown;
}

/** What a name or a list of modules means to the cascades. */
export interface Closure {
  readonly binding: PathBinding;
  readonly cascades: Cascades;
  /** Indexes of modules, by name. */
  readonly modules: ReadonlyMap<string, number>;
  /** Of the modules that an edge leads to from one that these nodes touch. */
  following(nodes: readonly number[]): readonly number[];
}

/** The three mutations that most entities have. */
import type { EntityKey, OfflineMutation } from './types.js';

export interface CrudOptions {
  /** The router that has them, where it is not called as the entity is: `<router>.create`. */
  router?: string | undefined;
  /** Default: `id`. */
  idKey?: string | undefined;
  /** The query that shows one row, by `{ [idKey] }`. */
  query?: string | undefined;
  /** Queries that show many. */
  list?: readonly string[] | undefined;
  /** Where the row stands in an answer of `query`. Default: the answer is the row. */
  row?: ((answer: any) => unknown) | undefined; // eslint-disable-line @typescript-eslint/no-explicit-any -- each query has an answer of its own
  /** Rows that must be there before one of these. */
  dependsOn?: ((input: any) => readonly EntityKey[]) | undefined; // eslint-disable-line @typescript-eslint/no-explicit-any
}

/** `<entity>.create`, `.update` and `.delete`, whose inputs are the row's fields beside its id. The id of a create is made by the client. */
export function crud(entity: string, { router = entity, idKey, query, list, row, dependsOn }: CrudOptions = {}): Record<string, OfflineMutation> {
  const shows = query === undefined && !list ? undefined : { query, list, row };
  return Object.fromEntries((['create', 'update', 'delete'] as const).map((kind) => [`${router}.${kind}`, { kind, entity, idKey, shows, dependsOn: kind === 'delete' ? undefined : dependsOn }]));
}

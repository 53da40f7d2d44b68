/** Which mutations keep a query from being fetched: what the page shows is what it hopes for, and the server may not have heard of it yet. */
import { readTrpcKey } from './keys.js';
import type { MutationLike } from './types.js';

const routerOf = (path: string): string | undefined => path.split('.')[0];

/**
 * A mutation that is on its way (not one that waits for a network) and optimistic (it has `onMutate`), of the same router as one of the query's
 * `paths`; one whose key says nothing concerns every query.
 */
export function holds({ state, options: { mutationKey, onMutate } }: MutationLike, paths: readonly { readonly path: string }[]): boolean {
  if (state.status !== 'pending' || state.isPaused || typeof onMutate !== 'function') return false;
  const changed = mutationKey && readTrpcKey(mutationKey)?.path;
  return changed === undefined || changed === '*' || paths.some(({ path }) => path === '*' || routerOf(path) === routerOf(changed));
}

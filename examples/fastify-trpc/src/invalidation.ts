// invalidation.ts: what each mutation makes stale. One that is missing does not compile, nor does a path that no query has.
import type { InvalidationMap } from 'pathcast/trpc';
import type { AppRouter } from './router.js';

export const invalidation = {
  mutations: {
    'guests.create': ['guests.getAll'],
    'guests.remove': ({ result }) => (result.removed ? ['guests.getAll'] : []),
  },
} satisfies InvalidationMap<AppRouter>;

/** tRPC routers for tests of query paths. */
import { initTRPC, lazy } from '@trpc/server';

const t = initTRPC.create();
const p = t.procedure;
export const query = p.query(() => null);
export const mutation = p.mutation(() => null);
export const subscription = p.subscription(async function* () {
  yield await Promise.resolve(null);
});
export const { router, mergeRouters } = t;
export { lazy };

const queries = <K extends string>(...names: K[]): Record<K, typeof query> =>
  Object.fromEntries(names.map((name) => [name, query])) as Record<K, typeof query>;

/** The procedures of a wedding planner, and a nested and a root one. */
export const weddingRouter = router({
  guests: { ...queries('getAll', 'getById', 'getStats', 'getDietaryStats'), create: mutation, checkIn: mutation },
  budget: { ...queries('getAll', 'getById', 'getSummary', 'getByCategory', 'getCategorySummary'), create: mutation },
  hotels: queries('getAll', 'getStats', 'getAllWithGuests'),
  guestTransport: queries('getAll', 'list', 'getStats'),
  floorPlans: queries('list', 'getById'),
  admin: router({ users: router({ list: query, ban: mutation }) }),
  sync: router({ onSync: subscription }),
  health: query,
});
export const WEDDING_QUERIES = Object.entries(weddingRouter._def.procedures as unknown as Record<string, { _def: { type: string } }>)
  .filter(([, procedure]) => procedure._def.type === 'query')
  .map(([path]) => path);

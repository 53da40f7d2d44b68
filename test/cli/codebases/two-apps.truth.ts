import { quiet, told, type Truth } from './truth.js';

/** Two routers, each served by a server of its own. */
export const truth: Truth = {
  root: 'src/public/router.ts#appRouter',
  queries: 2,
  mutations: { 'articles.like': told(['article'], 'articles.list', 'articles.byId') },
  findings: [],
  // Those of the other root.
  debatable: ['silent users.ban'],
  otherRoots: ['src/admin/router.ts#adminRouter'],
};
export const admin: Truth = {
  root: 'src/admin/router.ts#adminRouter',
  queries: 1,
  mutations: { 'users.ban': quiet('user') },
  findings: ['silent users.ban'],
};

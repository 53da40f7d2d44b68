import { quiet, type Truth } from './truth.js';

/** One file in the middle of a merge, and an import of a file that is gone: the rest is audited, and both are said. */
export const truth: Truth = {
  root: 'src/router.ts#appRouter',
  partial: true,
  queries: 1,
  mutations: { 'notes.add': quiet('note') },
  findings: ['silent notes.add'],
  unseen: ['drafts', 'gone'],
};

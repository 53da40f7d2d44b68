import { quiet, type Truth } from './truth.js';

/** What is emitted or queued may be broadcast by someone else: reading cannot tell, and must say so. */
export const truth: Truth = {
  root: 'src/index.ts#appRouter',
  queries: 1,
  mutations: {
    'tasks.create': { broadcast: 'unknown', tables: ['task'] },
    'tasks.rename': { broadcast: ['unknown', 'yes'], paths: { 'tasks.all': 'exact' }, hard: true, tables: ['task'] },
    'tasks.remove': quiet('task'),
  },
  findings: ['silent tasks.remove'],
  unseen: ['tasks.create'],
};

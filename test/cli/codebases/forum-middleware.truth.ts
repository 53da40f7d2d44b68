import { quiet, type Truth } from './truth.js';

/** Middlewares of their own that broadcast: by the procedure's path, and by its meta. */
export const truth: Truth = {
  root: 'src/threads.ts#appRouter',
  queries: 1,
  mutations: {
    'threads.open': { broadcast: 'yes', paths: { threads: 'prefix' }, hard: true, tables: ['threads'] },
    'threads.lock': { broadcast: 'yes', paths: { threads: 'prefix' }, hard: true, tables: ['threads'] },
    'threads.rename': quiet('threads'),
    'threads.reply': {
      broadcast: 'yes',
      paths: { 'threads.list': 'exact', 'threads.replies': 'phantom' },
      hard: true,
      tables: ['replies'],
    },
  },
  findings: ['silent threads.rename'],
  debatable: ['phantom threads.reply', 'conditional-broadcast threads.reply'],
};

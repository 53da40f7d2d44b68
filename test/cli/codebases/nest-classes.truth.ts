import { quiet, type Truth } from './truth.js';

/** Routers as properties of injected classes. */
export const truth: Truth = {
  root: 'src/trpc/trpc.router.ts#appRouter',
  queries: 1,
  mutations: {
    'tickets.open': {
      broadcast: 'yes',
      paths: { 'tickets.all': 'exact', 'tickets.open': 'phantom' },
      tables: ['ticket'],
    },
    'tickets.close': quiet('ticket'),
  },
  findings: ['phantom tickets.open', 'silent tickets.close'],
};

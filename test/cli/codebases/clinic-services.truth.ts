import { quiet, told, type Truth } from './truth.js';

/** Classes on the context that broadcast through a base class; Kysely; `baseUrl` without `paths`; default exports. */
export const truth: Truth = {
  root: 'src/app-router.ts#appRouter',
  queries: 2,
  mutations: {
    'patients.create': told(['patient'], 'patients.list'),
    'patients.rename': quiet('patient'),
    'patients.remove': {
      ...told(['appointment', 'patient'], 'patients.list', 'appointments.upcoming'),
      transaction: 'inside',
    },
    'appointments.book': {
      broadcast: 'yes',
      paths: { 'appointments.upcoming': 'exact', 'appointments.byDay': 'phantom' },
      tables: ['appointment', 'reminder'],
    },
  },
  findings: ['silent patients.rename', 'phantom appointments.book', 'non-atomic appointments.book'],
  nearest: { 'appointments.byDay': 'appointments.upcoming' },
};

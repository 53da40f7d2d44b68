import { idle, quiet, told, type Truth } from './truth.js';

/** SQL in tagged templates (postgres.js) and in prepared statements (better-sqlite3). */
export const truth: Truth = {
  root: 'src/server.ts#root',
  queries: 3,
  mutations: {
    'accounts.open': told(['accounts'], 'accounts.list'),
    'accounts.transfer': {
      ...told(['accounts', 'transfers'], 'accounts.list', 'accounts.balance'),
      transaction: 'inside',
    },
    'accounts.refund': {
      broadcast: 'yes',
      paths: { 'accounts.list': 'exact', 'account.balance': 'phantom' },
      tables: ['accounts', 'accounts|public.accounts'],
    },
    'accounts.close': quiet('accounts'),
    'accounts.describe': idle,
    'sessions.touch': told(['sessions'], 'sessions.get'),
    'sessions.sweep': quiet('sessions'),
    'sessions.restore': { ...quiet('sessions'), transaction: 'inside' },
    'sessions.peek': idle,
  },
  findings: [
    'phantom accounts.refund',
    'non-atomic accounts.refund',
    'silent accounts.close',
    'silent accounts.describe',
    'silent sessions.sweep',
    'silent sessions.restore',
    'silent sessions.peek',
  ],
  nearest: { 'account.balance': 'accounts.balance' },
};

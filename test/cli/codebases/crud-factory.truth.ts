import { type MutationTruth, quiet, told, type Truth } from './truth.js';

const phantom: MutationTruth = {
  broadcast: 'yes',
  paths: { 'supplier.list': 'phantom', 'supplier.byId': 'phantom' },
  tables: ['suppliers'],
};
const customers = told(['customers'], 'customers.list', 'customers.byId', 'invoices.list');
const invoices = told(['invoices'], 'invoices.list', 'invoices.byId');

/** One factory for three routers, a factory of procedures, mergeRouters, a barrel with renames and a default. */
export const truth: Truth = {
  root: 'src/app.ts#appRouter',
  queries: 8,
  mutations: {
    'customers.create': customers,
    'customers.update': customers,
    'customers.remove': customers,
    'invoices.create': invoices,
    'invoices.update': invoices,
    'invoices.remove': invoices,
    'invoices.setStatus': { ...quiet('invoices', 'auditLog'), transaction: 'inside' },
    'suppliers.create': phantom,
    'suppliers.update': phantom,
    'suppliers.remove': phantom,
  },
  findings: [
    'silent invoices.setStatus',
    'phantom suppliers.create',
    'phantom suppliers.update',
    'phantom suppliers.remove',
  ],
  nearest: { 'supplier.list': 'suppliers.list', 'supplier.byId': 'suppliers.byId' },
};

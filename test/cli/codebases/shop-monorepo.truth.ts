import { quiet, told, type Truth } from './truth.js';

/** A workspace of packages that are not installed: `exports`, plain records as routers, two lazy routers, Drizzle. */
export const truth: Truth = {
  root: 'packages/api/src/root.ts#appRouter',
  queries: 5,
  mutations: {
    'product.create': told(['Product'], 'product.all', 'product.byId'),
    'product.delete': quiet('Product'),
    'order.place': { ...told(['Order', 'OrderLine', 'Product'], 'order.all'), transaction: 'inside' },
    'admin.purge': {
      broadcast: 'yes',
      paths: { order: 'prefix', 'admin.stats': 'exact', 'reports.revenue': 'phantom' },
      tables: ['OrderLine', 'Order'],
    },
    'reports.refresh': { broadcast: 'no', tables: null },
  },
  findings: [
    'silent product.delete',
    'silent reports.refresh',
    'cascade order.place',
    'phantom admin.purge',
    'non-atomic admin.purge',
  ],
  nearest: { 'reports.revenue': 'reports.monthly' },
};

import { quiet, told, type Truth } from './truth.js';

/** JavaScript: ES modules, one CommonJS file, Knex with transactions by callback and by hand. */
export const truth: Truth = {
  root: 'server/index.js#appRouter',
  queries: 2,
  mutations: {
    'stock.add': told(['stock'], 'stock.levels'),
    'stock.move': {
      broadcast: 'yes',
      paths: { 'stock.levels': 'exact', 'stock.history': 'exact', 'stock.level': 'phantom' },
      tables: ['stock', 'log'],
      transaction: 'inside',
    },
    'stock.remove': { ...quiet('stock', 'log'), transaction: 'inside' },
    'stock.recount': { broadcast: 'yes', paths: { stock: 'prefix' }, tables: ['stock'] },
    'stock.archive': quiet('stock_archive'),
  },
  findings: ['phantom stock.move', 'silent stock.remove', 'non-atomic stock.recount', 'silent stock.archive'],
  nearest: { 'stock.level': 'stock.levels' },
};

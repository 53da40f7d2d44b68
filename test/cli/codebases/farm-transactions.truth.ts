import { told, type Truth } from './truth.js';

/** Transactions by wrapper, by callback and missing; helpers made for one; conditions around broadcasts. */
export const truth: Truth = {
  root: 'src/router.ts#appRouter',
  queries: 2,
  mutations: {
    'fields.create': { ...told(['fields'], 'fields.getAll'), transaction: 'inside' },
    'fields.merge': { ...told(['animals', 'fields'], 'fields.getAll'), transaction: 'inside' },
    'fields.split': { ...told(['animals', 'fields'], 'fields.getAll', 'animals.getAll'), transaction: 'partly' },
    'fields.rename': told(['fields'], 'fields.getAll'),
    'fields.delete': told(['animals', 'fields'], 'fields.getAll', 'animals.getAll'),
    'animals.addMany': told(['animals'], 'animals.getAll'),
    'animals.reorder': told(['animals'], 'animals.getAll'),
    'animals.feed': { ...told(['feedings'], 'animals.getAll'), transaction: 'inside' },
    'animals.rename': told(['animals'], 'animals.getAll'),
  },
  findings: [
    'cascade fields.merge',
    'tx-helper-without-tx fields.split',
    'broadcast-in-transaction fields.split',
    'non-atomic fields.split',
    'conditional-broadcast fields.rename',
    'missing-client-id fields.delete',
    'non-atomic fields.delete',
    'non-atomic animals.reorder',
    'conditional-broadcast animals.rename',
  ],
  debatable: ['blind-helper moveHerdTx', 'blind-helper fields.merge', 'conditional-broadcast animals.feed'],
};

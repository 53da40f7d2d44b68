import { told, type Truth } from './truth.js';

/** Tools that call mutations; a join table; helpers that leave early; a write beside the transaction that is open. */
export const truth: Truth = {
  root: 'src/server.ts#appRouter',
  queries: 3,
  mutations: {
    'notes.create': { ...told(['notes', 'notesToLabels'], 'notes.list', 'notes.labelled'), transaction: 'inside' },
    'notes.edit': told(['notes'], 'notes.list'),
    'notes.remove': { ...told(['notesToLabels', 'notes', 'usage'], 'notes.list', 'notes.labelled'), transaction: 'partly' },
    'labels.drop': { ...told(['notesToLabels', 'labels'], 'labels.list'), transaction: 'inside' },
    'labels.put': told(['labels'], 'labels.list', 'notes.labelled'),
  },
  findings: [
    'conditional-broadcast notes.edit',
    'missing-user-id notes.remove',
    'cascade labels.drop',
    'tool-mismatch drop_label',
    'phantom drop_label',
  ],
  debatable: ['tool-fallback drop_label', 'phantom TOOL_REFRESH drop_label'],
  nearest: { 'notes.all': 'notes.list' },
  tools: {
    create_note: { verdict: 'match' },
    drop_label: { verdict: 'mismatch', extra: ['notes.all'] },
  },
};

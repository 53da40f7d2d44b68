import { quiet, told, type Truth } from './truth.js';

/** Resolvers wrapped by functions, a `ctx.changed` from a middleware, spread handlers, names outside ASCII. */
export const truth: Truth = {
  root: 'lib/trpc/routers/index.ts#router',
  queries: 3,
  mutations: {
    'key.create': {
      broadcast: ['yes', 'unknown'],
      paths: { 'key.query': 'exact', 'audit.logs': 'phantom' },
      hard: true,
      tables: ['apiKeys'],
    },
    'key.delete': { ...quiet('apiKeys'), broadcast: ['no', 'unknown'], hard: true },
    'key.update.name': { ...told(['apiKeys'], 'key.query'), hard: true },
    'org.members.remove': told(['members'], 'org.members.list'),
    'org.members.invite': told(['members'], 'org.members.list'),
    'org.members.promote': told(['members'], 'org.members.list'),
    'org.members.demote': quiet('members'),
    'größen.neu-anlegen': {
      broadcast: 'yes',
      paths: { 'größen.alle': 'exact', 'grössen.alle': 'phantom' },
      hard: true,
      tables: ['größen'],
    },
  },
  findings: ['phantom key.create', 'silent key.delete', 'silent org.members.demote', 'phantom größen.neu-anlegen'],
  nearest: { 'grössen.alle': 'größen.alle' },
};

import { quiet, told, type Truth } from './truth.js';

/** Ways to say it: options objects, statics, curried helpers, builders, hooks after a commit; and what only looks like saying it. */
export const truth: Truth = {
  root: 'src/router.ts#appRouter',
  queries: 2,
  mutations: {
    'episodes.create': told(['episodes'], 'episodes.list', 'shows.list'),
    'episodes.publish': {
      broadcast: 'yes',
      paths: { 'episodes.list': 'exact', 'episodes.feed': 'phantom' },
      tables: ['episodes'],
    },
    'episodes.touch': {
      broadcast: 'yes',
      paths: { 'episodes.list': 'exact', 'shows.list': 'exact', 'episodes.feed': 'phantom' },
      hard: true,
      tables: ['episodes'],
    },
    'episodes.remove': {
      ...told(['episodes', 'shows'], 'shows.list', 'episodes.list'),
      broadcast: ['yes', 'unknown'],
      hard: true,
      transaction: 'inside',
    },
    'episodes.build': { ...told(['episodes'], 'episodes.list', 'shows.list'), hard: true },
    'episodes.optional': told(['episodes'], 'episodes.list'),
    'episodes.quietly': told(['episodes'], 'episodes.list'),
    'shows.create': {
      broadcast: 'yes',
      paths: { 'shows.list': 'exact', 'shows.top': 'phantom' },
      tables: ['shows'],
    },
    'shows.rename': quiet('shows'),
    'shows.late': quiet('shows'),
    'shows.everyone': { broadcast: 'yes', paths: { shows: 'prefix' }, tables: ['shows'] },
    'shows.pilot': { ...told(['episodes'], 'episodes.list', 'shows.list'), hard: true, tables: null },
    'shows.either': told(['shows', 'episodes'], 'shows.list', 'episodes.list'),
  },
  findings: [
    'phantom episodes.publish',
    'phantom shows.create',
    'missing-user-id episodes.optional',
    'silent shows.rename',
    'silent shows.late',
  ],
  debatable: ['phantom episodes.touch', 'phantom STALE episodes.publish', 'conditional-broadcast episodes.optional'],
  nearest: { 'shows.top': 'shows.list', 'episodes.feed': 'episodes.list' },
};

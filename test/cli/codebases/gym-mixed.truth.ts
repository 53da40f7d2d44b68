import { quiet, told, type Truth } from './truth.js';

/** Resolvers by name, as methods and members; computed keys; routers made at start with what they need. */
export const truth: Truth = {
  root: 'src/main.ts#appRouter',
  queries: 4,
  mutations: {
    'courses.create': told(['course'], 'courses.upcoming'),
    'courses.cancel': told(['course'], 'courses.upcoming'),
    'courses.rename': quiet('course'),
    'courses.empty': quiet('Course|course'),
    'courses.fill': quiet('course'),
    'members.join': {
      ...told(['member'], 'members.all', 'members.count'),
      broadcast: ['yes', 'unknown'],
      hard: true,
    },
    'members.leave': {
      broadcast: ['yes', 'unknown'],
      paths: { 'members.all': 'exact', 'members.cuont': 'phantom' },
      hard: true,
      tables: ['member', 'visit'],
    },
    'members.seen': quiet('member'),
  },
  findings: [
    'silent courses.rename',
    'silent courses.empty',
    'silent courses.fill',
    'non-atomic members.leave',
    'silent members.seen',
  ],
  debatable: ['phantom members.leave'],
};

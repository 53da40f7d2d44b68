import { idle, quiet, told, type Truth } from './truth.js';

/** create-t3-app: `~` alias, Prisma on the context, one helper that broadcasts. */
export const truth: Truth = {
  root: 'src/server/api/root.ts#appRouter',
  queries: 4,
  mutations: {
    'post.create': told(['post', 'comments|comment'], 'post.getAll', 'post.getLatest'),
    'post.publish': {
      broadcast: 'yes',
      paths: { 'post.getAll': 'exact', 'post.latest': 'phantom' },
      tables: ['post', 'bookmark'],
      transaction: 'inside',
    },
    'post.delete': {
      broadcast: 'yes',
      paths: { post: 'prefix', 'comment.byPost': 'exact' },
      tables: ['comment', 'post'],
      transaction: 'inside',
    },
    'post.bookmark': quiet('bookmark'),
    'post.preview': idle,
    'comment.add': told(['comment', 'post'], 'comment.byPost', 'post.getAll'),
    'comment.removeSpam': told(['comment'], 'comment.byPost'),
  },
  findings: [
    'phantom post.publish',
    'silent post.bookmark',
    'silent post.preview',
    'cascade post.create',
    'non-atomic comment.add',
    'non-atomic comment.removeSpam',
  ],
  nearest: { 'post.latest': 'post.getLatest' },
};

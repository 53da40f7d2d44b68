/** What a page or an attachment makes stale: once by mutation, for who waits for the answer, and once by table, for whoever has written the row. */
import type { CdcMap } from '../../postgres/index.js';
import type { InvalidationMap, StalePath } from '../../trpc/index.js';
import { invalidation } from '../invalidation.js';
import type { PostgresAppRouter } from './routers.js';

export const postgresInvalidation = {
  ...invalidation,
  mutations: {
    ...invalidation.mutations,
    'pages.create': ['pages.getAll'],
    'pages.update': { stale: ['pages'], where: ({ input }) => ({ 'pages.getById': { id: input.id } }) },
    // Attachments go with their page, by the database: it is its log that tells of them.
    'pages.delete': { stale: ['pages'], where: ({ input }) => ({ 'pages.getById': { id: input.id } }) },
    'attachments.create': { stale: ['attachments', 'pages.getAll'], cascade: false, where: ({ input }) => ({ 'attachments.getAll': { pageId: input.pageId } }) },
    'attachments.delete': { stale: ['attachments', 'pages.getAll'], cascade: false },
  },
} satisfies InvalidationMap<PostgresAppRouter>;

export const tables: CdcMap<StalePath<PostgresAppRouter>> = {
  pages: {
    tenant: 'company_id',
    paths: ['pages.getAll', 'pages.getById'],
    where: ({ entityId }) => ({ 'pages.getById': { id: entityId } }),
  },
  attachments: {
    tenant: 'company_id',
    // Each page of the list says how many it has.
    paths: ['attachments.getAll', 'pages.getAll'],
    where: (change) => {
      const pageId = change.value('page_id');
      return typeof pageId === 'string' ? { 'attachments.getAll': { pageId } } : null;
    },
  },
};

/** What a person does to pages and attachments is kept in this browser until the server has it: `pathcast/offline`. */
import { createOffline, crud, type Offline } from '../../../offline/index.js';
import type { Person } from './session.js';

interface Answer {
  page: { id: string };
  versions: Record<string, string | null>;
}

/** The page's one outbox of this person. */
export function createOutbox({ companyId, userId }: Person): Offline {
  return createOffline({
    companyId,
    userId,
    app: 'pathcast reference',
    mutations: {
      ...crud('pages', { query: 'pages.getById', list: ['pages.getAll'], row: (answer: Answer | null) => answer?.page }),
      'attachments.create': {
        entity: 'attachments',
        kind: 'create',
        dependsOn: ({ pageId }: { pageId: string }) => [{ entity: 'pages', id: pageId }],
        shows: { list: ['attachments.getAll'] },
      },
      'attachments.delete': { entity: 'attachments', kind: 'delete', compare: false, shows: { list: ['attachments.getAll'] } },
    },
    versions: { 'pages.getById': (answer: Answer | null) => answer && [{ entity: 'pages', id: answer.page.id, fields: answer.versions }] },
    probe: '/healthz',
  });
}

/** pathcast/offline by docs/offline.md: a tRPC client with its link, TanStack Query with its overlay, the browser's stream beside it. */
import { createSyncClient } from 'pathcast/client';
import { createOffline, crud } from 'pathcast/offline';
import { offlineLink } from 'pathcast/offline/link';
import { bindOffline } from 'pathcast/offline/tanstack';
import { bindQueryClient, fenceLink } from 'pathcast/tanstack';
import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { createTRPCClient, httpLink } from '@trpc/client';
import { run } from '../page/page.mjs';

const PATHS = { create: 'guests.create', update: 'guests.update', delete: 'guests.delete', note: 'notes.create' };

run(async ({ api, user, version, tell }) => {
  const title = version === 1 ? 'name' : 'title';
  const renamed = ({ name, ...rest }) => (name === undefined ? rest : { ...rest, title: name });
  const offline = createOffline({
    companyId: 'acme',
    userId: user,
    app: 'planner',
    version,
    ...(version === 1 ? {} : { migrate: (entry) => ({ ...entry, input: renamed(entry.input), fields: renamed(entry.fields), base: renamed(entry.base) }) }),
    mutations: {
      ...crud('guests', { list: ['guests.getAll'] }),
      'notes.create': { entity: 'notes', kind: 'create', dependsOn: ({ guest }) => [{ entity: 'guests', id: guest }], shows: { list: ['notes.getAll'] } },
    },
    versions: { 'guests.getAll': (guests) => guests.map(({ id, versions }) => ({ entity: 'guests', id, fields: versions })) },
    probe: '/healthz',
  });
  offline.onProblem(({ code, message, entry, count }) => tell(['storage_full', 'storage_lost', 'storage_unavailable', 'evicted'].includes(code) ? 'storage' : code, message, entry?.input, entry?.conflicts, count));
  await offline.ready;

  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: 2_000 } } });
  const sync = createSyncClient({ url: '/sync/stream', companyId: 'acme', userId: user, getToken: () => api.token, ...(offline.cursor === undefined ? {} : { since: offline.cursor }) });
  const client = createTRPCClient({ links: [offlineLink(offline), fenceLink(queries), httpLink({ url: '/trpc', headers: () => ({ authorization: `Bearer ${api.token}` }) })] });
  queries.mount();
  bindQueryClient(queries, sync);
  bindOffline(queries, offline);
  await offline.start({ client, sync });

  for (const entity of ['guests', 'notes']) {
    const observer = new QueryObserver(queries, { queryKey: [[entity, 'getAll'], { type: 'query' }], queryFn: () => client[entity].getAll.query() });
    observer.subscribe(() => undefined);
  }

  const inputOf = (op) => (op.kind === 'note' ? { id: crypto.randomUUID(), guest: op.guest, text: op.text } : { id: op.id, ...(op.kind === 'create' ? { [title]: '', table: '' } : {}), ...op.fields });
  const dataOf = (entity) => queries.getQueryData([[entity, 'getAll'], { type: 'query' }]) ?? [];
  return {
    act: (op) => {
      const [entity, what] = PATHS[op.kind].split('.');
      client[entity][what].mutate(inputOf(op)).catch((error) => tell('failed', op, error));
    },
    view: () => ({ guests: Object.fromEntries(dataOf('guests').map((guest) => [guest.id, { name: guest[title], table: guest.table }])), notes: dataOf('notes').map(({ text }) => text) }),
    pending: () => offline.entries.filter(({ state }) => state !== 'acked').map(({ state, input, conflicts, error }) => ({ state, input, conflicts, error })),
    signedIn: () => {
      offline.signedIn();
      sync.reconnect();
    },
    signOut: async () => {
      const answer = await offline.signOut();
      if (!answer.done) await offline.signOut({ unsent: 'keep' });
      sync.close({ forget: true });
      return answer;
    },
  };
});

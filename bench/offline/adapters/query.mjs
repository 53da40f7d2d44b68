/**
 * TanStack Query with persistQueryClient, by its pages "Mutations" (Persisting Offline mutations, Mutation Scopes, Retry), "Optimistic
 * Updates" and "persistQueryClient" (Building a persister: IndexedDB by idb-keyval). All writes have one scope, so that they go one
 * after the other: its documentation names that for order, and without it they go all at once.
 */
import { MutationCache, QueryClient, QueryObserver } from '@tanstack/query-core';
import { persistQueryClient } from '@tanstack/query-persist-client-core';
import { del, get, set } from 'idb-keyval';
import { show } from '../page/api.mjs';
import { run } from '../page/page.mjs';

const persister = {
  persistClient: (client) => set('reactQuery', client),
  restoreClient: () => get('reactQuery'),
  removeClient: () => del('reactQuery'),
};

run(async ({ api, version, tell }) => {
  const client = new QueryClient({
    defaultOptions: { queries: { gcTime: 1000 * 60 * 60 * 24, staleTime: 2_000 } },
    mutationCache: new MutationCache({ onError: (error, op) => tell('failed', op, error) }),
  });
  const title = version === 1 ? 'name' : 'title';
  client.setMutationDefaults(['write'], {
    scope: { id: 'writes' },
    retry: 3,
    mutationFn: (op) => api.write(op),
    onMutate: async (op) => {
      await client.cancelQueries({ queryKey: ['state'] });
      const before = client.getQueryData(['state']);
      client.setQueryData(['state'], (state) => state && show(state, op, title));
      return { before };
    },
    onError: (error, op, context) => client.setQueryData(['state'], context?.before),
    onSettled: () => client.invalidateQueries({ queryKey: ['state'] }),
  });
  // As QueryClientProvider does it: from here on it hears of `online` and `offline`.
  client.mount();
  // `buster`: "if you release a new version of your app that changes the data".
  const [, restored] = persistQueryClient({ queryClient: client, persister, buster: String(version) });
  await restored;
  const observer = new QueryObserver(client, { queryKey: ['state'], queryFn: () => api.read() });
  observer.subscribe(() => undefined);
  void client.resumePausedMutations().then(() => client.invalidateQueries());
  const stop = { now: api.onChange(() => void client.invalidateQueries({ queryKey: ['state'] })) };

  return {
    act: (op) => {
      const options = client.defaultMutationOptions({ mutationKey: ['write'] });
      client.getMutationCache().build(client, options).execute(op).catch(() => undefined);
    },
    view: () => {
      const { guests = [], notes = [] } = client.getQueryData(['state']) ?? {};
      return { guests: Object.fromEntries(guests.map((guest) => [guest.id, { name: guest[title], table: guest.table }])), notes: notes.map(({ text }) => text) };
    },
    pending: () => client.getMutationCache().getAll().filter(({ state }) => state.status === 'pending').map(({ state }) => state.variables),
    signedIn: () => {
      stop.now();
      stop.now = api.onChange(() => void client.invalidateQueries({ queryKey: ['state'] }));
      void client.resumePausedMutations();
    },
    signOut: async () => {
      stop.now();
      client.clear();
      await persister.removeClient();
    },
  };
});

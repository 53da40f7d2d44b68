/**
 * TanStack offline-transactions over a query collection, by its README and skill file, and the example app in its repository: one
 * mutation function that sends each mutation with the idempotency key, NonRetriableError for what the client did wrong, and a refetch
 * at its end. A 401 is no such error here: signing in again mends it. `base` is the row's number in what the collection had.
 */
import { createCollection } from '@tanstack/db';
import { NonRetriableError, startOfflineExecutor } from '@tanstack/offline-transactions';
import { queryCollectionOptions } from '@tanstack/query-db-collection';
import { QueryClient } from '@tanstack/query-core';
import { run } from '../page/page.mjs';

run(async ({ api, version, tell }) => {
  const title = version === 1 ? 'name' : 'title';
  const queryClient = new QueryClient();
  const collection = (name) =>
    createCollection(queryCollectionOptions({ id: name, queryClient, queryKey: [name], queryFn: async () => (await api.read())[name], getKey: ({ id }) => id, startSync: true }));
  const guests = collection('guests');
  const notes = collection('notes');

  const operation = ({ type, collection: { id: name }, key, original, modified, changes }) => {
    if (name === 'notes') return { kind: 'note', guest: modified.guest, text: modified.text };
    const id = key ?? modified?.id ?? original?.id;
    if (type === 'insert') return { kind: 'create', id, fields: { [title]: modified[title], table: modified.table } };
    if (type === 'delete') return { kind: 'delete', id };
    return { kind: 'update', id, fields: changes, ...(original?.rev === undefined ? {} : { base: original.rev }) };
  };
  const mutationFns = {
    write: async ({ transaction, idempotencyKey }) => {
      for (const mutation of transaction.mutations) {
        const op = operation(mutation);
        try {
          await api.write(op, idempotencyKey);
        } catch (error) {
          if (error.status >= 400 && error.status < 500 && error.status !== 401) throw Object.assign(new NonRetriableError(error.message), { body: error.body });
          throw error;
        }
      }
      await Promise.all([guests.utils.refetch(), notes.utils.refetch()]);
    },
  };
  const executor = startOfflineExecutor({
    collections: { guests, notes },
    mutationFns,
    onUnknownMutationFn: (name, transaction) => tell('dropped', name, transaction.mutations.map(({ modified }) => modified)),
    onLeadershipChange: (leads) => tell('leadership', leads),
    onStorageFailure: (diagnostic) => tell('storage', diagnostic.code, diagnostic.message),
  });
  await executor.waitForInit();
  const refetch = () => void Promise.allSettled([guests.utils.refetch(), notes.utils.refetch()]);
  let stop = api.onChange(refetch);

  const change = (op) => {
    if (op.kind === 'note') notes.insert({ id: crypto.randomUUID(), guest: op.guest, text: op.text });
    else if (op.kind === 'create') guests.insert({ id: op.id, [title]: '', table: '', ...op.fields });
    else if (op.kind === 'delete') guests.delete(op.id);
    else guests.update(op.id, (draft) => void Object.assign(draft, op.fields));
  };
  return {
    act: (op) => {
      const transaction = executor.createOfflineTransaction({ mutationFnName: 'write', autoCommit: false });
      transaction.mutate(() => change(op));
      transaction.commit().catch((error) => tell('failed', op, error));
    },
    view: () => ({
      guests: Object.fromEntries([...guests.state.values()].map((guest) => [guest.id, { name: guest[title], table: guest.table }])),
      notes: [...notes.state.values()].map(({ text }) => text),
    }),
    pending: async () => (await executor.peekOutbox()).map(({ mutations }) => mutations.map(({ type, modified }) => ({ type, ...modified }))),
    signedIn: () => {
      stop();
      stop = api.onChange(refetch);
    },
    signOut: async () => {
      stop();
      await executor.clearOutbox();
      executor.dispose();
    },
  };
});

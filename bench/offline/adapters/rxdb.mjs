/**
 * RxDB with its free IndexedDB storage (Dexie.js) and replicateRxCollection, by its pages "Replication", "replicateRxCollection()" and
 * "Migrate": pull by checkpoint, push with the assumed state, a stream that says RESYNC, retryTime and conflict handler as they are by
 * default. What is no success is thrown, as its own server plugin's client does.
 */
import { addRxPlugin, createRxDatabase } from 'rxdb/plugins/core';
import { RxDBLeaderElectionPlugin } from 'rxdb/plugins/leader-election';
import { RxDBMigrationSchemaPlugin } from 'rxdb/plugins/migration-schema';
import { replicateRxCollection } from 'rxdb/plugins/replication';
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie';
import { Subject } from 'rxjs';
import { run } from '../page/page.mjs';

addRxPlugin(RxDBLeaderElectionPlugin);
addRxPlugin(RxDBMigrationSchemaPlugin);

const text = (maxLength) => ({ type: 'string', ...(maxLength ? { maxLength } : {}) });
const schema = (version, ...fields) => ({
  version,
  primaryKey: 'id',
  type: 'object',
  properties: { id: text(100), rev: { type: 'number' }, ...Object.fromEntries(fields.map((name) => [name, text()])) },
  required: ['id'],
});

run(async ({ api, version, tell }) => {
  const title = version === 1 ? 'name' : 'title';
  const db = await createRxDatabase({ name: 'planner', storage: getRxStorageDexie() });
  await db.addCollections({
    guests: {
      schema: schema(version - 1, title, 'table'),
      ...(version === 1 ? {} : { migrationStrategies: { 1: ({ name, ...guest }) => ({ ...guest, title: name }) } }),
    },
    notes: { schema: schema(0, 'guest', 'text') },
  });

  const changes = new Subject();
  const replicate = (name) => {
    const state = replicateRxCollection({
      collection: db[name],
      replicationIdentifier: `${name} of ${location.origin}`,
      pull: {
        stream$: changes,
        handler: async (checkpoint, batchSize) => {
          const { rev, id } = checkpoint ?? { rev: 0, id: '' };
          const documents = await api.ask('GET', `/pull/${name}?rev=${rev}&id=${encodeURIComponent(id)}&limit=${batchSize}`);
          const last = documents.at(-1);
          return { documents, checkpoint: last ? { rev: last.rev, id: last.id } : checkpoint };
        },
      },
      push: { handler: (rows) => api.ask('POST', `/push/${name}`, rows) },
    });
    state.error$.subscribe(({ parameters, message }) => tell('retrying', parameters?.pushRows ?? parameters?.direction, parameters?.errors?.map((error) => error.message) ?? message));
    return state;
  };
  replicate('guests');
  replicate('notes');
  let stop = api.onChange(() => changes.next('RESYNC'));

  const shown = { guests: new Map(), notes: [] };
  db.guests.find().$.subscribe((docs) => (shown.guests = new Map(docs.map((doc) => [doc.id, { name: doc[title], table: doc.table }]))));
  db.notes.find().$.subscribe((docs) => (shown.notes = docs.map((doc) => doc.text)));

  return {
    act: async (op) => {
      if (op.kind === 'note') return void (await db.notes.insert({ id: crypto.randomUUID(), guest: op.guest, text: op.text, rev: 0 }));
      if (op.kind === 'create') return void (await db.guests.insert({ id: op.id, [title]: '', table: '', rev: 0, ...op.fields }));
      const doc = await db.guests.findOne(op.id).exec();
      await (op.kind === 'delete' ? doc.remove() : doc.incrementalPatch(op.fields));
    },
    view: () => ({ guests: Object.fromEntries(shown.guests), notes: shown.notes }),
    pending: () => undefined,
    signedIn: () => {
      stop();
      stop = api.onChange(() => changes.next('RESYNC'));
    },
    signOut: async () => {
      stop();
      await db.remove();
    },
  };
});

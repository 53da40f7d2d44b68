/** `createEntityStore`: with functions, and over an outbox. */
import type { SyncClient } from '../../lib/client/types.js';
import { createOffline, crud, type Send } from '../../lib/offline/index.js';
import { createEntityStore, offlineHandlers, type EntityStore } from '../../lib/offline/store/index.js';
import { makeRandom } from '../support/random.js';
import { waitFor } from '../support/wait.js';
import { Desk, PAGES } from './support/desk.js';
import { ModelServer } from './support/model-server.js';
import { Stage } from './support/stage.js';

interface User {
  id: string;
  name: string;
}

/** Promises that a test settles. */
function calls<Value>() {
  const all: { given: unknown[]; resolve: (value: Value) => void; reject: (error: unknown) => void }[] = [];
  const call = (...given: unknown[]): Promise<Value> => new Promise((resolve, reject) => void all.push({ given, resolve, reject }));
  return { all, call };
}
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

const ANN: User = { id: '1', name: 'Ann' };
const CONFLICT = Object.assign(new Error('conflict'), {
  data: { httpStatus: 409, pathcast: { code: 'FIELD_CONFLICT', conflicts: [{ field: 'name', base: 'Ann', mine: 'Mine', theirs: 'Theirs', by: 'bob', at: 1, version: 'v2' }] } },
});

describe('with functions', () => {
  let loads: ReturnType<typeof calls<readonly User[]>>;
  let writes: ReturnType<typeof calls<unknown>>;
  let store: EntityStore<User>;
  let shown: (string[] | 'same')[];
  const names = (): string[] => store.getSnapshot().items.map(({ id, name }) => `${id} ${name}`);

  beforeEach(async () => {
    loads = calls();
    writes = calls();
    store = createEntityStore<User>({
      entity: 'users', load: loads.call, create: (row) => writes.call('create', row), update: (id, changes, how) => writes.call('update', id, changes, how), delete: (id, how) => writes.call('delete', id, how),
    });
    expect(store.getSnapshot()).toMatchObject({ items: [], isLoading: true });
    loads.all[0]!.resolve([ANN]);
    await turns();
    expect(store.getSnapshot()).toMatchObject({ items: [ANN], isLoading: false, error: undefined });
    shown = [];
    store.subscribe(() => shown.push(names()));
  });
  afterEach(() => store.close());

  test('what is done is shown at once, and stays until a load that began after it was done', async () => {
    const early = store.sync();
    const updated = store.optimisticUpdate('1', { name: 'Mine' });
    expect([names(), [...store.getSnapshot().pending], store.pendingOperations()]).toEqual([['1 Mine'], ['1'], [{ id: '1', kind: 'update', rowId: '1', fields: { name: 'Mine' } }]]);
    shown = [];
    writes.all[0]!.resolve('done');
    await expect(updated).resolves.toBe('done');
    expect(store.pendingOperations()).toEqual([]);
    // It began before the answer.
    loads.all[1]!.resolve([ANN]);
    await early;
    await turns();
    expect(names()).toEqual(['1 Mine']);
    loads.all[2]!.resolve([{ id: '1', name: 'Mine, normalised' }]);
    await turns();
    expect(names()).toEqual(['1 Mine, normalised']);
    expect(shown.flat().filter((name) => name === '1 Ann')).toEqual([]);
  });

  test('however many ask while a load is on its way, one more begins, and it begins after all of them', async () => {
    const first = store.sync();
    const rest = Promise.all(Array.from({ length: 1_000 }, () => store.sync()));
    await turns();
    expect(loads.all).toHaveLength(2);
    loads.all[1]!.reject(new Error('away'));
    await expect(first).rejects.toThrow('away');
    await turns();
    expect(loads.all).toHaveLength(3);
    // It was asked for after that one had begun.
    const last = store.sync();
    loads.all[2]!.resolve([{ id: '1', name: 'after a thousand' }]);
    await rest;
    await turns();
    expect(loads.all).toHaveLength(4);
    loads.all[3]!.resolve([{ id: '1', name: 'after all' }]);
    await last;
    expect(names()).toEqual(['1 after all']);
  });

  test('a create, a delete, and their end', async () => {
    const made = store.optimisticCreate({ id: '2', name: 'Bob' });
    const gone = store.optimisticDelete('1');
    expect(names()).toEqual(['2 Bob']);
    for (const { resolve } of writes.all) resolve(undefined);
    await Promise.all([made, gone]);
    expect(names()).toEqual(['2 Bob']);
    loads.all.at(-1)!.resolve([{ id: '2', name: 'Bob' }]);
    await turns();
    expect(names()).toEqual(['2 Bob']);
  });

  test('what is refused is taken back, and told', async () => {
    const made = store.optimisticCreate({ id: '2', name: 'Bob' });
    const error = new Error('refused');
    writes.all[0]!.reject(error);
    await expect(made).rejects.toBe(error);
    expect(store.getSnapshot()).toMatchObject({ items: [ANN], error });
    expect(store.hasConflicts()).toBe(false);
  });

  test('a conflict is shown with both values, and ends as mine, with what was seen', async () => {
    const updated = store.optimisticUpdate('1', { name: 'Mine' });
    writes.all[0]!.reject(CONFLICT);
    await expect(updated).rejects.toBe(CONFLICT);
    expect(store.hasConflicts()).toBe(true);
    expect(store.conflicts()).toEqual([{ id: '1', rowId: '1', fields: [expect.objectContaining({ field: 'name', mine: 'Mine', theirs: 'Theirs' })] }]);
    const resolved = store.resolve('1', 'mine');
    expect(writes.all[1]!.given).toEqual(['update', '1', { name: 'Mine' }, { expected: { name: 'v2' } }]);
    writes.all[1]!.resolve(undefined);
    await resolved;
    expect(store.hasConflicts()).toBe(false);
  });

  test('... or as theirs, or as both together', async () => {
    const updated = store.optimisticUpdate('1', { name: 'Mine' });
    writes.all[0]!.reject(CONFLICT);
    await expect(updated).rejects.toBe(CONFLICT);
    const merged = store.resolve('1', { merged: { name: 'Mine and theirs' } });
    expect(writes.all[1]!.given).toEqual(['update', '1', { name: 'Mine and theirs' }, { expected: { name: 'v2' } }]);
    writes.all[1]!.reject(CONFLICT);
    await expect(merged).rejects.toBe(CONFLICT);
    const theirs = store.resolve('1', 'theirs');
    expect(names()).toEqual(['1 Ann']);
    loads.all.at(-1)!.resolve([{ id: '1', name: 'Theirs' }]);
    await theirs;
    expect([names(), store.hasConflicts()]).toEqual([['1 Theirs'], false]);
    await expect(store.resolve('1', 'mine')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('a load that fails is told, and what is shown stays; the later one of two counts', async () => {
    const failed = store.sync();
    const error = new Error('away');
    loads.all[1]!.reject(error);
    await expect(failed).rejects.toBe(error);
    expect(store.getSnapshot()).toMatchObject({ items: [ANN], error, isLoading: false });
    const both = [store.sync(), store.sync()];
    loads.all[2]!.resolve([{ id: '1', name: 'older' }]);
    await turns();
    loads.all[3]!.resolve([{ id: '1', name: 'newer' }]);
    await Promise.all(both);
    expect(names()).toEqual(['1 newer']);
  });

  test('the snapshot is the same object until something changed; a listener that throws stops no other', async () => {
    const before = store.getSnapshot();
    expect(store.getSnapshot()).toBe(before);
    const said = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    let heard = 0;
    store.subscribe(() => {
      throw new Error('listener');
    });
    const end = store.subscribe(() => (heard += 1));
    void store.optimisticDelete('1');
    expect([heard, said.mock.calls.length]).toEqual([1, 1]);
    said.mockRestore();
    end();
    await turns();
    expect(store.getSnapshot()).not.toBe(before);
  });

  test('what is not of its kind is told', async () => {
    await expect(store.optimisticCreate({ name: 'nobody' } as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const bare = createEntityStore<User>({ entity: 'users', load: () => Promise.resolve([]) });
    await expect(bare.optimisticDelete('1')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(() => createEntityStore({ entity: 'users' } as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    bare.close();
  });
});

describe('over an outbox', () => {
  test('what is kept lies over what is loaded, until a load after the ack; conflicts and reloads too', async () => {
    const desk = new Desk();
    const loads = calls<readonly User[]>();
    const kept = desk.keep('pages.update', { id: '1', name: 'before the reload' });
    const store = createEntityStore<User>({ entity: 'pages', load: loads.call, offline: desk.offline });
    loads.all[0]!.resolve([ANN]);
    await turns();
    expect(store.getSnapshot().items).toEqual([{ id: '1', name: 'before the reload' }]);
    expect(desk.seen({ entity: 'pages', id: '1' }, 'name')).toEqual({ value: 'Ann' });
    desk.change(kept, { state: 'conflicted', conflicts: [] });
    expect(store.conflicts()).toEqual([{ id: kept.id, rowId: '1', fields: [] }]);
    desk.ack(kept);
    expect([store.getSnapshot().items, store.pendingOperations()]).toEqual([[{ id: '1', name: 'before the reload' }], []]);
    loads.all[1]!.resolve([{ id: '1', name: 'by the server' }]);
    await turns();
    expect(store.getSnapshot().items).toEqual([{ id: '1', name: 'by the server' }]);
    expect(desk.overlay.items).toEqual([]);
    const added = store.optimisticUpdate(1, { name: 'sent' });
    await turns();
    expect(desk.added[0]).toMatchObject({ path: 'pages.update', input: { id: '1', name: 'sent' } });
    desk.added[0]!.resolve('done');
    await expect(added).resolves.toBe('done');
    store.close();
    desk.end();
  });

  test('events of its entity load it again, a burst of them once', async () => {
    const desk = new Desk(undefined, PAGES);
    const loads = calls<readonly User[]>();
    const store = createEntityStore<User>({ entity: 'pages', load: loads.call, offline: desk.offline });
    desk.start();
    desk.page.tell({ state: 'live', cursor: 'e.0' });
    for (let event = 0; event < 1_000; event += 1) desk.page.hear(['pages'], { module: 'pages' });
    loads.all[0]!.resolve([]);
    await turns();
    expect(loads.all).toHaveLength(2);
    store.close();
    desk.page.hear(['pages'], { module: 'pages' });
    loads.all[1]!.resolve([]);
    await turns();
    expect(loads.all).toHaveLength(2);
    desk.end();
  });
});

test("a collection's handlers resolve when the server has it and the stream has told of it; or 10 s later", async () => {
  const desk = new Desk();
  desk.start();
  desk.page.tell({ state: 'live', cursor: 'e.0' });
  const { onUpdate, onInsert, onDelete } = offlineHandlers(desk.offline, { update: 'pages.update', insert: { path: 'pages.create', input: ({ modified }) => ({ page: modified }) } });
  expect(onDelete).toBeUndefined();
  const mutation = { key: 'p1', original: { id: 'p1', name: 'old', size: 1 }, modified: { id: 'p1', name: 'new', size: 1 }, changes: { name: 'new' } };
  let done = false;
  const updated = onUpdate!({ transaction: { mutations: [mutation] } }).then(() => (done = true));
  await desk.page.pass(0);
  expect(desk.added[0]).toMatchObject({ path: 'pages.update', input: { id: 'p1', name: 'new' } });
  desk.added[0]!.resolve(undefined);
  await desk.page.pass(1_000);
  expect(done).toBe(false);
  desk.page.hear(['pages'], { id: 'tx:added-1' });
  await updated;
  const inserted = onInsert!({ transaction: { mutations: [mutation] } });
  await desk.page.pass(0);
  expect(desk.added[1]).toMatchObject({ path: 'pages.create', input: { page: mutation.modified } });
  desk.added[1]!.resolve(undefined);
  await desk.page.pass(11_000);
  await inserted;
  const refused = onUpdate!({ transaction: { mutations: [mutation] } });
  await desk.page.pass(0);
  desk.added[2]!.reject(new Error('refused'));
  await expect(refused).rejects.toThrow('refused');
  await waitFor(() => done, 'the update');
  desk.end();
});

describe('a collection over a real outbox', () => {
  const stage = new Stage(makeRandom(1));
  const server = new ModelServer(() => stage.clock.now);
  const { environment } = stage.environment();
  const hears = new Set<(event: object) => void>();
  const subscribe = (hear: (event: object) => void): (() => void) => {
    hears.add(hear);
    return () => void hears.delete(hear);
  };
  const sync = { subscribe, onStatus: () => () => undefined, status: { state: 'live' }, sourceId: 's' } as unknown as SyncClient;
  const offline = createOffline({ environment, companyId: 'acme', userId: 'ada', mutations: crud('pages') });
  const { onInsert, onUpdate, onDelete } = offlineHandlers(offline, { insert: 'pages.create', update: 'pages.update', delete: 'pages.delete' });
  const given = (id: string, changes: object): Parameters<NonNullable<typeof onInsert>>[0] => ({ transaction: { mutations: [{ key: id, original: { id }, modified: { id, ...changes }, changes }] } });
  let done: number;
  const count = async (handled: Promise<void> | undefined): Promise<void> => {
    void handled?.then(() => (done += 1));
    await stage.run(10);
  };

  beforeAll(async () => {
    const send: Send = (path, input) => {
      const answer = server.call(path, input);
      const { tx } = input as { tx: { transactionId: string } };
      stage.clock.after(5, () => hears.forEach((hear) => hear({ id: `tx:${tx.transactionId}`, type: 'update', seq: 1 })));
      return Promise.resolve(answer);
    };
    void offline.start({ sync, send });
    await stage.run(100);
  });
  beforeEach(() => {
    done = 0;
    offline.pause();
  });

  test('what was squashed is heard of under the id of what has taken it in', async () => {
    await count(onInsert?.(given('p1', { title: 'a' })));
    await count(onUpdate?.(given('p1', { title: 'b' })));
    await count(onUpdate?.(given('p1', { title: 'c' })));
    offline.resume();
    await stage.run(1_000);
    expect([server.effects.length, done]).toEqual([1, 3]);
  });

  test('of a create and its delete nothing is waited for', async () => {
    await count(onInsert?.(given('p2', {})));
    await count(onDelete?.(given('p2', {})));
    expect(done).toBe(2);
  });
});

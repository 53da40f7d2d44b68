/** What a change makes of data: `lib/offline/overlay/lay.ts`. */
import { isSame, lay, rowIn, takeOut, type Layer, type Place } from '../../lib/offline/overlay/lay.js';
import { makeRandom, runSeed, withSeed, type Random } from '../support/random.js';

const LIST: Place = { list: true, input: undefined };
const ROW: Place = { list: false, input: { id: 'p1' }, named: true };
const change = (kind: Layer['kind'], id: string, fields: Record<string, unknown> = {}): Layer => ({ kind, id, idKey: 'id', fields });
const rows = [{ id: 'p1', name: 'One', size: 1 }, { id: 'p2', name: 'Two', size: 2 }];

test('an update sets its fields in the row, wherever it stands, and changes nothing else', () => {
  const named = change('update', 'p2', { name: 'New' });
  const by = [rows[0], { id: 'p2', name: 'New', size: 2 }];
  expect(lay(rows, named, LIST)).toEqual(by);
  expect((lay(rows, named, LIST) as unknown[])[0]).toBe(rows[0]);
  expect(lay({ items: rows, tags: ['a'], total: 2 }, named, LIST)).toEqual({ items: by, tags: ['a'], total: 2 });
  expect(lay({ rows, total: 2 }, named, LIST)).toEqual({ rows: by, total: 2 });
  expect(lay({ pages: [[rows[0]], [rows[1]]], pageParams: [0, 1] }, named, LIST)).toEqual({ pages: [[rows[0]], [by[1]]], pageParams: [0, 1] });
  expect(lay({ pages: [{ items: rows, next: 3 }], pageParams: [0] }, named, LIST)).toEqual({ pages: [{ items: by, next: 3 }], pageParams: [0] });
  expect(lay(rows[1], named, { ...ROW, input: { id: 'p2' } })).toEqual(by[1]);
});

test('a field that an answer has not yet is set too', () => {
  expect(lay({ id: 'p1', name: 'One' }, change('update', 'p1', { nickname: 'Uno' }), ROW)).toEqual({ id: 'p1', name: 'One', nickname: 'Uno' });
});

test('a row within an answer is found by `row`', () => {
  const place: Place = { ...ROW, row: (answer: { page: unknown }) => answer.page };
  const answer = { page: rows[0], versions: { name: 'v1' } };
  expect(lay(answer, change('update', 'p1', { name: 'New' }), place)).toEqual({ page: { id: 'p1', name: 'New', size: 1 }, versions: { name: 'v1' } });
  expect(lay(null, change('update', 'p1', { name: 'New' }), place)).toBeNull();
});

test('what is of another row is left alone', () => {
  const other = { id: 'p9', name: 'Nine' };
  expect(lay(other, change('update', 'p1', { name: 'New' }), ROW)).toBe(other);
  // Its input says nothing, and neither does the answer.
  expect(lay({ name: 'x' }, change('update', 'p1', { name: 'New' }), { list: false, input: undefined })).toEqual({ name: 'x' });
  expect(lay({ name: 'x' }, change('update', 'p1', { name: 'New' }), ROW)).toEqual({ name: 'New' });
});

test('a new row is put last, or first, unless the list was asked for others; of pages into the last, or first, one', () => {
  const made = change('create', 'p3', { name: 'Three', client: 'c1' });
  const row = { id: 'p3', name: 'Three', client: 'c1' };
  expect(lay(rows, made, LIST)).toEqual([...rows, row]);
  expect(lay(rows, made, { ...LIST, first: true })).toEqual([row, ...rows]);
  expect(lay([], made, { list: true, input: { client: 'c1' } })).toEqual([row]);
  expect(lay([], made, { list: true, input: { client: 'c2' } })).toEqual([]);
  expect(lay([], made, { list: true, input: { limit: 10 } })).toEqual([row]);
  const pages = { pages: [{ items: [rows[0]] }, { items: [rows[1]] }], pageParams: [0, 1] };
  expect(lay(pages, made, LIST)).toEqual({ pages: [{ items: [rows[0]] }, { items: [rows[1], row] }], pageParams: [0, 1] });
  expect(lay(pages, made, { ...LIST, first: true })).toEqual({ pages: [{ items: [row, rows[0]] }, { items: [rows[1]] }], pageParams: [0, 1] });
});

test('a new row that is there already has its fields set', () => {
  expect(lay([{ id: 'p3', name: 'old', at: 5 }], change('create', 'p3', { name: 'Three' }), LIST)).toEqual([{ id: 'p3', name: 'Three', at: 5 }]);
});

test('a delete takes the row out of lists, and leaves its own query as it is', () => {
  expect(lay(rows, change('delete', 'p1'), LIST)).toEqual([rows[1]]);
  expect(lay({ pages: [rows], pageParams: [0] }, change('delete', 'p1'), LIST)).toEqual({ pages: [[rows[1]]], pageParams: [0] });
  expect(lay(rows[0], change('delete', 'p1'), ROW)).toBe(rows[0]);
});

test('ids that are numbers are met, and stay numbers', () => {
  expect(lay([{ id: 7, name: 'Seven' }], change('update', '7', { name: 'New' }), LIST)).toEqual([{ id: 7, name: 'New' }]);
  expect(lay([], change('create', '8', { id: 8, name: 'Eight' }), LIST)).toEqual([{ id: 8, name: 'Eight' }]);
});

test('a date stays a date, and is the same as its text', () => {
  const at = new Date(1_000);
  expect(isSame(at, at.toISOString())).toBe(true);
  const row = { id: 'p1', at };
  expect(lay(row, change('update', 'p1', { at: at.toISOString() }), ROW)).toBe(row);
  expect(lay(row, change('update', 'p1', { at: '2026-01-02T00:00:00.000Z' }), ROW)).toEqual({ id: 'p1', at: new Date('2026-01-02T00:00:00.000Z') });
});

test('what changes nothing gives back the same object, and nothing that was given is changed', () => {
  const frozen = Object.freeze(rows.map((row) => Object.freeze({ ...row, tags: Object.freeze(['a', 'b']) })));
  for (const layer of [change('update', 'p1', { name: 'One', tags: ['a', 'b'] }), change('update', 'p9', { name: 'x' }), change('delete', 'p9')]) expect(lay(frozen, layer, LIST)).toBe(frozen);
  for (const data of [undefined, null, 5, 'text', true]) expect(lay(data, change('update', 'p1', { name: 'x' }), LIST)).toBe(data);
  expect(lay(frozen, change('update', 'p1', { name: 'New' }), LIST)).not.toBe(frozen);
});

test('a change is taken out of what may hold it: by what was there before, else by what was seen', () => {
  const named = change('update', 'p1', { name: 'New' });
  const seen = { name: { value: 'Seen' } };
  expect(takeOut([{ id: 'p1', name: 'New' }], named, LIST, rows, seen)).toEqual([{ id: 'p1', name: 'One' }]);
  expect(takeOut([{ id: 'p1', name: 'New' }], named, LIST, undefined, seen)).toEqual([{ id: 'p1', name: 'Seen' }]);
  expect(takeOut([{ id: 'p1', name: 'New' }], named, LIST, undefined, { name: {} })).toEqual([{ id: 'p1', name: 'New' }]);
  // Somebody else's.
  expect(takeOut([{ id: 'p1', name: 'Other' }], named, LIST, rows, seen)).toEqual([{ id: 'p1', name: 'Other' }]);
  expect(takeOut([rows[1]], change('delete', 'p1'), LIST, rows, {})).toEqual(rows);
  expect(takeOut([...rows, { id: 'p3' }], change('create', 'p3'), LIST, rows, {})).toEqual(rows);
});

/** A list as a Map, by hand: the naive way. */
function naive(list: readonly Record<string, unknown>[], { kind, id, fields }: Layer): Record<string, unknown>[] {
  const all = new Map(list.map((row) => [row['id'], row]));
  if (kind === 'delete') all.delete(id);
  else if (all.has(id)) all.set(id, { ...all.get(id)!, ...fields });
  else if (kind === 'create') all.set(id, { id, ...fields });
  return [...all.values()];
}

function someLayer(random: Random): Layer {
  const fields = Object.fromEntries(['name', 'size', 'tags'].filter(() => random.chance(0.5)).map((field) => [field, field === 'tags' ? [random.below(3)] : random.below(4)]));
  return change(random.pick(['create', 'update', 'delete'] as const), `p${random.below(6)}`, fields);
}

test('any changes over any rows: as the naive way has it, laid twice as laid once, and out again', () =>
  withSeed(runSeed(), async (random) => {
    for (let turn = 0; turn < 3_000; turn += 1) {
      const inner = makeRandom(random.below(2 ** 32));
      const list = [0, 1, 2, 3, 4, 5].filter(() => inner.chance(0.6)).map((nth) => ({ id: `p${nth}`, name: inner.below(4), size: inner.below(4) }));
      const layers = Array.from({ length: inner.below(5) }, () => someLayer(inner));
      const wrap = inner.pick<(rows: unknown[]) => unknown>([(all) => all, (items) => ({ items, total: 9 }), (all) => ({ pages: [{ items: all }], pageParams: [0] })]);
      const data = wrap(list);
      const shown = layers.reduce<unknown>((all, layer) => lay(all, layer, LIST), data);
      expect(shown).toEqual(wrap(layers.reduce<Record<string, unknown>[]>(naive, list)));
      for (const layer of layers.slice(-1)) {
        expect(lay(shown, layer, LIST)).toBe(shown);
        const row = rowIn(shown, layer, LIST);
        if (layer.kind === 'delete') expect(row).toBeUndefined();
        const once = lay(data, layer, LIST);
        // An update that says what is there already is nothing to take out.
        if (layer.kind !== 'create' || !rowIn(data, layer, LIST)) expect(takeOut(once, layer, LIST, data, {})).toEqual(data);
      }
    }
    await Promise.resolve();
  }));

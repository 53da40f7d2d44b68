/** The versions of fields that were seen last, and the position up to which they were learnt (SPEC §24, OF7). */
import * as fc from 'fast-check';
import { createVersions } from '../../lib/offline/sync/versions.js';
import { entryOf } from './support/entry.js';
import { insideOf, makePage, settle, type Page } from './support/page.js';
import { makeShelf, type Shelf } from './support/shelf.js';

const P1 = { entity: 'pages', id: 'p1' };

function open(shelf: Shelf = makeShelf(), { page = makePage(), max }: { page?: Page; max?: number } = {}) {
  return { page, shelf, versions: createVersions({ ...insideOf(page), storage: shelf }, max) };
}

it('knows by field what it has learnt, and tells what nobody wrote from what nobody knows', () => {
  const { versions } = open();
  expect(versions.of(P1, 'title')).toBeUndefined();
  versions.learn(P1, { title: 'v1', body: null });
  versions.learn(P1, { body: 'v2' });
  expect([versions.of(P1, 'title'), versions.of(P1, 'body'), versions.of(P1, 'colour'), versions.of(P1, 'constructor')]).toEqual(['v1', 'v2', undefined, undefined]);
  versions.learn({ entity: 'pages', id: 'p2' }, { title: null });
  expect([versions.of({ entity: 'pages', id: 'p2' }, 'title'), versions.of({ entity: 'files', id: 'p1' }, 'title')]).toEqual([null, undefined]);
});

it('what was acked has the id of its entry; what was deleted has none', () => {
  const { versions } = open();
  versions.learn(P1, { title: 'v1', body: 'v1' });
  versions.acked(entryOf({ id: 'mine', fields: { title: 'x' } }));
  expect([versions.of(P1, 'title'), versions.of(P1, 'body')]).toEqual(['mine', 'v1']);
  versions.acked(entryOf({ id: 'goes', kind: 'delete' }));
  expect(versions.of(P1, 'body')).toBeUndefined();
});

it('is kept 5 s after the first change, in one transaction with the position, and then not until the next', async () => {
  const { page, shelf, versions } = open();
  versions.learn(P1, { title: 'v1' });
  await page.passes(3_000);
  versions.learn(P1, { title: 'v2' });
  versions.moved('e.7');
  await page.passes(1_999);
  expect(shelf.writes).toBe(0);
  await page.passes(1);
  expect([shelf.writes, shelf.rows.get('pages\0p1'), shelf.meta.cursor]).toEqual([1, { title: 'v2' }, 'e.7']);
  versions.learn(P1, { title: 'v2' });
  versions.moved('e.7');
  await page.passes(60_000);
  expect([shelf.writes, page.timers]).toEqual([1, 0]);
  for (let nth = 0; nth < 100; nth += 1) {
    versions.moved(`e.${nth}`);
    await page.passes(100);
  }
  expect(shelf.writes).toBeLessThanOrEqual(3);
});

it('is kept at once when the page goes away', async () => {
  const { page, shelf, versions } = open();
  versions.learn(P1, { title: 'v1' });
  page.happens('hide');
  await settle();
  expect([shelf.writes, page.timers]).toEqual([1, 0]);
});

it('is there again after a reload, position and all', async () => {
  const first = open();
  first.versions.learn(P1, { title: 'v1', body: null });
  first.versions.moved('e.7');
  await first.versions.keep();
  const { versions } = open(first.shelf);
  expect(versions.cursor).toBeUndefined();
  await versions.load();
  expect([versions.of(P1, 'title'), versions.of(P1, 'body'), versions.cursor]).toEqual(['v1', null, 'e.7']);
});

it('what was learnt, or forgotten, while it was read counts', async () => {
  const shelf = makeShelf();
  shelf.rows.set('pages\0p1', { title: 'old', body: 'old' });
  shelf.rows.set('pages\0p2', { title: 'old' });
  shelf.meta.cursor = 'e.3';
  const { versions, page } = open(shelf);
  versions.learn(P1, { title: 'new' });
  versions.moved('e.9');
  await versions.load();
  expect([versions.of(P1, 'title'), versions.of(P1, 'body'), versions.of({ entity: 'pages', id: 'p2' }, 'title'), versions.cursor]).toEqual(['new', 'old', 'old', 'e.9']);

  const other = open(shelf, { page });
  other.versions.forget();
  await other.versions.load();
  expect(other.versions.of({ entity: 'pages', id: 'p2' }, 'title')).toBeUndefined();
  await other.versions.keep();
  expect(shelf.rows.size).toBe(0);
});

it('forgets a row, and everything', async () => {
  const { versions, shelf } = open();
  versions.learn(P1, { title: 'v1' });
  versions.learn({ entity: 'pages', id: 'p2' }, { title: 'v1' });
  await versions.keep();
  versions.forget(P1);
  expect([versions.of(P1, 'title'), versions.of({ entity: 'pages', id: 'p2' }, 'title')]).toEqual([undefined, 'v1']);
  await versions.keep();
  expect([...shelf.rows.keys()]).toEqual(['pages\0p2']);
  versions.forget();
  await versions.keep();
  expect(shelf.rows.size).toBe(0);
});

it('what could not be kept is kept with the next', async () => {
  const { versions, shelf } = open();
  shelf.fails = true;
  versions.learn(P1, { title: 'v1' });
  versions.moved('e.4');
  await versions.keep();
  expect(shelf.rows.size).toBe(0);
  shelf.fails = false;
  await versions.keep();
  expect([shelf.rows.get('pages\0p1'), shelf.meta.cursor]).toEqual([{ title: 'v1' }, 'e.4']);
});

it('what was learnt while it was being kept is kept too', async () => {
  const { versions, shelf, page } = open();
  versions.learn(P1, { title: 'v1' });
  const kept = versions.keep();
  versions.learn(P1, { title: 'v2' });
  await kept;
  await page.passes(5_000);
  expect(shelf.rows.get('pages\0p1')).toEqual({ title: 'v2' });
});

it('holds so many rows; the one that nobody asked for goes first, in what is kept too', async () => {
  const { versions, shelf } = open(makeShelf(), { max: 3 });
  const page = (id: number) => ({ entity: 'pages', id: `p${id}` });
  for (const id of [1, 2, 3]) versions.learn(page(id), { title: 'v' });
  await versions.keep();
  versions.of(page(1), 'title');
  versions.learn(page(4), { title: 'v' });
  expect([1, 2, 3, 4].map((id) => versions.of(page(id), 'title'))).toEqual(['v', undefined, 'v', 'v']);
  await versions.keep();
  expect([...shelf.rows.keys()].sort()).toEqual(['pages\0p1', 'pages\0p3', 'pages\0p4']);
  // Of what was kept by a page that held more, too.
  shelf.rows.set('pages\0p5', { title: 'v' });
  const other = open(shelf, { max: 3 });
  await other.versions.load();
  await other.versions.keep();
  expect(shelf.rows.size).toBe(3);
});

it('keeps nothing any more when it is closed', async () => {
  const { versions, shelf, page } = open();
  versions.learn(P1, { title: 'v1' });
  page.close();
  await page.passes(60_000);
  await versions.keep();
  expect([shelf.writes, page.timers]).toEqual([0, 0]);
});

it('keeps after any order of steps what it knows, and reads it so', async () => {
  const ids = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    fc.record({ does: fc.constant('learn' as const), id: ids, field: fc.constantFrom('x', 'y'), version: fc.constantFrom('1', '2', null) }),
    fc.record({ does: fc.constant('forget' as const), id: fc.option(ids) }),
    fc.record({ does: fc.constant('keep' as const), fails: fc.boolean() }),
    fc.record({ does: fc.constant('passes' as const), ms: fc.constantFrom(1, 3_000, 6_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { versions, shelf, page } = open();
      const model = new Map<string, Record<string, string | null>>();
      for (const each of steps) {
        if (each.does === 'learn') {
          versions.learn({ entity: 'e', id: each.id }, { [each.field]: each.version });
          model.set(each.id, { ...model.get(each.id), [each.field]: each.version });
        } else if (each.does === 'forget') {
          versions.forget(each.id === null ? undefined : { entity: 'e', id: each.id });
          if (each.id === null) model.clear();
          else model.delete(each.id);
        } else if (each.does === 'keep') {
          shelf.fails = each.fails;
          await versions.keep();
          shelf.fails = false;
        } else {
          await page.passes(each.ms);
        }
      }
      await versions.keep();
      const again = open(shelf).versions;
      await again.load();
      for (const id of ['a', 'b', 'c', 'd']) {
        for (const field of ['x', 'y']) expect(again.of({ entity: 'e', id }, field)).toEqual(model.get(id)?.[field]);
      }
    }),
  );
});

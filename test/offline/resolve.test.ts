/** What becomes of a conflicted entry when a person has decided (SPEC §24, OF8). */
import { resolved } from '../../lib/offline/sync/resolve.js';
import { entryOf } from './support/entry.js';

const conflicts = [
  { field: 'title', base: 'old', mine: 'mine', theirs: 'theirs', by: 'bob', at: 7, version: 'v-title' },
  { field: 'body', base: 'old body', mine: 'my body', by: 'bob', at: 7, version: 'v-body' },
];
const entry = entryOf({
  id: 'first',
  squashed: ['zeroth'],
  seq: 4,
  state: 'conflicted',
  attempts: 3,
  notBefore: 99,
  fields: { title: 'mine', body: 'my body', colour: 'red' },
  base: { title: { value: 'old', version: 'v0' }, body: { value: 'old body', version: 'v0' }, colour: { value: 'blue', version: 'v0' } },
  input: { id: 'p1', title: 'mine', body: 'my body', colour: 'red' },
  conflicts,
  error: { message: 'a conflict', httpStatus: 409 },
});
const upon = { title: { value: 'theirs', version: 'v-title' }, body: { version: 'v-body' }, colour: { value: 'blue', version: 'v0' } };

it('mine: the same again under a new id, in its place, upon theirs', () => {
  const { entry: next, seen } = resolved(entry, 'mine', 'second');
  const { conflicts: _conflicts, error: _error, ...rest } = entry;
  expect(next).toEqual({ ...rest, id: 'second', squashed: ['zeroth', 'first'], state: 'queued', attempts: 0, failures: 0, notBefore: 0, base: upon });
  expect([next?.seq, Object.keys(next ?? {}).filter((key) => /^(conflicts|error|reason|answer|ackedAt)$/.test(key))]).toEqual([4, []]);
  expect(seen).toEqual({ title: 'v-title', body: 'v-body' });
});

it('theirs: it is gone, and what stands upon it stands upon theirs', () => {
  expect(resolved(entry, 'theirs', 'second')).toEqual({ entry: undefined, base: upon, seen: { title: 'v-title', body: 'v-body' } });
});

it('merged: fields in place of those that were set, the others stay', () => {
  const { entry: next } = resolved(entry, { merged: { title: 'both' } }, 'second');
  expect(next?.fields).toEqual({ title: 'both', body: 'my body', colour: 'red' });
  expect(next?.input).toEqual({ id: 'p1', title: 'both', body: 'my body', colour: 'red' });
  expect(next?.base).toEqual(upon);
});

it("merged: where the app's input has its fields elsewhere, its own merge puts them there", () => {
  const nested = { ...entry, input: { id: 'p1', changes: { title: 'mine' } } };
  const merge = (input: { id: string; changes: object }, fields: Record<string, unknown>) => ({ ...input, changes: { ...input.changes, ...fields } });
  expect(resolved(nested, { merged: { title: 'both' } }, 'second', merge).entry?.input).toEqual({ id: 'p1', changes: { title: 'both' } });
  expect(resolved(nested, 'mine', 'second', merge).entry?.input).toEqual({ id: 'p1', changes: { title: 'mine' } });
});

it('a delete: mine deletes it all the same, upon what is there now', () => {
  const goes = entryOf({ id: 'first', kind: 'delete', state: 'conflicted', fields: {}, base: { title: { value: 'old', version: 'v0' } }, conflicts: [{ field: 'title', theirs: 'theirs', by: null, at: null, version: 'v9' }] });
  expect(resolved(goes, 'mine', 'second').entry).toMatchObject({ kind: 'delete', base: { title: { value: 'theirs', version: 'v9' } }, state: 'queued' });
});

it('a conflict that names no fields: mine is the same under a new id', () => {
  const plain = entryOf({ id: 'first', state: 'conflicted', fields: { title: 'x' }, base: { title: { value: 'a', version: 'v0' } }, conflicts: [] });
  expect(resolved(plain, 'mine', 'second')).toMatchObject({ entry: { id: 'second', squashed: ['first'], base: { title: { value: 'a', version: 'v0' } } }, seen: {} });
});

it('changes nothing of what it was given', () => {
  const before = structuredClone(entry);
  resolved(entry, { merged: { title: 'both' } }, 'second');
  resolved(entry, 'mine', 'second');
  expect(entry).toEqual(before);
});

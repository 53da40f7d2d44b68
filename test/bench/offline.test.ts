/** The comparison of offline libraries (`npm run bench -- offline`): its server counts rightly, and a word is what was counted and told. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const at = (name: string) => path.join(__dirname, '../../bench/offline', name);

interface Write {
  kind: string;
  id?: string;
  guest?: string;
  text?: string;
  fields?: Record<string, string>;
  base?: number;
  expected?: Record<string, string | null>;
}
interface Row {
  rev: number;
  name: string;
  table: string;
  last: Record<string, { version: string }>;
}
interface Store {
  effects: unknown[];
  write(op: Write, author: { by: string; key?: string }): Row;
  push(collection: string, rows: unknown[], by: string): unknown[];
}
interface Verdict {
  word: string;
  why: string;
}
interface Verdicts {
  delivered(world: object, ops: Write[]): Promise<Verdict>;
  heard(world: object, op: Write, theirs?: string): Promise<Verdict>;
}

let store: Store;
beforeEach(async () => {
  const { Store: Made } = (await import(at('store.mjs'))) as { Store: new () => Store };
  store = new Made();
  store.write({ kind: 'create', id: 'g1', fields: { name: 'start' } }, { by: 'other' });
});

const rename = (name: string, more: Partial<Write> = {}): Write => ({ kind: 'update', id: 'g1', fields: { name }, ...more });

test('a write with a key has one effect, without one it has one each time', () => {
  for (let i = 0; i < 3; i += 1) store.write({ kind: 'note', guest: 'g1', text: 'keyed' }, { by: 'ada', key: 'k1' });
  for (let i = 0; i < 2; i += 1) store.write({ kind: 'note', guest: 'g1', text: 'bare' }, { by: 'ada' });
  // The same key of somebody else is another one.
  store.write({ kind: 'note', guest: 'g1', text: 'keyed' }, { by: 'ben', key: 'k1' });
  expect(store.effects.slice(1)).toMatchObject([{ text: 'keyed', by: 'ada' }, { text: 'bare' }, { text: 'bare' }, { text: 'keyed', by: 'ben' }]);
});

test('who has seen an older value gets both, who says nothing writes over it, and another field is no conflict', () => {
  const seen = store.write(rename('seen'), { by: 'other', key: 'v1' });
  const { rev } = seen;
  store.write(rename('theirs'), { by: 'other', key: 'v2' });
  const conflict = { status: 409, more: expect.objectContaining({ conflicts: [expect.objectContaining({ field: 'name', mine: 'mine', theirs: 'theirs', by: 'other' })] }) };
  expect(() => store.write(rename('mine', { base: rev }), { by: 'ada' })).toThrow(expect.objectContaining(conflict) as Error);
  expect(() => store.write(rename('mine', { expected: { name: 'v1' } }), { by: 'ada' })).toThrow(
    expect.objectContaining({ status: 409, more: expect.objectContaining({ conflicts: [expect.objectContaining({ base: 'seen', version: 'v2' })] }) }) as Error,
  );
  expect(store.write(rename('theirs again', { base: rev }), { by: 'other', key: 'v3' })).toMatchObject({ name: 'theirs again' });
  store.write(rename('theirs'), { by: 'other', key: 'v2b' });
  expect(store.write(rename('theirs', { base: rev }), { by: 'ada' })).toMatchObject({ name: 'theirs' });
  expect(store.write({ kind: 'update', id: 'g1', fields: { table: '9' }, base: rev }, { by: 'ada' })).toMatchObject({ table: '9' });
  expect(store.write(rename('mine'), { by: 'ada' })).toMatchObject({ name: 'mine', last: { name: { version: expect.stringContaining('change') } } });
});

test('a pushed document whose belief is wrong comes back as it is, and one that is there already has no effect', () => {
  const doc = (name: string) => ({ id: 'g1', name, table: '', _deleted: false });
  expect(store.push('guests', [{ assumedMasterState: doc('start'), newDocumentState: doc('pushed') }], 'ada')).toEqual([]);
  expect(store.push('guests', [{ assumedMasterState: doc('start'), newDocumentState: doc('pushed') }], 'ada')).toEqual([]);
  expect(store.push('guests', [{ assumedMasterState: doc('start'), newDocumentState: doc('other') }], 'ada')).toMatchObject([{ name: 'pushed' }]);
  expect(store.push('guests', [{ newDocumentState: { ...doc('gone'), id: 'g2', _deleted: true } }], 'ada')).toEqual([]);
  expect(store.effects.slice(1)).toMatchObject([{ kind: 'update', fields: { name: 'pushed' }, by: 'ada' }]);
});

describe('a word', () => {
  const op: Write = { kind: 'note', guest: 'g1', text: 'typed' };
  const about = JSON.stringify([op, { error: 'HTTP 409: changed', body: { theirs: 'theirs' } }]);
  interface Happened {
    effects?: number;
    /** Effects after the app was started once more. */
    later?: number;
    told?: { what: string; about: string }[];
    pending?: object[];
    shown?: string[];
    requests?: object[];
  }
  const worldOf = ({ effects = 0, later = effects, told = [], pending = [], shown = [], requests = [] }: Happened) => {
    let now = effects;
    const tab = { view: () => Promise.resolve({ guests: {}, notes: shown }), close: () => Promise.resolve() };
    return {
      pace: 0,
      live: [tab],
      server: { requests },
      rest: () => Promise.resolve(),
      until: (test: () => unknown) => Promise.resolve(test()),
      effects: () => now,
      told: () => Promise.resolve(told),
      pending: () => Promise.resolve(JSON.stringify(pending)),
      open: () => {
        now = later;
        return Promise.resolve(tab);
      },
    };
  };
  const verdicts = () => import(at('verdicts.mjs')) as Promise<Verdicts>;
  const failed = { what: 'failed', about };
  const retrying = { what: 'retrying', about };

  const ENDS: [string, Happened][] = [
    ['kept', { effects: 1, shown: ['typed'] }],
    // Whatever else was said: it was done once.
    ['kept', { effects: 1, shown: ['typed'], told: [failed] }],
    ['doubled', { effects: 2, shown: ['typed'] }],
    ['hidden', { effects: 1, shown: [] }],
    ['stuck', { pending: [op] }],
    ['stuck', { later: 1, told: [failed] }],
    ['stuck', { shown: ['typed'] }],
    ['stuck', { requests: [1, 2].map(() => ({ op, status: 500, at: Number.MAX_SAFE_INTEGER })) }],
    ['told', { told: [failed] }],
    // That it is tried again tells nobody that it is lost.
    ['lost', { told: [retrying] }],
    ['lost', {}],
  ];
  test.each(ENDS)('is "%s" for a write that the server would take: %j', async (word, happened) => {
    const { delivered } = await verdicts();
    expect((await delivered(worldOf(happened), [op])).word).toBe(word);
  });

  test('of several is the worst', async () => {
    const { delivered } = await verdicts();
    const other = { ...op, text: 'other' };
    const world = { ...worldOf({ told: [{ what: 'failed', about: JSON.stringify(other) }], shown: ['other'] }), effects: (of: Write) => (of === other ? 1 : 0), open: () => Promise.resolve() };
    expect(await delivered(world, [other, op])).toMatchObject({ word: 'lost', why: expect.stringContaining('1 of 2') });
  });

  const HELD: [string, string, Happened][] = [
    ['kept', 'with both values', { pending: [{ state: 'conflicted', input: op, conflicts: [{ theirs: 'theirs' }] }] }],
    ['kept', 'without the other value', { pending: [{ state: 'rejected', input: op }] }],
    ['told', 'with both values', { told: [failed] }],
    ['stuck', '', { pending: [{ state: 'queued', input: op }] }],
    ['lost', '', { told: [retrying] }],
  ];
  test.each(HELD)('is "%s" (%s) for a conflict: %j', async (word, why, happened) => {
    const { heard } = await verdicts();
    expect(await heard(worldOf(happened), op, 'theirs')).toMatchObject({ word, why: expect.stringContaining(why) });
  });
});

/** In a process of its own: what the bench runs is ES modules, and so is the hub in dist/. */
const RUNNER = `
  const [at, ...names] = process.argv.slice(1);
  const { cells } = await import(at + 'run.mjs');
  const { SCENARIOS } = await import(at + 'scenarios.mjs');
  const scenarios = SCENARIOS.filter(({ name }) => names.includes(name));
  const { done, failures } = await cells({ subject: 'pathcast-offline', adapter: 'pathcast', scenarios, parallel: 2, patience: 60_000, pace: 0.3 });
  process.stdout.write(JSON.stringify({ cells: done.map(({ scenario, word, why }) => [scenario, word, why]), failures: failures.map(({ scenario, error }) => scenario + ': ' + error.message) }));
`;

test("pathcast/offline's own column, in the scenarios that a slow machine changes nothing of", () => {
  const COLUMN = [
    ['closed', 'kept', 'once'],
    ['handle-lost', 'kept', 'once'],
    ['follower', 'kept', 'once'],
    ['one-refused', 'kept', 'held for the person to decide'],
    ['same-field-closed', 'kept', 'held for the person to decide, with both values'],
    ['app-update', 'kept', 'once'],
  ];
  const names = COLUMN.map(([name]) => name as string);
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', RUNNER, `${pathToFileURL(at('')).href}/`, ...names], { encoding: 'utf8', timeout: 480_000 });
  expect(JSON.parse(stdout || JSON.stringify({ stderr }))).toEqual({ cells: COLUMN, failures: [] });
}, 500_000);

/** What the outbox promises of single things; the simulation mixes them. */
import { crud } from '../../lib/offline/crud.js';
import type { OfflineMutation, Send } from '../../lib/offline/types.js';
import { makeRandom } from '../support/random.js';
import { ModelServer, trpcError } from './support/model-server.js';
import { openPage, Stage, type Page, type PageOptions } from './support/stage.js';

const mutations: Record<string, OfflineMutation> = {
  ...crud('pages'),
  ...crud('files', { dependsOn: ({ pageId }: { pageId: string }) => [{ entity: 'pages', id: pageId }] }),
  'bells.ring': { kind: 'other', once: 'none' },
};

let stage: Stage;
let server: ModelServer;
let sent: { path: string; input: Record<string, unknown> }[];
/** What the next requests end in, in place of the server. */
let failures: unknown[];

beforeEach(() => {
  stage = new Stage(makeRandom(1));
  server = new ModelServer(() => stage.clock.now);
  sent = [];
  failures = [];
});

const sends: Send = async (path, input) => {
  sent.push({ path, input: input as Record<string, unknown> });
  await new Promise<void>((done) => stage.clock.after(10, done));
  const failure = failures.shift();
  if (failure) throw failure as Error;
  return server.call(path, input);
};

async function open(options: Partial<PageOptions> = {}): Promise<Page> {
  const page = await openPage(stage, { mutations, sends, ...options });
  page.outbox.start();
  await stage.run(10);
  return page;
}

const add = async (page: Page, path: string, input: object): Promise<{ id: string; answer: Promise<unknown>; kept: boolean }> => stage.done(page.outbox.add(path, input));
const states = ({ outbox }: Page): string[] => outbox.entries.map(({ path, state }) => `${path} ${state}`);

test('what is kept is sent with its id, and its answer comes back; a minute later nothing is left of it', async () => {
  const page = await open();
  const { id, answer } = await add(page, 'pages.create', { id: 'p1', title: 'Plan' });
  expect(states(page)).toEqual(['pages.create queued']);
  expect(await stage.done(answer)).toEqual({ id: 'p1', by: id });
  expect(sent).toEqual([{ path: 'pages.create', input: { id: 'p1', title: 'Plan', tx: { transactionId: id } } }]);
  expect(states(page)).toEqual(['pages.create acked']);
  await stage.run(62_000);
  expect(page.outbox.entries).toEqual([]);
});

test('what another tab keeps between this one having read and having begun to listen is found', async () => {
  const first = await open();
  first.outbox.pause('by_hand');
  const second = await openPage(stage, { mutations, sends });
  await add(first, 'pages.create', { id: 'p1' });
  second.outbox.start();
  await stage.run(10);
  expect(states(second)).toEqual(['pages.create queued']);
});

test.each([1, 2, 3])('what comes to forbid it while an entry is written as on its way holds it back, and it counts as never sent (%s)', async (nth) => {
  let asked = Number.NaN;
  const page = await open({
    send() {
      // Of whether it may be sent, before the write and within it.
      asked += 1;
      if (asked === nth) queueMicrotask(() => page.outbox.pause('catching_up'));
      return sends;
    },
  });
  page.outbox.pause('by_hand');
  const { id } = await add(page, 'bells.ring', { id: 'b1' });
  asked = 0;
  page.outbox.resume('by_hand');
  await stage.run(1_000);
  expect([sent, page.outbox.entries]).toEqual([[], [expect.objectContaining({ id, state: 'queued', attempts: 0 })]]);
  page.outbox.resume('catching_up');
  await stage.run(1_000);
  expect(sent).toHaveLength(1);
});

test('a tab that was frozen while its change went into another one, which was done and forgotten, does not do it again', async () => {
  const first = await open();
  first.outbox.pause('by_hand');
  const second = await open();
  const { answer } = await add(second, 'pages.create', { id: 'p1', title: 'a' });
  await stage.run(10);
  second.tab.freeze();
  const { answer: last } = await add(first, 'pages.update', { id: 'p1', title: 'b' });
  first.outbox.resume('by_hand');
  await stage.done(last);
  await stage.run(90_000);
  expect(first.outbox.entries).toEqual([]);
  second.tab.thaw();
  second.tab.says('show');
  await expect(stage.done(answer)).resolves.toBeUndefined();
  expect(sent).toHaveLength(1);
});

test('nothing shows before it is kept', async () => {
  const page = await open();
  const added = page.outbox.add('pages.create', { id: 'p1' });
  expect(page.outbox.entries).toEqual([]);
  await stage.done(added);
  expect(page.outbox.entries).toHaveLength(1);
});

test('an id of the app is the id; the same again is the same', async () => {
  const page = await open();
  page.outbox.pause('by_hand');
  const first = await add(page, 'pages.create', { id: 'p1', tx: { transactionId: 'mine', expected: {} } });
  const again = await add(page, 'pages.create', { id: 'p1', tx: { transactionId: 'mine' } });
  expect([first.id, again.id, page.outbox.entries.length]).toEqual(['mine', 'mine', 1]);
  page.outbox.resume('by_hand');
  expect(await stage.done(Promise.all([first.answer, again.answer]))).toHaveLength(2);
  expect(sent).toEqual([{ path: 'pages.create', input: { id: 'p1', tx: { transactionId: 'mine', expected: {} } } }]);
  await expect(page.outbox.add('pages.create', { id: 'p2', tx: { transactionId: '~x' } })).rejects.toMatchObject({ code: 'INVALID_FIELD' });
});

test('what cannot be kept is refused by name: an unknown path, a function in the input', async () => {
  const page = await open();
  await expect(page.outbox.add('pages.paint', {})).rejects.toMatchObject({ code: 'INVALID_FIELD', name: 'PathcastError' });
  await expect(page.outbox.add('toString', {})).rejects.toMatchObject({ code: 'INVALID_FIELD' });
  await expect(page.outbox.add('pages.create', { id: 'p1', run: () => 1 })).rejects.toMatchObject({ code: 'INVALID_FIELD', message: expect.stringContaining('pages.create') as string });
  expect(page.outbox.entries).toEqual([]);
});

test('401 pauses all, in each tab; whoever is let in sends it under its id, and it was not tried', async () => {
  const page = await open();
  const other = await open();
  failures.push(trpcError(401, 'UNAUTHORIZED'));
  const { answer, id } = await add(page, 'pages.create', { id: 'p1' });
  await stage.run(1_000);
  expect(page.outbox.paused).toContain('unauthorized');
  expect(other.outbox.paused).toContain('unauthorized');
  expect(page.outbox.entries).toMatchObject([{ id, state: 'queued', attempts: 0, error: { httpStatus: 401 } }]);
  await stage.done(page.outbox.flush());
  other.outbox.resume('unauthorized');
  await stage.done(answer);
  expect(sent.map(({ input }) => (input['tx'] as { transactionId: string }).transactionId)).toEqual([id, id]);
});

test('what the server refuses is shown, and holds its lane alone', async () => {
  const page = await open();
  const bad = await add(page, 'pages.create', { id: 'p1', refuse: true });
  const file = await add(page, 'files.create', { id: 'f1', pageId: 'p1' });
  const other = await add(page, 'pages.create', { id: 'p2' });
  await expect(stage.done(bad.answer)).rejects.toMatchObject({ data: { httpStatus: 422 } });
  await stage.done(other.answer);
  expect(states(page)).toEqual(['pages.create rejected', 'files.create queued', 'pages.create acked']);
  expect(page.problems).toMatchObject([{ code: 'rejected', entry: { id: bad.id } }]);
  expect(await stage.done(page.outbox.discard(bad.id))).toBe(true);
  await expect(stage.done(file.answer)).rejects.toMatchObject({ data: { code: 'NOT_FOUND' } });
});

test('what is discarded before it was sent is told to whoever waits for it, in another tab too', async () => {
  const page = await open();
  const other = await open();
  page.outbox.pause('by_hand');
  const { id, answer } = await add(other, 'pages.create', { id: 'p1' });
  await stage.run(50);
  await stage.done(page.outbox.discard(id));
  await expect(stage.done(answer)).rejects.toMatchObject({ code: 'DISCARDED' });
  expect(await stage.done(page.outbox.discard(id))).toBe(false);
  page.outbox.resume('by_hand');
  await stage.run(1_000);
  expect(sent).toEqual([]);
});

test('a conflict ends in mine, theirs or a merge', async () => {
  const page = await open();
  await stage.done((await add(page, 'pages.create', { id: 'p1', title: 'Plan', body: 'a' })).answer);
  const version = (): string => server.versions.get('pages p1')!['title']!;
  const conflicted = async (mine: string, theirs: string): Promise<string> => {
    const seen = version();
    server.edit('pages p1', 'title', theirs, `x-${theirs}`);
    const { id, answer } = await stage.done(page.outbox.add('pages.update', { id: 'p1', title: mine }, { base: { title: { version: seen, value: 'seen' } } }));
    await expect(stage.done(answer)).rejects.toMatchObject({ data: { pathcast: { code: 'FIELD_CONFLICT' } } });
    expect(page.outbox.entries.find((entry) => entry.id === id)).toMatchObject({ state: 'conflicted', conflicts: [{ field: 'title', mine, theirs, version: `x-${theirs}` }] });
    return id;
  };
  await stage.done(page.outbox.resolve(await conflicted('m1', 't1'), 'mine'));
  await stage.done(page.outbox.flush());
  expect(server.rows.get('pages p1')).toMatchObject({ title: 'm1' });
  await stage.done(page.outbox.resolve(await conflicted('m2', 't2'), 'theirs'));
  await stage.done(page.outbox.flush());
  expect(server.rows.get('pages p1')).toMatchObject({ title: 't2' });
  await stage.done(page.outbox.resolve(await conflicted('m3', 't3'), { merged: { title: 'm3 t3' } }));
  await stage.done(page.outbox.flush());
  expect(server.rows.get('pages p1')).toMatchObject({ title: 'm3 t3' });
  await expect(stage.done(page.outbox.resolve('nobody', 'mine'))).rejects.toMatchObject({ code: 'INVALID_FIELD' });
});

test('a tab that dies in mid-send: the next one sends the same under its id, and it is done once', async () => {
  const page = await open();
  const other = await open();
  const { id } = await add(page, 'pages.create', { id: 'p1' });
  await stage.until(() => sent.length === 1);
  page.tab.kill();
  await stage.until(() => other.outbox.entries.some(({ state }) => state === 'acked'));
  expect(sent.map(({ input }) => (input['tx'] as { transactionId: string }).transactionId)).toEqual([id, id]);
  expect(server.effects).toHaveLength(1);
});

test('what may be done twice is not sent twice: it is shown', async () => {
  const page = await open();
  const other = await open();
  await add(page, 'bells.ring', { id: 'b1' });
  await stage.until(() => sent.length === 1);
  page.tab.kill();
  await stage.until(() => states(other).includes('bells.ring dead'));
  expect(other.outbox.entries).toMatchObject([{ reason: 'unknown_outcome', attempts: 1 }]);
  expect(sent).toHaveLength(1);
});

test('no answer is tried for ever; a server that fails eight times is not', async () => {
  const page = await open();
  failures.push(...Array.from({ length: 20 }, () => new TypeError('Failed to fetch')));
  await stage.done((await add(page, 'pages.create', { id: 'p1' })).answer, 3_600_000);
  expect(sent).toHaveLength(21);
  failures.push(...Array.from({ length: 8 }, () => trpcError(500, 'INTERNAL_SERVER_ERROR')));
  const { answer, id } = await add(page, 'pages.create', { id: 'p2' });
  await expect(stage.done(answer, 3_600_000)).rejects.toMatchObject({ data: { httpStatus: 500 } });
  expect(page.outbox.entries.find((entry) => entry.id === id)).toMatchObject({ state: 'dead', reason: 'server_error', attempts: 8 });
  await stage.done(page.outbox.retry(id));
  await stage.done(page.outbox.flush());
  expect(server.rows.has('pages p2')).toBe(true);
});

test('a rate limit is waited out', async () => {
  const page = await open();
  failures.push(trpcError(429, 'TOO_MANY_REQUESTS', { code: 'RATE_LIMIT', retryable: true, retryAfterMs: 20_000 }));
  const before = stage.clock.now;
  await stage.done((await add(page, 'pages.create', { id: 'p1' })).answer);
  expect(stage.clock.now - before).toBeGreaterThanOrEqual(20_000);
});

test('a wait that a server names by a date is waited out, an hour at most', async () => {
  const page = await open();
  const response = { status: 429, headers: new Map([['retry-after', new Date(stage.clock.now + 20_000).toUTCString()]]) };
  failures.push(Object.assign(new Error('slow'), { meta: { response } }));
  const before = stage.clock.now;
  await stage.done((await add(page, 'pages.create', { id: 'p1' })).answer);
  // A date has whole seconds.
  expect(stage.clock.now - before).toBeGreaterThanOrEqual(19_000);
  response.headers.set('retry-after', 'Fri, 01 Jan 2100 00:00:00 GMT');
  failures.push(Object.assign(new Error('slow'), { meta: { response } }));
  const { id } = await add(page, 'pages.create', { id: 'p2' });
  await stage.until(() => page.outbox.entries.some((entry) => entry.id === id && entry.failures > 0));
  expect(page.outbox.entries.find((entry) => entry.id === id)!.notBefore - stage.clock.now).toBeLessThanOrEqual(3_600_000);
});

test('a page that does not know a path leaves what has it to one that does, and says so', async () => {
  const notes = { ...mutations, 'notes.create': { kind: 'create', entity: 'notes' } as OfflineMutation };
  const old = await open();
  const young = await open({ mutations: notes });
  expect([old.outbox.leader, young.outbox.leader]).toEqual([true, false]);
  young.outbox.pause('by_hand');
  const { answer } = await add(young, 'notes.create', { id: 'n1' });
  const known = await add(young, 'pages.create', { id: 'p1' });
  await stage.done(known.answer);
  await stage.run(1_000);
  young.outbox.resume('by_hand');
  answer.catch(() => undefined);
  await stage.run(1_000);
  expect(old.problems.map(({ code, entry }) => [code, entry?.path])).toEqual([['unknown_path', 'notes.create']]);
  expect([old.outbox.leader, young.outbox.leader]).toEqual([false, true]);
  expect(sent.map(({ path }) => path)).toEqual(['pages.create', 'notes.create']);
});

test('... and alone it goes on with what it knows, and keeps the rest', async () => {
  const young = await open({ mutations: { ...mutations, 'notes.create': { kind: 'create', entity: 'notes' } } });
  young.outbox.pause('by_hand');
  await add(young, 'notes.create', { id: 'n1' });
  young.tab.kill();
  const old = await open();
  const { answer } = await add(old, 'pages.create', { id: 'p1' });
  await stage.done(answer);
  await stage.done(old.outbox.flush());
  await stage.run(10_000);
  expect(states(old)).toEqual(['notes.create queued', 'pages.create acked']);
  expect(old.problems.map(({ code }) => code)).toEqual(['unknown_path']);
  expect(old.outbox.leader).toBe(true);
});

test('what was discarded is not done under its id again', async () => {
  const page = await open();
  page.outbox.pause('by_hand');
  const first = await add(page, 'pages.create', { id: 'p1', tx: { transactionId: 'mine' } });
  first.answer.catch(() => undefined);
  await stage.done(page.outbox.discard('mine'));
  const again = await add(page, 'pages.create', { id: 'p1', tx: { transactionId: 'mine' } });
  await expect(stage.done(again.answer)).rejects.toMatchObject({ code: 'DISCARDED' });
  page.outbox.resume('by_hand');
  await stage.run(1_000);
  expect([page.outbox.entries, sent]).toEqual([[], []]);
});

test('at most four lanes at once', async () => {
  const page = await open();
  page.outbox.pause('by_hand');
  for (let nth = 0; nth < 9; nth += 1) await add(page, 'pages.create', { id: `p${nth}` });
  page.outbox.resume('by_hand');
  await stage.until(() => sent.length > 0);
  await stage.run(5);
  expect(sent).toHaveLength(4);
  await stage.done(page.outbox.flush());
  expect(sent).toHaveLength(9);
});

test('an answer that another tab has got is this one\'s too, and an error has the same fields', async () => {
  const leader = await open();
  const other = await open();
  const good = await add(other, 'pages.create', { id: 'p1' });
  const bad = await add(other, 'pages.create', { id: 'p2', refuse: true });
  expect(await stage.done(good.answer)).toEqual({ id: 'p1', by: good.id });
  await expect(stage.done(bad.answer)).rejects.toMatchObject({ name: 'TRPCClientError', data: { httpStatus: 422 } });
  expect([leader.outbox.leader, other.outbox.leader]).toEqual([true, false]);
});

test('who slept through the end of what it waits for asks the server again, which answers as before', async () => {
  const leader = await open();
  const other = await open();
  const { answer } = await add(other, 'pages.create', { id: 'p1' });
  other.tab.says('hide');
  await stage.run(70_000);
  expect(leader.outbox.entries).toEqual([]);
  other.tab.says('show');
  expect(await stage.done(answer)).toMatchObject({ id: 'p1' });
  expect(server.effects).toHaveLength(1);
});

test('a newer version takes over what it can; what an older one finds of a newer it leaves alone', async () => {
  const old = await open();
  old.outbox.pause('by_hand');
  await add(old, 'pages.create', { id: 'p1', name: 'Plan' });
  await add(old, 'pages.create', { id: 'p2', name: 'odd' });
  old.tab.kill();
  const page = await open({
    version: 2,
    migrate: (entry, from) => {
      const { name, ...input } = entry.input as { name: string };
      if (name === 'odd') return null;
      return { ...entry, input: { ...input, title: `${name} of ${from}` }, fields: { title: `${name} of ${from}` } };
    },
  });
  await stage.run(1_000);
  expect(server.rows.get('pages p1')).toEqual({ title: 'Plan of 1' });
  expect(page.outbox.entries.find(({ entityId }) => entityId === 'p2')).toMatchObject({ state: 'dead', reason: 'schema' });
  expect(page.problems.map(({ code }) => code)).toContain('migration_failed');
  page.outbox.pause('by_hand');
  await add(page, 'pages.create', { id: 'p3', title: 'new' });
  page.tab.kill();
  const older = await open();
  await stage.run(5_000);
  expect(older.outbox.paused).toContain('newer_version');
  expect(older.problems.map(({ code }) => code)).toEqual(['newer_version']);
  expect(server.rows.has('pages p3')).toBe(false);
  const newer = await open({ version: 2, migrate: (entry) => entry });
  await stage.done(newer.outbox.flush());
  expect(server.rows.has('pages p3')).toBe(true);
});

test('who woke up and leads no more sends nothing', async () => {
  stage = new Stage(makeRandom(2), { locks: false });
  const first = await open();
  await stage.until(() => first.outbox.leader);
  const second = await open();
  first.tab.freeze();
  await stage.run(20_000);
  expect(second.outbox.leader).toBe(true);
  first.tab.thaw();
  await add(first, 'bells.ring', { id: 'b1' });
  await stage.run(5_000);
  expect(sent).toHaveLength(1);
  expect([first.outbox.leader, second.outbox.leader]).toEqual([false, true]);
  expect(states(second)).toEqual(['bells.ring acked']);
});

test('a sender whose fence is another one\'s leads anew before it sends', async () => {
  const page = await open();
  const other = await open();
  await stage.done(other.storage.change(({ meta }) => void (meta.fence += 1)));
  const fence = other.storage.meta!.fence;
  const { answer } = await add(page, 'bells.ring', { id: 'b1' });
  await stage.done(answer);
  expect(page.storage.meta!.fence).toBe(fence + 1);
  expect(sent).toHaveLength(1);
});

test('where of one of its fields nothing is known, nothing is compared', async () => {
  const page = await open();
  await stage.done((await add(page, 'pages.create', { id: 'p1', title: 'Plan', body: 'a' })).answer);
  failures.push(new TypeError('Failed to fetch'));
  await add(page, 'pages.update', { id: 'p1', title: 'b' });
  await stage.until(() => sent.length === 2);
  await stage.run(20);
  const { answer } = await add(page, 'pages.update', { id: 'p1', title: 'c', body: 'c' });
  await stage.done(answer);
  expect(sent.at(-1)!.input['tx']).not.toHaveProperty('expected');
  expect(server.rows.get('pages p1')).toEqual({ title: 'c', body: 'c' });
});

const fails = (): never => {
  throw new Error('bug');
};

test('a clock that is set back by a day does not hold back what waits for its time', async () => {
  const page = await open();
  failures = [new TypeError('fetch failed')];
  await add(page, 'pages.create', { id: 'p1' });
  await stage.run(15);
  expect(states(page)).toEqual(['pages.create queued']);
  const now = page.environment.now;
  page.environment.now = () => now() - 86_400_000;
  await stage.run(60_000);
  expect(server.effects).toHaveLength(1);
});

test('a server may put it off for an hour, not for ever', async () => {
  const page = await open();
  failures = [Object.assign(new Error('slow'), { data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429 }, meta: { response: { status: 429, headers: { get: () => '1e12' } } } })];
  await add(page, 'pages.create', { id: 'p1' });
  await stage.run(3_500_000);
  expect(sent).toHaveLength(1);
  await stage.run(200_000);
  expect(server.effects).toHaveLength(1);
});

test('a page that begins, signed in, has what waits since a 401 sent by whoever leads', async () => {
  const a = await open();
  failures = [trpcError(401, 'UNAUTHORIZED')];
  await add(a, 'pages.create', { id: 'p1' });
  await stage.run(1000);
  expect(a.outbox.paused).toContain('unauthorized');
  const b = await open();
  await stage.run(1000);
  expect(states(b)).toEqual(['pages.create acked']);
});

test('a page that was away while another one signed in does not go on waiting', async () => {
  const a = await open();
  const b = await open();
  failures = [trpcError(401, 'UNAUTHORIZED')];
  await add(a, 'pages.create', { id: 'p1' });
  await stage.run(1000);
  expect(a.outbox.paused).toContain('unauthorized');
  expect(b.outbox.paused).toContain('unauthorized');
  a.outbox.hide();
  await stage.run(1000);
  b.outbox.resume('unauthorized');
  await stage.run(1000);
  expect(states(b)).toEqual(['pages.create acked']);
  a.outbox.show();
  await stage.run(1000);
  expect(a.outbox.paused).not.toContain('unauthorized');
});

/** A page of version 2, which cannot migrate what one of version 1 has kept. */
async function unmigrated(): Promise<Page> {
  const one = await open();
  one.outbox.pause('by_hand');
  await add(one, 'pages.create', { id: 'p1', name: 'x' });
  stage.kill(one.tab);
  const two = await open({ version: 2, migrate: fails });
  await stage.run(100);
  expect(states(two)).toEqual(['pages.create dead']);
  return two;
}

test('what could not be migrated keeps its version, for one that can', async () => {
  const two = await unmigrated();
  stage.kill(two.tab);
  const froms: number[] = [];
  const three = await open({ version: 3, migrate: (entry, from) => (froms.push(from), { ...entry, input: { id: 'p1', title: 'x' }, fields: { title: 'x' } }) });
  await stage.run(100);
  expect(froms).toEqual([1]);
  await stage.done(three.outbox.retry(three.outbox.entries[0]!.id));
  await stage.run(100);
  expect(sent.map(({ input }) => input['title'])).toEqual(['x']);
});

test('... and is not sent as it is', async () => {
  const two = await unmigrated();
  await stage.done(two.outbox.retry(two.outbox.entries[0]!.id).catch(() => undefined));
  await stage.run(100);
  expect(sent).toEqual([]);
});

test('of more than can be remembered, nothing that was discarded is sent by who finds it gone', async () => {
  const a = await open();
  const b = await open();
  a.outbox.pause('by_hand');
  b.outbox.pause('by_hand');
  for (let n = 0; n < 250; n += 1) await add(a, 'pages.create', { id: `p${n}` });
  a.outbox.hide();
  await stage.run(100);
  for (const { id } of b.outbox.entries) expect(await stage.done(b.outbox.discard(id))).toBe(true);
  await stage.run(100);
  expect(sent.length).toBe(0);
  a.outbox.show();
  await stage.run(1000);
  expect(sent.length).toBe(0);
});

test('flush does not wait for what is put off for long', async () => {
  const page = await open();
  failures = [trpcError(429, 'TOO_MANY_REQUESTS', { retryAfterMs: 3_600_000, retryable: true, code: 'X' })];
  await add(page, 'pages.create', { id: 'p1' });
  let done = false;
  void page.outbox.flush().then(() => (done = true));
  await stage.run(600_000);
  expect(done).toBe(true);
});

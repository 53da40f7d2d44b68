/** The object that an app holds: its options, its status, who else is nobody's business, and how a person signs out. */
import { createOffline, crud, type Offline, type OfflineOptions, type OfflineStatus } from '../../lib/offline/index.js';
import { offlineEnvironment, type OfflineEnvironment } from '../../lib/offline/environment.js';
import { makeRandom } from '../support/random.js';
import { ModelServer } from './support/model-server.js';
import { Stage } from './support/stage.js';

let stage: Stage;
let server: ModelServer;
let away: boolean;
const open: Offline[] = [];

beforeEach(() => {
  stage = new Stage(makeRandom(3));
  server = new ModelServer(() => stage.clock.now);
  away = false;
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const make = (options: Partial<OfflineOptions> = {}, environment: OfflineEnvironment = stage.environment().environment): Offline => {
  const one = createOffline({ companyId: 'acme', userId: 'ada', mutations: crud('pages'), environment, ...options });
  open.push(one);
  return one;
};

const send = async (path: string, input: unknown): Promise<unknown> => {
  await new Promise<void>((done) => stage.clock.after(5, done));
  if (away) throw new TypeError('Failed to fetch');
  return server.call(path, input);
};

test('one object for each app, company and user of a page; a closed one makes room', () => {
  const { environment } = stage.environment();
  const one = make({}, environment);
  expect(make({}, environment)).toBe(one);
  expect(make({ userId: 'bob' }, environment)).not.toBe(one);
  expect(make({ app: 'other' }, environment)).not.toBe(one);
  one.close();
  one.close();
  expect(make({}, environment)).not.toBe(one);
});

test.each<[object, string]>([
  [{ companyId: '' }, 'companyId must be a non-empty string'],
  [{ mutations: undefined }, 'mutations must be an object'],
  [{ colour: 'red' }, 'an option must be one of companyId'],
  [{ version: 2 }, 'migrate must be given'],
  [{ version: 0 }, 'version must be a whole number'],
  [{ parallel: 33 }, 'parallel must be'],
  [{ mutations: { 'pages.paint': {} } }, 'kind of pages.paint must be'],
  [{ mutations: { 'pages.paint': { kind: 'update', colour: 1 } } }, 'an option of pages.paint must be one of kind'],
])('%j is refused by name', (options, message) => {
  expect(() => make(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(message) as string }) as Error);
});

test('what waits is counted, and sent by a client as tRPC makes it', async () => {
  const offline = make();
  const seen: OfflineStatus[] = [];
  offline.onStatus((status) => seen.push(status));
  await stage.done(offline.ready);
  const { answer } = await stage.done(offline.add('pages.create', { id: 'p1', title: 'Plan' }));
  expect(offline.status).toMatchObject({ unsent: 1, leader: false, storage: 'ok' });
  expect(offline.status.paused).toContain('starting');
  const client = { pages: { create: { mutate: (input: unknown) => send('pages.create', input) } } };
  await stage.done(offline.start({ client }));
  await stage.done(answer);
  expect(offline.status).toMatchObject({ unsent: 0, leader: true });
  expect(seen.at(-1)).toBe(offline.status);
  expect(offline.entries).toMatchObject([{ state: 'acked' }]);
  await expect(offline.start({})).rejects.toMatchObject({ code: 'INVALID_OPTION' });
});

test('nothing of another user is read, nor of another company', async () => {
  const ada = make();
  await stage.done(ada.add('pages.create', { id: 'p1' }));
  for (const options of [{ userId: 'bob' }, { companyId: 'bcme' }, { app: 'other' }]) {
    const other = make(options);
    await stage.done(other.start({ send }));
    await stage.run(5_000);
    expect(other.entries).toEqual([]);
  }
  expect(server.effects).toEqual([]);
});

test('a sign-out asks what becomes of what is unsent', async () => {
  const offline = make();
  await stage.done(offline.start({ send }));
  away = true;
  await stage.done(offline.add('pages.create', { id: 'p1' }));
  expect(await stage.done(offline.signOut())).toEqual({ done: false, unsent: 1 });
  offline.pause();
  expect(await stage.done(offline.signOut({ unsent: 'send' }))).toEqual({ done: false, unsent: 1 });
  expect(await stage.done(offline.signOut({ unsent: 'keep' }))).toEqual({ done: true, unsent: 1 });
  expect(offline.status.paused).toContain('signed_out');
  await expect(offline.add('pages.create', { id: 'p2' })).rejects.toMatchObject({ code: 'STORAGE' });
  const again = make();
  await stage.done(again.ready);
  expect(again.entries).toMatchObject([{ entityId: 'p1' }]);
  away = false;
  await stage.done(again.start({ send }));
  expect(await stage.done(again.signOut({ unsent: 'send' }))).toEqual({ done: true, unsent: 0 });
  expect(server.rows.has('pages p1')).toBe(true);
  const third = make();
  await stage.done(third.ready);
  expect(third.entries).toEqual([]);
});

test('a sign-out deletes nothing that is being kept in that moment, in whichever tab', async () => {
  const offline = make();
  const other = make();
  await stage.done(offline.start({ send }));
  await stage.done(other.start({ send }));
  away = true;
  const added = offline.add('pages.create', { id: 'p1' });
  expect(await stage.done(offline.signOut({ unsent: 'send' }))).toEqual({ done: false, unsent: 1 });
  await stage.done(offline.discard((await added).id));
  const kept = other.add('pages.create', { id: 'p2' });
  expect(await stage.done(offline.signOut())).toEqual({ done: false, unsent: 1 });
  await stage.done(offline.discard((await kept).id));
  // What comes too late is told so.
  const signed = offline.signOut();
  await stage.run(0);
  const late = other.add('pages.create', { id: 'p3' });
  expect(await stage.done(signed)).toEqual({ done: true, unsent: 0 });
  await expect(stage.done(late)).rejects.toMatchObject({ code: 'STORAGE' });
});

test('a sign-out deletes nothing where nobody can say whether something is left', async () => {
  const offline = make();
  await stage.done(offline.ready);
  stage.faults.lost = 1;
  await expect(stage.done(offline.signOut())).rejects.toMatchObject({ code: 'STORAGE' });
  stage.faults.lost = 0;
  expect((await stage.done(offline.add('pages.create', { id: 'p1' }))).kept).toBe(true);
  expect(await stage.done(offline.signOut())).toEqual({ done: false, unsent: 1 });
});

test('a sign-out that discards deletes it in all tabs', async () => {
  const offline = make();
  const other = make();
  await stage.done(offline.start({ send }));
  await stage.done(other.start({ send }));
  away = true;
  await stage.done(other.add('pages.create', { id: 'p1' }));
  expect(await stage.done(offline.signOut({ unsent: 'discard' }))).toEqual({ done: true, unsent: 0 });
  await stage.run(100);
  expect(other.status.paused).toContain('signed_out');
  away = false;
  const next = make();
  await stage.done(next.start({ send }));
  await stage.run(5_000);
  expect(next.entries).toEqual([]);
  expect(server.effects).toEqual([]);
});

test('a tab that was frozen while its user signed out is not theirs any more when it is back', async () => {
  const { environment, tab } = stage.environment();
  const frozen = make({}, environment);
  await stage.done(frozen.start({ send }));
  const other = make();
  await stage.done(other.start({ send }));
  away = true;
  await stage.done(frozen.add('pages.create', { id: 'p1' }));
  tab.says('hide');
  tab.freeze();
  await stage.run(100);
  expect(await stage.done(other.signOut({ unsent: 'keep' }))).toEqual({ done: true, unsent: 1 });
  away = false;
  tab.thaw();
  tab.says('show');
  await stage.run(10_000);
  expect(frozen.status.paused).toContain('signed_out');
  expect(server.effects).toEqual([]);
  await expect(stage.done(frozen.add('pages.create', { id: 'p2' }))).rejects.toMatchObject({ code: 'STORAGE' });
  // Whoever signs in again has it.
  const next = make();
  await stage.done(next.start({ send }));
  await stage.done(next.flush());
  expect(server.effects.map(({ path }) => path)).toEqual(['pages.create']);
});

test('in Node no timer of it holds a process that has nothing more to do', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
  const before = timers();
  const offline = createOffline({ companyId: 'acme', userId: 'node', mutations: crud('pages'), environment: { ...offlineEnvironment(), warn: () => undefined } });
  open.push(offline);
  await offline.ready;
  expect(timers()).toBe(before);
  await offline.start({ send: () => Promise.resolve('ok') });
  const { answer } = await offline.add('pages.create', { id: 'p1' });
  await answer;
  await new Promise((done) => setImmediate(done));
  expect(timers()).toBe(before);
});

test('no id is given twice where there is no room, in two tabs, and where the database was thrown away', async () => {
  const offline = make();
  await stage.done(offline.start({ send }));
  await stage.done((await stage.done(offline.add('pages.create', { id: 'p0' }))).answer);
  const other = make();
  await stage.done(other.start({ send }));
  stage.faults.full = true;
  const adds = (): Promise<{ id: string; kept: boolean }>[] => ['p1', 'p2', 'p3'].flatMap((id) => [offline, other].map((one) => one.add('pages.create', { id })));
  const all = await stage.done(Promise.all(adds()));
  stage.evict();
  all.push(...(await stage.done(Promise.all(adds()))));
  expect(all.filter(({ kept }) => kept)).toEqual([]);
  expect(new Set(all.map(({ id }) => id)).size).toBe(12);
});

test('a problem that nobody listens for speaks once', async () => {
  const { environment } = stage.environment();
  make({}, { ...environment, indexedDB: undefined });
  await stage.run(10);
  expect(stage.warned.filter((text) => text.includes('storage_unavailable'))).toHaveLength(1);
});

test('what is given up at signing out is sent by no other tab', async () => {
  const wrong: string[] = [];
  for (let seed = 0; seed < 150; seed += 1) {
    stage = new Stage(makeRandom(seed));
    server = new ModelServer(() => stage.clock.now);
    away = true;
    const page = async (): Promise<Offline> => {
      const { environment } = stage.environment();
      const offline = createOffline({ environment, companyId: 'acme', userId: 'ada', mutations: crud('pages'), probe: () => Promise.resolve(true) });
      void offline.start({ send: (path, input) => (away ? Promise.reject(new TypeError('fetch failed')) : Promise.resolve(server.call(path, input))) });
      await stage.run(100);
      return offline;
    };
    const one = await page();
    const other = await page();
    const { answer } = await stage.done(other.add('pages.create', { id: 'p1' }));
    answer.catch(() => undefined);
    await stage.run(10);
    away = false;
    await stage.done(one.signOut({ unsent: 'discard' }));
    await stage.run(100);
    const next = await page();
    const problems: string[] = [];
    next.onProblem(({ code }) => void problems.push(code));
    await stage.run(70_000);
    if (server.effects.length || next.entries.length || problems.length) wrong.push(`${seed}: ${server.effects.length} sent, ${next.entries.length} kept, told: ${problems.join()}`);
  }
  expect(wrong).toEqual([]);
});

/**
 * Random sequences of what a person does, with tries that fail in between, against a model that sends each of them as it was done: the server is the same in
 * the end, nobody else has conflicts, and fewer are sent.
 */
import { crud } from '../../lib/offline/crud.js';
import { makeRandom, runSeed, withSeed, type Random } from '../support/random.js';
import { ModelServer, trpcError } from './support/model-server.js';
import { openPage, Stage } from './support/stage.js';

const SEQUENCES = Number(process.env.PATHCAST_SQUASH ?? 300);
const FIELDS = ['title', 'body', 'due'];
const mutations = { ...crud('pages'), ...crud('files', { dependsOn: ({ pageId }: { pageId?: string }) => (pageId === undefined ? [] : [{ entity: 'pages', id: pageId }]) }) };

interface Done {
  path: string;
  input: Record<string, unknown>;
}

/** What a person can do: nothing to a row that is not there. */
function wander(random: Random, many: number): Done[] {
  const there = new Set<string>();
  const all: Done[] = [];
  let made = 0;
  for (let nth = 0; nth < many; nth += 1) {
    const row = there.size > 0 ? random.pick([...there]) : undefined;
    const [entity, id] = (row ?? '').split(' ') as [string, string];
    const chance = random.next();
    if (row === undefined || chance < 0.2) {
      const page = [...there].find((one) => one.startsWith('pages'));
      const of = page !== undefined && random.chance(0.4) ? 'files' : 'pages';
      made += 1;
      there.add(`${of} r${made}`);
      all.push({ path: `${of}.create`, input: { id: `r${made}`, title: `t${nth}`, ...(of === 'files' && { pageId: page!.split(' ')[1] }) } });
    } else if (chance < 0.35) {
      there.delete(row);
      all.push({ path: `${entity}.delete`, input: { id } });
    } else {
      const fields = FIELDS.filter(() => random.chance(0.5));
      all.push({ path: `${entity}.update`, input: { id, ...Object.fromEntries((fields.length > 0 ? fields : ['title']).map((field) => [field, `v${nth}`])) } });
    }
  }
  return all;
}

/** Which files a deleted page had is the server's own matter: what depends on a page goes with it in neither of the two. */
const image = (server: ModelServer): unknown => [...server.rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([row, fields]) => [row, Object.entries(fields).sort()]);

async function one(random: Random): Promise<{ done: number; effects: number }> {
  const stage = new Stage(random);
  const naive = new ModelServer(() => stage.clock.now);
  const server = new ModelServer(() => stage.clock.now);
  const failing = random.chance(0.5);
  const page = await openPage(stage, {
    mutations,
    // Much quicker, and nothing here is about how it is kept.
    ...(random.chance(0.9) && { indexedDB: undefined }),
    known: { version: ({ entity, id }, field) => server.versions.get(`${entity} ${id}`)?.[field], row: ({ entity, id }) => server.versions.get(`${entity} ${id}`), value: () => undefined },
    sends: async (path, input) => {
      if (failing && random.chance(0.2)) throw new TypeError('Failed to fetch');
      const answer = server.call(path, input);
      if (failing && random.chance(0.2)) throw trpcError(500, 'INTERNAL_SERVER_ERROR');
      return Promise.resolve(answer);
    },
  });
  page.outbox.start();
  const all = wander(random, 2 + random.below(24));
  const answers: Promise<unknown>[] = [];
  page.outbox.pause('by_hand');
  for (const { path, input } of all) {
    naive.call(path, input);
    answers.push((await stage.done(page.outbox.add(path, input))).answer);
    if (random.chance(0.1)) {
      page.outbox.resume('by_hand');
      await stage.run(random.below(3_000));
      page.outbox.pause('by_hand');
      // What is on its way arrives, or not.
      await stage.run(100);
    }
  }
  page.outbox.resume('by_hand');
  await stage.done(page.outbox.flush(), 3_600_000);
  expect(page.outbox.entries.filter(({ state }) => state !== 'acked')).toEqual([]);
  expect(image(server)).toEqual(image(naive));
  expect(server.effects.length).toBeLessThanOrEqual(all.length);
  await stage.done(Promise.all(answers));
  return { done: all.length, effects: server.effects.length };
}

test(`${SEQUENCES} random sequences: the same server in the end, and fewer sends`, async () => {
  const first = runSeed();
  let done = 0;
  let effects = 0;
  for (let nth = 0; nth < SEQUENCES; nth += 1) {
    const seed = (first + nth) >>> 0;
    const counted = await withSeed(seed, () => one(makeRandom(seed)));
    done += counted.done;
    effects += counted.effects;
  }
  expect(effects).toBeLessThan(done * 0.8);
}, 300_000);

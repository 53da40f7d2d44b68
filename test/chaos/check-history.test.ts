/**
 * Is the check of histories one that can fail, and that lets pass what is right? Runs of a model without a fault pass, each mutation of
 * them is found, and named as what it is.
 */
import { checkHistory } from './check-history.js';
import { named, type ClientLog, type Fault, type Position, type Publish, type Step, type ViolationKind } from './history.js';
import { perfectRun, type Made } from './perfect-run.js';
import { runSeed, withSeed, type Random } from '../support/random.js';

const RUNS = 60;
const TRIES = 10;

test(`${RUNS} runs without a fault have no violation, and go everywhere`, async () => {
  await withSeed(runSeed(), async (random) => {
    const sum: Record<string, number> = {};
    for (let i = 0; i < RUNS; i++) {
      const seed = random.below(2 ** 32);
      const { violations, figures } = checkHistory(perfectRun(seed));
      expect([seed, violations]).toEqual([seed, []]);
      expect(figures.resumed).toBe(figures.kept);
      for (const [name, count] of Object.entries({ ...figures, ...figures.resyncs })) sum[name] = (sum[name] ?? 0) + Number(count);
    }
    for (const name of ['placed', 'queued', 'actions', 'invalidates', 'told', 'epoch_changed', 'trimmed', 'kept']) expect([name, sum[name]! >= RUNS]).toEqual([name, true]);
    expect(sum['returns']).toBeGreaterThan(sum['kept']!);
  });
});

type Of<K extends Step['kind']> = Extract<Step, { kind: K }>;

/** A place in a log that fits, or undefined: then another run is tried. */
function some<K extends Step['kind']>(made: Made, random: Random, kind: K, fits: (step: Of<K>, i: number, steps: Step[], modules: readonly string[] | undefined, company: string) => boolean = () => true) {
  const all = made.clients.flatMap(({ steps, modules, company }) => steps.flatMap((step, i) => (step.kind === kind && fits(step as Of<K>, i, steps, modules, company) ? [{ steps, i, step: step as Of<K> }] : [])));
  return all.length > 0 ? random.pick(all) : undefined;
}

const after = (steps: Step[], i: number, ...kinds: Step['kind'][]): Step | undefined => steps.slice(i + 1).find((step) => kinds.includes(step.kind));
/** Neither a resync nor an unknown verdict hides what happens at `i`. */
const isPlain = (steps: Step[], i: number): boolean => steps.slice(i).every((step) => step.kind !== 'resync');

/** It was published after the verdict and the last resync: by time, too, it had to come. */
function isDue(made: Made, { action }: { action: string }, steps: Step[]): boolean {
  const since = steps.findLast((step) => step.kind === 'resync') ?? steps.find((step) => step.kind === 'hello')!;
  return made.publishes.find((publish) => publish.action === action)!.at > since.at;
}

/** Somebody knows of each of the two epochs what stood there, up to this seq. */
function areKnown(made: Made, company: string, epochs: readonly string[], upTo: number): boolean {
  const placed = made.publishes.flatMap(({ answer, company: of }) => (of === company && answer?.ok && 'place' in answer ? [answer.place] : []));
  return placed.some(({ seq }) => seq <= upTo && epochs.every((epoch) => placed.some((place) => place.epoch === epoch && place.seq === seq)));
}

/** True: it was put in. */
type Mutation = (made: Made, random: Random) => boolean | undefined;

const remove: Mutation = (made, random) => {
  const found = some(made, random, 'action', (_, i, steps, modules) => modules === undefined && after(steps, i, 'action', 'resync')?.kind === 'action');
  found?.steps.splice(found.i, 1);
  return found !== undefined;
};

const mutations: [string, ViolationKind[], Mutation][] = [
  ['an action is left out', ['gap'], remove],
  [
    'an action of a filtered stream is left out',
    ['gap'],
    (made, random) => {
      const found = some(made, random, 'action', (step, i, steps, modules) => modules !== undefined && isPlain(steps, i) && isDue(made, step, steps));
      found?.steps.splice(found.i, 1);
      return found !== undefined;
    },
  ],
  [
    'the last action is left out',
    ['gap'],
    (made, random) => {
      const found = some(made, random, 'action', (step, i, steps) => after(steps, i, 'action', 'resync', 'invalidate', 'ping') === undefined && isDue(made, step, steps));
      found?.steps.splice(found.i, 1);
      return found !== undefined;
    },
  ],
  [
    'a stretch is left out',
    ['gap'],
    (made, random) => {
      const found = some(made, random, 'invalidate', (_, i, steps) => isPlain(steps, i));
      found?.steps.splice(found.i, 1);
      return found !== undefined;
    },
  ],
  [
    'a stretch begins one too late',
    ['gap'],
    (made, random) => {
      const found = some(made, random, 'invalidate', (_, i, steps, modules) => modules === undefined && isPlain(steps, i));
      if (found) found.step.from += 1;
      return found !== undefined;
    },
  ],
  [
    'a stretch lacks a path',
    ['gap'],
    (made, random) => {
      const placed = new Map(made.publishes.flatMap(({ action, answer, paths }) => (answer?.ok && 'place' in answer ? [[paths[0], action]] : [])));
      const found = some(made, random, 'invalidate', ({ paths }, _i, steps) => {
        const action = placed.get(paths[0]);
        return action !== undefined && isDue(made, { action }, steps);
      });
      if (found) found.step.paths = found.step.paths.slice(1);
      return found !== undefined;
    },
  ],
  [
    'a ping says more than came',
    ['gap'],
    (made, random) => {
      const found = some(made, random, 'ping', ({ id }, i, steps, modules) => {
        const before = steps[i - 1];
        return modules === undefined && before?.kind === 'action' && named(before.id) === named(id!);
      });
      found?.steps.splice(found.i - 1, 1);
      return found !== undefined;
    },
  ],
  [
    'an action comes twice',
    ['double'],
    (made, random) => {
      const found = some(made, random, 'action');
      found?.steps.splice(found.i, 0, { ...found.step });
      return found !== undefined;
    },
  ],
  [
    'an action comes again after a resume',
    ['double'],
    (made, random) => {
      const found = some(made, random, 'hello', ({ recovered }, i, steps) => recovered && steps[i - 3]?.kind === 'action');
      if (found) found.steps.splice(found.i + 1, 0, { ...found.steps[found.i - 3]! });
      return found !== undefined;
    },
  ],
  [
    'two actions change places',
    ['gap', 'order'],
    (made, random) => {
      const found = some(made, random, 'action', (_, i, steps, modules) => modules === undefined && steps[i + 1]?.kind === 'action');
      if (found) found.steps.splice(found.i, 2, found.steps[found.i + 1]!, found.step);
      return found !== undefined;
    },
  ],
  [
    'a position goes back',
    ['order'],
    (made, random) => {
      const found = some(made, random, 'action', ({ id }) => id.seq > 2);
      found?.steps.splice(found.i + 1, 0, { kind: 'ping', at: found.step.at, id: { ...found.step.id, seq: found.step.id.seq - 1 } });
      return found !== undefined;
    },
  ],
  [
    "another company's action comes",
    ['crossing'],
    (made, random) => {
      const found = some(made, random, 'action');
      const other = made.publishes.find(({ company }) => company !== found?.step.company)!;
      if (found) Object.assign(found.step, { action: other.action, company: other.company });
      return found !== undefined;
    },
  ],
  [
    "nobody's action comes",
    ['crossing'],
    (made, random) => {
      const found = some(made, random, 'action');
      if (found) found.step.action = 'forged';
      return found !== undefined;
    },
  ],
  [
    "another company's paths are told",
    ['crossing'],
    (made, random) => {
      const found = some(made, random, 'told');
      if (found) found.step.paths = made.publishes.find(({ company }) => !found.steps.some((step) => step.kind === 'action' && step.company === company))!.paths;
      return found !== undefined;
    },
  ],
  [
    'what a filter leaves out comes',
    ['crossing'],
    (made, random) => {
      const found = some(made, random, 'action', (_, _i, _steps, modules) => modules !== undefined);
      if (found) Object.assign(made.publishes.find(({ action }) => action === found.step.action)!, { module: 'budget' });
      return found !== undefined;
    },
  ],
  [
    'a seq is given twice in an epoch',
    ['place'],
    (made, random) => {
      const { publishes } = made;
      const placed = publishes.filter(({ answer }) => answer?.ok && 'place' in answer);
      const first = random.pick(placed);
      const second = placed.find((each) => each.company === first.company && each !== first)!;
      second.answer = { ...first.answer!, at: second.answer!.at };
      return true;
    },
  ],
  [
    'an action has two places in an epoch',
    ['place', 'double', 'gap'],
    (made) => {
      made.faults = made.faults.filter(({ excuses }) => !excuses.includes('trimmed') && !excuses.includes('loss'));
      const publish = made.publishes.find(({ answer }) => answer?.ok && 'place' in answer)!;
      const { place } = publish.answer as { place: Position };
      publish.answer = { at: publish.at + 1, ok: true, place: { ...place, seq: place.seq + 10_000 } };
      return true;
    },
  ],
  [
    'an epoch begins without a loss',
    ['resync'],
    (made) => {
      const loss = made.faults.find(({ excuses }) => excuses.includes('loss'));
      made.faults = made.faults.filter(({ excuses }) => !excuses.includes('loss'));
      return loss !== undefined;
    },
  ],
  [
    'a resync in place, for nothing',
    ['resync'],
    (made, random) => {
      const found = some(made, random, 'action');
      found?.steps.splice(found.i + 1, 0, { kind: 'resync', at: found.step.at, id: found.step.id, reason: random.pick(['epoch_changed', 'trimmed', 'broker_lost', 'ahead_of_log']) });
      if (found) made.faults = made.faults.filter(({ excuses }) => !excuses.includes('trimmed') && !excuses.includes('loss') && !excuses.includes('outage'));
      return found !== undefined;
    },
  ],
  [
    'trimmed, though all was kept',
    ['resync'],
    (made) => {
      const trimmed = made.clients.some(({ steps }) => steps.some((step) => step.kind === 'resync' && step.reason === 'trimmed'));
      made.faults = made.faults.filter(({ excuses }) => !excuses.includes('trimmed') && !excuses.includes('loss'));
      return trimmed;
    },
  ],
  [
    'broker_lost after a short outage',
    ['resync'],
    (made, random) => {
      const found = some(made, random, 'hello', ({ recovered }) => recovered);
      if (found) {
        Object.assign(found.step, { recovered: false, reason: 'broker_lost' });
        found.steps.splice(found.i + 1, 0, { kind: 'resync', at: found.step.at, id: found.step.cursor, reason: 'broker_lost' });
      }
      return found !== undefined;
    },
  ],
  [
    'a newcomer of one that has a position',
    ['resume'],
    (made, random) => {
      const found = some(made, random, 'hello', ({ recovered }) => recovered);
      if (found) Object.assign(found.step, { recovered: false, reason: 'fresh' });
      return found !== undefined;
    },
  ],
  [
    'a resume over a loss',
    ['resume'],
    (made, random) => {
      // Those that saw the former epoch up to here know which action stood there.
      const found = some(made, random, 'hello', ({ reason, cursor }, i, steps, _modules, company) => {
        const from = (steps[i - 1] as Of<'open'>).from;
        return reason === 'epoch_changed' && from !== undefined && cursor.seq > from.seq && areKnown(made, company, [from.epoch, cursor.epoch], from.seq);
      });
      if (found) {
        Object.assign(found.step, { recovered: true, reason: 'resumed', id: (found.steps[found.i - 1] as Of<'open'>).from });
        found.steps.splice(found.i + 1, 1);
      }
      return found !== undefined;
    },
  ],
  [
    'a resume to before where it was',
    ['resume'],
    (made, random) => {
      const found = some(made, random, 'hello', ({ recovered, id }) => recovered && (id?.seq ?? 0) > 0);
      if (found) found.step.cursor = { ...found.step.cursor, seq: found.step.id!.seq - 1 };
      return found !== undefined;
    },
  ],
  [
    'a position that is another one after a resume',
    ['resume'],
    (made, random) => {
      const found = some(made, random, 'hello', ({ recovered, id }) => recovered && id !== undefined);
      if (found) found.step.id = { ...found.step.id!, seq: found.step.id!.seq + 1 };
      return found !== undefined;
    },
  ],
  [
    'an action that was answered with its place, and nobody had',
    ['lost'],
    (made) => {
      const [first] = made.clients;
      const at = Math.max(...made.publishes.map((publish) => publish.at)) + 10;
      made.publishes.push({ action: 'void', company: first!.company, module: 'guests', paths: ['guests.void'], node: 'n0', at, answer: { at: at + 1, ok: true, place: { epoch: 'e999', seq: 1 } } });
      return true;
    },
  ],
  [
    'an action that waited, and nobody had',
    ['lost'],
    (made) => {
      const [first] = made.clients;
      const at = Math.max(...made.publishes.map((publish) => publish.at)) + 10;
      made.publishes.push({ action: 'void', company: first!.company, module: 'guests', paths: ['guests.void'], node: 'n9', at, answer: { at: at + 1, ok: true, queued: true } });
      return true;
    },
  ],
  [
    'an action that was refused, and came',
    ['refused'],
    (made, random) => {
      const found = some(made, random, 'action');
      if (found) made.publishes.find(({ action }) => action === found.step.action)!.answer = { at: found.step.at, ok: false, code: 'OUTBOX_FULL' };
      return found !== undefined;
    },
  ],
  [
    'told, and it never followed',
    ['told'],
    (made) => {
      const [client] = made.clients;
      const { steps } = client!;
      const open = steps.findLast((step) => step.kind === 'open')!;
      const at = steps.at(-1)!.at + 10;
      const publish = { action: 'void', company: client!.company, module: 'guests', paths: ['guests.void'], node: open.node, at, answer: { at: at + 1, ok: true, queued: true } as const };
      made.publishes.push(publish);
      steps.push({ kind: 'told', at: at + 1, paths: publish.paths });
      return true;
    },
  ],
  [
    'told by a node that does not have it',
    ['told'],
    (made, random) => {
      const found = some(made, random, 'told');
      const publish = made.publishes.find(({ paths }) => paths.join() === found?.step.paths.join());
      if (publish) Object.assign(publish, { node: 'n9' });
      return publish !== undefined;
    },
  ],
  [
    'not told of what waits',
    ['untold'],
    (made, random) => {
      const found = some(made, random, 'told', ({ at }, i, steps) => steps.slice(i + 1).every((step) => step.kind === 'told' || step.at > at + 800));
      found?.steps.splice(found.i, 1);
      return found !== undefined;
    },
  ],
  [
    'an answer that took too long',
    ['late'],
    (made, random) => {
      random.pick(made.publishes.filter(({ answer }) => answer)).answer!.at += 2_000;
      return true;
    },
  ],
];

test.each(mutations)('found: %s', async (_what, kinds, mutate) => {
  await withSeed(runSeed(), async (random) => {
    let tried = 0;
    for (let i = 0; i < 400 && tried < TRIES; i++) {
      const seed = random.below(2 ** 32);
      const made = perfectRun(seed);
      if (!mutate(made, random)) continue;
      tried++;
      const { violations } = checkHistory(made);
      const found = violations.map(({ kind }) => kind);
      expect([seed, kinds.filter((kind) => found.includes(kind)).length > 0, [...new Set(found)]]).toEqual([seed, true, expect.anything()]);
    }
    expect(tried).toBe(TRIES);
  });
});

describe('what Redis had acknowledged and lost', () => {
  const at = (ms: number, excuses: Fault['excuses'], nodes?: string[]): Fault => ({ what: 'it', at: ms, until: ms + 100, excuses, ...(nodes ? { nodes } : {}) });
  const publish = (action: string, ms: number, seq: number): Publish => ({ action, company: 'c0', module: 'guests', paths: [`guests.${action}`], node: 'n0', at: ms, answer: { at: ms + 1, ok: true, place: { epoch: 'e1', seq } } });
  const client = (name: string, node: string, actions: readonly string[]): ClientLog => ({
    client: name,
    company: 'c0',
    steps: [
      { kind: 'open', at: 0, node },
      { kind: 'hello', at: 1, recovered: false, reason: 'fresh', cursor: { epoch: 'e1', seq: 0 }, id: { epoch: 'e1', seq: 0 } },
      ...actions.map((action, i): Step => ({ kind: 'action', at: 1_000 + i, id: { epoch: 'e1', seq: i + 1 }, action, seq: i + 1, company: 'c0' })),
    ],
  });
  /** One of two clients had it; then the Redis that knew of it was gone. */
  const kindsAfter = (faults: readonly Fault[]): string[] => {
    const clients = [client('c0/u0', 'n0', ['a1', 'a2']), client('c0/u1', 'n1', ['a1'])];
    const settings = { logActions: 40, publishWaitMs: 250, openWaitMs: 5_000, slackMs: 500, reconnectMs: 1_000 };
    return checkHistory({ clients, publishes: [publish('a1', 999, 1), publish('a2', 1_000, 2)], faults, settings }).violations.map(({ kind }) => kind);
  };
  const lost = at(1_200, ['loss', 'another-redis', 'outage']);

  test('is a gap where somebody knows of it', () => {
    expect(kindsAfter([lost])).toEqual(['gap']);
    expect(kindsAfter([lost, at(1_300, ['node-died'], ['n1'])])).toEqual(['gap']);
    expect(kindsAfter([at(1_300, ['node-died'], ['n0'])])).toEqual(['gap']);
  });

  test('is none where every node that knew of it died with it', () => {
    expect(kindsAfter([lost, at(1_300, ['node-died'], ['n0'])])).toEqual([]);
    // Too late: it had told Redis by then.
    expect(kindsAfter([lost, at(9_000, ['node-died'], ['n0'])])).toEqual(['gap']);
  });
});

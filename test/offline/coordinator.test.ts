/** The way back (SPEC §24, OF4 to OF6): its table in full, then the shell with a stream and an outbox that the test moves. */
import type { ActionEvent } from '../../lib/protocol/events.js';
import type { ClientEvent, SyncClient, SyncStatus } from '../../lib/client/types.js';
import type { FieldConflict } from '../../lib/protocol/conflict.js';
import type { Outbox } from '../../lib/offline/outbox/types.js';
import { createBook } from '../../lib/offline/outbox/book.js';
import { createNetwork } from '../../lib/offline/network/network.js';
import { createCoordinator } from '../../lib/offline/sync/coordinator.js';
import { CATCH_UP_MS, holds, INITIAL, step, type Input, type State, type Stream } from '../../lib/offline/sync/return.js';
import { createVersions } from '../../lib/offline/sync/versions.js';
import type { OfflineMutation, OutboxEntry, PauseReason, SeenField } from '../../lib/offline/types.js';
import { entryOf } from './support/entry.js';
import { insideOf, makePage, settle, type Page } from './support/page.js';
import { makeShelf } from './support/shelf.js';

const BOOLS = [false, true];
const STREAMS: Stream[] = ['none', 'down', 'live'];
const PLACES = ['away', 'catching_up', 'sending', 'current', 'closed'] as const;
const INPUTS: Input[] = [
  ...BOOLS.map((verified): Input => ({ is: 'network', verified })),
  ...STREAMS.flatMap((stream) => BOOLS.map((covered): Input => ({ is: 'stream', stream, covered }))),
  ...BOOLS.map((waiting): Input => ({ is: 'outbox', waiting })),
  { is: 'timer' },
  { is: 'close' },
];
const STATES: State[] = PLACES.flatMap((at) =>
  BOOLS.flatMap((verified) => STREAMS.flatMap((stream) => BOOLS.flatMap((covered) => BOOLS.flatMap((waiting) => BOOLS.map((late): State => ({ at, verified, stream, covered, waiting, late })))))),
);

/** In words of its own: where such facts lead. */
function placeBy({ verified, stream, covered, late, waiting }: State, before: State['at']): State['at'] {
  if (!verified) return 'away';
  const caughtUp = stream === 'none' ? true : stream === 'live' ? covered : false;
  if (!caughtUp && !late) return 'catching_up';
  if (!waiting) return 'current';
  return before === 'current' ? 'current' : 'sending';
}

describe('the table', () => {
  it('answers each input in each state, and leads where the facts lead', () => {
    expect(STATES.length * INPUTS.length).toBe(240 * 12);
    for (const state of STATES) {
      for (const input of INPUTS) {
        const [next, effects] = step(state, input);
        const where = JSON.stringify({ state, input, next, effects });
        if (state.at === 'closed') {
          expect([where, next, effects]).toEqual([where, state, []]);
          continue;
        }
        if (input.is === 'close') {
          expect([where, next.at, effects]).toEqual([where, 'closed', [{ do: 'still' }]]);
          continue;
        }
        // What the input says is known; nothing else is.
        const facts = { ...state };
        if (input.is === 'network') facts.verified = input.verified;
        if (input.is === 'outbox') facts.waiting = input.waiting;
        if (input.is === 'stream') {
          facts.stream = input.stream;
          facts.covered = input.covered;
          if (input.stream === 'live' && state.stream !== 'live') facts.late = false;
        }
        if (input.is === 'timer' && state.at === 'catching_up') facts.late = true;
        const at = placeBy(facts, state.at);
        expect([where, { ...next, late: undefined }]).toEqual([where, { ...facts, at, late: undefined }]);

        // Paused by the reason of the place, before the one before is taken away; one timer, only while it catches up.
        const reason = (place: State['at']): string | undefined => (place === 'away' ? 'offline' : place === 'catching_up' ? 'catching_up' : undefined);
        const expected: unknown[] = [];
        if (at !== state.at) {
          if (reason(at)) expected.push({ do: 'pause', reason: reason(at) });
          if (reason(state.at)) expected.push({ do: 'resume', reason: reason(state.at) });
          if (at === 'catching_up') expected.push({ do: 'sleep', ms: CATCH_UP_MS });
          else if (state.at === 'catching_up') expected.push({ do: 'still' });
        } else if (at === 'catching_up' && facts.stream === 'live' && state.stream !== 'live') {
          // It is waited for anew.
          expected.push({ do: 'sleep', ms: CATCH_UP_MS });
        }
        expect([where, effects]).toEqual([where, expected]);
        expect([where, holds(next)]).toEqual([where, facts.waiting && (at === 'catching_up' || at === 'sending')]);
      }
    }
  });

  it('waits once for a stream that does not come, and again for one that has come', () => {
    const go = (state: State, ...inputs: Input[]): State => inputs.reduce((at, input) => step(at, input)[0], state);
    const down: Input = { is: 'stream', stream: 'down', covered: false };
    const live: Input = { is: 'stream', stream: 'live', covered: false };
    const waits = go(INITIAL, down, { is: 'network', verified: true }, { is: 'outbox', waiting: true });
    expect(waits.at).toBe('catching_up');
    const late = go(waits, { is: 'timer' });
    expect(late).toMatchObject({ at: 'sending', late: true });
    expect(go(late, down, down)).toMatchObject({ at: 'sending', late: true });
    expect(go(late, live)).toMatchObject({ at: 'catching_up', late: false });
    expect(go(late, { is: 'network', verified: false }, { is: 'network', verified: true })).toMatchObject({ at: 'catching_up', late: false });
  });
});

// --- the shell ---

class Stream_ {
  status: SyncStatus;
  readonly #listeners = new Set<(event: ClientEvent) => void>();
  readonly #watchers = new Set<(status: SyncStatus) => void>();
  readonly asked: unknown[] = [];

  constructor(now: number) {
    this.status = { state: 'connecting', reason: 'starting', leader: true, since: now, cursor: 'e.10', head: undefined };
  }

  readonly client = {
    sourceId: 'this-tab',
    since: undefined,
    subscribe: (listener: (event: ClientEvent) => void, options?: unknown) => {
      this.asked.push(options);
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    },
    onStatus: (listener: (status: SyncStatus) => void) => {
      this.#watchers.add(listener);
      return () => void this.#watchers.delete(listener);
    },
  };

  get sync(): SyncClient {
    const { client } = this;
    const status = (): SyncStatus => this.status;
    return Object.defineProperty(client, 'status', { get: status, configurable: true }) as unknown as SyncClient;
  }

  is(state: SyncStatus['state'], more: Partial<SyncStatus> = {}): void {
    this.status = { ...this.status, state, reason: state === 'live' ? 'open' : 'cut', ...more };
    for (const watcher of [...this.#watchers]) watcher(this.status);
  }

  says(event: ClientEvent, cursor?: string): void {
    if (cursor !== undefined) this.status = { ...this.status, cursor };
    for (const listener of [...this.#listeners]) listener(event);
  }

  get heard(): number {
    return this.#listeners.size;
  }
}

/** Of the outbox what the coordinator sees; what it marks is written down when the test lets it. */
function makeOutbox(entries: OutboxEntry[]) {
  const paused = new Set<PauseReason>();
  const log: string[] = [];
  const listeners = new Set<() => void>();
  const acks = new Set<(entry: OutboxEntry, answer: unknown) => void>();
  const gates: (() => void)[] = [];
  let holding = false;
  const outbox = {
    entries,
    paused,
    log,
    conflicts: [] as [string, readonly FieldConflict[]][],
    rebased: [] as [string, Readonly<Record<string, SeenField>>][],
    pause: (reason: PauseReason) => {
      paused.add(reason);
      log.push(`+${reason}`);
    },
    resume: (reason: PauseReason) => {
      paused.delete(reason);
      log.push(`-${reason}`);
    },
    get book() {
      return createBook(outbox.entries);
    },
    onChanges: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onAck: (listener: (entry: OutboxEntry, answer: unknown) => void) => {
      acks.add(listener);
      return () => void acks.delete(listener);
    },
    set(next: OutboxEntry[]) {
      outbox.entries = next;
      for (const listener of [...listeners]) listener();
    },
    acked(entry: OutboxEntry) {
      for (const listener of [...acks]) listener(entry, null);
    },
    hold() {
      holding = true;
    },
    release() {
      holding = false;
      for (const open of gates.splice(0)) open();
    },
    async conflict(id: string, conflicts: readonly FieldConflict[]) {
      if (holding) await new Promise<void>((resolve) => gates.push(resolve));
      outbox.conflicts.push([id, conflicts]);
      outbox.set(outbox.entries.map((entry) => (entry.id === id ? { ...entry, state: 'conflicted', conflicts } : entry)));
      return true;
    },
    rebase(id: string, base: Readonly<Record<string, SeenField>>) {
      outbox.rebased.push([id, base]);
      outbox.set(outbox.entries.map((entry) => (entry.id === id ? { ...entry, base: { ...entry.base, ...base } } : entry)));
      return Promise.resolve(true);
    },
  };
  return outbox;
}

const MUTATIONS: Record<string, OfflineMutation> = { 'pages.update': { kind: 'update', entity: 'pages' } };

async function open(entries: OutboxEntry[] = [], { sync: withSync = true }: { sync?: boolean } = {}) {
  const page: Page = makePage();
  const inside = insideOf(page);
  const shelf = makeShelf();
  let there = true;
  const network = createNetwork(inside, () => there);
  await settle();
  const versions = createVersions({ ...inside, storage: shelf });
  const outbox = makeOutbox(entries);
  const clock: string[] = [];
  const coordinator = createCoordinator({
    ...inside,
    network,
    versions,
    outbox: outbox as unknown as Outbox,
    mutations: MUTATIONS,
    clock: { receive: (id) => void clock.push(id) },
  });
  const stream = new Stream_(page.clock.now);
  const places: string[] = [coordinator.at];
  coordinator.subscribe(() => places.push(`${coordinator.at}${coordinator.holds ? '!' : ''}`));
  coordinator.follow(withSync ? stream.sync : undefined);
  const server = (is: boolean): void => {
    there = is;
    network.doubt();
  };
  return { page, network, versions, outbox, coordinator, stream, places, server, shelf, clock };
}

let seq = 10;
const action = (parts: Partial<ActionEvent> & { version?: string; fields?: string[]; entity?: string } = {}): ActionEvent => {
  const { version = 'v-theirs', fields = ['title'], entity = 'pages', ...more } = parts;
  const entityId = more.entityId ?? 'p1';
  return {
    id: `tx:${version}`,
    type: 'update',
    module: 'pages',
    entityId,
    companyId: 'acme',
    userId: 'bob',
    timestamp: 77,
    queryPaths: ['pages.getById'],
    seq: (seq += 1),
    tx: { transactionId: version, versions: [{ entity, entityId, fields }] },
    ...more,
  };
};

const title = (value: string, base: SeenField = { value: 'old', version: 'v0' }, more: Partial<OutboxEntry> = {}): OutboxEntry =>
  entryOf({ id: 'mine', fields: { title: value }, base: { title: base }, ...more });

describe('the order of coming back', () => {
  it('pauses until network and stream are there, then until it has heard everything, then sends, then is current', async () => {
    const { page, outbox, stream, places, coordinator } = await open([title('mine')]);
    expect([...outbox.paused]).toEqual(['catching_up']);
    stream.is('live', { head: 'e.12' });
    await settle();
    expect([...outbox.paused]).toEqual(['catching_up']);
    stream.says(action({ entityId: 'other' }), 'e.11');
    expect(coordinator.at).toBe('catching_up');
    expect(coordinator.holds).toBe(true);
    stream.says(action({ entityId: 'other' }), 'e.12');
    expect([coordinator.at, coordinator.holds, [...outbox.paused], places.at(-1)]).toEqual(['catching_up', true, ['catching_up'], 'catching_up']);
    await page.passes(0);
    expect([coordinator.at, [...outbox.paused], places.at(-1)]).toEqual(['sending', [], 'sending!']);
  });

  it('never lets go of one reason before it has the next', async () => {
    const { outbox, stream, page, server, coordinator } = await open([title('mine')]);
    stream.is('live', { head: 'e.10' });
    await page.passes(0);
    expect(coordinator.at).toBe('sending');
    server(false);
    await settle();
    expect([coordinator.at, [...outbox.paused]]).toEqual(['away', ['offline']]);
    stream.is('connecting');
    server(true);
    await page.passes(1_000);
    expect([coordinator.at, [...outbox.paused]]).toEqual(['catching_up', ['catching_up']]);
    stream.is('live', { head: 'e.11' });
    await page.passes(0);
    expect(coordinator.at).toBe('catching_up');
    stream.says(action({ entityId: 'other' }), 'e.11');
    await settle();
    expect([coordinator.at, coordinator.holds, [...outbox.paused]]).toEqual(['sending', true, []]);
    outbox.set([]);
    expect([coordinator.at, coordinator.holds]).toEqual(['current', false]);
    outbox.set([title('later')]);
    expect([coordinator.at, coordinator.holds]).toEqual(['current', false]);
    // At each moment between the first pause and the last resume one of them stood.
    const stands = new Set<string>();
    const gaps = outbox.log.map((word) => (word.startsWith('+') ? stands.add(word.slice(1)) : stands.delete(word.slice(1)), stands.size));
    expect(gaps.filter((size) => size === 0)).toHaveLength(2);
  });

  it('goes on after 10 s without having caught up, and catches up when the stream comes', async () => {
    const { page, stream, coordinator, outbox } = await open([title('mine')]);
    await page.passes(9_999);
    expect(coordinator.at).toBe('catching_up');
    await page.passes(1);
    expect([coordinator.at, [...outbox.paused]]).toEqual(['sending', []]);
    stream.is('live', { head: 'e.20' });
    await page.passes(0);
    expect(coordinator.at).toBe('catching_up');
    stream.says(action({ entityId: 'other' }), 'e.20');
    await settle();
    expect(coordinator.at).toBe('sending');
    expect(page.timers).toBe(1); // versions, to be kept
  });

  it.each(['refused', 'closed'] as const)('waits for no stream that is %s, nor where there is none', async (state) => {
    const { stream, coordinator } = await open();
    stream.is(state);
    expect(coordinator.at).toBe('current');
    const without = await open([], { sync: false });
    expect(without.coordinator.at).toBe('current');
  });

  it('a stream that is live is a proof, and one that breaks is a doubt', async () => {
    const { page, network, stream, server } = await open();
    server(false);
    await settle();
    expect(network.status.verified).toBe(false);
    stream.is('live', { head: 'e.10' });
    expect(network.status.verified).toBe(true);
    stream.is('connecting');
    await settle();
    expect(network.status.verified).toBe(false);
    expect(page.reported).toEqual([]);
  });

  it('what waits for a person holds nothing up, and neither does what waits behind it', async () => {
    const conflicted = title('mine', undefined, { state: 'conflicted' });
    const behind = title('again', undefined, { id: 'behind', seq: 2 });
    const after = entryOf({ id: 'after', seq: 3, lane: 'files\0f1', after: ['pages\0p1'], entity: 'files', entityId: 'f1' });
    const acked = entryOf({ id: 'acked', seq: 4, lane: 'files\0f2', state: 'acked' });
    const { page, stream, coordinator, outbox } = await open([conflicted, behind, after, acked]);
    stream.is('live', { head: 'e.10' });
    await page.passes(0);
    expect(coordinator.at).toBe('current');
    outbox.set([conflicted, behind, after, acked, entryOf({ id: 'free', seq: 5, lane: 'files\0f3' })]);
    stream.is('connecting');
    stream.is('live', { head: 'e.10' });
    await page.passes(0);
    expect(coordinator.at).toBe('sending');
  });

  it('goes by its own position, so that it takes nothing of what another listener has missed', async () => {
    const { stream } = await open();
    expect(stream.asked).toEqual([{ since: 'e.10' }]);
  });

  it('follows another stream, none, and nothing any more when it is closed', async () => {
    const { page, coordinator, stream, outbox } = await open();
    const other = new Stream_(page.clock.now);
    coordinator.follow(other.sync);
    expect([stream.heard, other.heard]).toEqual([0, 1]);
    coordinator.follow(undefined);
    expect([other.heard, coordinator.at]).toEqual([0, 'current']);
    coordinator.follow(other.sync);
    page.close();
    expect([other.heard, coordinator.at, page.timers]).toEqual([0, 'closed', 0]);
    const { length } = outbox.log;
    other.is('live');
    coordinator.follow(stream.sync);
    outbox.set([title('x')]);
    expect([stream.heard, outbox.log.length]).toEqual([0, length]);
  });
});

describe('what others wrote meanwhile', () => {
  async function meanwhile(entries: OutboxEntry[], events: ClientEvent[]) {
    const all = await open(entries);
    all.stream.is('live', { head: 'e.20' });
    await all.page.passes(0);
    for (const event of events.slice(0, -1)) all.stream.says(event);
    // The last one reaches the head.
    all.stream.says(events.at(-1)!, 'e.20');
    await settle();
    return all;
  }

  it('the same field, another value: conflicted without being sent, with all that a person needs', async () => {
    const { outbox, coordinator } = await meanwhile([title('mine')], [action({ data: { title: 'theirs' } })]);
    expect(outbox.conflicts).toEqual([['mine', [{ field: 'title', base: 'old', mine: 'mine', theirs: 'theirs', by: 'bob', at: 77, version: 'v-theirs' }]]]);
    expect(coordinator.at).toBe('current');
  });

  it('nothing is sent before the conflict is written down', async () => {
    const all = await open([title('mine')]);
    all.outbox.hold();
    all.stream.is('live', { head: 'e.20' });
    await all.page.passes(0);
    all.stream.says(action({ data: { title: 'theirs' } }), 'e.20');
    await settle();
    expect([all.coordinator.at, [...all.outbox.paused]]).toEqual(['catching_up', ['catching_up']]);
    all.outbox.release();
    await settle();
    expect([all.coordinator.at, [...all.outbox.paused]]).toEqual(['current', []]);
  });

  it('the same value: no conflict, and its version is what was seen', async () => {
    const { outbox } = await meanwhile([title('same')], [action({ data: { title: 'same' } })]);
    expect([outbox.conflicts, outbox.rebased]).toEqual([[], [['mine', { title: { value: 'same', version: 'v-theirs' } }]]]);
  });

  it('the last of several counts', async () => {
    const first = action({ version: 'v1', data: { title: 'first' } });
    const { outbox } = await meanwhile([title('mine', { value: 'second', version: 'v2' })], [first, action({ version: 'v2', data: { title: 'second' } })]);
    expect([outbox.conflicts, outbox.rebased]).toEqual([[], []]);
    const other = await meanwhile([title('mine')], [first, action({ version: 'v2', data: { title: 'second' } })]);
    expect(other.outbox.conflicts.map(([, [conflict]]) => conflict?.theirs)).toEqual(['second']);
    // The field's old value again is none.
    const back = await meanwhile([title('mine')], [first, action({ version: 'v3', data: { title: 'old' } })]);
    expect([back.outbox.conflicts, back.outbox.rebased]).toEqual([[], [['mine', { title: { value: 'old', version: 'v3' } }]]]);
  });

  it.each<[string, OutboxEntry, ActionEvent]>([
    ['another field', title('mine'), action({ fields: ['body'], data: { title: 'old', body: 'b' } })],
    ['another row', title('mine'), action({ entityId: 'p2', data: { title: 'theirs' } })],
    ['another entity', title('mine'), action({ entity: 'files', data: { title: 'theirs' } })],
    ['a value that nobody knows', title('mine'), action({})],
    ['a date, which came as text', title('mine'), action({ data: { title: '2026-01-01T00:00:00.000Z' }, row: { query: 'pages.getById', dates: [['title']] } })],
    ['what was seen already', title('mine', { value: 'theirs', version: 'v-theirs' }), action({ data: { title: 'theirs' } })],
    ['what was sent already', title('mine', undefined, { attempts: 1 }), action({ data: { title: 'theirs' } })],
    ['what is on its way', title('mine', undefined, { state: 'sending', attempts: 1 }), action({ data: { title: 'theirs' } })],
    ['an own id', title('mine'), action({ version: 'mine', data: { title: 'theirs' } })],
    ['an own id that was squashed', title('mine', undefined, { squashed: ['before'] }), action({ version: 'before', data: { title: 'theirs' } })],
    ["this tab's own", title('mine'), action({ sourceId: 'this-tab', data: { title: 'theirs' } })],
    ['no versions', title('mine'), action({ tx: { transactionId: 'v' }, data: { title: 'theirs' } })],
    ['a word that is none', title('mine'), action({ tx: { transactionId: 'v', versions: [{ entity: 'pages' }, null, 7] }, data: { title: 'theirs' } })],
  ])('%s: the server decides', async (_name, entry, event) => {
    const { outbox } = await meanwhile([entry], [event]);
    expect([outbox.conflicts, outbox.rebased]).toEqual([[], []]);
  });

  it('an ack that comes after what the stream has told since does not take the versions back', async () => {
    const { stream, outbox, versions } = await open();
    stream.is('live', { head: 'e.10' });
    await settle();
    const entry = title('mine');
    stream.says(action({ version: 'mine', sourceId: 'this-tab' }), 'e.11');
    stream.says(action(), 'e.12');
    outbox.acked(entry);
    expect(versions.of({ entity: 'pages', id: 'p1' }, 'title')).toBe('v-theirs');
    outbox.acked(entryOf({ id: 'later', fields: { title: 'later' } }));
    expect(versions.of({ entity: 'pages', id: 'p1' }, 'title')).toBe('later');
  });

  it('an own change whose entry is gone is no conflict either', async () => {
    const all = await open([title('mine')]);
    all.outbox.acked(entryOf({ id: 'gone', squashed: ['gone before'] }));
    all.stream.is('live', { head: 'e.20' });
    await all.page.passes(0);
    all.stream.says(action({ version: 'gone', data: { title: 'x' } }));
    all.stream.says(action({ version: 'gone before', data: { title: 'y' } }), 'e.20');
    await settle();
    expect(all.outbox.conflicts).toEqual([]);
  });

  it('a row that was deleted: a conflict without theirs; two that delete it want the same', async () => {
    const { outbox, versions } = await meanwhile(
      [title('mine'), entryOf({ id: 'goes', seq: 2, kind: 'delete', path: 'pages.delete', fields: {}, base: { title: { value: 'old', version: 'v0' } } })],
      [action({ type: 'delete', fields: ['title'] })],
    );
    expect(outbox.conflicts).toEqual([['mine', [{ field: 'title', base: 'old', mine: 'mine', by: 'bob', at: 77, version: 'v-theirs' }]]]);
    expect(versions.of({ entity: 'pages', id: 'p1' }, 'title')).toBeUndefined();
  });

  it('a delete that waits, of a row that somebody has changed: theirs, and nothing of mine', async () => {
    const entry = entryOf({ id: 'goes', kind: 'delete', path: 'pages.delete', fields: {}, base: { title: { value: 'old', version: 'v0' } } });
    const { outbox } = await meanwhile([entry], [action({ data: { title: 'theirs' } })]);
    expect(outbox.conflicts).toEqual([['goes', [{ field: 'title', base: 'old', theirs: 'theirs', by: 'bob', at: 77, version: 'v-theirs' }]]]);
  });

  it('after a resync, or a stretch that names no versions, nothing is known', async () => {
    for (const event of [
      { type: 'resync', timestamp: 1, queryPaths: ['*'], reason: 'trimmed' },
      { type: 'invalidate', timestamp: 1, queryPaths: ['pages'], modules: [], count: 900, from: 1, to: 900 },
    ] satisfies ClientEvent[]) {
      const { outbox, versions } = await meanwhile([title('mine')], [action({ data: { title: 'theirs' } }), event]);
      expect([outbox.conflicts, versions.of({ entity: 'pages', id: 'p1' }, 'title')]).toEqual([[], undefined]);
    }
    // Without a place it stands for nothing.
    const { versions } = await meanwhile([], [action({}), { type: 'invalidate', timestamp: 1, queryPaths: ['pages'], modules: [] }]);
    expect(versions.of({ entity: 'pages', id: 'p1' }, 'title')).toBe('v-theirs');
  });

  it('versions are learnt of everybody, ids told to the clock, the position kept', async () => {
    const { versions, clock, page, shelf } = await meanwhile([], [action({ version: 'v1' }), action({ version: 'v2', fields: ['body'] })]);
    const key = { entity: 'pages', id: 'p1' };
    expect([versions.of(key, 'title'), versions.of(key, 'body'), clock, versions.cursor]).toEqual(['v1', 'v2', ['v1', 'v2'], 'e.20']);
    await page.passes(5_000);
    expect([shelf.rows.get('pages\0p1'), shelf.meta.cursor]).toEqual([{ title: 'v1', body: 'v2' }, 'e.20']);
  });

  it('while it is current it looks at each action as it comes', async () => {
    const { stream, outbox, page } = await open();
    stream.is('live', { head: 'e.10' });
    await page.passes(0);
    outbox.set([title('mine')]);
    stream.says(action({ data: { title: 'theirs' } }), 'e.11');
    await settle();
    expect(outbox.conflicts).toHaveLength(1);
  });
});

/** An action has its place in the log before anything of it is acknowledged: what the hub may answer, and what becomes of it. */
import type { SyncActionInput } from '../../lib/protocol/events.js';
import { place, Stopped, type PlacingHost } from '../../lib/postgres/worker/placing.js';
import type { BroadcastResult } from '../../lib/server/results.js';

const action = (companyId: string, id = 'e-1'): SyncActionInput => ({ companyId, id, type: 'insert', module: 'guests', entityId: 'g', queryPaths: ['guests.getAll'], timestamp: 5 });
const placed: BroadcastResult = { ok: true, seq: 1, epoch: 'x' };
const refused = (code: string, sent?: object): BroadcastResult => ({ ok: false, code, message: `it is ${code}`, ...(sent && { sent }) }) as BroadcastResult;

/** A hub that answers as it is told, call by call; then that all is placed. */
class Bench {
  readonly asked: SyncActionInput[][] = [];
  readonly owed: string[] = [];
  readonly lost: string[] = [];
  settled = 0;
  readonly abort = new AbortController();
  log: string[] = [];

  constructor(private readonly answers: ((one: SyncActionInput) => BroadcastResult)[]) {}

  place(actions: readonly SyncActionInput[], isShared = false): Promise<void> {
    const hub = {
      closed: false,
      broadcastMany: (some: SyncActionInput[]) => {
        const answer = this.answers[this.asked.length] ?? (() => placed);
        this.asked.push(some);
        return Promise.resolve(some.map(answer));
      },
      readLog: () => Promise.resolve({ epoch: 'x', headSeq: 1, actions: this.log }),
    };
    const host = {
      hub,
      internals: { settle: () => Promise.resolve((this.settled += 1) > 2 ? 0 : 1) },
      signal: this.abort.signal,
      owed: (companyId: string) => this.owed.push(companyId),
      lost: (companyId: string) => this.lost.push(companyId),
      random: () => 0,
    } as unknown as PlacingHost;
    return place(actions.map((one) => ({ action: one, isShared, ownId: 'own' })), host);
  }

  get ids(): unknown[] {
    return this.asked.map((some) => some.map(({ companyId, id }) => `${companyId} ${String(id)}`));
  }
}

test('what waits for Redis is not placed: it is waited for, and asked for again under its id', async () => {
  const bench = new Bench([({ companyId }) => (companyId === 'b' ? { ok: true, queued: true } : placed)]);
  await bench.place([action('a'), action('b'), action('c')]);
  expect(bench.ids).toEqual([['a e-1', 'b e-1', 'c e-1'], ['b e-1']]);
  expect(bench.settled).toBe(3);
});

test('what a full hub refuses is asked for again; what went out in part is placed, or waits', async () => {
  const bench = new Bench([({ companyId }) => (companyId === 'a' ? refused('OVERLOADED') : companyId === 'b' ? refused('ACTION_TOO_LARGE', { seq: 1, epoch: 'x', queryPaths: [] }) : refused('PHANTOM_PATH', { queued: true, queryPaths: [] }))]);
  await bench.place([action('a'), action('b'), action('c')]);
  expect(bench.ids).toEqual([['a e-1', 'b e-1', 'c e-1'], ['a e-1', 'c e-1']]);
});

test('what is no action goes out as a resync under the same id; a company that cannot be told at all is named', async () => {
  const bench = new Bench([() => refused('INVALID_QUERY_PATH'), ({ companyId }) => (companyId === 'b' ? refused('INVALID_COMPANY_ID') : placed)]);
  await bench.place([action('a'), action('b')]);
  expect(bench.asked[1]).toMatchObject([{ companyId: 'a', id: 'e-1', module: '*', entityId: '*', queryPaths: ['*'], timestamp: 5 }, { companyId: 'b' }]);
  expect(bench.lost).toEqual(['b']);
  expect(bench.asked).toHaveLength(2);
});

test('a company that Redis refuses is owed, and keeps nobody else back', async () => {
  const bench = new Bench([({ companyId }) => (companyId === 'a' ? refused('BROKER') : placed)]);
  await bench.place([action('a'), action('b')]);
  expect([bench.owed, bench.asked.length]).toEqual([['a'], 1]);
});

test('who stops has placed nothing that is not', async () => {
  const bench = new Bench(Array.from({ length: 9 }, () => () => refused('OUTBOX_FULL')));
  const placing = bench.place([action('a')]);
  bench.abort.abort();
  await expect(placing).rejects.toBeInstanceOf(Stopped);
  const waiting = new Bench([() => ({ ok: true, queued: true })]);
  const also = waiting.place([action('a')]);
  waiting.abort.abort();
  await expect(also).rejects.toBeInstanceOf(Stopped);
});

test('an id that the app has used: what it left out goes out under an own one', async () => {
  const duplicate = (): BroadcastResult => ({ ...placed, duplicate: true });
  const bench = new Bench([duplicate]);
  bench.log = ['{"id":"m","queryPaths":["guests.getById"]}'];
  await bench.place([action('a', 'm')], true);
  expect(bench.asked[1]).toMatchObject([{ id: 'own', queryPaths: ['guests.getAll'] }]);
  const told = new Bench([duplicate]);
  told.log = ['{"id":"m","queryPaths":["guests"]}'];
  await told.place([action('a', 'm')], true);
  // Of an id that is the worker's own, being there is enough.
  await told.place([action('a', 'e-1')]);
  expect(told.asked).toHaveLength(2);
});

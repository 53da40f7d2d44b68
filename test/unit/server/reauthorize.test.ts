/** `reauthorize`: asked in pages, on its own clock; who may no longer listen is ended, and a check that fails ends nobody. */
import { createHub, type Hub } from '../../../lib/index.js';
import type { ConnectionInfo } from '../../../lib/internal/engine.js';
import { reauthorize, type ReauthorizeHost } from '../../../lib/server/reauthorize.js';
import { ENGINES } from '../../support/engines.js';
import { waitFor } from '../../support/wait.js';

const info = (n: number): ConnectionInfo => ({
  id: `h-${n}`,
  companyId: 'acme',
  userId: `u${n}`,
  since: 0,
  filter: null,
  backlogBytes: 0,
  position: null,
  address: null,
});

/** Time stands still until `tick`. */
class World implements ReauthorizeHost {
  open: ConnectionInfo[] = [];
  readonly revoked: string[] = [];
  readonly reported: unknown[] = [];
  readonly timers = new Map<number, { ms: number; then: () => void }>();
  #next = 0;
  async connections({ limit, after }: { limit: number; after?: string }): Promise<ConnectionInfo[]> {
    const from = after === undefined ? 0 : this.open.findIndex(({ id }) => id === after) + 1;
    return this.open.slice(from, from + limit);
  }
  async revoke(id: string): Promise<void> {
    this.revoked.push(id);
  }
  report(thrown: unknown): void {
    this.reported.push(thrown);
  }
  later(ms: number, then: () => void): () => void {
    const id = this.#next++;
    this.timers.set(id, { ms, then });
    return () => void this.timers.delete(id);
  }
  fire(ms: number): void {
    for (const [id, timer] of [...this.timers]) {
      if (timer.ms !== ms) continue;
      this.timers.delete(id);
      timer.then();
    }
  }
  /** The next round, to its end. */
  async round(): Promise<void> {
    this.fire(1_000);
    await waitFor(() => [...this.timers.values()].some(({ ms }) => ms === 1_000), 'the end of the round');
  }
}

test('all are asked for, page by page, and those named are ended', async () => {
  const world = new World();
  world.open = Array.from({ length: 1_201 }, (_, n) => info(n));
  const pages: number[] = [];
  const stop = reauthorize(
    {
      everyMs: 1_000,
      check: (connections) => {
        pages.push(connections.length);
        return connections
          .filter(({ userId }) => userId === 'u7' || userId === 'u1200')
          .map((one) => (one.userId === 'u7' ? one : one.id));
      },
    },
    world,
  );
  expect(pages).toEqual([]);
  await world.round();
  expect([pages, world.revoked]).toEqual([
    [500, 500, 201],
    ['h-7', 'h-1200'],
  ]);
  stop();
  world.fire(1_000);
  expect([pages.length, world.timers.size]).toEqual([3, 0]);
});

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('no database');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no database'))],
  ['gives no list', () => undefined],
  ['names a stranger', () => ['h-0', 'h-99']],
  ['gives something else', () => [true]],
])('a check that %s is told, revokes nobody, and is asked again', async (_name, check) => {
  const world = new World();
  world.open = [info(0)];
  let asked = 0;
  const stop = reauthorize({ everyMs: 1_000, check: () => (asked++, check() as never) }, world);
  await world.round();
  await world.round();
  expect([world.revoked, world.reported.length, asked]).toEqual([[], 2, 2]);
  stop();
});

test('a check that never answers is given up, and is asked again', async () => {
  const world = new World();
  world.open = [info(0)];
  let asked = 0;
  const stop = reauthorize({ everyMs: 1_000, check: () => (asked++, new Promise(() => undefined)) }, world);
  for (let i = 1; i <= 2; i++) {
    world.fire(1_000);
    await waitFor(() => asked === i, 'the question');
    world.fire(60_000);
    await waitFor(() => world.reported.length === i, 'the end of patience');
    await waitFor(() => [...world.timers.values()].some(({ ms }) => ms === 1_000), 'the rest');
  }
  expect(String(world.reported[0])).toContain('did not answer within 60000 ms');
  expect(world.revoked).toEqual([]);
  stop();
});

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  afterEach(() => hub.close());

  test('who may no longer listen is ended with revoked; the others listen on', async () => {
    const banned = new Set<string>();
    hub = createHub({
      engine,
      reauthorize: { everyMs: 10, check: (open) => open.filter(({ userId }) => banned.has(userId)) },
    });
    const [ann, bob] = ['ann', 'bob'].map((userId) => hub.stream({ companyId: 'acme', userId }));
    await ann?.next();
    await bob?.next();
    banned.add('ann');
    await expect(ann?.next()).rejects.toMatchObject({ code: 'STREAM_CLOSED', reason: 'revoked' });
    const next = bob?.next();
    await hub.broadcast({
      type: 'update',
      module: 'm',
      entityId: 'e',
      companyId: 'acme',
      userId: 'u',
      queryPaths: ['a'],
    });
    expect((await next)?.value).toMatchObject({ type: 'update' });
    await bob?.return(undefined);
  });

  test('a check that throws is an error event', async () => {
    const failures: string[] = [];
    hub = createHub({ engine, reauthorize: { everyMs: 10, check: () => Promise.reject(new Error('no database')) } });
    hub.on('error', ({ during, error }) => void failures.push(`${during}: ${error.message}`));
    const stream = hub.stream({ companyId: 'acme', userId: 'ann' });
    await stream.next();
    await waitFor(() => failures.length >= 2, 'two failures');
    expect(failures[0]).toBe('reauthorize: no database');
    expect(hub.metrics().connections).toBe(1);
    await stream.return(undefined);
  });
});

test.each<[object, string]>([
  [{ everyMs: 1_000 }, 'reauthorize.check must be a function'],
  [{ check: () => [] }, 'reauthorize.everyMs must be a whole number from 10'],
  [{ everyMs: 5, check: () => [] }, 'reauthorize.everyMs must be a whole number from 10'],
  [{ everyMS: 1_000, check: () => [] }, 'reauthorize has no option "everyMS"'],
])('%j is refused', (reauthorizing, message) => {
  expect(() => createHub({ reauthorize: reauthorizing as never })).toThrow(message);
});

import { ActionLog } from '../../../lib/jsengine/action-log.js';
import { formatCursor, NOWHERE, parseCursor } from '../../../lib/jsengine/cursor.js';
import { Deadlines, DEADLINE_GRAIN_MS } from '../../../lib/jsengine/deadlines.js';
import { Drain } from '../../../lib/jsengine/drain.js';
import { HubClock } from '../../../lib/jsengine/environment.js';
import { FilterPool } from '../../../lib/jsengine/filter.js';
import { pack, type Message } from '../../../lib/jsengine/frames.js';
import { Heartbeats } from '../../../lib/jsengine/heartbeats.js';
import { Histogram } from '../../../lib/jsengine/histogram.js';
import { jitter } from '../../../lib/jsengine/jitter.js';
import { Limiter } from '../../../lib/jsengine/limiter.js';
import { Notices } from '../../../lib/jsengine/notices.js';
import { Scheduler } from '../../../lib/jsengine/scheduler.js';
import { encode } from '../../support/actions.js';
import { runSeed, withSeed } from '../../support/random.js';

describe('cursor', () => {
  test('what is formatted parses', () => {
    for (const seq of [0, 1, 9, 10, 2 ** 53 - 1]) expect(parseCursor(formatCursor('0123456789ab', seq))).toEqual({ epoch: '0123456789ab', seq });
    expect(parseCursor(NOWHERE)).toEqual({ epoch: '0', seq: 0 });
  });

  test.each(['', '.', 'a.', '.1', 'a.01', 'a.+1', 'a.1 ', 'A.1', 'a.9007199254740992', 'a.1\n', 'ä.1', 'a.1.1'])('%j does not', (text) => {
    expect(parseCursor(text)).toBeNull();
  });
});

describe('hub clock', () => {
  test('never goes back', () => {
    const times = [100, 90, 101, 50];
    const clock = new HubClock({ wallMs: () => times.shift()! });
    expect([clock.now(), clock.now(), clock.now(), clock.now()]).toEqual([100, 100, 101, 101]);
  });
});

describe('action log', () => {
  test('the places of what is gone are given back', () => {
    const log = new ActionLog('e', 0, { logActions: 5_000, logTtlMs: 50, logBytes: 1e9 }, () => undefined);
    const fresh = log.places;
    for (let i = 0; i < 4_000; i++) log.append(encode({ id: `i${i}` }), 0);
    expect(log.places).toBe(4_096);
    for (let i = 0; i < 10; i++) log.append(encode({ id: `j${i}` }), 40);
    log.expire(60);
    expect(log.places).toBeLessThanOrEqual(80);
    expect(log.get(4_005)!.id).toBe('j4');
    log.expire(100);
    expect(log.places).toBe(fresh);
  });

  test('the ring keeps what it must, whatever the order of growing and dropping', async () => {
    await withSeed(runSeed(), async (random) => {
      const sums = { actions: 0, bytes: 0 };
      const bounds = { logActions: 1 + random.below(40), logTtlMs: 50, logBytes: 200 * (1 + random.below(40)) };
      const log = new ActionLog('e', 0, bounds, (actions, bytes) => {
        sums.actions += actions;
        sums.bytes += bytes;
      });
      let kept: { seq: number; id: string; at: number; bytes: number }[] = [];
      let now = 0;
      for (let i = 1; i <= 500; i++) {
        now += random.below(8);
        log.expire(now);
        kept = kept.filter(({ at }) => at > now - bounds.logTtlMs);
        const encoded = encode({ id: `i${i}`, timestamp: now, data: 'x'.repeat(random.below(300)) });
        const { seq, bytes } = log.append(encoded, now);
        expect(seq).toBe(i);
        expect(bytes).toBe(Buffer.byteLength(`${encoded.head}${seq}${encoded.tail}`));
        kept.push({ seq, id: `i${i}`, at: now, bytes });
        while (kept.length > bounds.logActions || kept.reduce((sum, one) => sum + one.bytes, 0) > bounds.logBytes) kept.shift();
        expect([log.headSeq, log.oldestSeq]).toEqual([i, i - kept.length + 1]);
        for (const { seq: at, id } of kept) {
          expect(log.get(at)!.id).toBe(id);
          expect(log.seqOf(id)).toBe(at);
        }
        expect(log.get(log.oldestSeq - 1)).toBeUndefined();
        expect(log.get(i + 1)).toBeUndefined();
        expect(log.seqOf(`i${log.oldestSeq - 1}`)).toBeUndefined();
        expect(sums).toEqual({ actions: kept.length, bytes: kept.reduce((sum, one) => sum + one.bytes, 0) });
      }
      log.clear();
      expect(sums).toEqual({ actions: 0, bytes: 0 });
    });
  });

  test('it lets go of the caller’s data', () => {
    const log = new ActionLog('e', 0, { logActions: 10, logTtlMs: 1e9, logBytes: 1e9 }, () => undefined);
    const entry = log.append(encode({ data: { big: true } }), 1);
    expect(Object.values(entry).some((value) => typeof value === 'object' && value !== null && 'big' in value)).toBe(false);
    expect(entry).not.toHaveProperty('action');
  });
});

describe('filter pool', () => {
  test('equal filters are one object, and one without holders is forgotten', () => {
    const pool = new FilterPool();
    const first = pool.hold({ modules: ['b', 'a', 'a'], excludeUserId: 'u' });
    const second = pool.hold({ excludeUserId: 'u', modules: ['a', 'b'] });
    const other = pool.hold({ modules: ['a,b'], excludeUserId: 'u' });
    expect(second).toBe(first);
    expect(other).not.toBe(first);
    expect(pool.hold()).toBe(pool.hold({}));
    expect(pool.hold({ excludeSourceId: '' }).passesAll).toBe(true);
    pool.release(first);
    expect(pool.hold({ modules: ['a', 'b'], excludeUserId: 'u' })).toBe(first);
    for (const filter of [first, first, other]) pool.release(filter);
    for (let i = 0; i < 3; i++) pool.release(pool.hold());
    expect(pool.size).toBe(1);
  });

  test('an absent list is not an empty one', () => {
    const pool = new FilterPool();
    expect(pool.hold({ modules: [] })).not.toBe(pool.hold({}));
  });
});

describe('limiter', () => {
  test('agrees with a simple model, and keeps nothing for who holds nothing', async () => {
    await withSeed(runSeed(), async (random) => {
      const limiter = new Limiter(3, 7);
      const held: [string, string][] = [];
      const count = (companyId: string, userId?: string): number => held.filter(([c, u]) => c === companyId && (userId === undefined || u === userId)).length;
      for (let i = 0; i < 5_000; i++) {
        const who: [string, string] = [random.pick(['a', 'b', '__proto__']), random.pick(['u', 'v', 'w', 'constructor'])];
        if (random.chance(0.4) && held.length > 0) {
          const [gone] = held.splice(random.below(held.length), 1);
          limiter.give(...gone!);
        } else {
          const user = count(...who);
          const company = count(who[0]);
          const expected =
            user >= 3
              ? { ok: false, code: 'USER_LIMIT', limit: 3, current: user }
              : company >= 7
                ? { ok: false, code: 'COMPANY_LIMIT', limit: 7, current: company }
                : { ok: true };
          expect(limiter.take(...who)).toEqual(expected);
          if (expected.ok) held.push(who);
        }
        expect(limiter.total).toBe(held.length);
        expect(limiter.count(...who)).toEqual({ user: count(...who), tenant: count(who[0]) });
      }
      for (const who of held.splice(0)) limiter.give(...who);
      expect(limiter.total).toBe(0);
      expect((limiter as unknown as { tenants: Map<string, unknown> }).tenants.size).toBe(0);
    });
  });
});

describe('pack', () => {
  const message = (size: number): Message => ({ payload: Buffer.alloc(size, 'x'), size, seq: size });

  test('chunks are as full as they may be, and whole', () => {
    const messages = [4, 4, 4, 20, 1, 9, 1].map(message);
    const chunks = pack(messages, 10);
    expect(chunks.map(({ start, end, size, payload }) => [start, end, size === payload.length && size])).toEqual([[0, 2, 8], [2, 3, 4], [3, 4, 20], [4, 6, 10], [6, 7, 1]]);
    expect(pack([], 10)).toEqual([]);
  });

  test('a message alone is not copied', () => {
    const [only] = [message(3)];
    expect(pack([only], 10)[0]!.payload).toBe(only.payload);
  });
});

describe('histogram', () => {
  test('a bound belongs to its bucket, what is above all bounds to the last', () => {
    const histogram = new Histogram();
    for (const us of [0, 10, 11, 10_000_000, 10_000_001, 1e12]) histogram.observe(us);
    const { boundsUs, counts, sumUs } = histogram.snapshot();
    expect(counts[0]).toBe(2);
    expect(counts[1]).toBe(1);
    expect(counts[boundsUs.length - 1]).toBe(1);
    expect(counts[boundsUs.length]).toBe(2);
    expect(sumUs).toBe(21 + 10_000_000 + 10_000_001 + 1e12);
  });
});

describe('jitter', () => {
  test('is 50–150 %, whole', () => {
    expect(jitter(1_000, { random: () => 0 })).toBe(500);
    expect(jitter(1_000, { random: () => 0.999_999 })).toBe(1_500);
    expect(Number.isInteger(jitter(333, { random: () => 0.123 }))).toBe(true);
  });
});

describe('notices', () => {
  test('come in order, later, and a listener that throws stops no other', async () => {
    const got: string[] = [];
    const notices = new Notices((notice) => {
      got.push(notice.type);
      throw new Error('no');
    });
    notices.add({ type: 'conflated', companyId: 'a', connectionId: 'c', count: 1 });
    notices.add({ type: 'resync', companyId: 'a', connectionId: 'c', reason: 'overflow' });
    expect(got).toEqual([]);
    await Promise.resolve();
    expect(got).toEqual(['conflated', 'resync']);
  });
});

describe('scheduler', () => {
  test('big work is cut into turns, and small work does not wait for it', async () => {
    let us = 0;
    const scheduler = new Scheduler(() => us);
    const done: string[] = [];
    const big = { left: 20, runSlice: (): boolean => ((us += 1_000), done.push('big'), --big.left > 0) };
    const small = { runSlice: (): boolean => (done.push('small'), false) };
    scheduler.runSoon(big, 5);
    scheduler.runSoon(small, 2);
    expect(scheduler.waitingBytes).toBe(7);
    scheduler.done(7);
    expect(done).toEqual([]);
    await scheduler.nextTurn();
    expect(done.indexOf('small')).toBe(1);
    expect(done.length).toBeLessThan(8);
    while (big.left > 0) await scheduler.nextTurn();
    expect(done.filter((what) => what === 'big')).toHaveLength(20);
    expect(scheduler.waitingBytes).toBe(0);
  });

  test('one stream is flushed once a turn, however often it asked', async () => {
    const scheduler = new Scheduler(() => 0);
    let flushed = 0;
    const stream = { flush: () => void flushed++ };
    for (let i = 0; i < 3; i++) scheduler.flushSoon(stream);
    await scheduler.nextTurn();
    expect(flushed).toBe(1);
  });

  test('closed, it flushes what waits and lets go of who waits', async () => {
    const scheduler = new Scheduler(() => 0);
    let flushed = 0;
    scheduler.flushSoon({ flush: () => void flushed++ });
    const turn = scheduler.nextTurn();
    scheduler.close();
    await turn;
    await scheduler.nextTurn();
    expect(flushed).toBe(1);
  });
});

describe('on a clock of our own', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('heartbeats come by each member once per interval, spread', () => {
    const beats = new Map<number, number[]>();
    const heartbeats = new Heartbeats<number>(1_000, (member) => beats.set(member, [...(beats.get(member) ?? []), Date.now()]));
    for (let member = 0; member < 100; member++) heartbeats.add(member);
    const start = Date.now();
    jest.advanceTimersByTime(3_005);
    const firsts = new Set<number>();
    for (const times of beats.values()) {
      expect(times).toHaveLength(3);
      expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(990);
      expect(times[1]! - times[0]!).toBeLessThanOrEqual(1_010);
      firsts.add(times[0]! - start);
    }
    expect(beats.size).toBe(100);
    expect(firsts.size).toBeGreaterThan(30);
    heartbeats.remove(0);
    heartbeats.remove(0);
    jest.advanceTimersByTime(1_005);
    expect(beats.get(0)).toHaveLength(3);
    heartbeats.close();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('deadlines are never early, at most a grain late, and survive a long sleep', () => {
    const start = 1_000_003;
    const deadlines = new Deadlines<string>(start);
    deadlines.set('soon', start + 1);
    deadlines.set('later', start + 5_000);
    deadlines.set('past', start - 5_000);
    deadlines.set('never', start + 2);
    deadlines.remove('never');
    deadlines.remove('never');
    expect(deadlines.due(start)).toEqual(['past']);
    expect(deadlines.due(start + 1 + DEADLINE_GRAIN_MS)).toEqual(['soon']);
    expect(deadlines.due(start + 4_999)).toEqual([]);
    expect(deadlines.due(start + 5_000 + DEADLINE_GRAIN_MS)).toEqual(['later']);
    deadlines.set('after', start + 6_000);
    deadlines.set('far', start + 10_000_000_000);
    expect(deadlines.due(start + 9_000_000_000)).toEqual(['after']);
    expect(deadlines.due(start + 10_000_001_000)).toEqual(['far']);
    deadlines.set('again', start);
    expect(deadlines.due(start + 10_000_002_000)).toEqual(['again']);
  });

  test('deadlines follow a clock that jumps, either way', () => {
    const start = 1_000_000;
    const week = 7 * 86_400_000;
    const deadlines = new Deadlines<string>(start);
    deadlines.set('far', start + week + 60_000);
    expect(deadlines.due(start + week)).toEqual([]);
    // Right again: what is set now is due by this clock, not by that one.
    deadlines.set('hour', start + 3_600_000);
    expect(deadlines.due(start + 1_000)).toEqual([]);
    expect(deadlines.due(start + 3_600_000 + DEADLINE_GRAIN_MS)).toEqual(['hour']);
    expect(deadlines.due(start + week + 60_000 + DEADLINE_GRAIN_MS)).toEqual(['far']);
  });

  test('a drain keeps its pace, and a second one can only hurry it', async () => {
    let open = 100;
    const drain = new Drain(() => Date.now(), () => open, (n) => void (open -= n));
    let done = 0;
    void drain.run(1_000).then(() => done++);
    jest.advanceTimersByTime(500);
    expect(open).toBeGreaterThanOrEqual(49);
    expect(open).toBeLessThanOrEqual(51);
    void drain.run(10_000).then(() => done++);
    jest.advanceTimersByTime(250);
    expect(open).toBeLessThanOrEqual(26);
    void drain.run(50).then(() => done++);
    jest.advanceTimersByTime(60);
    await Promise.resolve();
    expect([open, done, jest.getTimerCount()]).toEqual([0, 3, 0]);
    await drain.run(1_000);
    expect(jest.getTimerCount()).toBe(0);
  });
});

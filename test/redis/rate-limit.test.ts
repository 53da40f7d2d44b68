/** Rate limits (GCRA): the arithmetic in TypeScript and in Lua are one, a rate holds whatever comes, and what a caller over it gets. */
import { initTRPC, TRPCError } from '@trpc/server';
import fastify from 'fastify';
import { createHub, RateLimitError, type Hub } from '../../lib/index.js';
import { rateLimitHook } from '../../lib/fastify/index.js';
import { gcra, intervalUs } from '../../lib/internal/gcra.js';
import { RATE } from '../../lib/redis/scripts/rate.js';
import { LocalRates } from '../../lib/server/rate-limit.js';
import { rateLimit } from '../../lib/trpc/index.js';
import { runSeed, withSeed } from '../support/random.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';

let server: RedisServer;
let hub: Hub;
beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => {
  hub = createHub({ engine: 'js' });
});
afterEach(() => hub?.close());
afterAll(() => server?.end());

test('the script says what the arithmetic says, at any time and rate', async () => {
  await withSeed(runSeed(), async (random) => {
    const redis = server.client();
    // By a clock that the test sets; the key would expire by Redis's own.
    const script = RATE.replace("redis.call('TIME')", '{ ARGV[3], ARGV[4] }').replace(/, 'PX', .*\)$/m, ')').replace("redis.call('PTTL', KEYS[1])", '1e12');
    expect(script).toMatch(/ARGV\[3\][^]*following\)\)$/m);
    for (let round = 0; round < 20; round += 1) {
      const rate = { limit: 1 + random.below(random.pick([3, 100, 10_000])), windowMs: 1 + random.below(random.pick([50, 5_000, 86_400_000])), burst: 1 + random.below(random.pick([2, 50])) };
      const interval = intervalUs(rate);
      let [now, end] = [1_764_345_600_000_000 + random.below(1_000_000), undefined as number | undefined];
      for (let call = 0; call < 50; call += 1) {
        const { next, ok, remaining, retryAfterMs } = gcra(end, now, interval, rate.burst);
        const said = await redis.eval(script, 1, `rate-${String(round)}`, interval, rate.burst, Math.floor(now / 1_000_000), now % 1_000_000);
        expect([rate, call, said]).toEqual([rate, call, [Number(ok), remaining, retryAfterMs]]);
        if (ok) end = next;
        now += random.below(random.pick([1, interval, interval * 3]));
        // As it expires: what is over is as if it had never been.
        if (end !== undefined && end <= now) await redis.del(`rate-${String(round)}`);
      }
    }
  });
});

test('at random: never more than burst and the share of the time, and who waits as told is let through', async () => {
  await withSeed(runSeed(), async (random) => {
    for (let round = 0; round < 200; round += 1) {
      const rate = { limit: 1 + random.below(20), windowMs: 100 + random.below(1_000), burst: 1 + random.below(10) };
      let now = 5_000_000;
      const rates = new LocalRates(() => now);
      const passed: number[] = [];
      for (let call = 0; call < 100; call += 1) {
        const { ok, retryAfterMs, remaining } = rates.take('key', rate);
        if (ok) passed.push(now);
        else {
          expect(remaining).toBe(0);
          if (random.chance(0.5)) {
            now += retryAfterMs * 1_000;
            expect(rates.take('key', rate).ok).toBe(true);
            passed.push(now);
          }
        }
        now += random.below(200_000);
      }
      const interval = intervalUs(rate);
      passed.forEach((from, first) => {
        passed.forEach((to, last) => {
          const most = rate.burst + (to - from) / interval;
          if (last > first && last - first + 1 > most) throw new Error(`${String(last - first + 1)} within ${String(to - from)} us, at most ${String(most)}`);
        });
      });
    }
  });
});

test('what is over is forgotten, and 100,000 keys are the most', () => {
  let now = 0;
  const rates = new LocalRates(() => now);
  for (let key = 0; key < 100_010; key += 1) rates.take(String(key), { limit: 1, windowMs: 1_000, burst: 1 });
  expect(rates.size).toBe(100_000);
  now = 2_000_000;
  rates.take('last', { limit: 1, windowMs: 1_000, burst: 1 });
  expect(rates.size).toBe(1);
});

test.each([
  ['', { limit: 1, windowMs: 1 }, /key must not be empty/],
  ['key', { limit: 0, windowMs: 1 }, /limit must be a whole number from 1 to 1000000000, got 0/],
  ['key', { limit: 1 }, /windowMs must be a whole number from 1 to .*, got undefined/],
  ['key', { limit: 1, windowMs: 1, burst: 1.5 }, /burst must be a whole number from 1 to 1000000, got 1.5/],
  ['key', { limit: 1, windowMs: 1, max: 1 }, /rateLimit\(\) has no option "max"; it has: limit, windowMs, burst/],
])('rateLimit(%j, %j) is refused', async (key, options, message) => {
  await expect(hub.rateLimit(key, options as never)).rejects.toThrow(message);
});

test('a burst, then evenly; while Redis is away the node counts by itself', async () => {
  const own = await RedisServer.start();
  const shared = createHub({ engine: 'js', redis: own.client() });
  try {
    await shared.ready();
    const rate = { limit: 10, windowMs: 60_000, burst: 2 };
    expect(await shared.rateLimit('a', rate)).toMatchObject({ ok: true, remaining: 1 });
    expect(await shared.rateLimit('a', rate)).toMatchObject({ ok: true, remaining: 0 });
    expect(await shared.rateLimit('a', rate)).toMatchObject({ ok: false });
    await own.kill();
    await waitFor(() => shared.health().status === 'degraded', 'it to be seen');
    expect(await shared.rateLimit('a', rate)).toMatchObject({ ok: true, remaining: 1 });
    await shared.rateLimit('a', rate);
    expect(await shared.rateLimit('a', rate)).toMatchObject({ ok: false });
  } finally {
    await shared.close({ flushMs: 0 });
    await own.end();
  }
});

test('the middleware of tRPC: TOO_MANY_REQUESTS with the time to wait; who has no key is not counted', async () => {
  const t = initTRPC.context<{ user: string | null }>().create({ isDev: false });
  const limited = t.procedure.use(rateLimit<{ user: string | null }>({ hub, limit: 1, windowMs: 60_000, key: ({ ctx, path }) => ctx.user && `${ctx.user} ${path}` }));
  const router = t.router({ list: limited.query(() => 'ok'), add: limited.mutation(() => 'ok') });
  const ann = t.createCallerFactory(router)({ user: 'ann' });
  expect(await ann.list()).toBe('ok');
  expect(await ann.add()).toBe('ok');
  const thrown = (await ann.list().catch((error: unknown) => error)) as TRPCError;
  expect(thrown).toBeInstanceOf(TRPCError);
  expect(thrown.code).toBe('TOO_MANY_REQUESTS');
  expect(thrown.cause).toBeInstanceOf(RateLimitError);
  expect((thrown.cause as RateLimitError).retryAfterMs).toBeGreaterThan(30_000);
  const nobody = t.createCallerFactory(router)({ user: null });
  for (let i = 0; i < 3; i += 1) expect(await nobody.list()).toBe('ok');
  await hub.close();
  expect(await ann.list()).toBe('ok');
  expect(() => rateLimit({ limit: 1, windowMs: 1 } as never)).toThrow(/rateLimit\(\) needs key/);
});

test('the hook of Fastify: 429 with Retry-After', async () => {
  const app = fastify();
  app.get('/', { onRequest: rateLimitHook({ hub, limit: 1, windowMs: 60_000 }) }, () => 'ok');
  app.get('/free', { onRequest: rateLimitHook({ hub, limit: 1, windowMs: 60_000, key: () => null }) }, () => 'ok');
  expect((await app.inject('/')).statusCode).toBe(200);
  const refused = await app.inject('/');
  expect(refused.statusCode).toBe(429);
  const after = Number(refused.headers['retry-after']);
  expect([after > 30, after <= 60]).toEqual([true, true]);
  expect(refused.json()).toEqual({ error: { code: 'RATE_LIMIT', message: expect.stringMatching(/^Too many calls; the next one is let through in \d+ ms$/) } });
  for (let i = 0; i < 2; i += 1) expect((await app.inject('/free')).statusCode).toBe(200);
  expect(() => rateLimitHook({ limit: 1, windowMs: 1, key: 'ip' as never })).toThrow(/key must be a function/);
  await app.close();
});

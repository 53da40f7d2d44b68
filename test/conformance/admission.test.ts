import type { Engine } from '../../lib/internal/engine.js';
import type { EngineClient } from '../support/engine-client.js';
import { encode } from '../support/actions.js';
import { runSeed, withSeed } from '../support/random.js';
import { timestampOf } from '../support/sse.js';
import { waitFor } from '../support/wait.js';
import { conformance, engines, targets } from './targets.js';

/** The clock's ms move on, so that what follows is later than what came before. */
async function tick(): Promise<void> {
  const now = Date.now();
  await waitFor(() => Date.now() > now + 5, 'the clock to move');
}

async function untilLeases(engine: Engine, count: number): Promise<void> {
  await waitFor(() => engine.metrics().leases === count, `${count} leases`);
}

conformance('Admission', targets, (bench) => {
  const ended = (clients: EngineClient[]): boolean[] => clients.map((client) => client.ended);

  test('SPEC §3, §4: at the user limit a tRPC stream is refused in tRPC’s own shape', async () => {
    const engine = bench().engine({ maxPerUser: 2, retryMs: 1_000 });
    await bench().open(engine);
    await bench().open(engine);
    const refused = await bench().connect(engine, { dialect: 'trpc', trpcPath: 'sync.onSync' });
    await refused.untilEnd();
    expect(refused.trace).toEqual(['connected', 'serialized-error']);
    expect(refused.messages[1]!.raw).toBe(
      'event: serialized-error\ndata: {"message":"Too many connections for this user: 2 of 2","code":-32029,"data":{"code":"TOO_MANY_REQUESTS","httpStatus":429,"path":"sync.onSync"}}\n\n',
    );
    expect(refused.messages[0]!.retry).toBeGreaterThanOrEqual(2_500);
    expect(refused.messages[0]!.retry).toBeLessThanOrEqual(7_500);
    expect(engine.metrics()).toMatchObject({ connections: 2, leases: 2, opened: 2, refusals: { USER_LIMIT: 1, COMPANY_LIMIT: 0, DRAINING: 0 } });
    await waitFor(() => bench().notices.some(({ type }) => type === 'refused'), 'the notice');
    expect(bench().notices).toContainEqual({ type: 'refused', companyId: 'acme', userId: 'u1', code: 'USER_LIMIT' });
  });

  test('SPEC §3: a refusal goes through the transformer, and has no path where none is known', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    await bench().open(engine);
    const refused = await bench().connect(engine, { dialect: 'trpc', transformed: true });
    await refused.untilEnd();
    expect(refused.messages[1]!.data).toBe(
      '{"json":{"message":"Too many connections for this user: 1 of 1","code":-32029,"data":{"code":"TOO_MANY_REQUESTS","httpStatus":429}}}',
    );
  });

  test('SPEC §3, §4: at the company limit a plain stream gets server_close and 5 times the retry', async () => {
    const engine = bench().engine({ maxPerCompany: 2, retryMs: 1_000 });
    await bench().open(engine, { userId: 'a' });
    await bench().open(engine, { userId: 'b' });
    const refused = await bench().connect(engine, { userId: 'c' });
    await refused.untilEnd();
    expect(refused.trace).toEqual(['server_close']);
    const { reason, retryMs } = refused.farewell!;
    expect(reason).toBe('limit');
    expect(retryMs).toBeGreaterThanOrEqual(2_500);
    expect(retryMs).toBeLessThanOrEqual(7_500);
    const [message] = refused.messages;
    expect(message!.raw).toBe(
      `retry: ${retryMs}\nevent: server_close\ndata: {"type":"server_close","timestamp":${timestampOf(message!)},"queryPaths":[],"reason":"limit","retryMs":${retryMs}}\n\n`,
    );
    await bench().open(engine, { userId: 'c', companyId: 'other' });
    expect(engine.metrics().refusals).toMatchObject({ COMPANY_LIMIT: 1 });
  });

  test('SPEC §4: the user’s limit is looked at before the company’s', async () => {
    const engine = bench().engine({ maxPerUser: 1, maxPerCompany: 1 });
    await bench().open(engine);
    const refused = await bench().connect(engine, { dialect: 'trpc' });
    await refused.untilEnd();
    expect(refused.messages[1]!.data).toContain('for this user: 1 of 1');
    const other = await bench().connect(engine, { dialect: 'trpc', userId: 'u2' });
    await other.untilEnd();
    expect(other.messages[1]!.data).toContain('for this company: 1 of 1');
  });

  test('SPEC §4: who leaves makes room', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    for (let i = 0; i < 5; i++) {
      const client = await bench().open(engine);
      client.cut();
      await untilLeases(engine, 0);
    }
    expect(engine.metrics()).toMatchObject({ opened: 5, connections: 0, closes: { gone: 5 } });
  });

  test('SPEC §4: evict-oldest closes the stream of the user that was least recently alive, and tells it', async () => {
    const engine = bench().engine({ maxPerUser: 2, limitPolicy: 'evict-oldest' });
    const other = await bench().open(engine, { userId: 'u2', filter: { modules: ['none'] } });
    await tick();
    const first = await bench().open(engine);
    await tick();
    const second = await bench().open(engine, { filter: { modules: ['none'] } });
    await tick();
    await engine.publish([encode({ id: 'x' })]);
    await first.untilAction('x');
    const third = await bench().open(engine);
    await second.untilEnd();
    expect(second.farewell).toMatchObject({ reason: 'evicted' });
    expect(ended([other, first, second, third])).toEqual([false, false, true, false]);
    expect(engine.metrics()).toMatchObject({ connections: 3, leases: 3, evictions: 1, closes: { evicted: 1 } });
    await waitFor(() => bench().notices.length > 0, 'the notice');
    expect(bench().notices).toContainEqual({ type: 'closed', companyId: 'acme', userId: 'u1', connectionId: second.connectionId, reason: 'evicted' });
  });

  test('SPEC §4: evict-oldest at the company limit closes the stream of the company that was least recently alive', async () => {
    const engine = bench().engine({ maxPerCompany: 2, limitPolicy: 'evict-oldest' });
    const foreign = await bench().open(engine, { companyId: 'other' });
    await tick();
    const first = await bench().open(engine, { userId: 'a' });
    await tick();
    const second = await bench().open(engine, { userId: 'b' });
    await tick();
    const third = await bench().open(engine, { userId: 'c' });
    await first.untilEnd();
    expect(first.farewell).toMatchObject({ reason: 'evicted' });
    expect(ended([foreign, second, third])).toEqual([false, false, false]);
  });

  test('SPEC §4: leases of acquire() are never evicted; where only such are left the newcomer is refused', async () => {
    const engine = bench().engine({ maxPerUser: 2, limitPolicy: 'evict-oldest' });
    expect(await engine.acquire('acme', 'u1')).toMatchObject({ ok: true });
    const stream = await bench().open(engine);
    expect(await engine.acquire('acme', 'u1')).toMatchObject({ ok: true });
    await stream.untilEnd();
    expect(stream.farewell).toMatchObject({ reason: 'evicted' });
    const refused = await bench().connect(engine);
    await refused.untilEnd();
    expect(refused.farewell).toMatchObject({ reason: 'limit' });
    expect(await engine.acquire('acme', 'u1')).toEqual({ ok: false, code: 'USER_LIMIT', limit: 2, current: 2 });
    expect(engine.metrics()).toMatchObject({ leases: 2, evictions: 1, refusals: { USER_LIMIT: 2 } });
  });

  test('SPEC §4: a second stream of a browser instance replaces the first, as if it had gone', async () => {
    const engine = bench().engine({ maxPerUser: 1, maxPerCompany: 3 });
    const otherUser = await bench().open(engine, { userId: 'u2', instanceId: 'tab' });
    const otherCompany = await bench().open(engine, { companyId: 'other', instanceId: 'tab' });
    const first = await bench().open(engine, { instanceId: 'tab' });
    const second = await bench().open(engine, { instanceId: 'tab' });
    await first.untilEnd();
    expect(first.farewell).toMatchObject({ reason: 'replaced' });
    expect(ended([otherUser, otherCompany, second])).toEqual([false, false, false]);
    const refused = await bench().connect(engine, { instanceId: 'other tab' });
    await refused.untilEnd();
    expect(refused.farewell).toMatchObject({ reason: 'limit' });
    expect(engine.metrics()).toMatchObject({ connections: 3, replacements: 1, evictions: 0, closes: { replaced: 1 } });
    second.cut();
    await untilLeases(engine, 2);
    const third = await bench().open(engine, { instanceId: 'tab' });
    expect(third.ended).toBe(false);
    expect(engine.metrics().replacements).toBe(1);
  });

  test('SPEC §4: a lower generation than the living stream of its instance is turned away with replaced, and takes no seat; any other one replaces it', async () => {
    const engine = bench().engine({ maxPerUser: 2 });
    const living = await bench().open(engine, { instanceId: 'tab', generation: 7 });
    const late = await bench().connect(engine, { instanceId: 'tab', generation: 6 });
    await late.untilEnd();
    expect([late.hello?.type, late.farewell]).toMatchObject(['hello', { reason: 'replaced' }]);
    expect(living.ended).toBe(false);
    // Others of their own, and lives that are not said, know no order.
    const other = await bench().open(engine, { instanceId: 'tab 2', generation: 1 });
    expect(engine.metrics()).toMatchObject({ connections: 2, leases: 2, replacements: 0, closes: { replaced: 1 } });
    const same = await bench().open(engine, { instanceId: 'tab', generation: 7 });
    const unsaid = await bench().open(engine, { instanceId: 'tab' });
    const lower = await bench().open(engine, { instanceId: 'tab', generation: 0 });
    const greatest = await bench().open(engine, { instanceId: 'tab', generation: Number.MAX_SAFE_INTEGER });
    for (const each of [living, same, unsaid, lower]) {
      await each.untilEnd();
      expect(each.farewell).toMatchObject({ reason: 'replaced' });
    }
    expect(ended([other, greatest])).toEqual([false, false]);
    expect(engine.metrics()).toMatchObject({ connections: 2, replacements: 4 });
  });

  test('SPEC §4: hostile instance ids do not meet', async () => {
    const engine = bench().engine();
    const specs = [
      { userId: 'a', instanceId: 'b:c' }, { userId: 'a:b', instanceId: 'c' }, { userId: 'a', instanceId: '__proto__' },
      { userId: '__proto__', instanceId: 'a' }, { userId: 'a', instanceId: '"]' }, { userId: 'a"', instanceId: ']' },
    ];
    const clients = await Promise.all(specs.map(async (spec) => await bench().open(engine, spec)));
    expect(ended(clients)).toEqual(specs.map(() => false));
    expect(engine.metrics().replacements).toBe(0);
  });

  test('SPEC §4, §6: a stream that has expired already takes no seat, replaces and evicts nobody', async () => {
    const engine = bench().engine({ maxPerUser: 1, limitPolicy: 'evict-oldest' });
    const living = await bench().open(engine, { instanceId: 'tab' });
    const expired = await bench().connect(engine, { instanceId: 'tab', expiresAt: Date.now() - 1 });
    await expired.untilEnd();
    expect(expired.farewell).toMatchObject({ reason: 'auth_expired' });
    expect(living.ended).toBe(false);
    expect(engine.metrics()).toMatchObject({ leases: 1, connections: 1, replacements: 0, evictions: 0, refusals: { USER_LIMIT: 0 } });
  });

  test('SPEC §4: an observer inside the app takes no seat and is never evicted', async () => {
    const engine = bench().engine({ maxPerUser: 1, limitPolicy: 'evict-oldest' });
    const observer = await bench().open(engine, { uncounted: true });
    await tick();
    const first = await bench().open(engine);
    await tick();
    const second = await bench().open(engine);
    await first.untilEnd();
    expect(ended([observer, second])).toEqual([false, false]);
    expect(engine.metrics()).toMatchObject({ leases: 1, connections: 2 });
  });

  test('SPEC §4: 0 means no limit', async () => {
    const engine = bench().engine({ maxPerUser: 0, maxPerCompany: 0 });
    const clients = await Promise.all(Array.from({ length: 60 }, async () => await bench().open(engine)));
    expect(clients.some((client) => client.ended)).toBe(false);
    expect(engine.metrics().connections).toBe(60);
  });
});

conformance('Leases', engines, (bench) => {
  test('SPEC §4: acquire and release count like a stream; release is idempotent', async () => {
    const engine = bench().engine({ maxPerUser: 2, maxPerCompany: 3 });
    const leases: string[] = [];
    for (const userId of ['a', 'a', 'b']) {
      const outcome = await engine.acquire('acme', userId);
      if (outcome.ok) leases.push(outcome.leaseId);
    }
    expect(new Set(leases).size).toBe(3);
    expect(await engine.acquire('acme', 'a')).toEqual({ ok: false, code: 'USER_LIMIT', limit: 2, current: 2 });
    expect(await engine.acquire('acme', 'b')).toEqual({ ok: false, code: 'COMPANY_LIMIT', limit: 3, current: 3 });
    const refused = await bench().connect(engine, { userId: 'c' });
    await refused.untilEnd();
    expect(refused.farewell).toMatchObject({ reason: 'limit' });
    await Promise.all([engine.release(leases[0]!), engine.release(leases[0]!), engine.release('nonsense'), engine.release('')]);
    expect(engine.metrics().leases).toBe(2);
    expect(await engine.acquire('acme', 'c')).toMatchObject({ ok: true });
    expect(await engine.acquire('acme', 'c')).toMatchObject({ ok: false, code: 'COMPANY_LIMIT' });
  });

  test('SPEC §4: the id of a stream is no lease that could be released', async () => {
    const engine = bench().engine({ maxPerUser: 1 });
    const client = await bench().open(engine);
    await engine.release(client.connectionId);
    // A native lease is its serial number and its slot.
    for (let i = 0; i < 20; i++) for (const id of [BigInt(i), BigInt(i) << 32n, (BigInt(i) << 32n) + 1n]) await engine.release(String(id));
    expect(engine.metrics().leases).toBe(1);
    expect(client.ended).toBe(false);
  });

  test('G7: 100,000 racing acquires and releases over limits of 5 and 50: never one too many, none held at the end', async () => {
    await withSeed(runSeed(), async (random) => {
      const engine = bench().engine({ maxPerUser: 5, maxPerCompany: 50 });
      const held = new Map<string, number>();
      const owned: { leaseId: string; key: string; companyId: string }[] = [];
      let worst = 0;
      let granted = 0;
      const count = (key: string, by: number): number => {
        const next = (held.get(key) ?? 0) + by;
        held.set(key, next);
        return next;
      };
      const grab = async (companyId: string, userId: string): Promise<void> => {
        const outcome = await engine.acquire(companyId, userId);
        if (!outcome.ok) return;
        granted++;
        const key = JSON.stringify([companyId, userId]);
        worst = Math.max(worst, count(key, 1) / 5, count(companyId, 1) / 50);
        owned.push({ leaseId: outcome.leaseId, key, companyId });
      };
      const give = async (): Promise<void> => {
        const [lease] = owned.splice(random.below(owned.length), 1);
        if (!lease) return;
        // Counted down before the engine does it: our count is never above the engine's.
        count(lease.key, -1);
        count(lease.companyId, -1);
        await Promise.all([engine.release(lease.leaseId), engine.release(lease.leaseId)]);
      };
      for (let round = 0; round < 100; round++) {
        const work: Promise<void>[] = [];
        for (let i = 0; i < 1_000; i++) {
          work.push(grab(`c${random.below(3)}`, `u${random.below(15)}`));
          if (random.chance(0.5)) work.push(give());
        }
        await Promise.all(work);
      }
      expect(worst).toBeLessThanOrEqual(1);
      expect(granted).toBeGreaterThan(1_000);
      expect(engine.metrics().leases).toBe(owned.length);
      await Promise.all(owned.map(async ({ leaseId }) => await engine.release(leaseId)));
      expect(engine.metrics().leases).toBe(0);
    });
  });
});

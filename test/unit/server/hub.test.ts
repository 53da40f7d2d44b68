/**
 * Each public call of a hub, in each state: open, draining, closed; and that no call about an action ever throws or
 * rejects, whatever it is given.
 */
import superjson from 'superjson';
import {
  createHub,
  isPathcastError,
  PathcastError,
  SSEConnectionLimitError,
  type Hub,
  type HubEvents,
} from '../../../lib/index.js';
import { ENGINES } from '../../support/engines.js';
import { waitFor } from '../../support/wait.js';

const action = (fields: object = {}) => ({
  type: 'update' as const,
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'u1',
  queryPaths: ['guests.getAll'],
  ...fields,
});
const ann = { companyId: 'acme', userId: 'ann' };

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ engine, limits: { perUser: 2, perCompany: 3 } });
  });
  afterEach(() => hub.close());

  test('says which engine runs, and its name', () => {
    expect(hub.engine).toBe(engine);
    expect(hub.metrics()).toMatchObject({ engine, hubId: hub.id, connections: 0 });
  });

  describe('broadcast', () => {
    test('order, epoch and duplicates', async () => {
      const first = await hub.broadcast(action({ id: 'a' }));
      expect(first).toEqual({ ok: true, seq: 1, epoch: expect.stringMatching(/^[0-9a-f]{12}$/) as string });
      expect(await hub.broadcastSync(action({ id: 'b' }))).toMatchObject({ ok: true, seq: 2 });
      expect(await hub.broadcast(action({ id: 'a' }))).toEqual({ ...first, duplicate: true });
      expect(await hub.broadcast(action({ id: 'a', companyId: 'other' }))).toMatchObject({ ok: true, seq: 1 });
    });

    test('works without its hub in front of it', async () => {
      const { broadcastSync, broadcastMany, ephemeral } = hub;
      expect(await broadcastSync(action())).toMatchObject({ ok: true });
      expect(await broadcastMany([action()])).toMatchObject([{ ok: true }]);
      expect(ephemeral({ companyId: 'acme', topic: 't' })).toEqual({ ok: true });
    });

    test.each<[string, () => unknown]>([
      ['null', () => null],
      ['undefined', () => undefined],
      ['a number', () => 5],
      [
        'a getter that throws',
        () => ({
          get companyId() {
            throw new Error('boom');
          },
        }),
      ],
      [
        'a getter that throws null',
        () => ({
          get type() {
            throw null;
          },
        }),
      ],
      [
        'a revoked proxy',
        () => {
          const { proxy, revoke } = Proxy.revocable({}, {});
          revoke();
          return proxy;
        },
      ],
      [
        'revoked query paths',
        () => {
          const { proxy, revoke } = Proxy.revocable([], {});
          revoke();
          return action({ queryPaths: proxy });
        },
      ],
      [
        'query paths with a lying length',
        () =>
          action({ queryPaths: new Proxy(['a'], { get: (t, k) => (k === 'length' ? 2 ** 31 : Reflect.get(t, k)) }) }),
      ],
      [
        'an error whose message throws',
        () => ({
          get companyId() {
            throw Object.defineProperty(new Error(), 'message', {
              get() {
                throw new Error('again');
              },
            });
          },
        }),
      ],
      ['a BigInt in data', () => action({ data: 1n })],
    ])('%s gets ok: false', async (_name, make) => {
      const heard: HubEvents['error'][] = [];
      hub.on('error', (failure) => heard.push(failure));
      const result = await hub.broadcast(make() as never);
      expect(result).toMatchObject({
        ok: false,
        code: expect.stringMatching(/^(INVALID_|NOT_)/) as string,
        message: expect.any(String) as string,
      });
      expect(heard).toEqual([
        {
          during: 'broadcast',
          error: expect.objectContaining({ code: result.ok ? '' : result.code }) as PathcastError,
        },
      ]);
      expect(Object.values(hub.metrics().failures)).toEqual([1]);
    });

    test('a missing userId is told, and is no reason to skip', async () => {
      const warnings: HubEvents['warning'][] = [];
      hub.on('warning', (warning) => warnings.push(warning));
      expect(await hub.broadcast(action({ id: 'a', userId: null }))).toMatchObject({ ok: true });
      expect(warnings).toEqual([
        { field: 'userId', message: expect.any(String) as string, companyId: 'acme', actionId: 'a', module: 'guests' },
      ]);
      expect(hub.metrics().warnings).toBe(1);
    });

    test('declared modules are checked', async () => {
      const own = createHub({ engine, modules: ['guests', 'budget'] });
      expect(await own.broadcast({ ...action(), module: 'guests' })).toMatchObject({ ok: true });
      // @ts-expect-error the module is not one of the declared
      expect(await own.broadcast({ ...action(), module: 'hotels' as const })).toMatchObject({
        ok: false,
        code: 'INVALID_FIELD',
      });
      await own.close();
    });
  });

  describe('broadcastMany', () => {
    test('results by index, in order, the bad ones kept apart', async () => {
      const results = await hub.broadcastMany([
        action(),
        null as never,
        action({ companyId: 'other' }),
        action({ type: 'no' }),
        action(),
      ] as never);
      expect(results).toMatchObject([
        { ok: true, seq: 1 },
        { ok: false, code: 'INVALID_FIELD' },
        { ok: true, seq: 1 },
        { ok: false, code: 'INVALID_FIELD' },
        { ok: true, seq: 2 },
      ]);
    });

    test('more than one hand-over keeps the order, and a call after it comes after it', async () => {
      const many = hub.broadcastMany(Array.from({ length: 10_050 }, () => action()));
      const after = hub.broadcast(action());
      expect((await many).map((result) => result.ok && result.seq)).toEqual(
        Array.from({ length: 10_050 }, (_, i) => i + 1),
      );
      expect(await after).toMatchObject({ ok: true, seq: 10_051 });
    });

    test('what is no array', async () => {
      expect(await hub.broadcastMany(null as never)).toMatchObject([{ ok: false, code: 'INVALID_FIELD' }]);
      const { proxy, revoke } = Proxy.revocable<never[]>([], {});
      revoke();
      expect(await hub.broadcastMany(proxy)).toMatchObject([{ ok: false }]);
      expect(await hub.broadcastMany([])).toEqual([]);
    });
  });

  describe('stream', () => {
    test('hello, actions with their ids, ephemeral ones repeating them', async () => {
      const stream = hub.stream({ ...ann, tracked: (id, event) => ({ id, event }) as never });
      const next = async (): Promise<Record<string, unknown>> =>
        (await stream.next()).value as unknown as Record<string, unknown>;
      expect(await next()).toMatchObject({ event: { type: 'hello', reason: 'fresh' } });
      const sent = await hub.broadcast(action({ data: { a: 1 } }));
      if (!sent.ok) throw new Error(sent.message);
      expect(await next()).toMatchObject({ id: `${sent.epoch}.1`, event: { type: 'update', seq: 1, data: { a: 1 } } });
      hub.ephemeral({ companyId: 'acme', topic: 'typing', data: 'x' });
      expect(await next()).toMatchObject({
        id: `${sent.epoch}.1`,
        event: { type: 'ephemeral', topic: 'typing', data: 'x' },
      });
      await stream.return(undefined);
      await waitFor(() => hub.metrics().connections === 0, 'the stream to be gone');
    });

    test('opens at the call, not at the first next()', async () => {
      const stream = hub.stream(ann);
      await hub.broadcast(action({ id: 'early' }));
      expect((await stream.next()).value).toMatchObject({ type: 'hello' });
      expect((await stream.next()).value).toMatchObject({ id: 'early' });
      await stream.return(undefined);
    });

    test('a signal ends it, also one that is aborted already', async () => {
      const cut = new AbortController();
      const stream = hub.stream({ ...ann, signal: cut.signal });
      await stream.next();
      const waiting = stream.next();
      cut.abort();
      expect((await waiting).done).toBe(true);
      await waitFor(() => hub.metrics().connections === 0, 'the stream to be gone');
      expect((await hub.stream({ ...ann, signal: cut.signal }).next()).done).toBe(true);
      expect(hub.metrics().opened).toBe(1);
    });

    test('superjson dates arrive', async () => {
      const own = createHub({ engine, transformer: superjson });
      const stream = own.stream(ann);
      await stream.next();
      await own.broadcast(action({ data: { at: new Date(5) } }));
      expect((await stream.next()).value).toMatchObject({ data: { at: new Date(5) } });
      own.ephemeral({ companyId: 'acme', topic: 't', data: new Map([[1, 2]]) });
      expect((await stream.next()).value).toMatchObject({ data: new Map([[1, 2]]) });
      await own.close();
    });

    test('limits throw a code; a drain and an eviction end it with a reason', async () => {
      const streams = [hub.stream(ann), hub.stream(ann)];
      for (const stream of streams) await stream.next();
      await expect(hub.stream(ann).next()).rejects.toMatchObject({ code: 'USER_LIMIT', retryable: true });
      const other = hub.stream({ companyId: 'acme', userId: 'bob' });
      await other.next();
      await expect(hub.stream({ companyId: 'acme', userId: 'cid' }).next()).rejects.toMatchObject({
        code: 'COMPANY_LIMIT',
      });
      expect(await hub.disconnect({ userId: 'bob' })).toBe(1);
      await expect(other.next()).rejects.toMatchObject({ code: 'STREAM_CLOSED', reason: 'revoked' });
      await hub.drain({ overMs: 0 });
      // Pings may come before the end: who was refused waited for a ghost of this user.
      for (const stream of streams) {
        const rest = async (): Promise<void> => {
          for (let next = await stream.next(); !next.done; next = await stream.next()) expect(next.value.type).toBe('ping');
        };
        await expect(rest()).rejects.toMatchObject({ code: 'STREAM_CLOSED', reason: 'drain' });
      }
      await expect(hub.stream(ann).next()).rejects.toMatchObject({ code: 'DRAINING' });
    });

    test('an instance replaces itself', async () => {
      const first = hub.stream({ ...ann, clientInstanceId: 'tab' });
      await first.next();
      const second = hub.stream({ ...ann, clientInstanceId: 'tab' });
      expect((await second.next()).value).toMatchObject({ type: 'hello' });
      await expect(first.next()).rejects.toMatchObject({ reason: 'replaced' });
      await second.return(undefined);
    });

    test('expiresAt', async () => {
      const stream = hub.stream({ ...ann, expiresAt: new Date(Date.now() - 1) });
      await stream.next();
      await expect(stream.next()).rejects.toMatchObject({ reason: 'auth_expired' });
    });

    test.each<[string, object, string]>([
      ['companyId null', { companyId: null }, 'INVALID_COMPANY_ID'],
      ['companyId empty', { companyId: '' }, 'INVALID_COMPANY_ID'],
      ['userId missing', { userId: undefined }, 'INVALID_FIELD'],
      ['an unknown option', { filters: {} }, 'INVALID_OPTION'],
      ['an unknown dialect', { dialect: 'ws' }, 'INVALID_FIELD'],
      ['an unknown filter', { filter: { module: 'x' } }, 'INVALID_OPTION'],
      ['an expiry that is none', { expiresAt: new Date('no') }, 'INVALID_FIELD'],
      ['a path that is no text', { path: 5 }, 'INVALID_FIELD'],
      ['ids that are no boolean', { ids: 'no' }, 'INVALID_FIELD'],
      ['an instance that is too long', { clientInstanceId: 'x'.repeat(300) }, 'INVALID_FIELD'],
    ])('%s throws at once', (_name, fields, code) => {
      expect(() => hub.stream({ ...ann, ...fields })).toThrow(expect.objectContaining({ code }) as Error);
      expect(hub.metrics().opened).toBe(0);
    });
  });

  describe('connections', () => {
    test('acquire counts as a stream does; release() is idempotent', async () => {
      const guards = [await hub.acquire({ companyId: 'acme', userId: 'ann' }), await hub.acquire({ companyId: 'acme', userId: 'ann' })];
      const refused = await hub.acquire({ companyId: 'acme', userId: 'ann' }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(SSEConnectionLimitError);
      expect(refused).toBeInstanceOf(PathcastError);
      expect(refused).toMatchObject({
        name: 'SSEConnectionLimitError',
        code: 'USER_LIMIT',
        scope: 'user',
        limit: 2,
        current: 2,
        message: 'Too many connections for this user: 2 of 2',
      });
      await Promise.all([guards[0]?.release(), guards[0]?.release()]);
      await guards[0]?.release();
      expect(hub.metrics().leases).toBe(1);
      await guards[1]?.[Symbol.asyncDispose]();
      expect(hub.metrics().leases).toBe(0);
      await expect(hub.acquire({ companyId: '', userId: 'ann' })).rejects.toMatchObject({ code: 'INVALID_COMPANY_ID' });
      await expect(hub.acquire({ companyId: 'acme', userId: null as never })).rejects.toMatchObject({ code: 'INVALID_FIELD' });
      await expect(hub.acquire(null as never)).rejects.toThrow('acquire() takes { companyId, userId }, got null');
      await expect(hub.acquire({ ...ann, user: 'ann' } as never)).rejects.toThrow('acquire() has no option "user"');
      // The former form, which apps have.
      const former = hub.acquire.bind(hub) as unknown as (companyId: string, userId?: string) => ReturnType<typeof hub.acquire>;
      const guard = await former('acme', 'ann');
      expect(hub.metrics().leases).toBe(1);
      await guard.release();
      await expect(former('acme')).rejects.toMatchObject({ code: 'INVALID_FIELD' });
      expect(hub.metrics().leases).toBe(0);
    });

    test.each<[unknown, unknown, string]>([
      [{}, 'revoked', 'INVALID_FIELD'],
      [null, 'revoked', 'INVALID_FIELD'],
      [{ userId: '' }, 'revoked', 'INVALID_FIELD'],
      [{ userId: undefined, companyId: 'acme' }, 'revoked', 'INVALID_FIELD'],
      [{ company: 'acme' }, 'revoked', 'INVALID_OPTION'],
      [{ companyId: 'acme' }, 'because', 'INVALID_FIELD'],
    ])('disconnect(%p, %p) is refused: it must not end more than was meant', async (match, reason, code) => {
      await expect(hub.disconnect(match as never, reason as never)).rejects.toMatchObject({ code });
    });

    test.each([{ overMs: -1 }, { overMs: 'x' }, { over: 5 }, null])('drain(%p) is refused', async (options) => {
      await expect(hub.drain(options as never)).rejects.toMatchObject({
        code: expect.stringMatching(/^INVALID_/) as string,
      });
    });

    // Infinity ended nobody and never came back.
    test.each([-1, NaN, Infinity, 3_600_001, 'x', null, undefined, 1n])('endStreams(%p) is refused', async (overMs) => {
      await expect(hub.endStreams(overMs as never)).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(/^overMs must be a number from 0 to 3600000, got /) as string,
      });
    });
  });

  test('events: notices of the engine, and listeners that throw', async () => {
    const seen: string[] = [];
    hub.on('refused', ({ code }) => seen.push(`refused ${code}`));
    hub.on('closed', ({ reason }) => seen.push(`closed ${reason}`));
    hub.on('error', ({ during, error }) => seen.push(`${during} ${error.message}`));
    hub.on('closed', () => {
      throw new Error('mine');
    });
    for (let i = 0; i < 2; i++) await hub.stream(ann).next();
    await hub
      .stream(ann)
      .next()
      .catch(() => undefined);
    await hub.disconnect(ann);
    await waitFor(() => seen.length === 5, `five events, got ${seen.join()}`);
    expect(seen.sort()).toEqual([
      'closed revoked',
      'closed revoked',
      'listener mine',
      'listener mine',
      'refused USER_LIMIT',
    ]);
  });

  test('after close: results say so, streams end, nothing is left, and closing again is nothing', async () => {
    const stream = hub.stream(ann);
    await stream.next();
    const waiting = stream.next();
    waiting.catch(() => undefined);
    const late = hub.broadcast(action());
    await Promise.all([hub.close(), hub.close(), hub[Symbol.asyncDispose]()]);
    // Handed over before the close, or refused by it: either way it has an answer.
    expect(typeof (await late).ok).toBe('boolean');
    // What the stream still says before its end, or that it is over; never a hang.
    await waiting.then(() => stream.next()).catch((error: unknown) => expect(isPathcastError(error)).toBe(true));

    expect(await hub.broadcast(action())).toEqual({ ok: false, code: 'HUB_CLOSED', message: 'the hub is closed' });
    expect(await hub.broadcastMany([action(), action()])).toMatchObject([
      { code: 'HUB_CLOSED' },
      { code: 'HUB_CLOSED' },
    ]);
    expect(hub.ephemeral({ companyId: 'acme', topic: 't' })).toMatchObject({ ok: false, code: 'HUB_CLOSED' });
    expect(() => hub.stream(ann)).toThrow(expect.objectContaining({ code: 'HUB_CLOSED' }) as Error);
    await expect(hub.acquire({ companyId: 'acme', userId: 'ann' })).rejects.toMatchObject({ code: 'HUB_CLOSED' });
    await expect(hub.readLog('acme')).rejects.toMatchObject({ code: 'HUB_CLOSED' });
    expect(await hub.disconnect({ companyId: 'acme' })).toBe(0);
    await hub.drain({ overMs: 5 });
    expect(hub.metrics().connections).toBe(0);
    expect(hub.closed).toBe(true);
  });
});

test('an error of another copy of the package is one of ours', () => {
  const foreign = Object.defineProperty(new Error('x'), Symbol.for('pathcast.error'), { value: true });
  expect(foreign).toBeInstanceOf(PathcastError);
  expect(foreign).not.toBeInstanceOf(SSEConnectionLimitError);
  expect(new Error('x')).not.toBeInstanceOf(PathcastError);
  expect(isPathcastError(null)).toBe(false);
  expect(new PathcastError('USER_LIMIT', 'x', { cause: 1 })).toMatchObject({ cause: 1, number: 3001, retryable: true });
});

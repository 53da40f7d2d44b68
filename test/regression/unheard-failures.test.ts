/**
 * A lost broadcast printed nothing where an app had no listener, which is how an app begins. The first failure of a kind is now
 * a warning of the process, never a second; not where somebody listens, or where the hub has a logger. What runs as one of
 * many says once that the others will not hear it: `ok: true` was all that a worker's broadcast said, and no stream heard it.
 * Warnings printed nothing at all; a Fastify without a logger has one that swallows everything, and counted as somebody who hears;
 * an async logger or listener that rejected ended the process.
 */
import { Worker } from 'node:worker_threads';
import { initTRPC, TRPCError } from '@trpc/server';
import Fastify from 'fastify';
import path from 'node:path';
import { createHub, type Hub, type HubOptions } from '../../lib/index.js';
import { pathcastPlugin } from '../../lib/fastify/index.js';
import { oneOfMany } from '../../lib/server/alone.js';
import { createSync } from '../../lib/trpc/index.js';

const change = {
  type: 'update',
  module: 'guests',
  entityId: 'g',
  companyId: 'acme',
  userId: 'u',
  queryPaths: ['a.b'],
} as const;
const lost = { ...change, companyId: null as never };

const hubs: Hub[] = [];
const open = (options: HubOptions = {}): Hub => {
  const hub = createHub({ engine: 'js', ...options });
  hubs.push(hub);
  return hub;
};
let warn: jest.SpyInstance;
beforeEach(() => {
  warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});
afterEach(async () => {
  warn.mockRestore();
  await Promise.all(hubs.splice(0).map((hub) => hub.close()));
});

test('the first failure of a kind is a warning of the process, and no other', async () => {
  const hub = open();
  for (let i = 0; i < 3; i++) await hub.broadcast(lost);
  expect(warn.mock.calls).toEqual([
    [
      expect.stringMatching(/^pathcast: broadcast failed: companyId must be a string, got null .*'error' event/),
      { type: 'PathcastWarning', code: 'PATHCAST_UNHEARD' },
    ],
  ]);
  await hub.broadcast({ ...change, type: 'upsert' as never });
  hub.ephemeral({ companyId: 'acme', topic: '' });
  expect(warn).toHaveBeenCalledTimes(3);
  expect(hub.metrics()).toMatchObject({
    failures: { INVALID_COMPANY_ID: 3, INVALID_FIELD: 2 },
    errors: { broadcast: 4, ephemeral: 1 },
  });
  // A process that ends is not told what comes too late.
  await hub.close();
  await hub.broadcast(change);
  expect(warn).toHaveBeenCalledTimes(3);
});

test('not where somebody listens, and again when nobody does', async () => {
  const hub = open();
  const stop = hub.on('error', () => undefined);
  await hub.broadcast(lost);
  expect(warn).not.toHaveBeenCalled();
  stop();
  await hub.broadcast(lost);
  expect(warn).toHaveBeenCalledTimes(1);
});

test('a logger hears each failure and each warning, also beside a listener; one that throws fails nothing', async () => {
  const lines: [string, object, string][] = [];
  const logger = {
    warn: (data: object, text: string) => void lines.push(['warn', data, text]),
    error: (data: object, text: string) => void lines.push(['error', data, text]),
  };
  const hub = open({ logger });
  hub.on('error', () => undefined);
  await hub.broadcast(lost);
  await hub.broadcast(lost);
  await hub.broadcast({ ...change, userId: null });
  expect(lines).toEqual([
    ...Array<unknown>(2).fill([
      'error',
      { err: expect.any(Error) as Error, during: 'broadcast', code: 'INVALID_COMPANY_ID' },
      'pathcast: broadcast failed: companyId must be a string, got null',
    ]),
    [
      'warn',
      expect.objectContaining({ field: 'userId', companyId: 'acme' }),
      expect.stringContaining('userId is missing'),
    ],
  ]);
  expect(warn).not.toHaveBeenCalled();
  const broken = open({
    logger: {
      warn: () => {
        throw new Error('disk full');
      },
      error: () => {
        throw new Error('disk full');
      },
    },
  });
  expect(await broken.broadcast(lost)).toMatchObject({ ok: false, code: 'INVALID_COMPANY_ID' });
  expect(await broken.broadcast({ ...change, userId: null })).toMatchObject({ ok: true });
});

test('the first warning of a kind is one of the process too', async () => {
  const hub = open();
  const t = initTRPC.create();
  const sync = createSync({
    hub,
    rules: { companyId: () => 'acme', userId: () => 'u', clientId: null },
  });
  const run = <T>(work: () => Promise<T>): Promise<T> => sync.transaction((body) => body({}), work);
  const m = t.procedure.use(sync.middleware());
  const router = t.router({
    a: t.router({
      b: t.procedure.query(() => 1),
      c: t.procedure.query(() => 1),
      byHand: m.mutation(() => hub.broadcast({ ...change, queryPaths: ['a.c'] })),
      fail: m.mutation(async () => {
        await run(async () => 1);
        throw new TRPCError({ code: 'CONFLICT' });
      }),
    }),
  });
  await sync.bind(router as never, { mutations: { 'a.byHand': ['a.b'], 'a.fail': ['a.b'] } } as never);
  const caller = router.createCaller({});
  for (let i = 0; i < 2; i++) {
    await hub.broadcast({ ...change, queryPaths: [`a.typo${i}`] });
    await hub.broadcast({ ...change, userId: null });
    await caller.a.byHand();
    await caller.a.fail().catch(() => undefined);
    await run(() => hub.broadcast(change));
    await sync.settled();
  }
  const kinds = [
    /"a\.typo0" is no query/,
    /userId is missing/,
    /left out what/,
    /had committed a transaction/,
    /still open/,
  ];
  expect(warn.mock.calls).toEqual(
    kinds.map((text) => [
      expect.stringMatching(new RegExp(`^pathcast: .*${text.source}.*'warning' event, and it has no logger`)),
      { type: 'PathcastWarning', code: 'PATHCAST_WARNING' },
    ]),
  );
  const heard = open();
  heard.on('warning', () => undefined);
  await heard.broadcast({ ...change, userId: null });
  expect(warn).toHaveBeenCalledTimes(kinds.length);
});

test.each([
  ['none', {}, 1],
  ['false', { logger: false }, 1],
  ['one that is silent', { logger: { level: 'silent' } }, 1],
  ['one that writes', { logger: { level: 'error', stream: { write: () => undefined } } }, 0],
] as const)('an app of Fastify whose logger is %s', async (_name, options, told) => {
  const hub = open();
  const app = Fastify(options);
  await app.register(pathcastPlugin, { hub, path: false });
  await app.ready();
  await hub.broadcast(lost);
  expect(warn).toHaveBeenCalledTimes(told);
  // Of two servers the one that hears is told.
  const lines: string[] = [];
  const other = Fastify({
    logger: {
      level: 'error',
      stream: { write: (line: string) => void lines.push(line) },
    },
  });
  await other.register(pathcastPlugin, { hub, path: false });
  const last = Fastify();
  await last.register(pathcastPlugin, { hub, path: false });
  await last.ready();
  hub.ephemeral({ companyId: 'acme', topic: '' });
  expect([lines.length, warn.mock.calls.length]).toEqual([1, told]);
  await Promise.all([app.close(), other.close(), last.close()]);
});

test('a logger or a listener that rejects ends nothing; of a listener it is told', async () => {
  const down = (() => Promise.reject(new Error('log service down'))) as () => unknown;
  const unhandled: unknown[] = [];
  const note = (thrown: unknown): void => void unhandled.push(thrown);
  process.on('unhandledRejection', note);
  try {
    const logged = open({ logger: { warn: down, error: down } });
    const listened = open();
    const failures: string[] = [];
    listened.on('error', down);
    listened.on('warning', down);
    listened.on('error', ({ during }) => void failures.push(during));
    const sync = createSync({ hub: listened });
    sync.observe({ mutationEnded: down });
    const t = initTRPC.create();
    const router = t.router({
      a: t.router({ b: t.procedure.use(sync.middleware()).mutation(() => 1) }),
    });
    for (const hub of [logged, listened]) {
      await hub.broadcast(lost);
      await hub.broadcast({ ...change, userId: null });
    }
    await router.createCaller({}).a.b();
    await sync.settled();
    // Node tells of a rejection when the microtasks of its turn are done.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
    expect(failures.filter((during) => during === 'listener').length).toBeGreaterThanOrEqual(2);
  } finally {
    process.removeListener('unhandledRejection', note);
  }
});

describe('one of many', () => {
  test('who is', () => {
    expect(oneOfMany({})).toBeUndefined();
    expect(oneOfMany({ NODE_APP_INSTANCE: '3' })).toContain('instance 3');
    expect(oneOfMany({ NODE_APP_INSTANCE: '0', instances: '1' })).toBeUndefined();
  });

  test('says once, at its first broadcast, that the others hear nothing of it', async () => {
    process.env['NODE_APP_INSTANCE'] = '2';
    try {
      const hub = open();
      expect(warn).not.toHaveBeenCalled();
      for (let i = 0; i < 2; i++) expect(await hub.broadcast(change)).toMatchObject({ ok: true });
      expect(warn.mock.calls).toEqual([
        [expect.stringContaining('only streams of this very one hear its broadcasts'), expect.anything()],
      ]);
      const heard: string[] = [];
      const told = open();
      told.on('warning', ({ message }) => void heard.push(message));
      await told.broadcast(change);
      await told.broadcastMany([change]);
      expect([heard.length, warn.mock.calls.length]).toEqual([1, 1]);
    } finally {
      delete process.env['NODE_APP_INSTANCE'];
    }
  });

  test('a worker thread is one', async () => {
    const code = `
      const { parentPort } = require('node:worker_threads');
      const { createHub } = require(${JSON.stringify(path.resolve(__dirname, '../../dist/cjs/index.js'))});
      const hub = createHub({ engine: 'js' });
      const heard = [];
      hub.on('warning', ({ message }) => heard.push(message));
      hub.broadcast(${JSON.stringify(change)})
        .then((result) => parentPort.postMessage([result.ok, heard]))
        .then(() => hub.close());
    `;
    const worker = new Worker(code, { eval: true });
    const said = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(said).toEqual([true, [expect.stringContaining('the hub runs in a worker thread')]]);
    await worker.terminate();
  });
});

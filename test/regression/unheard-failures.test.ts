/**
 * A lost broadcast printed nothing where an app had no listener, which is how an app begins. The first failure of a kind is now
 * a warning of the process, never a second; not where somebody listens, or where the hub has a logger. What runs as one of
 * many says once that the others will not hear it: `ok: true` was all that a worker's broadcast said, and no stream heard it.
 */
import { Worker } from 'node:worker_threads';
import path from 'node:path';
import { createHub, type Hub, type HubOptions } from '../../lib/index.js';
import { oneOfMany } from '../../lib/server/alone.js';

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

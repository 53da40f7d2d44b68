/** The one default hub of a process, and which engine it gets. */
import { createServer } from 'node:http';
import type * as pathcast from '../../../lib/index.js';
import {
  broadcast,
  broadcastMany,
  configure,
  defaultHub,
  disconnect,
  drain,
  ephemeral,
  handler,
  stream,
  type Hub,
} from '../../../lib/index.js';
import { freshDefaultHub } from '../../../lib/server/default-hub.js';
import { ann } from '../../support/actions.js';
import { closeServers, listen } from '../../support/listen.js';
import { GET, RawHttp } from '../../support/raw-http.js';

type Pathcast = typeof pathcast;

const SLOT = Symbol.for('pathcast.hub');
const shared = globalThis as unknown as Record<symbol, Hub | undefined>;
const action = {
  type: 'update',
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'u',
  queryPaths: ['*'],
} as const;

afterEach(async () => {
  closeServers();
  await shared[SLOT]?.close();
  delete shared[SLOT];
  delete shared[Symbol.for('pathcast.hub.options')];
});

test('starts at its first use, and is shared by every copy of the package', async () => {
  expect(shared[SLOT]).toBeUndefined();
  expect(await broadcast(action)).toMatchObject({ ok: true, seq: 1 });
  const hub = shared[SLOT];
  expect(defaultHub()).toBe(hub);
  let copy: Pathcast | undefined;
  jest.isolateModules(() => {
    copy = jest.requireActual<Pathcast>('../../../lib/index.js');
  });
  expect(copy?.defaultHub).not.toBe(defaultHub);
  expect(await copy?.broadcast(action)).toMatchObject({ ok: true, seq: 2 });
});

test('configure() comes first, and once', async () => {
  const hub = configure({ engine: 'js', modules: ['guests'] });
  expect(defaultHub()).toBe(hub);
  expect(() => configure({})).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
  expect(() => configure({ engine: 'cpp' } as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION' }) as Error,
  );
  await hub.close();
  expect(await broadcast(action)).toMatchObject({
    ok: false,
    code: 'HUB_CLOSED',
  });
  expect(configure({ engine: 'js' })).not.toBe(hub);
  expect(await broadcast(action)).toMatchObject({ ok: true });
});

test('what configure() said outlives a closed hub; the same call twice is no error', async () => {
  const transformer = () => ({
    serialize: (value: unknown) => value,
    deserialize: (value: unknown) => value,
  });
  const options = () => ({ engine: 'js', limits: { perUser: 1 }, heartbeatMs: undefined }) as const;
  const hub = configure({ ...options(), transformer: transformer() });
  // As a bundler does that evaluates a module twice.
  expect(configure({ ...options(), transformer: transformer() })).toBe(hub);
  expect(() => configure({ ...options(), limits: { perUser: 2 } })).toThrow('with other options');
  await hub.close();
  const next = freshDefaultHub();
  expect([next.closed, next.engine]).toEqual([false, 'js']);
  await next.acquire({ companyId: 'acme', userId: 'ann' });
  await expect(next.acquire({ companyId: 'acme', userId: 'ann' })).rejects.toMatchObject({
    code: 'USER_LIMIT',
    limit: 1,
  });
  expect(configure({ ...options(), transformer: transformer() })).toBe(next);
});

test('the functions are those of the hub', async () => {
  configure({ engine: 'js' });
  const events = stream({ companyId: 'acme', userId: 'ann' });
  expect((await events.next()).value).toMatchObject({ type: 'hello' });
  expect(await broadcastMany([action, action])).toMatchObject([{ seq: 1 }, { seq: 2 }]);
  expect(ephemeral({ companyId: 'acme', topic: 't' })).toEqual({ ok: true });
  expect(await disconnect({ userId: 'ann' })).toBe(1);
  await drain({ overMs: 0 });
});

test('handler() starts the default hub at the first request, follows a new one, and is checked when it is made', async () => {
  for (const wrong of [{}, { identfy: () => null }, { identify: () => null, hub: {} }])
    expect(() => handler(wrong as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
  const port = await listen(createServer(handler({ identify: ann })));
  expect(shared[SLOT]).toBeUndefined();
  // The hub that configure() makes in the place of a closed one is asked from then on.
  for (const round of ['first', 'second']) {
    configure({ engine: 'js' });
    const client = await RawHttp.open(port, GET('/sync/stream'));
    expect([round, await client.until('"type":"hello"')]).toEqual([round, expect.stringContaining('200 OK')]);
    await defaultHub().close();
    await client.untilClosed();
  }
});

describe('where no binary loads', () => {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  afterAll(() => warn.mockRestore());

  test('auto runs the JS engine with one warning a process, native throws NO_NATIVE, js asks for nothing', () => {
    jest.isolateModules(() => {
      jest.doMock('../../../lib/native/index.js', () => ({
        createNativeEngine: () => {
          throw new Error('no prebuild for this platform');
        },
      }));
      const { createHub } = jest.requireActual<Pathcast>('../../../lib/index.js');
      const hubs = [createHub(), createHub({ engine: 'auto' })];
      expect(hubs.map((hub) => hub.engine)).toEqual(['js', 'js']);
      expect(warn).toHaveBeenCalledTimes(1);
      expect(warn).toHaveBeenCalledWith(expect.stringMatching(/no prebuild for this platform/), {
        type: 'PathcastWarning',
        code: 'PATHCAST_NO_NATIVE',
      });
      expect(() => createHub({ engine: 'native' })).toThrow(expect.objectContaining({ code: 'NO_NATIVE' }) as Error);
      hubs.push(createHub({ engine: 'js' }));
      expect(warn).toHaveBeenCalledTimes(1);
      for (const hub of hubs) void hub.close();
    });
  });
});

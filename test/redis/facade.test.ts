/** `createHub({ redis })`: what it may be, what bad input gets, and what the hub says of its Redis: ready, health, warnings. On real servers. */
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { createHub, type Hub } from '../../lib/server/hub.js';
import type { HubOptions } from '../../lib/server/options.js';
import type { HubFailure, HubWarning } from '../../lib/server/results.js';
import { change } from '../support/actions.js';
import { ENGINES } from '../support/engines.js';
import { RedisServer } from '../support/redis.js';
import { waitFor, within } from '../support/wait.js';

const hubs: Hub[] = [];
function hubOf(options: HubOptions): { hub: Hub; warnings: HubWarning[]; errors: HubFailure[] } {
  const hub = createHub({ engine: 'js', ...options });
  hubs.push(hub);
  const warnings: HubWarning[] = [];
  const errors: HubFailure[] = [];
  hub.on('warning', (warning) => warnings.push(warning));
  hub.on('error', (error) => errors.push(error));
  return { hub, warnings, errors };
}
afterEach(async () => {
  for (const hub of hubs.splice(0)) await within(hub.close({ flushMs: 0 }), 'the hub to close');
});

describe('the option', () => {
  test.each([
    ['x', /scheme is not known/],
    ['redis://h:99999', /1 to 65535/],
    [7, /redis must be a URL, .*got 7/],
    [{}, /has neither url nor client/],
    [{ url: 'redis://h', client: {} }, /either url or client, got both/],
    [{ url: 'redis://h', host: 'h' }, /host.*url, client, prefix/],
    [{ url: 'redis://h', prefix: 'a b' }, /redis\.prefix must be 1 to 64 letters.*"a b"/],
    [{ url: 'redis://h', prefix: 'a{b}' }, /redis\.prefix/],
    [{ url: 'redis://h', publishWaitMs: 0 }, /redis\.publishWaitMs must be a whole number from 1/],
    [{ url: 'redis://h', outboxBytes: 1 }, /redis\.outboxBytes/],
    [{ url: 'redis://h', seal: { encrypt: 1 } }, /redis\.seal must have encrypt\(bytes, companyId\) and decrypt\(bytes, companyId\), got encrypt: 1, decrypt: undefined/],
    [{ client: { duplicate: () => undefined } }, /redis\.client must be a client of ioredis or node-redis/],
  ])('%j is refused at once', (redis, message) => {
    expect(() => createHub({ engine: 'js', redis: redis as string })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) }));
  });

  test('no password in an error', () => {
    expect(() => createHub({ engine: 'js', redis: 'redis://u:hunter2@h:x' })).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hunter2') }));
  });

  test('without it the hub is ready and well', async () => {
    const { hub } = hubOf({});
    await hub.ready();
    expect(hub.health()).toEqual({ status: 'ok' });
    await hub.drain({ overMs: 0 });
    expect(hub.health()).toEqual({ status: 'draining' });
    await expect(hub.close({ flushMs: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await hub.close();
    expect(hub.health()).toEqual({ status: 'closed' });
    await expect(hub.ready()).rejects.toMatchObject({ code: 'HUB_CLOSED' });
  });
});

describe('on a server', () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(() => server?.end());

  test.each<[string, (server: RedisServer) => HubOptions['redis']]>([
    ['a URL', ({ socket }) => `redis+unix://${socket}`],
    ['options', ({ socket }) => ({ url: `redis+unix://${socket}`, prefix: 'mine' })],
    ['an ioredis client', ({ socket }) => new Redis({ path: socket, lazyConnect: true })],
    ['a node-redis client', ({ socket }) => ({ client: createClient({ socket: { path: socket, tls: false } }) })],
  ])('%s: ready, a broadcast has its place, the hub closes', async (_, redis) => {
    const { hub, warnings, errors } = hubOf({ redis: redis(server) });
    expect(hub.health().status).toBe('starting');
    await within(hub.ready(), 'the hub to be ready');
    expect(hub.health()).toEqual({ status: 'ok' });
    expect(await hub.broadcast(change)).toMatchObject({ ok: true, seq: 1 });
    await hub.close();
    expect([warnings, errors]).toEqual([[], []]);
  });

  test('Redis goes and comes back: degraded with the reason, one warning each way', async () => {
    const { hub, warnings } = hubOf({ redis: `redis+unix://${server.socket}` });
    await hub.ready();
    await server.kill();
    await waitFor(() => hub.health().status === 'degraded', 'the hub to be degraded');
    expect(hub.health().reason).toContain(server.socket);
    await waitFor(() => warnings.length > 0, 'a warning');
    await server.up();
    await waitFor(() => hub.health().status === 'ok' && warnings.length >= 2, 'the hub to be well again');
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/is away: /), expect.stringMatching(/is back after [\d.]+ s/)]);
  });

  describe.each(ENGINES)('%s', (engine) => {
    test('Redis stands and refuses to write: degraded with its word while actions wait, one warning each way', async () => {
      const { hub, warnings } = hubOf({ engine, redis: { url: `redis+unix://${server.socket}`, publishWaitMs: 50 } });
      await hub.ready();
      expect(await hub.broadcast(change)).toMatchObject({ ok: true, seq: 1 });
      const admin = new Redis({ path: server.socket });
      await admin.config('SET', 'maxmemory', '1');
      expect(await hub.broadcast(change)).toMatchObject({ ok: true, queued: true });
      await waitFor(() => hub.health().status === 'degraded', 'the hub to be degraded');
      expect(hub.health().reason).toMatch(/OOM.*actions that wait here: 1/);
      await admin.config('SET', 'maxmemory', '0');
      await waitFor(() => hub.health().status === 'ok', 'what waits to go out');
      expect(await hub.broadcast(change)).toMatchObject({ ok: true, seq: 3 });
      admin.disconnect();
      await waitFor(() => warnings.length >= 2, 'both warnings');
      expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/refuses.*OOM/), expect.stringMatching(/takes what is published again/)]);
    });

    test('a database that Redis does not have is an error that says what to mend', async () => {
      const { hub, errors } = hubOf({ engine, redis: `redis+unix://${server.socket}?db=99` });
      await expect(within(hub.ready(), 'the answer')).rejects.toMatchObject({ code: 'BROKER', message: expect.stringMatching(/no database of that number/) });
      await waitFor(() => errors.length > 0, 'an error event');
    });

    test('another database under the default prefix is a warning: channels are those of all databases', async () => {
      const redis = `redis+unix://${server.socket}?db=1`;
      const own = hubOf({ engine, redis: { url: redis, prefix: 'own' } });
      const byDefault = hubOf({ engine, redis });
      const byClient = hubOf({ engine, redis: server.client({ db: 1 }) });
      for (const { hub } of [own, byDefault, byClient]) await within(hub.ready(), 'it is ready');
      for (const { warnings } of [byDefault, byClient]) expect(warnings).toMatchObject([{ message: expect.stringMatching(/all its databases.*`redis\.prefix`.*database 1/) }]);
      expect(own.warnings).toEqual([]);
    });

    test('a log that Redis lost is one warning a minute, whatever the number of companies', async () => {
      const { hub, warnings } = hubOf({ engine, redis: `redis+unix://${server.socket}` });
      await hub.ready();
      const companies = ['acme', 'globex', 'initech'];
      for (const companyId of companies) expect(await hub.broadcast({ ...change, companyId })).toMatchObject({ ok: true, seq: 1 });
      expect(warnings).toEqual([]);
      const admin = new Redis({ path: server.socket });
      await admin.flushall();
      for (const companyId of companies) expect(await hub.broadcast({ ...change, companyId })).toMatchObject({ ok: true, seq: 1 });
      admin.disconnect();
      await waitFor(() => warnings.length > 0, 'the warning');
      expect(warnings).toEqual([{ companyId: 'acme', message: expect.stringMatching(/no longer has this company's log .*FLUSHALL/) }]);
    });
  });

  test.each([0, 1])('a healthy Redis to which one of two connections comes later (%s) was never away', async (late) => {
    let connections = 0;
    const slow = createServer((near) => {
      const far = connect(server.socket);
      for (const [from, to] of [[near, far], [far, near]] as const) from.on('error', () => to.destroy()).on('close', () => to.destroy());
      far.pipe(near);
      setTimeout(() => near.pipe(far), connections++ === late ? 300 : 0);
    }).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const { hub, warnings } = hubOf({ engine: 'native', redis: `redis://127.0.0.1:${String((slow.address() as AddressInfo).port)}` });
    await within(hub.ready(), 'the hub to be ready');
    await hub.close();
    slow.close();
    expect(warnings).toEqual([]);
  });

  test('a node that starts while Redis is away starts, says so, and recovers', async () => {
    await server.kill();
    const { hub, warnings, errors } = hubOf({ redis: `redis+unix://${server.socket}` });
    const ready = hub.ready();
    await waitFor(() => warnings.length > 0, 'a warning');
    expect(hub.health()).toEqual({ status: 'starting', reason: expect.stringContaining(server.socket) });
    await server.up();
    await within(ready, 'the hub to be ready');
    expect(hub.health().status).toBe('ok');
    expect(errors).toEqual([]);
  });

  test('a wrong password is an error that says what to mend, and does not show it', async () => {
    const locked = await RedisServer.start(['--requirepass', 'right-one']);
    for (const redis of [`redis+unix://:wrong-one@${locked.socket}`, `redis+unix://${locked.socket}`]) {
      const { hub, errors } = hubOf({ redis });
      await expect(hub.ready()).rejects.toMatchObject({ code: 'BROKER', message: expect.stringMatching(/refuses the user or the password/) });
      await waitFor(() => errors.length > 0, 'an error event');
      expect(errors[0]).toMatchObject({ during: 'broker', error: { code: 'BROKER' } });
      expect(JSON.stringify([errors[0]?.error.message, hub.health()])).not.toContain('wrong-one');
      // Mended at the server: the hub recovers by itself.
      if (redis.includes('wrong')) continue;
      await locked.kill();
    }
    await locked.end();
  });
});

describe('what answers', () => {
  const fakes: Server[] = [];
  afterEach(() => {
    for (const fake of fakes.splice(0)) fake.close();
  });

  /** Answers INFO with `info`, and everything else with OK; or says `greeting` and nothing more. */
  async function fake({ info = '', greeting }: { info?: string; greeting?: string }): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (greeting !== undefined) {
        socket.end(greeting);
        return;
      }
      socket.on('data', (chunk) => {
        for (const command of chunk.toString().split(/\*\d+\r\n/).filter(Boolean)) {
          socket.write(/info/i.test(command) && !/setinfo/i.test(command) ? `$${String(info.length)}\r\n${info}\r\n` : '+OK\r\n');
        }
      });
    });
    fakes.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `redis://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  }

  test.each([
    ['an old Redis', { info: 'redis_version:5.0.14\r\nloading:0\r\n' }, /it is Redis 5\.0\.14; it must be 6\.2 or newer: upgrade it/],
    ['a node of a cluster', { info: 'redis_version:7.2.0\r\nredis_mode:cluster\r\nloading:0\r\n' }, /redis\+cluster:\/\//],
    ['a web server', { greeting: 'HTTP/1.1 400 Bad Request\r\n\r\n' }, /is no Redis/],
  ])('%s is refused with what to do', async (_, how, message) => {
    const { hub } = hubOf({ redis: await fake(how) });
    await expect(within(hub.ready(), 'the answer')).rejects.toMatchObject({ code: 'BROKER', message: expect.stringMatching(message) });
    expect(hub.health().status).toBe('starting');
  });
});

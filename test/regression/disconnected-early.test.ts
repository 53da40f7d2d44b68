/**
 * `disconnect` ended what the engine knew. A stream whose response's head was still to be written was not among them: it answered
 * 0, and the stream of the revoked user opened a moment later and lived. Nor was a subscriber of the drop-in before its first
 * `next()`. A stream that was made and not returned was never over for who
 * asked for its end, and who closed it before it was returned waited for ever. And an app was asked about subscribers of its own, without a user, which it could only call revoked. Pinned by what a
 * client hears between the call and the end, on every way that waits, in both engines.
 */
import http from 'node:http';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import Fastify from 'fastify';
import { createDropIn, createHub, type Hub } from '../../lib/index.js';
import { pathcastPlugin } from '../../lib/fastify/index.js';
import type { DisconnectMatch } from '../../lib/internal/engine.js';
import { syncInput, syncSubscription } from '../../lib/trpc/index.js';
import { change } from '../support/actions.js';
import { ENGINES } from '../support/engines.js';
import { closeServers, listen } from '../support/listen.js';
import { GET, RawHttp } from '../support/raw-http.js';
import { waitFor } from '../support/wait.js';

const bob = { companyId: 'acme', userId: 'bob' };

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ engine });
  });
  afterEach(async () => {
    closeServers();
    await hub.close();
  });

  /** A tRPC server whose resolver calls `between` when its stream is there and its head is not. */
  async function trpc(between: (id: string) => void): Promise<number> {
    const t = initTRPC.context<{ req: http.IncomingMessage; res: http.ServerResponse }>().create();
    const router = t.router({
      onSync: t.procedure.input(syncInput).subscription(({ ctx, input, signal }) => {
        const stream = hub.stream({ ...bob, ...ctx, input, signal });
        between(stream.connectionId);
        return stream;
      }),
    });
    return listen(http.createServer(createHTTPHandler({ router, createContext: ({ req, res }) => ({ req, res }) })));
  }

  test.each<[string, (id: string) => DisconnectMatch, boolean]>([
    ['its user', () => ({ userId: 'bob' }), true],
    ['its company', () => ({ companyId: 'acme' }), true],
    ['its id', (connectionId) => ({ connectionId }), true],
    ['all of these', (connectionId) => ({ ...bob, connectionId }), true],
    ['another user', () => ({ userId: 'eve' }), false],
    ['another company', () => ({ companyId: 'other', userId: 'bob' }), false],
    ['another id', (id) => ({ connectionId: `${id}0` }), false],
  ])('tRPC: disconnected by %s before its head', async (_name, matchOf, ends) => {
    await hub.broadcast({ ...change, id: 'secret' });
    const { epoch } = await hub.readLog('acme');
    let ended: Promise<number> | undefined;
    const port = await trpc((id) => {
      ended = hub.disconnect(matchOf(id));
    });
    const input = encodeURIComponent(JSON.stringify({ lastEventId: `${epoch}.0` }));
    const client = await RawHttp.open(port, GET(`/onSync?input=${input}`));
    await client.until('"type":"hello"');
    expect(await ended).toBe(ends ? 1 : 0);
    if (!ends) {
      await client.until('"secret"');
      expect(hub.metrics().connections).toBe(1);
      client.socket.destroy();
      return;
    }
    const text = await client.untilClosed();
    expect(text).toMatch(/event: server_close\n.*\n?data: \{"type":"server_close",.*"reason":"revoked","retryMs":\d+\}/);
    expect(text).not.toContain('"secret"');
    expect(hub.metrics()).toMatchObject({ connections: 0, leases: 0, closes: { revoked: 1 } });
  });

  test('tRPC, by any reason; and closed by its handle', async () => {
    const reasons = ['drain', 'auth_expired', 'slow'] as const;
    for (const reason of reasons) {
      const port = await trpc(() => void hub.disconnect(bob, reason));
      const client = await RawHttp.open(port, GET('/onSync'));
      expect(await client.untilClosed()).toContain(`"reason":"${reason}"`);
    }
    const t = initTRPC.context<{ req: http.IncomingMessage; res: http.ServerResponse }>().create();
    let closed: Promise<unknown> | undefined;
    const router = t.router({
      onSync: t.procedure.subscription(({ ctx }) => {
        const stream = hub.stream({ ...bob, ...ctx });
        closed = stream.close().then(() => stream.closed);
        return stream;
      }),
    });
    const port = await listen(http.createServer(createHTTPHandler({ router, createContext: ({ req, res }) => ({ req, res }) })));
    const client = await RawHttp.open(port, GET('/onSync'));
    expect(await client.untilClosed()).toContain('"reason":"revoked"');
    expect(await closed).toEqual({ reason: 'revoked' });
  });

  test.each(['another answer', 'an error', 'a client that leaves'])('a resolver that makes a stream and does not return it: %s', async (how) => {
    const t = initTRPC.context<{ req: http.IncomingMessage; res: http.ServerResponse }>().create();
    const told: string[] = [];
    const router = t.router({
      onSync: t.procedure.subscription(async function* ({ ctx, signal }) {
        const stream = hub.stream({ ...bob, ...ctx });
        void stream.closed.then(({ reason }) => told.push(reason));
        // It waited for a head that came after the resolver.
        await stream.close('revoked');
        told.push('close');
        if (how === 'an error') throw new Error('refused');
        yield 'something else';
        if (how === 'a client that leaves') await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      }),
    });
    const port = await listen(http.createServer(createHTTPHandler({ router, createContext: ({ req, res }) => ({ req, res }) })));
    const page = await RawHttp.open(port, GET('/onSync'));
    await page.until(how === 'an error' ? 'serialized-error' : 'something else');
    expect(told[0]).toBe('close');
    if (how === 'a client that leaves') page.socket.destroy();
    await waitFor(() => told.length === 2, 'the end to be told');
    expect(told).toEqual(['close', 'gone']);
    expect(hub.metrics().opened).toBe(0);
    page.socket.destroy();
  });

  test('the end of a stream whose response is over already is told to who asks late', async () => {
    let stream: ReturnType<typeof hub.stream> | undefined;
    const port = await listen(
      http.createServer((req, res) => {
        stream = hub.stream({ ...bob, req, res });
        res.end('something else');
      }),
    );
    const page = await RawHttp.open(port, GET('/'));
    await page.until('something else');
    await page.untilClosed();
    expect(await stream?.closed).toEqual({ reason: 'gone' });
  });

  test('Fastify: while its onSend hooks run', async () => {
    const app = Fastify();
    await app.register(pathcastPlugin, { hub, identify: () => bob });
    let ended: Promise<number> | undefined;
    app.addHook('onSend', async () => {
      ended = hub.disconnect({ userId: 'bob' });
      await ended;
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const client = await RawHttp.open((app.server.address() as { port: number }).port, GET('/sync/stream'));
    expect(await client.untilClosed()).toContain('"reason":"revoked"');
    expect(await ended).toBe(1);
    await app.close();
  });

  test('what never gets a head is forgotten; one that is disconnected twice counts once', async () => {
    const counts: Promise<number>[] = [];
    const port = await trpc(() => void counts.push(hub.disconnect(bob), hub.disconnect(bob)));
    const client = await RawHttp.open(port, GET('/onSync'));
    await client.untilClosed();
    expect(await Promise.all(counts)).toEqual([1, 0]);
    expect(await hub.disconnect(bob)).toBe(0);
  });

  test('a subscriber of the drop-in, before its first next()', async () => {
    const { subscribeToCompany } = createDropIn(() => hub);
    const live = subscribeToCompany('acme', undefined, { userId: 'bob' });
    const other = subscribeToCompany('acme', undefined, { userId: 'eve' });
    await hub.disconnect({ userId: 'bob' });
    const next = other.next();
    expect(await live.next()).toEqual({ done: true, value: undefined });
    await waitFor(() => hub.metrics().opened === 1, 'the other subscriber');
    await hub.broadcast({ ...change, id: 'heard' });
    expect((await next).value).toMatchObject({ id: 'heard' });
    await other.return(undefined);
  });

  test("the app's own subscribers are in nobody's list", async () => {
    const asked: string[][] = [];
    const own = createHub({
      engine,
      reauthorize: {
        everyMs: 10,
        check: (open) => {
          asked.push(open.map(({ userId }) => userId));
          return open.filter(({ userId }) => userId !== 'bob');
        },
      },
    });
    const { subscribeToCompany } = createDropIn(() => own);
    const background = subscribeToCompany('acme');
    const heard = background.next();
    const carol = subscribeToCompany('acme', undefined, { userId: 'carol' });
    const over = carol.next();
    const stream = own.stream(bob);
    await stream.next();
    await waitFor(() => asked.some((users) => users.includes('bob')), 'a round');
    // One that stands for a user is asked about.
    expect(await over).toEqual({ done: true, value: undefined });
    expect(asked.flat()).not.toContain('');
    expect((await own.connections()).map(({ userId }) => userId)).toEqual(['bob']);
    expect((await own.connections({ limit: 1, companyId: 'acme' })).map(({ userId }) => userId)).toEqual(['bob']);
    await own.broadcast({ ...change, id: 'heard' });
    expect((await heard).value).toMatchObject({ id: 'heard' });
    await Promise.all([background.return(undefined), stream.return(undefined)]);
    await own.close();
  });
});

test('syncSubscription is found too', async () => {
  const hub = createHub({ engine: 'js' });
  const t = initTRPC.context<{ req: http.IncomingMessage; res: http.ServerResponse }>().create();
  let ended: Promise<number> | undefined;
  const stream = ({ ctx }: { ctx: { req: http.IncomingMessage; res: http.ServerResponse } }) => {
    setImmediate(() => {
      ended = hub.disconnect({ userId: 'bob' });
    });
    return { ...ctx, ...bob };
  };
  const router = t.router({ onSync: t.procedure.input(syncInput).subscription(syncSubscription({ hub, stream })) });
  const port = await listen(http.createServer(createHTTPHandler({ router, createContext: ({ req, res }) => ({ req, res }) })));
  const client = await RawHttp.open(port, GET('/onSync'));
  expect(await client.untilClosed()).toContain('"reason":"revoked"');
  expect(await ended).toBe(1);
  closeServers();
  await hub.close();
});

/**
 * What an app had written around its stream did nothing, and nobody said so: the `clientInstanceId` of the input (the option
 * alone was read, and the README's router passes the input); a generator that leaves events out (the stream goes past
 * it); its `finally` (where it awaited between making and asking, it ran at the hand-over); an abort signal of the app's own
 * (over HTTP nobody listened); a head of its own behind `compression` (nothing was flushed, and the browser heard nothing).
 * Each is held over real HTTP, tRPC's adapters and both engines.
 */
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGunzip } from 'node:zlib';
import compression from 'compression';
import express from 'express';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fastify, { type FastifyInstance } from 'fastify';
import { initTRPC } from '@trpc/server';
import { fastifyTRPCPlugin } from '@trpc/server/adapters/fastify';
import { createExpressMiddleware } from '@trpc/server/adapters/express';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { createHub, type Hub, type SyncEvent } from '../../lib/index.js';
import type { RequestLike, ResponseLike } from '../../lib/server/options.js';
import { syncInput, syncStream, syncSubscription } from '../../lib/trpc/index.js';
import { ENGINES } from '../support/engines.js';
import { waitFor } from '../support/wait.js';

interface Context {
  req: RequestLike;
  res: ResponseLike;
}

class Reader {
  readonly messages: EventSourceMessage[] = [];
  /** Of a browser: tRPC puts more empty lines between its messages than the wire needs. */
  readonly #parser = createParser({ onEvent: (message) => void this.messages.push(message) });
  ended = false;
  encoding: string | undefined;
  readonly #request;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#request = get(url, { agent: false, headers }, (response) => {
      this.encoding = response.headers['content-encoding'];
      const body = this.encoding === 'gzip' ? response.pipe(createGunzip()) : response;
      body.on('data', (bytes: Buffer) => this.#parser.feed(bytes.toString()));
      for (const event of ['end', 'error', 'close']) body.on(event, () => (this.ended = true));
    }).on('error', () => (this.ended = true));
  }
  get events(): { type: string; reason?: string; entityId?: string }[] {
    const bare = this.messages.filter(({ event, data }) => event === undefined && data !== '');
    return bare.map(({ data }) => JSON.parse(data) as { type: string });
  }
  get names(): (string | undefined)[] {
    return this.messages.map(({ event }) => event);
  }
  async until(type: string): Promise<{ type: string; reason?: string }> {
    await waitFor(() => this.events.some((event) => event.type === type), type);
    return this.events.find((event) => event.type === type)!;
  }
  close(): void {
    this.#request.destroy();
  }
}

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  const servers: (Server | FastifyInstance)[] = [];
  const readers: Reader[] = [];

  beforeEach(() => {
    hub = createHub({ engine, heartbeatMs: 600_000 });
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.close();
    await hub.close();
    for (const server of servers.splice(0)) {
      if ('inject' in server) await server.close();
      else {
        server.close();
        server.closeAllConnections();
      }
    }
  });

  async function listen(server: Server): Promise<string> {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  function open(url: string, headers?: Record<string, string>): Reader {
    const reader = new Reader(url, headers);
    readers.push(reader);
    return reader;
  }
  const action = (module: string, entityId = 'e') =>
    ({ type: 'update', module, entityId, companyId: 'acme', userId: 'w', queryPaths: [`${module}.all`] }) as const;
  const who = { companyId: 'acme', userId: 'ann' };
  const contextOf = ({ req, res }: { req: RequestLike; res: ResponseLike }): Context => ({ req, res });
  const t = initTRPC.context<Context>().create();

  describe('clientInstanceId', () => {
    const inputOf = (clientInstanceId: unknown): string => `?input=${encodeURIComponent(JSON.stringify({ clientInstanceId }))}`;
    const router = () =>
      t.router({
        s: t.procedure.input(syncInput).subscription(syncSubscription({ hub, stream: ({ ctx }) => ({ ...ctx, ...who }) })),
        named: t.procedure
          .input(syncInput)
          .subscription(syncSubscription({ hub, stream: ({ ctx }) => ({ ...ctx, ...who, clientInstanceId: 'of the app' }) })),
      });
    const start = () => listen(createServer(createHTTPHandler({ router: router(), createContext: contextOf })));

    test('of the input: a reload replaces its own old stream, and what it missed is told', async () => {
      const url = await start();
      const first = open(`${url}/s${inputOf('tab-1')}`);
      expect(await first.until('hello')).toMatchObject({ reason: 'fresh' });
      const other = open(`${url}/s${inputOf('tab-2')}`);
      await other.until('hello');
      const second = open(`${url}/s${inputOf('tab-1')}`);
      expect(await second.until('hello')).toMatchObject({ reason: 'unknown_cursor' });
      await waitFor(() => first.ended, 'the replaced one to end');
      expect(first.names).toContain('server_close');
      expect([hub.metrics().replacements, hub.metrics().connections, other.ended]).toEqual([1, 2, false]);
    });

    test('the option comes before the input', async () => {
      const url = await start();
      const first = open(`${url}/named${inputOf('tab-1')}`);
      await first.until('hello');
      await open(`${url}/named${inputOf('tab-2')}`).until('hello');
      await waitFor(() => first.ended, 'the replaced one to end');
    });

    test('one that is no id is the client’s mistake', async () => {
      const url = await start();
      const response = await fetch(`${url}/s${inputOf('x'.repeat(300))}`);
      expect(await response.text()).toContain('input.clientInstanceId is too long');
      expect(hub.metrics().opened).toBe(0);
    });

    test('of the query, where serve() is called by hand', async () => {
      const url = await listen(createServer((req, res) => void hub.serve({ req, res, ...who })));
      const first = open(`${url}/?clientInstanceId=tab-1`);
      await first.until('hello');
      await open(`${url}/?clientInstanceId=tab-1`).until('hello');
      await waitFor(() => first.ended, 'the replaced one to end');
    });
  });

  describe("a generator of the app's around ours", () => {
    const seen: string[] = [];
    beforeEach(() => void seen.splice(0));
    const stay = (ctx: Context, wait: () => Promise<unknown>) =>
      async function* () {
        try {
          const stream = syncStream({ hub, ...ctx, ...who });
          await wait();
          yield* stream;
        } finally {
          seen.push('finally');
        }
      };
    const made = t.procedure.use(({ ctx, next }) => next({ ctx: { ...ctx, stream: syncStream({ hub, ...ctx, ...who }) } }));
    const router = t.router({
      turn: t.procedure.subscription(({ ctx }) => stay(ctx, async () => undefined)()),
      later: t.procedure.subscription(({ ctx }) => stay(ctx, () => new Promise(setImmediate))()),
      middleware: made.subscription(async function* ({ ctx }) {
        try {
          yield* ctx.stream;
        } finally {
          seen.push('finally');
        }
      }),
      /** Leaves out what this user may not see, and names its own. */
      filtered: t.procedure.input(syncInput).subscription(async function* ({ ctx, input, signal }) {
        try {
          for await (const event of syncStream({ hub, ...ctx, ...who, input, signal, handOver: false })) {
            const { module } = event[1] as SyncEvent & { module?: string };
            if (module !== 'salaries') yield event;
          }
        } finally {
          seen.push('finally');
        }
      }),
      mapped: t.procedure.input(syncInput).subscription(
        syncSubscription({ hub, stream: ({ ctx }) => ({ ...ctx, ...who, handOver: false, headers: { 'x-mine': 'yes' } }) }),
      ),
    });
    const start = {
      standalone: () => listen(createServer(createHTTPHandler({ router, createContext: contextOf }))),
      fastify: async () => {
        const app = fastify({ forceCloseConnections: true });
        await app.register(fastifyTRPCPlugin, { prefix: '', trpcOptions: { router, createContext: contextOf } });
        servers.push(app);
        return app.listen({ port: 0, host: '127.0.0.1' });
      },
    };

    describe.each(['standalone', 'fastify'] as const)('%s', (adapter) => {
      test.each(['turn', 'later', 'middleware'])('ends with the stream, wherever ours was made: %s', async (path) => {
        const url = await start[adapter]();
        const reader = open(`${url}/${path}`);
        await reader.until('hello');
        await hub.broadcast(action('guests'));
        await reader.until('update');
        expect(hub.metrics().socketsTaken).toBe(engine === 'native' ? 1 : 0);
        expect(seen).toEqual([]);
        reader.close();
        await waitFor(() => seen.length === 1, 'its finally');
      });

      test('handOver: false yields the events to it, and what it leaves out reaches nobody', async () => {
        const url = await start[adapter]();
        const reader = open(`${url}/filtered`);
        await reader.until('hello');
        await hub.broadcast(action('salaries', 'bob'));
        await hub.broadcast(action('guests', 'rose'));
        await reader.until('update');
        expect(reader.events.filter(({ type }) => type === 'update').map(({ entityId }) => entityId)).toEqual(['rose']);
        expect(hub.metrics().socketsTaken).toBe(0);
        const lastEventId = reader.messages.at(-1)!.id!;
        reader.close();
        await waitFor(() => seen.length === 1 && hub.metrics().connections === 0, 'the end');
        const again = open(`${url}/filtered?input=${encodeURIComponent(JSON.stringify({ lastEventId }))}`);
        expect(await again.until('hello')).toMatchObject({ reason: 'resumed' });
      });
    });

    test('syncSubscription has it too, and the headers stay', async () => {
      const url = await start.standalone();
      const cut = new AbortController();
      const response = await fetch(`${url}/mapped`, { signal: cut.signal });
      expect([response.headers.get('x-mine'), hub.metrics().socketsTaken]).toEqual(['yes', 0]);
      cut.abort();
    });

    test('what is neither true nor false is refused', () => {
      expect(() => hub.stream({ ...who, handOver: 'no' as never })).toThrow('handOver must be true or false, got "no"');
    });
  });

  test("a signal of the app's own ends the stream; that of tRPC, which is over with the response, does not", async () => {
    const own = new AbortController();
    const tRPCs: (AbortSignal | undefined)[] = [];
    const router = t.router({
      own: t.procedure.subscription(syncSubscription({ hub, stream: ({ ctx }) => ({ ...ctx, ...who, signal: own.signal }) })),
      theirs: t.procedure.subscription(
        syncSubscription({
          hub,
          stream: ({ ctx, signal }) => {
            tRPCs.push(signal);
            return { ...ctx, ...who, signal };
          },
        }),
      ),
    });
    const url = await listen(createServer(createHTTPHandler({ router, createContext: contextOf })));
    const [mine, theirs] = [open(`${url}/own`), open(`${url}/theirs`)];
    await mine.until('hello');
    await theirs.until('hello');
    own.abort();
    await waitFor(() => mine.ended, 'the end');
    expect(mine.names.at(-1)).toBe('server_close');
    await hub.broadcast(action('guests'));
    await theirs.until('update');
    expect([theirs.ended, tRPCs.length]).toEqual([false, 1]);
  });

  test('syncStream() is a handle: it names the stream, and ends it', async () => {
    const stream = syncStream({ hub, ...who });
    expect((await stream.next()).value?.[1]).toMatchObject({ type: 'hello', connectionId: stream.connectionId });
    const { closed } = stream;
    await stream.close('drain');
    expect(await closed).toEqual({ reason: 'drain' });
    await stream.return(undefined);
  });

  describe('behind compression, with a head that is the app’s own', () => {
    const through = async (mount: (app: ReturnType<typeof express>) => void): Promise<Reader> => {
      const app = express();
      app.use(compression());
      mount(app);
      return open(`${await listen(createServer(app))}/s`, { 'accept-encoding': 'gzip' });
    };
    test.each([
      [
        'tRPC',
        (app: ReturnType<typeof express>) =>
          app.use(
            createExpressMiddleware({
              router: t.router({ s: t.procedure.subscription(syncSubscription({ hub, stream: ({ ctx }) => ({ ...ctx, ...who }) })) }),
              createContext: contextOf,
              responseMeta: () => ({ headers: { 'cache-control': 'private, no-cache' } }),
            }),
          ),
      ],
      [
        'serve()',
        (app: ReturnType<typeof express>) =>
          app.get('/s', (req: IncomingMessage, res: ServerResponse) => {
            res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
            hub.serve({ req, res, ...who });
          }),
      ],
    ])('%s: events come as they happen', async (_name, mount) => {
      const reader = await through((app) => void mount(app));
      await reader.until('hello');
      await hub.broadcast(action('guests'));
      await reader.until('update');
      expect(reader.encoding).toBe('gzip');
    });
  });
});

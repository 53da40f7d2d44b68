/**
 * A password that was a mutation's input went to every user of the company as the action's `entityId`, and stayed in the log for
 * a day; errors quoted the first 60 characters of whatever stood where an id should. Secrets are planted here wherever a client
 * or a session can put one, the calls are made that go wrong with them, and everything that comes out is searched: events of
 * the hub, lines of its logger, warnings of the process, metrics, the log, and what other users of the company hear.
 */
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { createHub, type Hub } from '../../lib/index.js';
import { HUB_EVENTS } from '../../lib/server/results.js';
import { createSync, syncInput, syncSubscription } from '../../lib/trpc/index.js';
import { internalsOf } from '../../lib/server/internals.js';
import { ENGINES } from '../support/engines.js';
import { GET, RawHttp } from '../support/raw-http.js';

const SECRET = 'hunter2';
/** Too long for an id, as tokens are. */
const TOKEN = `eyJ${SECRET}.`.padEnd(700, 'x');
const who = { companyId: 'acme', userId: 'ann' };

describe.each(ENGINES)('%s engine', (engine) => {
  let hub: Hub;
  const out: string[] = [];
  let warn: jest.SpyInstance;
  const line = (data: object, text: string): void => void out.push(inspect([data, text], { depth: 8 }));
  beforeEach(() => {
    out.length = 0;
    warn = jest.spyOn(process, 'emitWarning').mockImplementation((...args) => void out.push(inspect(args)));
    hub = createHub({ engine, limits: { perUser: 3 }, logger: { warn: line, error: line } });
    for (const event of HUB_EVENTS) hub.on(event, (payload) => void out.push(inspect(payload, { depth: 8 })));
  });
  afterEach(async () => {
    warn.mockRestore();
    await hub.close();
  });

  test('none comes out', async () => {
    const sync = createSync({ hub });
    const t = initTRPC.context<Record<string, unknown>>().create({ isDev: false });
    const base = t.procedure.use(sync.middleware());
    const any = base.input((value: unknown) => value);
    const router = t.router({
      account: t.router({
        get: t.procedure.query(() => 1),
        changePassword: any.mutation(() => true),
        fail: any.mutation(() => {
          throw new Error('the mail server is down');
        }),
      }),
      careless: t.router({
        get: t.procedure.query(() => 1),
        throws: any.mutation(() => true),
        names: any.mutation(() => true),
        gives: any.mutation(() => true),
      }),
      invites: t.router({ get: t.procedure.query(() => 1), accept: any.mutation(() => ({ id: SECRET })) }),
      onSync: t.procedure.input(syncInput).subscription(
        syncSubscription({
          hub,
          stream: ({ ctx, input }) => ({
            ...who,
            req: (ctx as { req: never }).req,
            res: (ctx as { res: never }).res,
            filter: { modules: input?.modules, clientId: input?.clientId },
            clientInstanceId: input?.clientInstanceId,
          }),
        }),
      ),
    });
    const quoting = ({ input }: { input: unknown }): never => {
      throw Object.assign(new SyntaxError(`Unexpected token in ${inspect(input)}\n    at ${SECRET} (/${SECRET}.js:1:1)`), { input });
    };
    await sync.bind(router, {
      mutations: {
        'careless.throws': quoting as never,
        'careless.names': (({ input }: { input: unknown }) => [`careless.${inspect(input)}`, inspect(input), 'careless.get']) as never,
        'careless.gives': (({ input }: { input: unknown }) => inspect(input)) as never,
        'account.changePassword': ['account.get'],
        'account.fail': ['account.get'],
        'invites.accept': ['invites.get'],
      },
    });
    const bob = internalsOf(hub).observe('acme');
    await bob.next();

    // Mutations, in every shape of input, with a session full of secrets.
    const ctx = {
      ...who,
      token: SECRET,
      session: { token: SECRET },
      req: { headers: { authorization: `Bearer ${SECRET}`, cookie: `s=${SECRET}`, 'x-source-id': TOKEN } },
    };
    const caller = t.createCallerFactory(router)(ctx);
    for (const input of [
      SECRET,
      { password: SECRET, id: TOKEN },
      { token: SECRET, key: SECRET, clientId: TOKEN },
      [SECRET],
    ]) {
      await caller.account.changePassword(input);
      await caller.account.fail(input).catch(() => undefined);
      for (const path of ['throws', 'names', 'gives'] as const) await caller.careless[path](input);
      await caller.invites.accept({ token: SECRET, id: SECRET });
    }
    // Rules that quote the input where they fail, or take a module from it.
    for (const rules of [
      { companyId: () => 'acme', entityId: quoting, data: quoting, clientId: quoting },
      { companyId: () => 'acme', module: ({ input }: { input: unknown }) => inspect(input) },
    ]) {
      const strict = createHub({ engine, modules: ['account'], logger: { warn: line, error: line } });
      for (const event of HUB_EVENTS) strict.on(event, (payload) => void out.push(inspect(payload, { depth: 8 })));
      const own = createSync({ hub: strict, rules });
      const small = t.router({
        account: t.router({ get: t.procedure.query(() => 1), set: t.procedure.use(own.middleware()).input((value: unknown) => value).mutation(() => 1) }),
      });
      await own.bind(small, { mutations: { 'account.set': ['account.get'] } });
      await t.createCallerFactory(small)(ctx).account.set({ token: SECRET });
      await own.announce('account.set', Object.defineProperty({ companyId: 'acme', userId: 'ann' }, 'id', { enumerable: true, get: () => quoting({ input: SECRET }) }));
      await own.settled();
      expect((await strict.readLog('acme')).actions).toHaveLength(1);
      await strict.close();
    }
    // By hand, with what does not fit.
    const action = { type: 'update', module: 'account', entityId: 'a', ...who, queryPaths: ['account.get'] } as const;
    for (const field of ['id', 'entityId', 'clientId', 'sourceId', 'userId', 'companyId', 'toolName'])
      await hub.broadcast({ ...action, [field]: TOKEN });
    await hub.broadcast({ ...action, data: { password: SECRET, id: 1n } });
    hub.ephemeral({ companyId: 'acme', topic: TOKEN });
    // Code of the values that quotes them.
    const careless = { toJSON: () => quoting({ input: SECRET }) };
    const unread = Object.defineProperty({}, 'row', { enumerable: true, get: careless.toJSON });
    const unlisted = new Proxy({}, { ownKeys: careless.toJSON });
    for (const data of [careless, { rows: [careless] }, unread, unlisted]) {
      expect(await hub.broadcast({ ...action, data })).toMatchObject({ code: 'NOT_SERIALIZABLE', message: expect.stringMatching(/ data[^:]*: SyntaxError|threw: SyntaxError|was read: SyntaxError/) as string });
      expect(await hub.broadcast({ ...action, tx: data })).toMatchObject({ code: 'NOT_SERIALIZABLE' });
      expect(hub.ephemeral({ companyId: 'acme', topic: 'typing', data })).toMatchObject({ code: 'NOT_SERIALIZABLE' });
    }
    expect(await hub.broadcast(Object.defineProperty({ ...action }, 'module', { get: careless.toJSON }))).toMatchObject({ code: 'INVALID_FIELD' });
    await sync.settled();

    // Streams, refused and admitted, with secrets in the URL and in the head.
    const plain = hub.handler({ identify: () => who });
    const trpc = createHTTPHandler({ router, createContext: ({ req, res }) => ({ ...ctx, req, res }) });
    const server = createServer((req, res) => (req.url?.startsWith('/plain') ? plain(req, res) : trpc(req, res)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const head = { authorization: `Bearer ${SECRET}`, cookie: `s=${SECRET}`, 'last-event-id': SECRET };
    const input = (value: object): string =>
      `/onSync?token=${SECRET}&input=${encodeURIComponent(JSON.stringify(value))}`;
    const clients: RawHttp[] = [];
    for (const [path, said] of [
      [`/plain?token=${SECRET}`, 'hello'],
      [`/plain?clientInstanceId=${TOKEN}`, 'INVALID_FIELD'],
      [`/plain?modules=${TOKEN}`, 'INVALID_FIELD'],
      [`/plain?clientId=${TOKEN}&token=${SECRET}`, 'INVALID_FIELD'],
      [input({ clientInstanceId: TOKEN }), 'BAD_REQUEST'],
      [input({ modules: SECRET }), 'BAD_REQUEST'],
      [input({ lastEventId: SECRET }), 'hello'],
      [input({}), 'hello'],
      [input({ since: `${SECRET}.1` }), 'TOO_MANY'],
    ] as const) {
      const client = await RawHttp.open(port, GET(path, head));
      clients.push(client);
      out.push(await client.until(said));
    }
    out.push(inspect(await hub.connections(), { depth: 8 }));
    await hub.disconnect({ userId: 'ann' });
    for (const client of clients) client.socket.destroy();
    server.closeAllConnections();
    server.close();

    const last = await hub.broadcast({ ...action, id: 'last' });
    expect(last).toMatchObject({ ok: true });
    for await (const { event } of bob) {
      out.push(JSON.stringify(event));
      if ('id' in event && event.id === 'last') break;
    }
    out.push(...(await hub.readLog('acme')).actions, inspect(hub.metrics(), { depth: 8 }));

    expect(out.length).toBeGreaterThan(40);
    expect(out.filter((text) => text.includes(SECRET)).map((text) => text.slice(0, 400))).toEqual([]);
  });
});

/** The middleware and the map on the oldest server of tRPC 11, which gives a middleware no `batchIndex`. */
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as trpcServer from '@trpc/server';
import { createHub } from '../../lib/index.js';
import { createSync } from '../../lib/trpc/index.js';
import { ENGINES } from '../support/engines.js';
import { actionsOf, listenTo } from '../support/sync-app.js';

const of110 = createRequire(path.join(__dirname, '../clients/trpc-client-11-0/index.cjs'));
const { initTRPC, lazy } = of110('@trpc/server') as typeof trpcServer;

test('it is the oldest', () => {
  expect((of110('@trpc/server/package.json') as { version: string }).version).toBe('11.0.0');
});

test.each(ENGINES)(
  '%s engine: one action for the outermost mutation, its fields from the innermost context',
  async (engine) => {
    const hub = createHub({ engine });
    const heard = listenTo(hub);
    const core = createSync({ hub });
    const t = initTRPC.context<{ token: string }>().create({ isDev: false });
    const seen: string[] = [];
    const base = t.procedure.use(core.middleware()).use((opts) => {
      seen.push(...Object.keys(opts));
      return opts.next({ ctx: { session: { companyId: 'acme', userId: opts.ctx.token } } });
    });
    const row = base.input((value: unknown) => value as { id: string; clientId: string });
    const router = t.router({
      guests: t.router({
        getAll: base.query(() => []),
        create: row.mutation(async ({ input, ctx }): Promise<{ id: string }> => {
          await caller(ctx).slow.book(input);
          return { id: input.id };
        }),
      }),
      slow: lazy(async () => t.router({ getAll: base.query(() => []), book: row.mutation(() => true) })),
    });
    const caller = (ctx: { token: string }) =>
      t.createCallerFactory(router)(ctx) as unknown as Record<
        string,
        Record<string, (input: object) => Promise<unknown>>
      > & {
        slow: { book(input: object): Promise<unknown> };
        guests: { create(input: object): Promise<unknown> };
      };
    const sync = core.for<typeof router>();
    await sync.bind(router, { mutations: { 'guests.create': ['guests'], 'slow.book': ['slow.getAll'] } });
    await caller({ token: 'ann' }).guests.create({ id: 'g1', clientId: 'c1' });
    await sync.settled();
    expect(seen).not.toContain('batchIndex');
    expect(await actionsOf(hub)).toEqual([
      expect.objectContaining({ entityId: 'g1', userId: 'ann', clientId: 'c1', queryPaths: ['guests', 'slow.getAll'] }),
    ]);
    expect(heard).toEqual({ errors: [], warnings: [] });
    await hub.close();
  },
);

/** What the compiler says of the map of `createCdc`: its paths are those of the router. Checked by `tsc -p test/tsconfig.json`. */
import { initTRPC } from '@trpc/server';
import { createHub } from '../../lib/index.js';
import { createCdc, type CdcMap, type CdcOptions, type TableMap } from '../../lib/postgres/index.js';

const t = initTRPC.create();
const _appRouter = t.router({
  guests: t.router({ getAll: t.procedure.query(() => []), create: t.procedure.mutation(() => null) }),
  admin: t.router({ users: t.router({ list: t.procedure.query(() => []) }) }),
});
type AppRouter = typeof _appRouter;
type Paths = Exclude<Extract<CdcOptions<AppRouter>['map'][string]['paths'], readonly unknown[]>[number], undefined>;
const table = (paths: TableMap<Paths>['paths']): TableMap<Paths> => ({ tenant: 'company_id', paths });

test('queries, prefixes and * are paths; a mutation, a typing error and another router are none', () => {
  const good: CdcMap<Paths> = { a: table(['guests.getAll', 'guests', 'admin.users', '*']), b: table(({ op }) => (op === 'delete' ? ['admin.users.list'] : [])) };
  // @ts-expect-error a mutation
  table(['guests.create']);
  // @ts-expect-error no such query
  table(['guests.getAl']);
  // @ts-expect-error of a function too
  table(() => ['guest']);
  expect(Object.keys(good)).toEqual(['a', 'b']);
});

test('without a router any text is a path; what a change says is text, or was not sent', async () => {
  await using hub = createHub({ engine: 'js' });
  const cdc = createCdc({ hub, connection: 'postgresql://localhost', map: { guests: { tenant: 'company_id', paths: ['anything.at.all'] } } });
  expect(cdc.status()).toEqual({ state: 'idle' });
  createCdc<AppRouter>({
    hub,
    connection: { host: 'localhost', port: 5432 },
    map: {
      guests: {
        tenant: 'company_id',
        paths: ({ op, value, changed }) => {
          const kind: 'insert' | 'update' | 'delete' = op;
          const name: string | null | undefined = value('name');
          const known: boolean | undefined = changed('name');
          return kind === 'insert' && name !== null && known !== false ? ['guests.getAll'] : ['guests'];
        },
      },
    },
  });
  // @ts-expect-error it has no such option
  expect(() => createCdc({ hub, connection: 'x', map: { guests: { tenant: 'c', paths: ['a'] } }, slots: 1 })).toThrow(/no option "slots"/);
});

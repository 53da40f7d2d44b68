/**
 * A broadcast inside a transaction that the sync knew to be open went out at once, and stood in the log when the transaction
 * was rolled back; so did what waited for a commit where `run` handled the rejection itself, and whatever ran on a client that
 * Prisma's `$extends` had derived. Setters of a wrapped client threw on private fields. Pinned by the log after each end.
 */
import { createHub, type Hub } from '../../lib/index.js';
import { createSync, type Sync } from '../../lib/trpc/index.js';
import { initTRPC } from '@trpc/server';
import { actionsOf, listenTo } from '../support/sync-app.js';

const action = (entityId: string) =>
  ({
    type: 'insert',
    module: 'guests',
    entityId,
    companyId: 'acme',
    userId: 'ann',
    queryPaths: ['guests.all'],
  }) as const;

let hub: Hub;
let sync: Sync;
beforeEach(async () => {
  hub = createHub({ engine: 'js' });
  sync = createSync({ hub });
  const t = initTRPC.create();
  const router = t.router({
    guests: t.router({ all: t.procedure.query(() => 1), create: t.procedure.mutation(() => 1) }),
  });
  await sync.for<typeof router>().bind(router, { mutations: { 'guests.create': ['guests.all'] } });
});
afterEach(() => hub.close());
const entities = async (): Promise<string[]> => {
  await sync.settled();
  return (await actionsOf(hub)).map(({ entityId }) => entityId);
};
const transaction = <T>(work: () => Promise<T>): Promise<T> => sync.transaction((body) => body({}), work);
const rollback = (): never => {
  throw new Error('rolled back');
};

test('broadcast and announce wait for the end of the transaction around them', async () => {
  let announced: unknown;
  await transaction(async () => {
    sync.broadcast(action('one'));
    announced = await sync.announce('guests.create', { companyId: 'acme', userId: 'ann', entityId: 'two' });
    await sync.settled();
    expect((await hub.readLog('acme')).actions).toEqual([]);
  });
  expect(announced).toEqual({ ok: true, afterCommit: true });
  expect(await entities()).toEqual(['one', 'two']);
  await expect(
    transaction(async () => {
      sync.broadcast(action('lost'));
      await sync.announce('guests.create', { companyId: 'acme', entityId: 'lost' });
      rollback();
    }),
  ).rejects.toThrow('rolled back');
  sync.broadcast(action('three'));
  expect(await entities()).toEqual(['one', 'two', 'three']);
});

test("the hub's own broadcast cannot wait, for its caller may await it inside: that is told", async () => {
  const { warnings } = listenTo(hub);
  await transaction(async () => {
    sync.broadcast(action('waits'));
    expect(await hub.broadcast(action('early'))).toMatchObject({ ok: true, seq: 1 });
  });
  await hub.broadcast(action('after'));
  expect(await entities()).toEqual(['early', 'waits', 'after']);
  expect(warnings.map(({ message }) => message)).toEqual([
    expect.stringContaining('broadcast inside a transaction that is still open'),
  ]);
});

test('work that failed was rolled back, whatever run makes of it; a retry that succeeds counts', async () => {
  const swallow = (body: (tx: object) => Promise<unknown>): Promise<unknown> => body({}).catch(() => 'handled');
  expect(
    await sync.transaction(swallow, async (tx) => {
      sync.afterCommit(tx, action('swallowed'));
      sync.broadcast(action('swallowed too'));
      return rollback();
    }),
  ).toBe('handled');
  expect(
    sync.transaction(
      (body: (tx: object) => string) => {
        try {
          return body({});
        } catch {
          return 'handled';
        }
      },
      (tx: object): string => {
        sync.afterCommit(tx, action('swallowed'));
        return rollback();
      },
    ),
  ).toBe('handled');
  let tries = 0;
  await sync.transaction(
    (body) => body({}).catch(() => body({})),
    async (tx) => {
      sync.afterCommit(tx, action(`try ${++tries}`));
      if (tries === 1) rollback();
    },
  );
  expect(await entities()).toEqual(['try 2']);
});

test('a client that $extends gives has known transactions; setters reach private fields', async () => {
  class Client {
    #level = 0;
    get level(): number {
      return this.#level;
    }
    set level(value: number) {
      this.#level = value;
    }
    async $transaction<T>(work: (tx: Client) => Promise<T>): Promise<T> {
      return work(new Client());
    }
    $extends(_extension: object): Client {
      return new Client();
    }
  }
  const db = sync.transactional(new Client()).$extends({}).$extends({});
  await expect(
    db.$transaction(async (tx) => {
      sync.afterCommit(tx, action('lost'));
      rollback();
    }),
  ).rejects.toThrow('rolled back');
  await db.$transaction(async (tx) => sync.afterCommit(tx, action('kept')));
  expect(await entities()).toEqual(['kept']);
  db.level = 3;
  expect(db.level).toBe(3);
});

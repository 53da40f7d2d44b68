/**
 * A broadcast inside a transaction that the sync knew to be open went out at once, and stood in the log when the transaction
 * was rolled back; so did what waited for a commit where `run` handled the rejection itself, and whatever ran on a client that
 * Prisma's `$extends` had derived. Setters of a wrapped client threw on private fields. A function that `transaction(fn)` gives
 * (better-sqlite3) ran unseen: its actions went out after a rollback. A broadcast by hand inside an open transaction took the place
 * of the middleware's after the commit: whoever read again in between stayed with the old. Pinned by the log after each end.
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
    guests: t.router({
      all: t.procedure.query(() => 1),
      create: t.procedure.mutation(() => 1),
    }),
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
    announced = await sync.announce('guests.create', {
      companyId: 'acme',
      userId: 'ann',
      entityId: 'two',
    });
    await sync.settled();
    expect((await hub.readLog('acme')).actions).toEqual([]);
  });
  expect(announced).toEqual({ ok: true, afterCommit: true });
  expect(await entities()).toEqual(['one', 'two']);
  await expect(
    transaction(async () => {
      sync.broadcast(action('lost'));
      await sync.announce('guests.create', {
        companyId: 'acme',
        entityId: 'lost',
      });
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
    expect(await hub.broadcast(action('early'))).toMatchObject({
      ok: true,
      seq: 1,
    });
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

describe('a client whose transaction(fn) gives a function that runs it', () => {
  /** As better-sqlite3 is: its forms are fixed properties, nested ones are savepoints, and there is no `tx`. */
  class Client {
    readonly log: string[] = [];
    #depth = 0;
    transaction<A extends unknown[], T>(
      work: (...args: A) => T,
    ): ((...args: A) => T) & { immediate: (...args: A) => T } {
      const run = (...args: A): T => {
        this.log.push(this.#depth++ === 0 ? 'begin' : 'savepoint');
        try {
          const result = work(...args);
          this.log.push(this.#depth === 1 ? 'commit' : 'release');
          return result;
        } catch (thrown) {
          this.log.push('rollback');
          throw thrown;
        } finally {
          this.#depth--;
        }
      };
      return Object.defineProperties(run, {
        immediate: { value: run },
        database: { value: this },
      }) as never;
    }
  }

  test('each call of it, and of a form of it, is a transaction: after the commit, never after a rollback', async () => {
    const client = new Client();
    const db = sync.transactional(client);
    const insert = db.transaction((row: { id: string; bad?: boolean }) => {
      sync.broadcast(action(row.id));
      sync.afterCommit(db, action(`${row.id} too`));
      if (row.bad) rollback();
      return row;
    });
    expect((insert as unknown as { database: unknown }).database).toBe(client);
    expect(() => insert({ id: 'lost', bad: true })).toThrow('rolled back');
    expect(() => insert.immediate({ id: 'lost', bad: true })).toThrow('rolled back');
    const row = { id: 'one' };
    expect(insert(row)).toBe(row);
    expect(insert.immediate({ id: 'two' })).toEqual({ id: 'two' });
    expect(await entities()).toEqual(['one', 'one too', 'two', 'two too']);
  });

  test('one inside another is a savepoint, and waits for the outer commit', async () => {
    const client = new Client();
    const db = sync.transactional(client);
    const insert = db.transaction((id: string) => sync.broadcast(action(id)));
    const all = db.transaction((ids: string[], fails: boolean) => {
      for (const id of ids) insert(id);
      if (fails) rollback();
    });
    expect(() => all(['lost'], true)).toThrow('rolled back');
    all(['one', 'two'], false);
    expect(await entities()).toEqual(['one', 'two']);
    expect(client.log).toContain('savepoint');
  });

  test('one that begins when its call is over is refused: nobody would see its end', async () => {
    const begin: (() => unknown)[] = [];
    const db = sync.transactional({
      transaction: (work: () => unknown) => void begin.push(work),
    });
    db.transaction(() => sync.broadcast(action('lost')));
    expect(begin[0]).toThrow('its end is not seen');
    await sync.transaction(
      async (body: (tx: object) => Promise<unknown>) => void begin.push(() => body({})),
      async () => sync.broadcast(action('lost')),
    );
    expect(begin[1]).toThrow('use sync.transaction(run, work)'.replace('use', 'Use'));
    expect(await entities()).toEqual([]);
  });
});

test('what a savepoint leaves running waits for the transaction around it', async () => {
  let late!: () => void;
  await transaction(async () => {
    await transaction(async () => {
      const savepoint = new Promise<void>((resolve) => (late = resolve)).then(() => sync.broadcast(action('late')));
      void savepoint;
    });
    late();
    await sync.settled();
    expect(await entities()).toEqual([]);
  });
  expect(await entities()).toEqual(['late']);
});

describe('by hand inside an open transaction', () => {
  const app = async (work: () => Promise<unknown>) => {
    const t = initTRPC.create();
    const core = createSync({
      hub,
      rules: { companyId: () => 'acme', userId: () => 'ann', clientId: null },
    });
    const router = t.router({
      guests: t.router({
        all: t.procedure.query(() => 1),
        change: t.procedure.use(core.middleware()).mutation(async () => void (await work())),
      }),
    });
    await core.for<typeof router>().bind(router, { mutations: { 'guests.change': ['guests.all'] } });
    return async (around: (call: () => Promise<unknown>) => Promise<unknown> = (call) => call()) => {
      await around(() => router.createCaller({}).guests.change());
      await core.settled();
      return (await actionsOf(hub)).map(({ entityId }) => entityId);
    };
  };

  test('the map’s action goes out after the commit all the same', async () => {
    let committed = 0;
    const change = await app(async () => {
      await transaction(async () => void (await hub.broadcast(action('early'))));
      committed = (await actionsOf(hub)).length;
    });
    expect(await change()).toEqual(['early', '*']);
    expect(committed).toBe(1);
    // After the commit it takes its place, as ever.
    const after = await app(async () => {
      await transaction(async () => 1);
      await hub.broadcast(action('after'));
    });
    expect(await after()).toEqual(['early', '*', 'after']);
  });

  test('and where the transaction was rolled back and the mutation went on', async () => {
    const change = await app(() =>
      transaction(async () => {
        await hub.broadcast(action('early'));
        rollback();
      }).catch(() => undefined),
    );
    expect(await change()).toEqual(['early', '*']);
  });

  test('and where the transaction is around the mutation', async () => {
    const change = await app(() => hub.broadcast(action('early')));
    expect(await change((call) => transaction(call))).toEqual(['early', '*']);
  });
});

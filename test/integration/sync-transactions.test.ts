/** Actions that wait for a commit: with Drizzle over a real Postgres, with Prisma's shape, and with no wrapper at all. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { pgTable, text } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/pglite';
import Database from 'libsql';
import { ENGINES } from '../support/engines.js';
import { actionsOf, listenTo, syncApp, syncMap, type SyncApp } from '../support/sync-app.js';
import { internalsOf } from '../../lib/server/internals.js';

const guests = pgTable('guests', { id: text('id').primaryKey() });

let postgres: PGlite;
beforeAll(async () => {
  postgres = await PGlite.create();
  await postgres.exec('create table guests (id text primary key)');
});
afterAll(() => postgres.close());

const action = (entityId: string) =>
  ({
    type: 'insert',
    module: 'guests',
    entityId,
    companyId: 'acme',
    userId: 'ann',
    clientId: 'c1',
    queryPaths: ['guests.getAll'],
  }) as const;

/**
 * A client of Prisma's shape over Postgres: `$transaction(fn, options)` gives a client without `$transaction`,
 * `$transaction([…])` takes queries. Its fields are private, as those of many clients are.
 */
class PrismaShaped {
  readonly #sql: Pick<PGlite, 'query'>;
  readonly guest = {
    create: async ({ data }: { data: { id: string } }) => {
      await this.#sql.query('insert into guests values ($1)', [data.id]);
      return data;
    },
    count: async (): Promise<number> => {
      const { rows } = await this.#sql.query<{ count: number }>('select count(*)::int as count from guests');
      return rows[0]?.count ?? -1;
    },
  };
  constructor(sql: Pick<PGlite, 'query'>) {
    this.#sql = sql;
  }
  async $transaction<T>(
    work: ((tx: PrismaShaped) => Promise<T>) | Promise<unknown>[],
    _options?: object,
  ): Promise<T | unknown[]> {
    if (Array.isArray(work)) return Promise.all(work);
    return postgres.transaction((tx) => work(new PrismaShaped(tx)));
  }
  async $disconnect(): Promise<unknown> {
    return this.#sql;
  }
}

describe.each(ENGINES)('%s engine', (engine) => {
  let app: SyncApp;
  let heard: ReturnType<typeof listenTo>;
  beforeEach(async () => {
    await postgres.exec('delete from guests');
    app = syncApp(engine);
    await app.sync.bind(app.appRouter, syncMap);
    heard = listenTo(app.hub);
  });
  afterEach(() => app.hub.close());

  const sent = async (): Promise<string[]> => {
    await app.sync.settled();
    return (await actionsOf(app.hub)).map((each) => each.entityId);
  };
  const rows = async (): Promise<unknown[]> =>
    (await postgres.query<{ id: string }>('select id from guests order by id')).rows.map((row) => row.id);

  describe('Drizzle', () => {
    test('the broadcast comes after the commit, when another reader sees the row', async () => {
      const db = app.sync.transactional(drizzle(postgres));
      // The stream reads the database at the moment when the action arrives.
      const arrivals: unknown[] = [];
      const stop = new AbortController();
      const reader = (async () => {
        for await (const { event } of internalsOf(app.hub).observe('acme', undefined, stop.signal)) {
          if (event.type !== 'insert') continue;
          arrivals.push(await rows());
          stop.abort();
        }
      })();
      const result = await db.transaction(
        async (tx) => {
          app.sync.afterCommit(tx, action('g1'));
          await tx.insert(guests).values({ id: 'g1' });
          expect(await actionsOf(app.hub)).toEqual([]);
          return 'done';
        },
        { isolationLevel: 'serializable' },
      );
      expect(result).toBe('done');
      expect(await sent()).toEqual(['g1']);
      await reader;
      expect(arrivals).toEqual([['g1']]);
    });

    test('after a rollback nothing goes out, and the error is passed on', async () => {
      const db = app.sync.transactional(drizzle(postgres));
      const failing = db.transaction(async (tx) => {
        app.sync.afterCommit(tx, action('g1'));
        await tx.insert(guests).values({ id: 'g1' });
        throw new Error('not today');
      });
      await expect(failing).rejects.toThrow('not today');
      await expect(
        db.transaction(async (tx) => {
          app.sync.afterCommit(tx, action('g2'));
          await tx.insert(guests).values([{ id: 'same' }, { id: 'same' }]);
        }),
      ).rejects.toThrow();
      expect(await sent()).toEqual([]);
      expect(await rows()).toEqual([]);
    });

    test('savepoints: those released wait for the outer commit, in order; those rolled back are dropped', async () => {
      const db = app.sync.transactional(drizzle(postgres));
      await db.transaction(async (tx) => {
        app.sync.afterCommit(tx, action('a'));
        await tx.transaction(async (inner) => {
          await inner.insert(guests).values({ id: 'b' });
          app.sync.afterCommit(inner, action('b'));
          await inner.transaction(async (innermost) => app.sync.afterCommit(innermost, action('c')));
        });
        await expect(
          tx.transaction(async (inner) => {
            app.sync.afterCommit(inner, action('dropped'));
            await inner.insert(guests).values({ id: 'dropped' });
            inner.rollback();
          }),
        ).rejects.toThrow();
        app.sync.afterCommit(tx, action('d'));
        expect(await actionsOf(app.hub)).toEqual([]);
      });
      expect(await sent()).toEqual(['a', 'b', 'c', 'd']);
      expect(await rows()).toEqual(['b']);

      await expect(
        db.transaction(async (tx) => {
          await tx.transaction(async (inner) => app.sync.afterCommit(inner, action('released, then lost')));
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      expect(await sent()).toHaveLength(4);
    });

    test('what is called outside of transactions is passed on', async () => {
      const plain = drizzle(postgres);
      const db = app.sync.transactional(plain);
      await db.insert(guests).values({ id: 'x' });
      expect(await db.select().from(guests)).toEqual([{ id: 'x' }]);
      expect(await db.$count(guests)).toBe(1);
      expect(db.select).toBe(db.select);
      expect(db.$client).toBe(postgres);
    });
  });

  describe("Prisma's shape", () => {
    test('interactive transactions wait and roll back; the array form is passed on', async () => {
      const prisma = app.sync.transactional(new PrismaShaped(postgres));
      await prisma.$transaction(
        async (tx) => {
          await tx.guest.create({ data: { id: 'g1' } });
          app.sync.afterCommit(tx, action('g1'));
          expect(await actionsOf(app.hub)).toEqual([]);
        },
        { timeout: 5_000 },
      );
      await expect(
        prisma.$transaction(async (tx) => {
          app.sync.afterCommit(tx, action('g2'));
          await tx.guest.create({ data: { id: 'g1' } });
        }),
      ).rejects.toThrow(/duplicate key/);
      await prisma.$transaction([
        prisma.guest.create({ data: { id: 'g3' } }),
        prisma.guest.create({ data: { id: 'g4' } }),
      ]);
      expect(await prisma.guest.count()).toBe(3);
      await prisma.$disconnect();
      expect(await sent()).toEqual(['g1']);
    });
  });

  describe('transaction(run, work), for any database', () => {
    const run = async <T>(body: (tx: { name: string }) => Promise<T>): Promise<T> => body({ name: 'tx' });

    test('in order after the commit; nested ones hand over; retried ones start again', async () => {
      await app.sync.transaction(run, async (tx) => {
        app.sync.afterCommit(tx, action('a'));
        await app.sync.transaction(run, async (inner) => app.sync.afterCommit(inner, action('b')));
        await expect(
          app.sync.transaction(run, async (inner) => {
            app.sync.afterCommit(inner, action('dropped'));
            throw new Error('inner');
          }),
        ).rejects.toThrow('inner');
        expect(await sent()).toEqual([]);
      });
      let tries = 0;
      const twice = async <T>(body: (tx: object) => Promise<T>): Promise<T> => {
        await body({}).catch(() => undefined);
        return body({});
      };
      await app.sync.transaction(twice, async (tx) => {
        app.sync.afterCommit(tx, action(`try ${++tries}`));
        if (tries === 1) throw new Error('serialization failure');
      });
      expect(await sent()).toEqual(['a', 'b', 'try 2']);
    });

    test('another connection sees the row when the action arrives', async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-commit-'));
      const file = path.join(folder, 'rows.db');
      const writer = new Database(file);
      writer.exec('pragma journal_mode = wal');
      writer.exec('create table guests (id text primary key)');
      const reader = new Database(file);
      const seen = (): unknown[] => reader.prepare('select id from guests').all();
      const arrivals: unknown[][] = [];
      const stop = new AbortController();
      const listening = (async () => {
        for await (const { event } of internalsOf(app.hub).observe('acme', undefined, stop.signal)) {
          if (event.type !== 'insert') continue;
          arrivals.push(seen());
          if (event.entityId === 'last') stop.abort();
        }
      })();
      const begin = async <T>(body: (tx: object) => Promise<T>): Promise<T> => {
        writer.exec('begin immediate');
        const result = await body({});
        // A broadcast that did not wait would arrive here.
        await new Promise(setImmediate);
        await app.sync.settled();
        await new Promise(setImmediate);
        writer.exec('commit');
        return result;
      };
      await app.sync.transaction(begin, async (tx) => {
        app.sync.afterCommit(tx, action('g1'));
        writer.exec("insert into guests values ('g1')");
        expect(seen()).toEqual([]);
      });
      app.sync.broadcast(action('last'));
      await listening;
      expect(arrivals).toEqual([[{ id: 'g1' }], [{ id: 'g1' }]]);
      reader.close();
      writer.close();
      rmSync(folder, { recursive: true });
    });

    test('a synchronous database', async () => {
      const db = app.sync.transactional({
        open: 0,
        transaction<T>(work: (tx: { open: number }) => T): T {
          return work({ open: ++this.open });
        },
      });
      expect(db.transaction((tx) => (app.sync.afterCommit(tx, action('s')), tx.open))).toBe(1);
      expect(() =>
        db.transaction((tx) => {
          app.sync.afterCommit(tx, action('never'));
          throw new Error('back');
        }),
      ).toThrow('back');
      expect(await sent()).toEqual(['s']);
    });

    test('a transaction that is over: committed, at once; rolled back, dropped with a warning', async () => {
      const kept: object[] = [];
      await app.sync.transaction(run, async (tx) => void kept.push(tx));
      await app.sync
        .transaction(run, async (tx) => {
          kept.push(tx);
          throw new Error('back');
        })
        .catch(() => undefined);
      app.sync.afterCommit(kept[0]!, action('late'));
      app.sync.afterCommit(kept[1]!, action('never'));
      expect(await sent()).toEqual(['late']);
      expect(heard.warnings.map((warning) => warning.message)).toEqual([expect.stringContaining('rolled back')]);
    });

    test('a transaction from elsewhere: at once outside of a mutation, and told', async () => {
      app.sync.afterCommit({}, action('early'));
      expect(await sent()).toEqual(['early']);
      expect(heard.errors.map(({ during, error }) => `${during}: ${error.message}`)).toEqual([
        expect.stringMatching(/^afterCommit: .*outside of a mutation; its action was sent at once$/),
      ]);
    });

    test('a transaction from elsewhere inside a mutation: after its success, never after its failure', async () => {
      const calls = (entityId: string) => async (): Promise<void> => {
        app.sync.afterCommit({}, action(entityId));
        expect((await actionsOf(app.hub)).map((each) => each.entityId)).not.toContain(entityId);
      };
      const ctx = { companyId: 'acme', userId: 'ann' };
      await app.createCaller({ ...ctx, calls: calls('queued') }).guests.nest({ id: 'g1', clientId: 'c1' });
      await expect(
        app.createCaller({ ...ctx, calls: calls('dropped') }).guests.nest({ id: 'fails', clientId: 'c1' }),
      ).rejects.toThrow('CONFLICT');
      // What was queued is a broadcast by hand: the middleware adds none of its own.
      expect(await sent()).toEqual(['queued']);
      expect(heard.errors).toEqual([]);
    });
  });

  describe('with the middleware', () => {
    test('its broadcast comes after a transaction around the mutation, and not at all after its rollback', async () => {
      const ctx = { companyId: 'acme', userId: 'ann' };
      const db = app.sync.transactional(drizzle(postgres));
      await db.transaction(async () => {
        await app.createCaller(ctx).guests.create({ id: 'g1', clientId: 'c1' });
        await app.sync.settled();
        expect(await actionsOf(app.hub)).toEqual([]);
      });
      expect(await sent()).toEqual(['g1']);
      await expect(
        db.transaction(async (tx) => {
          await app.createCaller(ctx).guests.create({ id: 'g2', clientId: 'c1' });
          tx.rollback();
        }),
      ).rejects.toThrow();
      expect(await sent()).toEqual(['g1']);
    });

    test('afterCommit inside a mutation takes the place of its broadcast', async () => {
      const db = app.sync.transactional(drizzle(postgres));
      const calls = (): Promise<void> => db.transaction(async (tx) => app.sync.afterCommit(tx, action('by-hand')));
      await app.createCaller({ companyId: 'acme', userId: 'ann', calls }).guests.nest({ id: 'g1', clientId: 'c1' });
      expect(await sent()).toEqual(['by-hand']);
    });
  });
});

/** Code bases in shapes that public ones have, written for the tests of the audit: many small mutations in one folder each. */

const CREATE = `import { initTRPC } from '@trpc/server';
import { db } from './db';
const t = initTRPC.context<{ db: typeof db; user: { id: string } }>().create();
export const router = t.router;
export const procedure = t.procedure;
`;

/** Drizzle: helpers, wrappers, classes, libraries that hold the database. */
export const DRIZZLE = {
  'src/trpc.ts': CREATE,
  'src/schema.ts': `import { foreignKey, pgSchema, pgTable, pgTableCreator, text } from 'drizzle-orm/pg-core';
    export const users = pgTable('user', { id: text('id').primaryKey() });
    export const posts = pgTable('post', { id: text('id'), author: text('author').references(() => users.id, { onDelete: 'cascade' }) });
    export const comments = pgTable('comment', { id: text('id'), post: text('post') }, (t) => [
      foreignKey({ columns: [t.post], foreignColumns: [posts.id] }).onDelete('set null'),
    ]);
    export const counters = pgTable('counter', { name: text('name') });
    const billing = pgSchema('billing');
    export const invoices = billing.table('invoice', { id: text('id') });
    const createTable = pgTableCreator((name) => \`app_\${name}\`);
    export const logs = createTable('log', { id: text('id') });`,
  'migrations/0001.sql': `CREATE FUNCTION count_posts() RETURNS trigger AS $$
    BEGIN
      UPDATE counter SET name = name WHERE name = 'posts';
      RETURN NEW;
    END;
    $$ LANGUAGE plpgsql;
    CREATE TRIGGER post_added AFTER INSERT ON "post" FOR EACH ROW EXECUTE FUNCTION count_posts();
    CREATE TRIGGER gone AFTER DELETE ON "counter" FOR EACH ROW EXECUTE FUNCTION count_posts();`,
  'migrations/0002.sql': 'DROP TRIGGER gone ON counter;',
  'src/db.ts': `import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
    import postgres from 'postgres';
    import * as schema from './schema';
    declare global { var cachedDb: PostgresJsDatabase<typeof schema> | undefined }
    export const db = drizzle(postgres('postgres://localhost/app'));
    export const kept = global.cachedDb ?? drizzle(postgres('postgres://localhost/app'));
    const holder = globalThis as any;
    holder.conn ??= drizzle(postgres('postgres://localhost/app'));
    export const held: PostgresJsDatabase = holder.conn;`,
  'src/wrappers.ts': `import { policy, waterfall, Effect } from 'some-library';
    import { db } from './db';
    type Db = any;
    export const guarded = (work: () => Promise<unknown>) => policy.execute({ name: 'x', run() { return work(); } });
    export const all = (first: () => Promise<unknown>, second: () => Promise<unknown>) => waterfall([first, () => second()]);
    export const tried = (work: () => Promise<unknown>) => Effect.runPromise(Effect.tryPromise({ try: async () => work(), catch: (e: unknown) => e }));
    function isTransaction(conn: Db): boolean { return 'rollback' in conn; }
    export const ensure = (conn: Db, fn: (tx: Db) => Promise<unknown>) => (isTransaction(conn) ? fn(conn) : conn.transaction(fn));
    export async function leased(fn: (c: Db) => Promise<unknown>) { return policy.run({ work: () => db.transaction(async (inner) => fn(inner)) }); }
    export async function atomically(work: () => Promise<unknown>) { return policy.begin('x', Symbol.for('work')); }
    export async function ownWrapper(fn: (c: Db) => Promise<unknown>) { return policy.hidden(db).with('x'); }`,
  'src/services.ts': `import { PostsAdapter, importRows } from 'posts-library';
    import { Queue } from 'bullmq';
    import { task } from '@trigger.dev/sdk/v3';
    import { db } from './db';
    import { logs, posts, users } from './schema';
    export abstract class Store {
      abstract save(id: string): Promise<void>;
      keep(id: string): Promise<void> { throw new Error('not implemented'); }
      saveAll(ids: string[]) { return Promise.all(ids.map((id) => this.keep(id))); }
    }
    export class UserStore extends Store {
      async save(id: string) { await db.insert(users).values({ id }); }
      async keep(id: string) { await db.update(users).set({ id }); }
    }
    export class PostStore extends Store {
      async save(id: string) { await db.insert(posts).values({ id }); }
      async keep(id: string) { await db.update(posts).set({ id }); }
    }
    export interface Writer { write(id: string): Promise<void> }
    export const logWriter: Writer = { async write(id) { await db.insert(logs).values({ id }); } };
    export class UserWriter implements Writer { async write(id: string) { await db.insert(users).values({ id }); } }
    export abstract class Nobody { abstract erase(id: string): Promise<void> }
    export const adapter = new PostsAdapter({ connection: { orm: db } });
    export { importRows };
    const { api, erase } = new PostsAdapter({ orm: db });
    export const mine = { handler: api, publish: api.publish };
    export { erase };
    let queue: Queue | undefined;
    export function getQueue() { return (queue ??= new Queue('mail')); }
    export const syncTask = task({ id: 'sync', run: async () => {} });
    export class Cache {
      private inflight = new Map<string, Promise<unknown>>();
      private jobs: string[] = [];
      async run(key: string) {
        try {
          this.jobs.push(key);
          await db.insert(logs).values({ id: key });
        } finally {
          this.inflight.delete(key);
          this.inflight = new Map();
        }
      }
    }`,
  'src/branches.ts': `import { db } from './db';
    import { logs, posts, users } from './schema';
    export async function record(how: { kind: 'quiet' | 'loud'; tx?: any }) {
      switch (how.kind) {
        case 'quiet': return db.transaction(async (tx) => { await tx.insert(logs).values({ id: 'a' }); });
        case 'loud': return db.insert(logs).values({ id: 'a' });
      }
    }
    export async function write(kind: string, tx?: any) {
      if (kind === 'user') { await (tx ?? db).insert(users).values({ id: 'a' }); return; }
      await (tx ?? db).insert(posts).values({ id: 'a' });
    }
    const WAYS = { plain: 'p', full: 'f' } as const;
    enum Level { Low, High }
    const byWay = { [WAYS.plain]: () => db.insert(users).values({ id: 'a' }), [WAYS.full]: () => db.insert(posts).values({ id: 'a' }) };
    export const plain = () => byWay[WAYS.plain]();
    const byLevel = { [Level.Low]: { go: () => db.insert(logs).values({ id: 'a' }) }, [Level.High]: { go: () => db.insert(users).values({ id: 'a' }) } };
    export const high = () => byLevel[Level.High].go();
    export const computed = (name: string, table: any) => table[
      name
        .toLowerCase()
    ]();`,
  'src/root.ts': `import { sql } from 'drizzle-orm';
    import { db, held, kept } from './db';
    import * as branches from './branches';
    import { comments, invoices, logs, posts, users } from './schema';
    import { Cache, PostStore, type Nobody, type Store, type Writer, adapter, erase, getQueue, importRows, mine, syncTask } from './services';
    import { all, atomically, ensure, guarded, leased, ownWrapper, tried } from './wrappers';
    import { procedure, router } from './trpc';
    const cache = new Cache();
    const two = async (c: any) => { await c.insert(users).values({ id: 'a' }); await c.insert(logs).values({ id: 'a' }); };
    export const appRouter = router({
      list: procedure.query(() => db.select().from(users)),
      keptUpdate: procedure.mutation(() => kept.update(users).set({ id: 'b' })),
      heldDelete: procedure.mutation(() => held.delete(logs)),
      guarded: procedure.mutation(() => guarded(() => db.insert(users).values({ id: 'a' }))),
      waterfall: procedure.mutation(() => all(() => db.insert(users).values({ id: 'a' }), () => db.insert(logs).values({ id: 'a' }))),
      tried: procedure.mutation(() => tried(() => db.insert(logs).values({ id: 'a' }))),
      ensured: procedure.mutation(({ ctx }) => ensure(ctx.db, two)),
      ensuredInside: procedure.mutation(() => db.transaction((tx) => ensure(tx, two))),
      leased: procedure.mutation(() => leased(two)),
      atomically: procedure.mutation(() => atomically(async () => two(db))),
      ownWrapper: procedure.mutation(() => ownWrapper(async (c) => two(c))),
      abstractSave: procedure.mutation(({ ctx }: { ctx: { store: Store } }) => ctx.store.save('a')),
      abstractAll: procedure.mutation(({ ctx }: { ctx: { store: Store } }) => ctx.store.saveAll(['a'])),
      exactSave: procedure.mutation(() => new PostStore().save('a')),
      byInterface: procedure.mutation(({ ctx }: { ctx: { writer: Writer } }) => ctx.writer.write('a')),
      noClass: procedure.mutation(({ ctx }: { ctx: { nobody: Nobody } }) => ctx.nobody.erase('a')),
      byAdapter: procedure.mutation(() => adapter.createPost({ id: 'a' })),
      readByAdapter: procedure.mutation(() => adapter.getPost('a')),
      byMember: procedure.mutation(() => mine.publish({ id: 'a' })),
      byPart: procedure.mutation(() => erase('a')),
      imported: procedure.mutation(() => importRows(db, [])),
      queued: procedure.mutation(() => getQueue().add('mail', {})),
      task: procedure.mutation(() => syncTask.trigger({})),
      cached: procedure.mutation(() => cache.run('a')),
      listNamedQueue: procedure.mutation(async () => { const queue: string[] = []; queue.push('a'); const events = new Set(); events.add('b'); await db.insert(logs).values({ id: 'a' }); }),
      quiet: procedure.mutation(() => branches.record({ kind: 'quiet' })),
      loud: procedure.mutation(() => branches.record({ kind: 'loud' })),
      openKind: procedure.mutation(({ input }: any) => branches.record(input)),
      user: procedure.mutation(() => branches.write('user')),
      other: procedure.mutation(() => db.transaction((tx) => branches.write('other', tx))),
      plain: procedure.mutation(() => branches.plain()),
      high: procedure.mutation(() => branches.high()),
      computed: procedure.mutation(({ input }: any) => branches.computed(input.name, input.table)),
      rawUser: procedure.mutation(() => db.execute(sql\`UPDATE "user" SET id = 'b'\`)),
      rawInvoice: procedure.mutation(() => db.execute(sql\`DELETE FROM billing.invoice\`)),
      rawLog: procedure.mutation(() => db.execute(sql\`INSERT INTO app_log (id) VALUES ('a')\`)),
      invoice: procedure.mutation(() => db.update(invoices).set({ id: 'b' })),
      removeUser: procedure.mutation(() => db.delete(users)),
      removePost: procedure.mutation(() => db.delete(posts)),
      addPost: procedure.mutation(() => db.insert(posts).values({ id: 'a' })),
      renamePost: procedure.mutation(() => db.update(posts).set({ id: 'b' })),
      removeCounter: procedure.mutation(() => db.execute(sql\`DELETE FROM counter\`)),
    });`,
};

/** Prisma: relations, lists of statements, referential actions, `@@map`. */
export const PRISMA = {
  'prisma/schema.prisma': `model Team {
      id      String @id
      members Member[]
      tags    Tag[]
      @@map("teams")
    }
    model Member {
      id     String @id
      team   Team   @relation(fields: [teamId], references: [id], onDelete: Cascade)
      teamId String
      boss   Member? @relation("boss", fields: [bossId], references: [id])
      bossId String?
      reports Member[] @relation("boss")
      notes  Note[]
    }
    model Note {
      id       String @id
      author   Member? @relation(fields: [authorId], references: [id])
      authorId String?
    }
    model Tag { id String @id
      teams Team[]
    }`,
  'src/root.ts': `import { PrismaClient } from '@prisma/client';
    import { initTRPC } from '@trpc/server';
    import { addAll, helperList } from './lists';
    const t = initTRPC.create();
    export const prisma = new PrismaClient();
    export const appRouter = t.router({
      team: t.router({
        all: t.procedure.query(() => prisma.team.findMany()),
        create: t.procedure.mutation(() => prisma.team.create({ data: { id: 'a', members: { create: [{ id: 'b', notes: { create: { id: 'c' } } }] } } })),
        adopt: t.procedure.mutation(() => prisma.team.update({ where: { id: 'a' }, data: { members: { connect: { id: 'b' } }, tags: { connect: { id: 'x' } } } })),
        remove: t.procedure.mutation(() => prisma.team.delete({ where: { id: 'a' } })),
        raw: t.procedure.mutation(() => prisma.$executeRaw\`UPDATE "teams" SET id = 'b'\`),
        list: t.procedure.mutation(() => prisma.$transaction(helperList('a'))),
        kept: t.procedure.mutation(async () => { const steps = helperList('a'); await prisma.$transaction([...steps, prisma.tag.create({ data: { id: 'a' } })]); }),
        begun: t.procedure.mutation(async () => { const first = prisma.tag.create({ data: { id: 'a' } }); await prisma.$transaction([first, prisma.note.create({ data: { id: 'a' } })]); }),
        removeMember: t.procedure.mutation(() => prisma.member.delete({ where: { id: 'a' } })),
      }),
    });`,
  'src/lists.ts': `import { prisma } from './root';
    export const helperList = (id: string) => [prisma.team.update({ where: { id }, data: { id } }), prisma.tag.update({ where: { id }, data: { id } })];
    export const addAll = () => undefined;`,
};

/** Objects that a factory chooses, what a constructor is given, queries under names. */
export const OBJECTS = {
  'src/trpc.ts': CREATE,
  'src/schema.ts': `import { pgTable, text } from 'drizzle-orm/pg-core';
    export const users = pgTable('user', { id: text('id') });
    export const posts = pgTable('post', { id: text('id') });
    export const logs = pgTable('log', { id: text('id') });`,
  'src/db.ts': `import { drizzle } from 'drizzle-orm/node-postgres';
    export const db = drizzle('postgres://localhost/app');`,
  'src/lists.ts': `import { db } from './db';
    import { posts, users } from './schema';
    export abstract class List {
      abstract remove(id: string): Promise<void>;
      static load(kind: string) { return kind === 'smart' ? new SmartList() : new ManualList(); }
      static open(kind: string) { if (kind === 'smart') { return new SmartList(); } else { return new ManualList(); } }
    }
    export class SmartList extends List { async remove(id: string): Promise<void> { throw new Error('read only'); } }
    export class ManualList extends List { async remove(id: string) { await db.delete(users); } }
    export class Mirror { async remove(id: string) { await db.delete(posts); } }
    const slack = { send: async () => { await db.update(users).set({ id: 'a' }); } };
    const mail = { send: async () => undefined };
    export function channel(kind: string) { if (kind === 'mail') return mail; return slack; }`,
  'src/services.ts': `import { db } from './db';
    import { logs, posts } from './schema';
    type Audit = (entry: { id: string }) => Promise<void>;
    export class Service {
      constructor(private readonly conn: any, private readonly audit: Audit) {}
      async change(id: string) { await this.conn.update(posts).set({ id }); await this.audit({ id }); }
    }
    export class Quiet extends Service {}
    export class Own {
      readonly #audit: Audit;
      constructor(audit: Audit) { this.#audit = audit; }
      change(id: string) { return this.#audit({ id }); }
    }
    export class Parts {
      private audit: Audit;
      private also: Audit;
      constructor({ audit, more }: { audit: Audit; more: { also: Audit } }, options: { also: Audit }) { this.audit = audit; this.also = options.also; }
      change(id: string) { return Promise.all([this.audit({ id }), this.also({ id })]); }
    }
    export class Coded { constructor(private encode: (text: string) => string) {} change(id: string) { return this.encode(id); } }
    export const log = async (id: string) => { await db.insert(logs).values({ id }); };`,
  'src/builder.ts': `export class Builder {
      parts: string[] = [];
      withCTE(name: string, of: string) { this.parts.push(name, of); return this; }
      from(name: string) { this.parts.push(name); return this; }
      select(...names: string[]) { this.parts.push(...names); return this; }
    }`,
  'src/root.ts': `import { eq } from 'drizzle-orm';
    import { Builder } from './builder';
    import { db } from './db';
    import { channel, List, type ManualList, type Mirror } from './lists';
    import { logs, posts, users } from './schema';
    import { Coded, log, Own, Parts, Quiet, Service } from './services';
    import { procedure, router } from './trpc';
    const withList = procedure.use(async ({ next, ctx }) => next({ ctx: { ...ctx, list: List.open('a') } }));
    const serviceFor = (ctx: any) => new Service(ctx.db, ({ id }) => log(id));
    export const appRouter = router({
      chosen: procedure.mutation(() => List.load('a').remove('b')),
      opened: procedure.mutation(() => List.open('a').remove('b')),
      inContext: withList.mutation(({ ctx }) => ctx.list.remove('b')),
      union: procedure.mutation(({ ctx }: { ctx: { one: ManualList | Mirror } }) => ctx.one.remove('b')),
      channel: procedure.mutation(() => channel('x').send()),
      given: procedure.mutation(({ ctx }) => serviceFor(ctx).change('a')),
      inherited: procedure.mutation(() => new Quiet(db, ({ id }) => log(id)).change('a')),
      own: procedure.mutation(() => new Own(({ id }) => log(id)).change('a')),
      parts: procedure.mutation(() => new Parts({ audit: async ({ id }) => log(id), more: {} as any }, { also: async ({ id }) => { await db.update(users).set({ id }); } }).change('a')),
      nobody: procedure.mutation(({ ctx }: { ctx: { service: Own } }) => ctx.service.change('a')),
      coded: procedure.mutation(({ ctx }: { ctx: { coded: Coded } }) => ctx.coded.change('a')),
      let: procedure.query(async ({ input }: { input: any }) => {
        let recent;
        if (input.a) recent = db.$with('recent').as(db.select().from(users));
        else { recent = db.$with('recent').as(db.select().from(posts)); }
        return db.with(recent).select().from(recent).leftJoin(logs, eq(logs.id, recent.id));
      }),
      built: procedure.query(async () => {
        const before = new Builder().withCTE('costs', 'x');
        return [new Builder().withCTE('costs', 'x').from('costs').select('a'), before.from('costs').select('b'), await db.select().from(users)];
      }),
    });`,
};

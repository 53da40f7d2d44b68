/** Code bases made at random, in which each procedure has one of many shapes: the schema, its migration, and a router whose code really runs. */

/** A generator of numbers that a seed decides (mulberry32). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
  below(count: number): number {
    return Math.floor(this.next() * count);
  }
  chance(share: number): boolean {
    return this.next() < share;
  }
  of<T>(all: readonly T[]): T {
    const one = all[this.below(all.length)];
    if (one === undefined) throw new Error('nothing to choose from');
    return one;
  }
}

export interface Table {
  /** Of the constant in Drizzle, of the accessor in Prisma. */
  name: string;
  /** In SQL, with its schema. */
  sql: string;
  parent?: { table: Table; onDelete: 'cascade' | 'set null' };
  children: Table[];
}

export interface CodeBaseMade {
  tables: Table[];
  /** Written by triggers alone. */
  logs: { name: string; sql: string }[];
  files: Record<string, string>;
  migration: string;
  /** By their paths: the shape that each has. */
  mutations: Map<string, string>;
  queries: Map<string, string>;
}

const quoted = (sql: string): string => sql.split('.').map((part) => `"${part}"`).join('.');

interface Made {
  tables: Table[];
  random: Random;
  /** Declarations before the router. */
  before: string[];
  unique: () => string;
}

type Shape = (made: Made) => string;

const one = ({ random, tables }: Made): Table => random.of(tables);
const withParent = (made: Made): Table => made.random.of(made.tables.filter((table) => table.parent));
const withChildren = (made: Made): Table => made.random.of(made.tables.filter((table) => table.children.length > 0));
const change = (made: Made, table: Table, db = 'db'): string =>
  made.random.of([
    `await ${db}.insert(${table.name}).values({ label: 'new' });`,
    `await ${db}.update(${table.name}).set({ label: 'changed' });`,
    `await ${db}.delete(${table.name});`,
  ]);
const changeSql = (made: Made, table: Table): string =>
  made.random.of([`INSERT INTO ${quoted(table.sql)} (label) VALUES ('new')`, `UPDATE ${quoted(table.sql)} SET label = 'changed'`, `delete from ${quoted(table.sql)} where label is not null`]);

export const MUTATIONS: Readonly<Record<string, Shape>> = {
  'drizzle insert': (made) => `await db.insert(${one(made).name}).values([{ label: 'a' }, { label: 'b' }]).returning();`,
  'drizzle update': (made) => `const table = ${one(made).name}; await db.update(table).set({ label: 'x' }).where(isNotNull(table.label));`,
  'drizzle delete': (made) => `await db.delete(${withChildren(made).name});`,
  'drizzle upsert': (made) => {
    const { name } = one(made);
    return `await db.insert(${name}).values({ id: 1, label: 'a' }).onConflictDoUpdate({ target: ${name}.id, set: { label: 'b' } });`;
  },
  'drizzle transaction': (made) => `await db.transaction(async (tx) => { ${change(made, one(made), 'tx')} ${change(made, one(made), 'tx')} });`,
  'drizzle insert of a select': (made) => {
    const [to, from] = [one(made).name, one(made).name];
    return `await db.insert(${to}).select(db.select({ id: sql<number>\`\${${from}.id} + 1000\`.as('id'), parentId: sql<number>\`null::int\`.as('parent_id'), label: ${from}.label }).from(${from}));`;
  },
  'a helper that is given the table': (made) => {
    const fn = made.unique();
    made.before.push(`async function ${fn}(store: typeof db, table: any) { await store.delete(table); }`);
    return `await ${fn}(db, ${withChildren(made).name});`;
  },
  'a repository': (made) => {
    const name = `Repo${made.unique()}`;
    made.before.push(`class ${name} { constructor(private readonly store: typeof db) {} async touch() { ${change(made, one(made), 'this.store')} } }`);
    return `await new ${name}(db).touch();`;
  },
  'a loop over tables': (made) => `for (const table of [${one(made).name}, ${one(made).name}]) await db.update(table).set({ label: 'looped' });`,
  'a branch': (made) => `if (input.yes) { ${change(made, one(made))} } else { ${change(made, one(made))} }`,
  'a callback of a wrapper': (made) => {
    const fn = made.unique();
    made.before.push(`const ${fn} = async <T>(work: (tx: any) => Promise<T>): Promise<T> => db.transaction((tx) => work(tx));`);
    return `await ${fn}(async (tx) => { ${change(made, one(made), 'tx')} });`;
  },
  'SQL of a driver': (made) => `await client.query(\`${changeSql(made, one(made))}\`);`,
  'SQL in a constant': (made) => {
    const name = `SQL_${made.unique().toUpperCase()}`;
    made.before.push(`const ${name} = \`${changeSql(made, one(made))}\`;`);
    return `await client.query(${name});`;
  },
  'SQL of a builder': (made) => `await db.execute(sql\`update \${${one(made).name}} set label = \${input.text}\`);`,
  'a writing common table': (made) => {
    const [gone, to] = [withChildren(made), one(made)];
    return `await client.query('WITH gone AS (DELETE FROM ${quoted(gone.sql)} RETURNING id) INSERT INTO ${quoted(to.sql)} (label) SELECT id::text FROM gone');`;
  },
  'SQL that somebody gives': (made) => `await client.query(input.changes[${made.random.below(made.tables.length)}]);`,
  'Prisma create with a relation': (made) => {
    const table = withChildren(made);
    const child = made.random.of(table.children);
    return `await prisma.${table.name}.create({ data: { label: 'p', ${child.name}: { create: [{ label: 'c' }] } } });`;
  },
  'Prisma deleteMany': (made) => `await prisma.${withChildren(made).name}.deleteMany({ where: { label: { not: null } } });`,
  'Prisma updateMany': (made) => `await prisma.${one(made).name}.updateMany({ data: { label: 'u' } });`,
};

export const QUERIES: Readonly<Record<string, Shape>> = {
  'drizzle select': (made) => `return db.select().from(${one(made).name});`,
  'drizzle columns': (made) => {
    const { name } = one(made);
    return `return db.select({ id: ${name}.id }).from(${name}).where(eq(${name}.label, input.text));`;
  },
  'drizzle join': (made) => {
    const { name, parent } = withParent(made);
    return `return db.select().from(${name}).innerJoin(${parent?.table.name ?? name}, ne(${name}.parentId, 0));`;
  },
  'drizzle exists': (made) => `return db.select().from(${one(made).name}).where(exists(db.select({ one: sql\`1\` }).from(${one(made).name})));`,
  'drizzle inArray': (made) => {
    const [a, b] = [one(made).name, one(made).name];
    return `const ids = db.select({ id: ${b}.id }).from(${b}); return db.select().from(${a}).where(inArray(${a}.id, ids));`;
  },
  'drizzle common table': (made) => {
    const { name } = one(made);
    return `const recent = db.$with('recent').as(db.select().from(${name}).where(gt(${name}.id, 0))); return db.with(recent).select().from(recent);`;
  },
  'drizzle subquery': (made) => `const inner = db.select().from(${one(made).name}).as('inner_rows'); return db.select().from(inner);`,
  'drizzle subquery made outside': (made) => {
    const name = made.unique();
    made.before.push(`const ${name} = db.select().from(${one(made).name}).as('${name}');`);
    return `return db.select().from(${name});`;
  },
  'drizzle prepared': (made) => {
    const name = made.unique();
    made.before.push(`const ${name} = db.select().from(${one(made).name}).prepare('${name}');`);
    return `return ${name}.execute();`;
  },
  'drizzle alias': (made) => {
    const { name } = one(made);
    return `const other = alias(${name}, 'other'); return db.select().from(${name}).innerJoin(other, eq(other.id, ${name}.id));`;
  },
  'drizzle union': (made) => {
    const [a, b] = [one(made).name, one(made).name];
    return `return union(db.select({ label: ${a}.label }).from(${a}), db.select({ label: ${b}.label }).from(${b}));`;
  },
  $count: (made) => `return db.$count(${one(made).name});`,
  'a field of SQL': (made) => `return db.select({ n: sql\`(select count(*) from \${${one(made).name}})\` }).from(${one(made).name});`,
  'a view of the code': (made) => `return db.select().from(view${made.random.below(2)});`,
  'a view of SQL': () => `return db.select().from(oldView);`,
  'a view by its SQL name': (made) => `return client.query('SELECT * FROM made_view_${made.random.below(2)}');`,
  'relational query': (made) => {
    const { name, children } = withChildren(made);
    return `return db.query.${name}.findMany({ with: { ${made.random.of(children).name}: true } });`;
  },
  'relational query upwards': (made) => `return db.query.${withParent(made).name}.findFirst({ with: { parent: { with: {} } } });`,
  'SQL with joins': (made) => {
    const [a, b] = [one(made), one(made)];
    return `return client.query('SELECT a.id FROM ${quoted(a.sql)} a, ${quoted(b.sql)} AS b WHERE a.id IN (SELECT id FROM ${quoted(one(made).sql)}) AND extract(year FROM now()) > 0');`;
  },
  'SQL with a common table that hides another': (made) => {
    const { sql } = one(made);
    const name = quoted(sql.split('.').at(-1) ?? sql);
    return `return client.query('WITH ${name} AS (SELECT * FROM ${quoted(sql)}) SELECT * FROM ${name} JOIN ${quoted(one(made).sql)} z USING (id)');`;
  },
  'SQL of a builder': (made) => `return db.execute(sql\`select * from \${${one(made).name}} where label = \${input.text}\`);`,
  'a helper that is given the table': (made) => {
    const fn = made.unique();
    made.before.push(`const ${fn} = (table: any) => db.select().from(table);`);
    return `return ${fn}(${one(made).name});`;
  },
  'a repository': (made) => {
    const name = `Repo${made.unique()}`;
    made.before.push(`class ${name} { constructor(private readonly store: typeof db) {} all() { return this.store.select().from(${one(made).name}); } }`);
    return `return new ${name}(db).all();`;
  },
  'a cache': (made) => `return cached(\`key\${Math.random()}\`, () => db.select().from(${one(made).name}));`,
  'a table of a record': (made) => `const tables = { a: ${one(made).name}, b: ${one(made).name} }; return db.select().from(tables[input.yes ? 'a' : 'b']);`,
  'a table that somebody gives': (made) => `return db.select().from(input.tables[${made.random.below(made.tables.length)}]);`,
  'SQL that somebody gives': (made) => `return client.query(input.statements[${made.random.below(made.tables.length)}]);`,
  'Prisma include': (made) => {
    const { name, children } = withChildren(made);
    return `return prisma.${name}.findMany({ include: { ${made.random.of(children).name}: true } });`;
  },
  'Prisma filter': (made) => {
    const { name, children } = withChildren(made);
    return `return prisma.${name}.findMany({ where: { ${made.random.of(children).name}: { some: {} } } });`;
  },
  'Prisma select upwards': (made) => `return prisma.${withParent(made).name}.findMany({ select: { id: true, parent: { select: { id: true } } } });`,
  'Prisma count': (made) => `return prisma.${one(made).name}.count();`,
};

/** `pairs` mutations and as many queries. */
export function makeCodeBase(seed: number, pairs: number): CodeBaseMade {
  const random = new Random(seed);
  const tables: Table[] = [];
  const count = 5 + random.below(5);
  for (let index = 0; index < count; index++) {
    // Two have a chain at least: something cascades in each code base.
    const parent = index > 0 && (index < 3 || random.chance(0.6)) ? { table: random.of(tables), onDelete: random.chance(0.7) ? ('cascade' as const) : ('set null' as const) } : undefined;
    const table: Table = { name: `things${index}`, sql: `${random.chance(0.3) ? 'crm.' : ''}app_things_${index}`, children: [], ...(parent ? { parent } : {}) };
    parent?.table.children.push(table);
    tables.push(table);
  }
  const logs = [0, 1].map((index) => ({ name: `logs${index}`, sql: `app_logs_${index}` }));
  let names = 0;
  const made: Made = { tables, random, before: [], unique: () => `made${names++}` };
  const views = [random.of(tables), random.of(tables)];
  const migration = migrationOf(tables, logs, views, random);
  const files: Record<string, string> = { 'src/schema.ts': schemaOf(tables, logs, views, random.of(tables)), 'prisma/schema.prisma': prismaOf(tables), 'migrations/0001.sql': migration };
  const mutations = new Map<string, string>();
  const queries = new Map<string, string>();
  const lines: string[] = [];
  const [ways, questions] = [Object.entries(MUTATIONS), Object.entries(QUERIES)];
  for (let index = 0; index < pairs; index++) {
    // Each shape in turn, so that none is left out.
    const way = ways[index % ways.length];
    const question = questions[index % questions.length];
    if (!way || !question) continue;
    lines.push(`  m${index}: procedure.mutation(async ({ input }) => { ${way[1](made)} }),`, `  q${index}: procedure.query(async ({ input }) => { ${question[1](made)} }),`);
    mutations.set(`m${index}`, way[0]);
    queries.set(`q${index}`, question[0]);
  }
  files['src/router.ts'] = `import { initTRPC } from '@trpc/server';
import { alias, union } from 'drizzle-orm/pg-core';
import { eq, exists, gt, inArray, isNotNull, ne, sql } from 'drizzle-orm';
import { client, db, prisma } from './db';
import { ${[...tables.map(({ name }) => name), 'view0', 'view1', 'oldView'].join(', ')} } from './schema';
const t = initTRPC.create();
const procedure = t.procedure.input((value: any) => value);
const kept = new Map<string, unknown>();
async function cached<T>(key: string, load: () => Promise<T>): Promise<T> {
  const known = kept.get(key) as T | undefined;
  if (known !== undefined) return known;
  const fresh = await load();
  kept.set(key, fresh);
  return fresh;
}
${made.before.join('\n')}
export const appRouter = t.router({
${lines.join('\n')}
});
export const createCaller = t.createCallerFactory(appRouter);
`;
  files['src/db.ts'] = `import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { PrismaClient } from '@prisma/client';
import * as schema from './schema';
export const client = new PGlite();
export const db = drizzle(client, { schema });
export const prisma = new PrismaClient();
`;
  return { tables, logs, files, migration, mutations, queries };
}

function schemaOf(tables: readonly Table[], logs: readonly { name: string; sql: string }[], views: readonly Table[], old: Table): string {
  const declared = tables.map(({ name, sql, parent }) => {
    const [first, second] = sql.split('.');
    const maker = second === undefined ? `pgTable('${first}'` : `crm.table('${second}'`;
    const key = parent ? `.references((): any => ${parent.table.name}.id, { onDelete: '${parent.onDelete}' })` : '';
    return `export const ${name} = ${maker}, { id: serial('id').primaryKey(), parentId: integer('parent_id')${key}, label: text('label') });`;
  });
  const relations = tables.map(({ name, parent, children }) => {
    const up = parent ? [`parent: one(${parent.table.name}, { fields: [${name}.parentId], references: [${parent.table.name}.id] })`] : [];
    return `export const ${name}Relations = relations(${name}, ({ one, many }) => ({ ${[...up, ...children.map((child) => `${child.name}: many(${child.name})`)].join(', ')} }));`;
  });
  return `import { relations, sql } from 'drizzle-orm';
import { integer, pgSchema, pgTable, pgView, serial, text } from 'drizzle-orm/pg-core';
export const crm = pgSchema('crm');
${declared.join('\n')}
${logs.map(({ name, sql }) => `export const ${name} = pgTable('${sql}', { id: serial('id').primaryKey(), label: text('label') });`).join('\n')}
${relations.join('\n')}
export const view0 = pgView('made_view_0').as((qb) => qb.select().from(${views[0]?.name ?? old.name}));
export const view1 = pgView('made_view_1', { id: integer('id') }).as(sql\`select id from \${${views[1]?.name ?? old.name}}\`);
export const oldView = pgView('old_view', { id: integer('id') }).existing();
`;
}

function migrationOf(tables: readonly Table[], logs: readonly { name: string; sql: string }[], views: readonly Table[], random: Random): string {
  const statements = ['CREATE SCHEMA crm'];
  for (const { sql, parent } of tables) {
    const key = parent ? ` REFERENCES ${quoted(parent.table.sql)} (id) ON DELETE ${parent.onDelete.toUpperCase()}` : '';
    statements.push(`CREATE TABLE ${quoted(sql)} (id serial PRIMARY KEY, parent_id integer${key}, label text)`);
  }
  for (const { sql } of logs) statements.push(`CREATE TABLE ${quoted(sql)} (id serial PRIMARY KEY, label text)`);
  // Each table's trigger writes a log; that of a log writes the next one.
  tables.forEach(({ sql }, index) => {
    if (!random.chance(0.5)) return;
    const log = random.of(logs);
    const events = random.of(['INSERT', 'UPDATE', 'DELETE', 'INSERT OR UPDATE', 'INSERT OR UPDATE OR DELETE']);
    statements.push(
      `CREATE FUNCTION note_${index}() RETURNS trigger AS $$ BEGIN INSERT INTO ${quoted(log.sql)} (label) VALUES ('noted'); RETURN NULL; END $$ LANGUAGE plpgsql`,
      `CREATE TRIGGER note_trigger_${index} AFTER ${events} ON ${quoted(sql)} FOR EACH ROW EXECUTE FUNCTION note_${index}()`,
    );
  });
  views.forEach(({ sql }, index) => statements.push(`CREATE VIEW made_view_${index} AS SELECT * FROM ${quoted(sql)}`));
  statements.push(`CREATE VIEW old_view AS SELECT a.id FROM ${quoted(random.of(tables).sql)} a JOIN made_view_0 b ON b.id = a.id`);
  return `${statements.join(';\n')};\n`;
}

function prismaOf(tables: readonly Table[]): string {
  const model = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
  return tables
    .map(({ name, sql, parent, children }) => {
      const own = sql.split('.');
      const fields = [
        'id Int @id @default(autoincrement())',
        'label String?',
        'parentId Int?',
        ...(parent ? [`parent ${model(parent.table.name)}? @relation(fields: [parentId], references: [id], onDelete: ${parent.onDelete === 'cascade' ? 'Cascade' : 'SetNull'})`] : []),
        ...children.map((child) => `${child.name} ${model(child.name)}[]`),
      ];
      return `model ${model(name)} {\n  ${fields.join('\n  ')}\n  @@map("${own.at(-1) ?? ''}")\n${own.length > 1 ? '  @@schema("crm")\n' : ''}}`;
    })
    .join('\n');
}

/** Runs a made code base on a real PostgreSQL (PGlite): what each mutation changes, and what the plan of each query reads. */
import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { createRequire } from 'node:module';
import ts from 'typescript';
import type { CodeBaseMade, Table } from './generate.js';

export interface Truth {
  /** Names of tables as the code has them, by the procedure's path. */
  changed: Map<string, Set<string>>;
  read: Map<string, Set<string>>;
}

interface Statement {
  text: string;
  params: unknown[];
}

const quoted = (sql: string): string => sql.split('.').map((part) => `"${part}"`).join('.');

export async function runAll(made: CodeBaseMade): Promise<Truth> {
  const postgres = await PGlite.create();
  try {
    await postgres.exec(made.migration);
    // Last, so that an AFTER trigger's own writes are seen: by the trigger of the table that they go to.
    await postgres.exec(`CREATE TABLE seen_changes (name text); CREATE FUNCTION see() RETURNS trigger AS $$ BEGIN
      INSERT INTO seen_changes VALUES (TG_TABLE_NAME); RETURN NULL; END $$ LANGUAGE plpgsql`);
    const all = [...made.tables, ...made.logs];
    const names = new Map(all.map(({ name, sql }) => [sql.split('.').at(-1) ?? sql, name]));
    for (const { name, sql } of all) await postgres.exec(`CREATE TRIGGER zz_see_${name} AFTER INSERT OR UPDATE OR DELETE ON ${quoted(sql)} FOR EACH ROW EXECUTE FUNCTION see()`);
    const nameOf = (relation: string): string => names.get(relation) ?? relation;

    const statements: Statement[] = [];
    const { createCaller } = load(made, listening(postgres, statements));
    const caller = createCaller({}) as unknown as Record<string, (input: unknown) => Promise<unknown>>;
    const truth: Truth = { changed: new Map(), read: new Map() };
    for (const path of made.mutations.keys()) {
      const changed = new Set<string>();
      for (const yes of [true, false]) {
        await fill(postgres, made);
        await caller[path]?.(inputOf(made, yes));
        const { rows } = await postgres.query<{ name: string }>('SELECT DISTINCT name FROM seen_changes');
        for (const { name } of rows) changed.add(nameOf(name));
      }
      truth.changed.set(path, changed);
    }
    await fill(postgres, made);
    for (const path of made.queries.keys()) {
      const read = new Set<string>();
      for (const yes of [true, false]) {
        statements.length = 0;
        await caller[path]?.(inputOf(made, yes));
        for (const { text, params } of [...statements]) {
          const { rows } = await postgres.query<{ 'QUERY PLAN': unknown }>(`EXPLAIN (FORMAT JSON) ${text}`, params);
          for (const row of rows) for (const relation of relationsIn(row['QUERY PLAN'])) read.add(nameOf(relation));
        }
      }
      truth.read.set(path, read);
    }
    return truth;
  } finally {
    await postgres.close();
  }
}

const inputOf = (made: CodeBaseMade, yes: boolean): unknown => ({
  yes,
  text: 'some',
  // What the tables are is known to who calls, and not to who reads the code.
  tables: made.tables.map(({ name }) => name),
  changes: made.tables.map(({ sql }) => `UPDATE ${quoted(sql)} SET label = 'given'`),
  statements: made.tables.map(({ sql }) => `SELECT * FROM ${quoted(sql)}`),
});

/** Three rows a table, each with a parent. */
async function fill(postgres: PGlite, { tables, logs }: CodeBaseMade): Promise<void> {
  const rows = tables.map(({ sql, parent }) => `INSERT INTO ${quoted(sql)} (parent_id, label) VALUES ${[1, 2, 3].map((id) => `(${parent ? id : 'NULL'}, 'row')`).join(', ')};`);
  await postgres.exec(`SET session_replication_role = replica;
    TRUNCATE ${[...tables, ...logs].map(({ sql }) => quoted(sql)).join(', ')} RESTART IDENTITY CASCADE; TRUNCATE seen_changes;
    ${rows.join('\n')} SET session_replication_role = DEFAULT;`);
}

function relationsIn(plan: unknown): string[] {
  if (Array.isArray(plan)) return plan.flatMap(relationsIn);
  if (typeof plan !== 'object' || plan === null) return [];
  return Object.entries(plan).flatMap(([key, value]) => (key === 'Relation Name' && typeof value === 'string' ? [value] : relationsIn(value)));
}

/** The database, with each statement noted that goes to it. */
function listening(postgres: PGlite, statements: Statement[]): PGlite {
  return new Proxy(postgres, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (key === 'query') {
        return (text: string, params: unknown[] = [], options?: object) => {
          statements.push({ text, params });
          return target.query(text, params, options);
        };
      }
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

type Caller = { createCaller: (context: object) => object };

/** The router as it stands, with this database in the place of its own. */
function load(made: CodeBaseMade, client: PGlite): Caller {
  const require = createRequire(__filename);
  const modules = new Map<string, Record<string, unknown>>();
  const run = (file: string): Record<string, unknown> => {
    const known = modules.get(file);
    if (known) return known;
    const exports: Record<string, unknown> = {};
    modules.set(file, exports);
    const { outputText } = ts.transpileModule(made.files[file] ?? '', { compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 } });
    // The code is made here, and must run beside what the test has loaded.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const body = new Function('require', 'exports', outputText) as (require: (name: string) => unknown, exports: object) => void;
    body((name) => (name.startsWith('./') ? run(`src/${name.slice(2)}.ts`) : require(name)), exports);
    return exports;
  };
  const schema = run('src/schema.ts');
  modules.set('src/db.ts', { client, db: drizzle(client, { schema }), prisma: prismaOn(client, made.tables) });
  const router = run('src/router.ts') as unknown as Caller;
  // Tables go in by their names, and are the constants from there on.
  return {
    createCaller: (context) => {
      const caller = router.createCaller(context) as Record<string, (input: object) => Promise<unknown>>;
      return new Proxy(caller, {
        get: (target, key: string) => (input: { tables: string[] }) => target[key]?.({ ...input, tables: input.tables.map((name) => schema[name]) }),
      });
    },
  };
}

/** As much of Prisma's client as the shapes use: the same calls, the same tables. */
function prismaOn(client: PGlite, tables: readonly Table[]): Record<string, unknown> {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const tableOf = (table: Table, field: string): Table | undefined => (field === 'parent' ? table.parent?.table : byName.get(field));
  const delegate = (table: Table): object => {
    const sql = quoted(table.sql);
    const along = async (given: Record<string, unknown>): Promise<void> => {
      for (const field of Object.keys(given)) {
        const other = tableOf(table, field);
        if (other) await client.query(`SELECT * FROM ${quoted(other.sql)}`);
      }
    };
    return {
      async create({ data }: { data: Record<string, unknown> }) {
        await client.query(`INSERT INTO ${sql} (label) VALUES ('made')`);
        for (const field of Object.keys(data)) {
          const other = tableOf(table, field);
          if (other) await client.query(`INSERT INTO ${quoted(other.sql)} (label, parent_id) VALUES ('along', 1)`);
        }
      },
      deleteMany: () => client.query(`DELETE FROM ${sql}`),
      updateMany: () => client.query(`UPDATE ${sql} SET label = 'u'`),
      count: () => client.query(`SELECT count(*) FROM ${sql}`),
      async findMany({ include = {}, select = {}, where = {} }: Record<string, Record<string, unknown>> = {}) {
        const filters = Object.keys(where).flatMap((field) => {
          const other = tableOf(table, field);
          return other ? [`EXISTS (SELECT 1 FROM ${quoted(other.sql)} o WHERE o.parent_id = t.id)`] : [];
        });
        await client.query(`SELECT * FROM ${sql} t ${filters.length > 0 ? `WHERE ${filters.join(' AND ')}` : ''}`);
        await along({ ...include, ...select });
      },
    };
  };
  return Object.fromEntries(tables.map((table) => [table.name, delegate(table)]));
}

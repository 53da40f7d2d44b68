/** What PostgreSQL's catalogue says of the tables of a map, and what is wrong with it. */
import type { SqlConnection } from './connections.js';
import { tableKey, type MappedTable } from '../changes/mapping.js';
import { shownIdent } from './sql-text.js';

export interface TableFacts {
  readonly isTable: boolean;
  readonly logged: boolean;
  readonly partitioned: boolean;
  /** Name to whether it may be NULL. */
  readonly columns: ReadonlyMap<string, boolean>;
  /** Each table that has the rows: itself, or its partitions, with the columns of its replica identity; all of them with FULL. */
  readonly identities: readonly { readonly name: string; readonly columns: ReadonlySet<string> }[];
  /** In the publication, under its own name. */
  readonly published: boolean;
  /** Columns that the publication gives; undefined: all. */
  readonly given: ReadonlySet<string> | undefined;
}

const COLUMN_LISTS_FROM = 150_000;

/** By `tableKey`; one that is not there is missing. Rejects with PostgresError. */
export async function describeTables(
  sql: SqlConnection,
  tables: ReadonlyMap<string, MappedTable>,
  publication: string,
  version: number,
): Promise<Map<string, TableFacts>> {
  const wanted = [...tables.values()];
  const names = [wanted.map(({ schema }) => schema), wanted.map(({ table }) => table)] as const;
  const found = await sql.query(
    `SELECT n.nspname AS schema, c.relname AS name, c.oid::text, c.relkind::text AS kind, c.relpersistence::text AS persistence
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN unnest($1::text[], $2::text[]) AS w(s, t) ON w.s = n.nspname AND w.t = c.relname`,
    names,
  );
  const oids = found.map(({ oid }) => oid ?? '');
  const columns = await sql.query('SELECT attrelid::text AS oid, attname AS name, (NOT attnotnull)::text AS nullable FROM pg_attribute WHERE attrelid = ANY($1::oid[]) AND attnum > 0 AND NOT attisdropped', [oids]);
  const identities = await sql.query(
    `SELECT t.root::text AS oid, l.relid::regclass::text AS name, k.relreplident::text AS identity,
       COALESCE((SELECT json_agg(a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
         WHERE i.indrelid = l.relid AND CASE k.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary ELSE false END), '[]')::text AS columns
     FROM unnest($1::oid[]) AS t(root) CROSS JOIN LATERAL (
       SELECT relid FROM pg_partition_tree(t.root) WHERE isleaf UNION SELECT t.root WHERE NOT EXISTS (SELECT FROM pg_partition_tree(t.root))) AS l(relid)
     JOIN pg_class k ON k.oid = l.relid AND k.relkind = 'r'`,
    [oids],
  );
  const lists = version >= COLUMN_LISTS_FROM ? 'to_json(attnames)::text' : 'NULL';
  const published = await sql.query(`SELECT schemaname AS schema, tablename AS name, ${lists} AS columns FROM pg_publication_tables WHERE pubname = $1`, [publication]);
  return new Map(
    found.map(({ schema, name, oid, kind, persistence }) => {
      const all = new Map(columns.filter((column) => column['oid'] === oid).map((column) => [column['name'] ?? '', column['nullable'] === 'true']));
      const given = published.find((table) => table['schema'] === schema && table['name'] === name);
      const list = given?.['columns'];
      const facts: TableFacts = {
        isTable: kind === 'r' || kind === 'p',
        logged: persistence === 'p',
        partitioned: kind === 'p',
        columns: all,
        identities: identities
          .filter((identity) => identity['oid'] === oid)
          .map((identity) => ({
            name: identity['name'] ?? '',
            columns: new Set(identity['identity'] === 'f' ? all.keys() : (JSON.parse(identity['columns'] ?? '[]') as string[])),
          })),
        published: given !== undefined,
        given: typeof list === 'string' ? new Set(JSON.parse(list) as string[]) : undefined,
      };
      return [tableKey(schema ?? '', name ?? ''), facts];
    }),
  );
}

/** A sentence each, with the SQL that mends it. */
export function tableFaults(table: MappedTable, facts: TableFacts | undefined): string[] {
  const shown = `${shownIdent(table.schema)}.${shownIdent(table.table)}`;
  if (!facts) return [`map has the table ${shown}, which is not there, or not for this role`];
  if (!facts.isTable) return [`${shown} is no table: a view and its kin have no changes of their own`];
  if (!facts.logged) return [`${shown} is not in the WAL; run: ALTER TABLE ${shown} SET LOGGED`];
  const wanted = [table.tenant, ...(table.entityGiven ? [table.entity] : []), ...table.data];
  const missing = wanted.filter((name) => !facts.columns.has(name));
  if (missing.length > 0) return [`${shown} has no column ${missing.map(shownIdent).join(', ')}; it has: ${[...facts.columns.keys()].map(shownIdent).join(', ')}`];
  const withheld = wanted.filter((name) => facts.given && !facts.given.has(name));
  if (withheld.length > 0) return [`the publication leaves the column ${withheld.map(shownIdent).join(', ')} of ${shown} out, which the map reads: ALTER PUBLICATION … SET TABLE ${shown} with it in the list`];
  return facts.identities.filter(({ columns }) => !columns.has(table.tenant)).map(({ name }) => identityFault(table, facts, name));
}

/** Without it nobody could say whose a deleted row was, or from whom one was moved. */
function identityFault({ tenant, entity, table }: MappedTable, { columns }: TableFacts, name: string): string {
  const keys = [tenant, ...(columns.has(entity) && entity !== tenant ? [entity] : [])];
  const why = `the replica identity of ${name} does not hold ${shownIdent(tenant)}, so that nobody could say whose a deleted row was`;
  const nullable = keys.filter((key) => columns.get(key) === true);
  // An identity by an index takes no column that may be NULL.
  if (nullable.length > 0) return `${why}; run: ALTER TABLE ${name} REPLICA IDENTITY FULL`;
  const index = shownIdent(`${table}_pathcast`);
  return `${why}; run: CREATE UNIQUE INDEX ${index} ON ${name} (${keys.map(shownIdent).join(', ')}); ALTER TABLE ${name} REPLICA IDENTITY USING INDEX ${index}`;
}

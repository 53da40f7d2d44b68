/** What PostgreSQL's catalogue says of the tables of a map, and what is wrong with it. */
import type { SqlConnection, SqlRow } from './connections.js';
import { tableKey, type MappedTable } from '../changes/mapping.js';
import { shownIdent } from './sql-text.js';

export interface TableFacts {
  readonly isTable: boolean;
  readonly logged: boolean;
  readonly partitioned: boolean;
  /** Name to whether it may be NULL. */
  readonly columns: ReadonlyMap<string, boolean>;
  /** Of `json` and `jsonb`. */
  readonly json: ReadonlySet<string>;
  /** Each table that has the rows: itself, or its partitions, with the columns of its replica identity; all of them with FULL. */
  readonly identities: readonly { readonly name: string; readonly columns: ReadonlySet<string> }[];
  /** In the publication, under its own name. */
  readonly published: boolean;
  /** Columns that the publication gives; undefined: all. */
  readonly given: ReadonlySet<string> | undefined;
  /** Columns of which the plugin sends nothing, for PostgreSQL computes them. */
  readonly generated: ReadonlySet<string>;
  /** Tables that inherit from it and are no partitions, as a map names them: their rows come under their own names. */
  readonly heirs: readonly string[];
  /** Another one: it is another table of this name, or was out of the publication in between. */
  readonly identity: string;
}

const COLUMN_LISTS_FROM = 150_000;
const GENERATED_COLUMNS_FROM = 180_000;

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
  const columns = byOid(
    await sql.query(
      `SELECT attrelid::text AS oid, attname AS name, (NOT attnotnull)::text AS nullable, (attgenerated <> '')::text AS generated, (atttypid IN (114, 3802))::text AS json
       FROM pg_attribute WHERE attrelid = ANY($1::oid[]) AND attnum > 0 AND NOT attisdropped`,
      [oids],
    ),
  );
  const heirs = byOid(
    await sql.query(
      `SELECT i.inhparent::text AS oid, CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS name
       FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition JOIN pg_namespace n ON n.oid = c.relnamespace WHERE i.inhparent = ANY($1::oid[])`,
      [oids],
    ),
  );
  const schemas = version >= COLUMN_LISTS_FROM ? '(SELECT s.oid FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace)' : 'NULL';
  const memberships = byOid(
    await sql.query(
      `SELECT c.oid::text, concat_ws('.', c.oid, p.oid, ${schemas}, (SELECT string_agg(r.oid::text, '.' ORDER BY r.oid) FROM pg_publication_rel r
         WHERE r.prpubid = p.oid AND (r.prrelid = c.oid OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(c.oid))))) AS identity
       FROM pg_class c, pg_publication p WHERE c.oid = ANY($1::oid[]) AND p.pubname = $2`,
      [oids, publication],
    ),
  );
  const identities = byOid(await sql.query(
    `SELECT t.root::text AS oid, l.relid::regclass::text AS name, k.relreplident::text AS identity,
       COALESCE((SELECT json_agg(a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
         WHERE i.indrelid = l.relid AND CASE k.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary ELSE false END), '[]')::text AS columns
     FROM unnest($1::oid[]) AS t(root) CROSS JOIN LATERAL (
       SELECT relid FROM pg_partition_tree(t.root) WHERE isleaf UNION SELECT t.root WHERE NOT EXISTS (SELECT FROM pg_partition_tree(t.root))) AS l(relid)
     JOIN pg_class k ON k.oid = l.relid AND k.relkind = 'r'`,
    [oids],
  ));
  const lists = version >= COLUMN_LISTS_FROM ? 'to_json(attnames)::text' : 'NULL';
  const published = await sql.query(`SELECT schemaname AS schema, tablename AS name, ${lists} AS columns FROM pg_publication_tables WHERE pubname = $1`, [publication]);
  const members = new Map(published.map((table) => [JSON.stringify([table['schema'], table['name']]), table]));
  return new Map(
    found.map(({ schema, name, oid: id, kind, persistence }) => {
      const oid = id ?? '';
      const its = columns.get(oid) ?? [];
      const all = new Map(its.map((column) => [column['name'] ?? '', column['nullable'] === 'true']));
      const given = members.get(JSON.stringify([schema, name]));
      const list = given?.['columns'];
      const facts: TableFacts = {
        isTable: kind === 'r' || kind === 'p',
        logged: persistence === 'p',
        partitioned: kind === 'p',
        columns: all,
        json: new Set(its.filter((column) => column['json'] === 'true').map((column) => column['name'] ?? '')),
        identities: (identities.get(oid) ?? []).map((identity) => ({
          name: identity['name'] ?? '',
          columns: new Set(identity['identity'] === 'f' ? all.keys() : (JSON.parse(identity['columns'] ?? '[]') as string[])),
        })),
        published: given !== undefined,
        given: typeof list === 'string' ? new Set(JSON.parse(list) as string[]) : undefined,
        // From 18 on a publication may give them, and its list of columns says so.
        generated: new Set(version < GENERATED_COLUMNS_FROM ? its.filter((column) => column['generated'] === 'true').map((column) => column['name'] ?? '') : []),
        heirs: (heirs.get(oid) ?? []).map((heir) => heir['name'] ?? ''),
        identity: memberships.get(oid)?.[0]?.['identity'] ?? '',
      };
      return [tableKey(schema ?? '', name ?? ''), facts];
    }),
  );
}

/** Ten thousand tables are asked about at once. */
function byOid(rows: readonly SqlRow[]): ReadonlyMap<string, readonly SqlRow[]> {
  const found = new Map<string, SqlRow[]>();
  for (const row of rows) {
    const same = found.get(row['oid'] ?? '');
    if (same) same.push(row);
    else found.set(row['oid'] ?? '', [row]);
  }
  return found;
}

/** A sentence each, with the SQL that mends it. `mapped`: names of the map's tables. */
export function tableFaults(table: MappedTable, facts: TableFacts | undefined, mapped: ReadonlySet<string>): string[] {
  const shown = `${shownIdent(table.schema)}.${shownIdent(table.table)}`;
  if (!facts) return [`map has the table ${shown}, which is not there, or not for this role`];
  if (!facts.isTable) return [`${shown} is no table: a view and its kin have no changes of their own`];
  if (!facts.logged) return [`${shown} is not in the WAL; run: ALTER TABLE ${shown} SET LOGGED`];
  const wanted = [table.tenant, ...(table.entityGiven ? [table.entity] : []), ...(table.tx === undefined ? [] : [table.tx]), ...table.data];
  const missing = wanted.filter((name) => !facts.columns.has(name));
  if (missing.length > 0) return [`${shown} has no column ${missing.map(shownIdent).join(', ')}; it has: ${[...facts.columns.keys()].map(shownIdent).join(', ')}`];
  const computed = wanted.filter((name) => facts.generated.has(name));
  if (computed.length > 0) return [`the column ${computed.map(shownIdent).join(', ')} of ${shown} is a generated one, of which PostgreSQL sends nothing: the map needs a column that is stored as it is written`];
  const heirs = facts.heirs.filter((name) => !mapped.has(name));
  if (heirs.length > 0) return [`${heirs.join(', ')} ${heirs.length === 1 ? 'inherits' : 'inherit'} from ${shown}, and rows of it come under its own name: the map needs an entry for it too`];
  const withheld = wanted.filter((name) => facts.given && !facts.given.has(name));
  if (withheld.length > 0) return [`the publication leaves the column ${withheld.map(shownIdent).join(', ')} of ${shown} out, which the map reads: ALTER PUBLICATION … SET TABLE ${shown} with it in the list`];
  const faults = facts.identities.filter(({ columns }) => !columns.has(table.tenant)).map(({ name }) => identityFault(table, facts, name));
  return table.tx === undefined ? faults : [...faults, ...txFaults(shown, table.tx, facts)];
}

/** Without it nobody could tell what an update says from what an older one has left. */
function txFaults(shown: string, tx: string, { json, identities }: TableFacts): string[] {
  if (!json.has(tx)) return [`${shown} has ${shownIdent(tx)} as no column of jsonb; run: ALTER TABLE ${shown} ALTER COLUMN ${shownIdent(tx)} TYPE jsonb USING ${shownIdent(tx)}::jsonb`];
  return identities
    .filter(({ columns }) => !columns.has(tx))
    .map(({ name }) => `the replica identity of ${name} does not hold ${shownIdent(tx)}, so that what an update says could not be told from what an older one left; run: ALTER TABLE ${name} REPLICA IDENTITY FULL`);
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

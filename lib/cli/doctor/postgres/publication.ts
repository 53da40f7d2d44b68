/** The publication: is it there, what does it give, and do its tables say which row was changed. */
import type { SqlRow } from '../../../postgres/server/connections.js';
import { ident, shownIdent } from '../../../postgres/server/sql-text.js';
import { some, textAt, type Ward } from './ward.js';

const KINDS = ['insert', 'update', 'delete', 'truncate'] as const;
/** Tables that are named with their identities. */
const SHOWN = 8;

export async function judgePublication(ward: Ward): Promise<void> {
  const { sql, visit, publication } = ward;
  const [found] = await sql.query('SELECT pubinsert::text AS insert, pubupdate::text AS update, pubdelete::text AS delete, pubtruncate::text AS truncate, pubviaroot::text AS root FROM pg_publication WHERE pubname = $1', [publication]);
  if (!found) {
    const others = (await sql.query('SELECT pubname AS name FROM pg_publication ORDER BY pubname')).map((row) => textAt(row, 'name'));
    visit.found(
      'postgres-no-publication',
      `There is no publication '${publication}' in the database ${ward.facts.database}${others.length > 0 ? `; there is ${some(others)} (--publication)` : ''}.`,
      `\`CREATE PUBLICATION ${ident(publication)} FOR TABLE … WITH (publish_via_partition_root = true);\`, with the tables of your map.`,
    );
    return;
  }
  const left = KINDS.filter((kind) => textAt(found, kind) === 'false');
  if (left.length > 0) {
    visit.found('postgres-publication-kinds', `The publication '${publication}' leaves out: ${left.join(', ')}.`, `\`ALTER PUBLICATION ${ident(publication)} SET (publish = '${KINDS.join(', ')}');\``);
  }
  const tables = await tablesOf(ward);
  if (tables.length === 0) {
    visit.found('postgres-publication-empty', `The publication '${publication}' has no table.`, `\`ALTER PUBLICATION ${ident(publication)} ADD TABLE …;\`, with those of your map.`);
    return;
  }
  const roots = new Set(tables.filter(({ partitionOf }) => partitionOf !== '').map(({ partitionOf }) => partitionOf));
  if (textAt(found, 'root') === 'false' && roots.size > 0) {
    visit.found('postgres-via-root', `The publication '${publication}' gives the partitions of ${some([...roots])}, not the table that a map names.`, `\`ALTER PUBLICATION ${ident(publication)} SET (publish_via_partition_root = true);\``);
  }
  const nameless = tables.filter(({ identity }) => identity === '');
  if (nameless.length > 0) {
    const names = nameless.map(({ name }) => name);
    visit.found(
      'postgres-no-identity',
      `${some(names)} ${names.length === 1 ? 'has' : 'have'} no replica identity: PostgreSQL refuses each UPDATE and DELETE of a published table without one.`,
      names.slice(0, SHOWN).map((name) => `\`ALTER TABLE ${name} REPLICA IDENTITY FULL;\``).join(' '),
    );
  }
  const shown = tables.slice(0, SHOWN).map(({ name, identity }) => `${name} by ${identity === '' ? 'nothing' : identity}`);
  visit.checked(`Publication '${publication}': ${String(tables.length)} ${tables.length === 1 ? 'table' : 'tables'}. A row is told by its replica identity: ${some(shown.concat(tables.slice(SHOWN).map(({ name }) => name)), SHOWN)}.`);
  visit.notChecked('Whether each identity holds the tenant, and each mapped table is in the publication: the worker says it at its start, for it knows the map.');
}

interface PublishedTable {
  /** As people write it. */
  name: string;
  /** `(company_id, id)`, `FULL`; empty: none. */
  identity: string;
  /** The root, as people write it; empty: it is no partition. */
  partitionOf: string;
}

/** Each table that has rows: of a partitioned one its partitions. */
async function tablesOf({ sql, publication }: Ward): Promise<PublishedTable[]> {
  const rows = await sql.query(
    `SELECT DISTINCT n.nspname AS schema, k.relname AS name, k.relreplident::text AS identity,
       CASE WHEN k.relispartition THEN pg_partition_root(k.oid)::regclass::text ELSE '' END AS root,
       (SELECT json_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum)) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
         WHERE i.indrelid = k.oid AND CASE k.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary ELSE false END)::text AS columns
     FROM pg_publication_tables p
     JOIN pg_namespace s ON s.nspname = p.schemaname JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = p.tablename
     CROSS JOIN LATERAL (SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf UNION SELECT c.oid WHERE c.relkind = 'r') AS l(relid)
     JOIN pg_class k ON k.oid = l.relid JOIN pg_namespace n ON n.oid = k.relnamespace
     WHERE p.pubname = $1 AND k.relkind = 'r' ORDER BY 1, 2`,
    [publication],
  );
  return rows.map((row) => ({ name: nameOf(row), identity: identityOf(row), partitionOf: textAt(row, 'root') }));
}

const nameOf = (row: SqlRow): string => `${textAt(row, 'schema') === 'public' ? '' : `${shownIdent(textAt(row, 'schema'))}.`}${shownIdent(textAt(row, 'name'))}`;

function identityOf(row: SqlRow): string {
  if (textAt(row, 'identity') === 'f') return 'all columns';
  const columns = row['columns'];
  return typeof columns === 'string' ? `(${(JSON.parse(columns) as string[]).map(shownIdent).join(', ')})` : '';
}

/** The tables of activities, as SQL to be put into the app's own migrations, and whether they are there. */
import type { SqlConnection } from '../server/connections.js';
import { ident } from '../server/sql-text.js';
import { schemaOf, type TablesOptions } from '../transactions/tables.js';

/** Of these tables. */
const VERSION = 1;

/** Does nothing where they are there. Whoever runs it may create schemas; the worker's role reads and writes the tables, the app's reads them. Throws INVALID_OPTION. */
export function activityTables({ schema }: TablesOptions = {}): string {
  const s = schemaOf(schema);
  return `-- Of several servers that begin at once one makes them.
SELECT pg_advisory_xact_lock(hashtextextended('pathcast.activities', 0));

CREATE SCHEMA IF NOT EXISTS ${s};

CREATE TABLE IF NOT EXISTS ${s}.versions (
  part text PRIMARY KEY,
  version integer NOT NULL
);

-- One row for each row that was changed, in the order of the commits. seq counts from 1 for each company, without a hole.
CREATE TABLE IF NOT EXISTS ${s}.activities (
  company_id text NOT NULL,
  seq bigint NOT NULL,
  -- Which commit: system and time line, its end in the WAL, and the how many-th row of the company in it. NULL: changes may be missing before this one.
  source text NOT NULL,
  commit_lsn pg_lsn,
  n integer NOT NULL,
  entity_type text NOT NULL,
  table_name text,
  entity_id text NOT NULL,
  action text NOT NULL CHECK (action IN ('create', 'update', 'delete')),
  changed_keys text[],
  user_id text,
  source_id text,
  tx jsonb,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (company_id, seq),
  UNIQUE (company_id, source, commit_lsn, n)
);
CREATE INDEX IF NOT EXISTS activities_entity ON ${s}.activities (company_id, entity_type, entity_id, seq DESC);
CREATE INDEX IF NOT EXISTS activities_transaction ON ${s}.activities ((tx->>'transactionId')) WHERE tx IS NOT NULL;
CREATE INDEX IF NOT EXISTS activities_created_at ON ${s}.activities (created_at);

-- Where each company stands: its newest seq, the oldest one that is kept, and the newest commit. An offset is good in one life.
CREATE TABLE IF NOT EXISTS ${s}.activity_heads (
  company_id text PRIMARY KEY,
  life text NOT NULL,
  seq bigint NOT NULL,
  floor bigint NOT NULL,
  source text NOT NULL,
  commit_lsn pg_lsn NOT NULL,
  generation text NOT NULL
);

INSERT INTO ${s}.versions (part, version) VALUES ('activities', ${VERSION})
ON CONFLICT (part) DO UPDATE SET version = greatest(versions.version, excluded.version);
`;
}

/** A sentence each, with the SQL that mends it. `schema`: quoted. Rejects with PostgresError. */
export async function activityFaults(sql: SqlConnection, schema: string): Promise<string[]> {
  const plain = schema.slice(1, -1);
  const names = ['activities', 'activity_heads'];
  const found = await sql.query(
    `SELECT w.name, (c.oid IS NOT NULL)::text AS there, current_user::text AS role, has_schema_privilege(n.oid, 'USAGE')::text AS sees,
       (SELECT bool_and(has_table_privilege(c.oid, p.needed)) FROM unnest($3::text[]) AS p(needed))::text AS may
     FROM unnest($1::text[]) AS w(name) LEFT JOIN pg_namespace n ON n.nspname = $2::text LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p')`,
    [names, plain, ['SELECT', 'INSERT', 'UPDATE', 'DELETE']],
  );
  const missing = found.filter(({ there }) => there !== 'true').map(({ name }) => `${plain}.${name ?? ''}`);
  if (missing.length > 0) {
    const call = plain === 'pathcast' ? 'activityTables()' : `activityTables({ schema: '${plain}' })`;
    return [`activities are on, and there is no table ${missing.join(', ')}; run what ${call} gives:\n${activityTables({ schema: plain })}`];
  }
  const closed = found.filter(({ may, sees }) => may !== 'true' || sees !== 'true').map(({ name }) => `${plain}.${name ?? ''}`);
  if (closed.length === 0) return [];
  const role = ident(found[0]?.['role'] ?? '');
  return [`this role may not write ${closed.join(', ')}; run: GRANT USAGE ON SCHEMA ${schema} TO ${role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ${names.map((name) => `${schema}.${name}`).join(', ')} TO ${role}`];
}

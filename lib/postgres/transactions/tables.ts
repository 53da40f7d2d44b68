/** The tables of `sync.transaction()`, as SQL to be put into the app's own migrations. */
import { PathcastError } from '../../protocol/error.js';
import { describe } from '../../internal/describe.js';

export interface TablesOptions {
  /** Default `pathcast`. Lower-case letters, digits and `_`. */
  schema?: string | undefined;
}

/** Of these tables. */
const VERSION = 1;
const NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** Throws INVALID_OPTION. */
export function schemaOf(schema: unknown = 'pathcast'): string {
  if (typeof schema === 'string' && NAME.test(schema)) return `"${schema}"`;
  throw new PathcastError('INVALID_OPTION', `schema must be a name of lower-case letters, digits and _, got ${describe(schema)}`);
}

/** Does nothing where they are there. Whoever runs it may create schemas; the app's own user reads and writes the tables. Throws INVALID_OPTION. */
export function transactionTables({ schema }: TablesOptions = {}): string {
  const s = schemaOf(schema);
  return `-- Of several servers that begin at once one makes them.
SELECT pg_advisory_xact_lock(hashtextextended('pathcast.transactions', 0));

CREATE SCHEMA IF NOT EXISTS ${s};

CREATE TABLE IF NOT EXISTS ${s}.versions (
  part text PRIMARY KEY,
  version integer NOT NULL
);

-- One row for each mutation that was done under an id of its client, written in the mutation's own transaction.
CREATE TABLE IF NOT EXISTS ${s}.transactions (
  company_id text NOT NULL,
  transaction_id text NOT NULL,
  user_id text NOT NULL,
  path text NOT NULL,
  input_hash text NOT NULL,
  answer_kind text CHECK (answer_kind IN ('value', 'undefined', 'lost')),
  answer text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, transaction_id)
);
CREATE INDEX IF NOT EXISTS transactions_created_at ON ${s}.transactions (created_at);

-- One row for each thing whose fields are compared: whoever writes it holds its lock.
CREATE TABLE IF NOT EXISTS ${s}.entities (
  company_id text NOT NULL,
  entity text NOT NULL,
  entity_id text NOT NULL,
  turn bigint NOT NULL,
  deleted_at timestamptz,
  deleted_transaction_id text,
  deleted_user_id text,
  deleted_source_id text,
  PRIMARY KEY (company_id, entity, entity_id)
);
CREATE INDEX IF NOT EXISTS entities_deleted_at ON ${s}.entities (deleted_at) WHERE deleted_at IS NOT NULL;

-- The values that a field had, the newest by turn. One that was replaced is kept as long as somebody may still have it on the screen.
CREATE TABLE IF NOT EXISTS ${s}.field_versions (
  company_id text NOT NULL,
  entity text NOT NULL,
  entity_id text NOT NULL,
  field text NOT NULL,
  turn bigint NOT NULL,
  transaction_id text NOT NULL,
  value text,
  user_id text NOT NULL,
  source_id text,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  replaced_at timestamptz,
  origin boolean NOT NULL DEFAULT false,
  PRIMARY KEY (company_id, entity, entity_id, field, turn)
);
CREATE INDEX IF NOT EXISTS field_versions_replaced_at ON ${s}.field_versions (replaced_at) WHERE replaced_at IS NOT NULL;

INSERT INTO ${s}.versions (part, version) VALUES ('transactions', ${VERSION})
ON CONFLICT (part) DO UPDATE SET version = greatest(versions.version, excluded.version);
`;
}

/** Tables of `sync.transaction()`: are they there, may this role use them; and may it say who changed a row. */
import { ident } from '../../../postgres/server/sql-text.js';
import { some, textAt, type Ward } from './ward.js';

/** Of `transactionTables()`; another schema has the app alone. */
const SCHEMA = 'pathcast';
const TABLES = ['versions', 'transactions', 'entities', 'field_versions'];

export async function judgeTables({ sql, visit, facts: { user } }: Ward): Promise<void> {
  const [schema] = await sql.query("SELECT has_schema_privilege(oid, 'USAGE')::text AS usable FROM pg_namespace WHERE nspname = $1", [SCHEMA]);
  if (!schema) visit.notChecked(`Tables of sync.transaction(): there is no schema ${SCHEMA} in this database. An app without transactions needs none.`);
  else {
    const rows = await sql.query(
      `SELECT c.relname AS name, (has_table_privilege(c.oid, 'SELECT') AND (c.relname = 'versions' OR has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')))::text AS usable
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY($2) AND c.relkind IN ('r', 'p')`,
      [SCHEMA, TABLES],
    );
    const missing = TABLES.filter((table) => !rows.some((row) => textAt(row, 'name') === table));
    const closed = rows.filter((row) => textAt(row, 'usable') === 'false').map((row) => textAt(row, 'name'));
    if (missing.length > 0) visit.found('postgres-tables-missing', `The schema ${SCHEMA} lacks tables of sync.transaction(): ${some(missing)}.`);
    else if (textAt(schema, 'usable') === 'false' || closed.length > 0) {
      const all = `GRANT USAGE ON SCHEMA ${SCHEMA} TO ${ident(user)}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${SCHEMA} TO ${ident(user)};`;
      visit.found('postgres-tables-closed', `The role ${user} may not use the tables of sync.transaction() in the schema ${SCHEMA}.`, `If the app is this role: \`${all}\``);
    } else visit.checked(`Tables of sync.transaction(): all ${String(TABLES.length)} in the schema ${SCHEMA}, and the role ${user} may use them.`);
  }
  const emit = 'pg_logical_emit_message(boolean, text, text)';
  const [may] = await sql.query("SELECT has_function_privilege($1, 'EXECUTE')::text AS may", [emit]);
  if (textAt(may, 'may') === 'true') visit.checked(`Who did it: the role ${user} may call pg_logical_emit_message.`);
  else visit.found('postgres-no-messages', `The role ${user} may not call pg_logical_emit_message: of its changes nobody knows who made them.`, `\`GRANT EXECUTE ON FUNCTION ${emit} TO ${ident(user)};\``);
}

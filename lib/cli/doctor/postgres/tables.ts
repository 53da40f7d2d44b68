/** Our tables, of those parts that the app uses: are they there, and may this role use them; and may it say who changed a row. */
import { ident } from '../../../postgres/server/sql-text.js';
import { some, textAt, type Ward } from './ward.js';

/** Another schema has the app alone. */
const SCHEMA = 'pathcast';
/** By what makes them. */
const PARTS = {
  'transactionTables()': ['transactions', 'entities', 'field_versions'],
  'activityTables()': ['activities', 'activity_heads'],
} as const;
const MAKERS = Object.keys(PARTS) as (keyof typeof PARTS)[];

export async function judgeTables({ sql, visit, facts: { user } }: Ward): Promise<void> {
  const rows = await sql.query(
    `SELECT c.relname AS name, (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
       AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))::text AS usable
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY($2) AND c.relkind IN ('r', 'p')`,
    [SCHEMA, MAKERS.flatMap((maker) => [...PARTS[maker]])],
  );
  for (const maker of MAKERS) {
    const names = PARTS[maker];
    const own = rows.filter((row) => (names as readonly string[]).includes(textAt(row, 'name')));
    const missing = names.filter((table) => !own.some((row) => textAt(row, 'name') === table));
    if (own.length === 0) visit.notChecked(`Tables of ${maker}: there is none in the schema ${SCHEMA} of this database. An app that does not use them needs none.`);
    else if (missing.length > 0) visit.found('postgres-tables-missing', `The schema ${SCHEMA} lacks tables of ${maker}: ${some(missing)}.`, `Run what \`${maker}\` of pathcast/postgres gives, in a migration.`);
    else if (own.some((row) => textAt(row, 'usable') === 'false')) {
      const grant = `GRANT USAGE ON SCHEMA ${SCHEMA} TO ${ident(user)}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${SCHEMA} TO ${ident(user)};`;
      visit.found('postgres-tables-closed', `The role ${user} may not use the tables of ${maker} in the schema ${SCHEMA}.`, `If it is the role that uses them: \`${grant}\``);
    } else visit.checked(`Tables of ${maker}: all ${String(names.length)} in the schema ${SCHEMA}, and the role ${user} may use them.`);
  }
  const emit = 'pg_logical_emit_message(boolean, text, text)';
  const [may] = await sql.query("SELECT has_function_privilege($1, 'EXECUTE')::text AS may", [emit]);
  if (textAt(may, 'may') === 'true') visit.checked(`Who did it: the role ${user} may call pg_logical_emit_message.`);
  else visit.found('postgres-no-messages', `The role ${user} may not call pg_logical_emit_message: of its changes nobody knows who made them.`, `\`GRANT EXECUTE ON FUNCTION ${emit} TO ${ident(user)};\`. Where that cannot be, a column can say it: tx, in docs/postgres.md.`);
}

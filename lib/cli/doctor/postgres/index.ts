/** A PostgreSQL through `--postgres`: can a worker read it, will its slot last, and may an app keep its transactions there. */
import { PostgresError, SQLSTATE, type Postgres } from '../../../postgres/server/connections.js';
import { pgConnections } from '../../../postgres/server/pg.js';
import { ident } from '../../../postgres/server/sql-text.js';
import type { FindingId } from '../findings.js';
import type { Visit } from '../report.js';
import { judgePublication } from './publication.js';
import { judgeSettings, judgeVersion, lookAtServer } from './server.js';
import { judgeSlots } from './slots.js';
import { judgeTables } from './tables.js';
import type { PostgresUrl } from './url.js';
import type { PostgresOptions, Ward } from './ward.js';

export type { PostgresOptions } from './ward.js';
export { postgresUrlOf, type PostgresUrl } from './url.js';

/** Of SQLSTATE; all that begins so. */
const TOO_MANY = '53300';
const SYSTEM = /^(E[A-Z]+|)$/;

export async function judgePostgres(url: PostgresUrl, options: PostgresOptions, visit: Visit): Promise<void> {
  const postgres = pgConnections({ connectionString: url.text, application_name: 'pathcast doctor' }, options.timeoutMs);
  try {
    const sql = await postgres.sql();
    try {
      const facts = await lookAtServer(sql);
      visit.checked(`PostgreSQL: ${url.shown} answers.`);
      if (!judgeVersion(facts, visit)) return;
      const ward: Ward = { ...options, sql, visit, facts, quote: url.quote };
      judgeSettings(ward);
      await judgeReplication(postgres, ward);
      await judgePublication(ward);
      await judgeSlots(ward);
      await judgeTables(ward);
    } finally {
      await sql.end();
    }
  } catch (error) {
    if (!(error instanceof PostgresError)) throw error;
    visit.found(idOf(error), `${url.shown} cannot be used: ${url.quote(error.message).replace(/\.$/, '')}.`);
  }
}

/** As the worker comes in: poolers and firewalls in between let ordinary connections through alone. */
async function judgeReplication(postgres: Postgres, { visit, facts, quote }: Ward): Promise<void> {
  try {
    const connection = await postgres.replication();
    try {
      await connection.command('IDENTIFY_SYSTEM');
    } finally {
      await connection.end();
    }
    visit.checked(`Replication: the role ${facts.user} may, and is let in.`);
  } catch (error) {
    if (!(error instanceof PostgresError)) throw error;
    const said = quote(error.message).replace(/\.$/, '');
    if (error.code === SQLSTATE.insufficientPrivilege) {
      const role = ident(facts.user);
      visit.found('postgres-no-right', `The role ${facts.user} may not replicate: ${said}.`, `\`ALTER ROLE ${role} REPLICATION;\`, as a superuser. On RDS: \`GRANT rds_replication TO ${role};\`.`);
    } else if (error.code === TOO_MANY) visit.found('postgres-few-senders', `There is no room for a worker: ${said} (max_wal_senders ${facts.settings.get('max_wal_senders') ?? '?'}).`);
    else visit.found('postgres-no-replication', `An ordinary connection is let in, one that replicates is not: ${said}.`);
  }
}

function idOf({ code, message }: PostgresError): FindingId {
  if (message.includes('npm install')) return 'postgres-no-package';
  if (code === SQLSTATE.invalidPassword || code === SQLSTATE.invalidAuthorization || /no password|must be a string/.test(message)) return 'postgres-password';
  if (code === SQLSTATE.noDatabase) return 'postgres-no-database';
  if (/certificate|SSL|TLS|self.signed/i.test(`${code} ${message}`)) return 'postgres-tls';
  return SYSTEM.test(code) ? 'postgres-no-answer' : 'postgres-refuses';
}

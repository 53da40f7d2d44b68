/** The PostgreSQL of `PATHCAST_POSTGRES_URL`, by Drizzle on node-postgres, with its tables made. */
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { messageOf } from '../../internal/describe.js';
import { drizzleStore } from '../../postgres/index.js';
import { maskPostgresUrl } from './url.js';
import { HAS_TABLES, LOCK, MIGRATION, OWN_TABLES } from './migration.js';

const CONNECTIONS = 10;
/** For a connection, ms. */
const PATIENCE_MS = 10_000;

export type Postgres = Awaited<ReturnType<typeof openPostgres>>;
export type PostgresDb = Postgres['db'];
export type PostgresTx = Parameters<Parameters<PostgresDb['transaction']>[0]>[0];

/** Rejects with one line that says what to do. */
export async function openPostgres(url: string) {
  const pool = new Pool({ connectionString: url, max: CONNECTIONS, connectionTimeoutMillis: PATIENCE_MS, application_name: 'pathcast reference' });
  // What a connection has to say whoever uses it hears; without a listener one that breaks between two uses ends the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  try {
    await migrate(pool);
  } catch (thrown) {
    await pool.end();
    throw new Error(explain(thrown, url), { cause: thrown });
  }
  const db = drizzle(pool);
  return { pool, db, store: drizzleStore(db, { sql }) };
}

async function migrate(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    // Before anything is made there.
    const { rows: levels } = await client.query<{ wal_level: string }>('SHOW wal_level');
    const level = levels[0]?.wal_level;
    if (level !== 'logical') throw new Unfit(`has wal_level '${level}'; run ALTER SYSTEM SET wal_level = 'logical', and restart PostgreSQL`);
    await client.query('BEGIN');
    await client.query(LOCK);
    await client.query(OWN_TABLES);
    const { rows } = await client.query<{ there: boolean }>(HAS_TABLES);
    if (rows[0]?.there !== true) await client.query(MIGRATION);
    await client.query('COMMIT');
  } finally {
    // Not back into the pool: it may be in the middle of its transaction.
    client.release(true);
  }
}

/** What is wrong with the server itself, and what mends it. */
class Unfit extends Error {}

const MENDED: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'start it, or set another address',
  ENOTFOUND: 'set another address',
  '28P01': 'set another user or password',
  '28000': 'set another user, or allow this one in pg_hba.conf',
  '3D000': 'run CREATE DATABASE',
  '42501': 'let its user own the database, or create tables in its schema public',
  '42P07': 'its tables are those of another app: give this server a database of its own',
};

function explain(thrown: unknown, url: string): string {
  const where = `PATHCAST_POSTGRES_URL: PostgreSQL at ${maskPostgresUrl(url)}`;
  if (thrown instanceof Unfit) return `${where} ${thrown.message}`;
  // Where a host has several addresses, Node's error has one for each and no code of its own.
  const { code = '', errors } = thrown as { code?: string; errors?: readonly { code?: string; message: string }[] };
  const said = messageOf(thrown) || (errors ?? []).map(messageOf).join('; ');
  const mended = MENDED[code] ?? MENDED[errors?.[0]?.code ?? ''];
  return `${where} cannot be used (${said})${mended === undefined ? '' : `: ${mended}`}`;
}

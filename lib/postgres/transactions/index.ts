/** Where `sync.transaction()` keeps what it knows: a store for each client of PostgreSQL. */
export { drizzleStore, type DrizzleDatabase, type DrizzleSql, type DrizzleStoreOptions, type DrizzleTransactionOf } from './drizzle.js';
export { pgStore, type PgClient, type PgClientOf, type PgPool, type PgStoreOptions } from './pg.js';
export { postgresStore, type PostgresStore, type PostgresStoreOptions } from './postgres-store.js';
export { prismaStore, type PrismaDatabase, type PrismaStoreOptions, type PrismaTransactionOf } from './prisma.js';
export type { SqlClient, SqlText } from './sql-client.js';
export { transactionTables, type TablesOptions } from './tables.js';

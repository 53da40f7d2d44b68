/** `prismaStore(prisma)`: for Prisma over PostgreSQL. */
import { PathcastError } from '../../protocol/error.js';
import { describeType } from '../../internal/describe.js';
import { checkObject } from '../../server/check.js';
import { postgresStore, type PostgresStore, type PostgresStoreOptions } from './postgres-store.js';

/** What is asked of Prisma. */
export interface PrismaDatabase {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Prisma's own types of its transactions
  $transaction(body: any, options?: any): Promise<any>;
}

export type PrismaTransactionOf<Db> = Db extends { $transaction(body: (tx: infer Tx extends object) => Promise<never>, ...rest: never[]): unknown } ? Tx : object;

export interface PrismaStoreOptions extends PostgresStoreOptions {
  /** Given to `prisma.$transaction(body, options)`. Default: `{ maxWait: 5_000, timeout: 15_000 }`, so that it may wait for another one. */
  transaction?: { maxWait?: number | undefined; timeout?: number | undefined; isolationLevel?: 'ReadCommitted' | 'RepeatableRead' | 'Serializable' | undefined } | undefined;
}

interface Raw {
  $queryRawUnsafe(sql: string, ...params: readonly unknown[]): Promise<unknown>;
  $executeRawUnsafe(sql: string): Promise<unknown>;
}

/** `ctx.tx` is Prisma's client inside of the transaction. Throws INVALID_OPTION. */
export function prismaStore<Db extends PrismaDatabase>(prisma: Db, options: PrismaStoreOptions = {}): PostgresStore<PrismaTransactionOf<Db>> {
  // Not quoted: it may hold the address of a database.
  if (typeof prisma !== 'object' || prisma === null || typeof prisma.$transaction !== 'function')
    throw new PathcastError('INVALID_OPTION', `prismaStore() takes a PrismaClient, got ${describeType(prisma)}`);
  const { transaction, ...rest } = checkObject('the options of prismaStore()', options, 'INVALID_OPTION') as PrismaStoreOptions;
  const store = postgresStore<Raw>(
    {
      run: (body) => prisma.$transaction(body, { maxWait: 5_000, timeout: 15_000, ...transaction }) as ReturnType<typeof body>,
      query: async (tx, sql, params) => {
        if (params.length > 0 || /^SELECT/.test(sql)) return (await tx.$queryRawUnsafe(sql, ...params)) as Record<string, unknown>[];
        await tx.$executeRawUnsafe(sql);
        return [];
      },
    },
    rest,
  );
  return store as unknown as PostgresStore<PrismaTransactionOf<Db>>;
}

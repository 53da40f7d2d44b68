/** `pgStore(pool)`: for the package pg. */
import { PathcastError } from '../../protocol/error.js';
import { describeType } from '../../internal/describe.js';
import { checkObject } from '../../server/check.js';
import { oneOf } from '../../server/option-values.js';
import { postgresStore, type PostgresStore, type PostgresStoreOptions } from './postgres-store.js';

/** What is asked of a client of pg. */
export interface PgClient {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- pg's own types of what it answers
  query(text: string, values?: any[]): Promise<any>;
  release(error?: Error | boolean): void;
}

export interface PgPool {
  connect(): Promise<PgClient>;
}

/** The client that a pool gives. Its `connect` has a form with a callback, too. */
export type PgClientOf<Pool> = Pool extends { connect: { (): Promise<infer Client extends object>; (...callback: never[]): unknown } } ? Client : PgClient;

const LEVELS = ['read committed', 'repeatable read', 'serializable'] as const;

export interface PgStoreOptions extends PostgresStoreOptions {
  /** Default: the database's own. */
  isolation?: (typeof LEVELS)[number] | undefined;
}

/** `ctx.tx` is the pool's client inside of the transaction. Throws INVALID_OPTION. */
export function pgStore<Pool extends PgPool>(pool: Pool, options: PgStoreOptions = {}): PostgresStore<PgClientOf<Pool>> {
  // Not quoted: it may be the address of a database.
  if (typeof pool !== 'object' || pool === null || typeof pool.connect !== 'function')
    throw new PathcastError('INVALID_OPTION', `pgStore() takes a Pool of pg, got ${describeType(pool)}`);
  const { isolation, ...rest } = checkObject('the options of pgStore()', options, 'INVALID_OPTION') as PgStoreOptions;
  const begin = isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${oneOf('isolation', isolation, LEVELS, 'read committed').toUpperCase()}`;
  const store = postgresStore<PgClient>(
    {
      run: async (body) => {
        const client = await pool.connect();
        // Without a listener a connection that breaks between two statements ends the process.
        const { on, off } = client as { on?: Listening; off?: Listening };
        let broken: Error | undefined;
        const hear = (error: Error): void => void (broken = error);
        on?.call(client, 'error', hear);
        /** What it did not answer may still be running: the connection is nobody's any more. */
        const frame = async (text: string): Promise<{ command?: string }> => {
          try {
            return (await client.query(text)) as { command?: string };
          } catch (thrown) {
            if (!isAnswer(thrown)) broken ??= thrown as Error;
            throw thrown;
          }
        };
        try {
          await frame(begin);
          let result: Awaited<ReturnType<typeof body>>;
          try {
            result = await body(client);
          } catch (thrown) {
            await frame('ROLLBACK').catch((error: Error) => void (broken ??= error));
            throw thrown;
          }
          const { command } = await frame('COMMIT');
          if (command === 'ROLLBACK') throw new Error('the transaction was rolled back at its commit: one of its statements had failed');
          return result;
        } catch (thrown) {
          if (isLost(thrown)) broken ??= thrown as Error;
          throw thrown;
        } finally {
          off?.call(client, 'error', hear);
          client.release(broken);
        }
      },
      query: async (client, sql, params) => ((await client.query(sql, [...params])) as { rows: Record<string, unknown>[] }).rows,
    },
    rest,
  );
  return store as unknown as PostgresStore<PgClientOf<Pool>>;
}

type Listening = (name: 'error', listener: (error: Error) => void) => unknown;

/** PostgreSQL's own errors have a severity. */
function isAnswer(thrown: unknown): boolean {
  return typeof (thrown as { severity?: unknown } | null)?.severity === 'string';
}

/** The connection's, not the resolver's own. */
function isLost(thrown: unknown): boolean {
  return thrown instanceof Error && /Connection terminated|ECONNRESET|EPIPE|not queryable/.test(thrown.message);
}

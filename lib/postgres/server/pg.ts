/**
 * Connections by node-postgres, an optional peer. Its `Client` is public; what a stream needs beyond that (`connection`, its `copyData` and `replicationStart`
 * events, `sendCopyFromChunk`, its `stream`) is leaned on in this file alone, as every library for logical replication in Node does.
 */
import type { Buffer } from 'node:buffer';
import { messageOf } from '../../internal/describe.js';
import type { PostgresConnection } from '../options.js';
import { PostgresError, UNUSABLE, type Postgres, type ReplicationConnection, type SqlConnection, type SqlRow, type StreamListener } from './connections.js';

interface PgSocket {
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
}

interface PgConnection {
  on(event: 'copyData', listener: (message: { chunk: Buffer }) => void): unknown;
  once(event: 'replicationStart' | 'copyDone', listener: () => void): unknown;
  sendCopyFromChunk(bytes: Buffer): void;
  readonly stream: PgSocket;
}

interface PgClient {
  connect(): Promise<unknown>;
  query(config: { text: string; values?: unknown[]; query_timeout?: number }): Promise<{ rows: SqlRow[] }>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'end', listener: () => void): unknown;
  readonly connection: PgConnection;
}

type ClientClass = new (config: object) => PgClient;

/** A name in a variable: no bundler looks for a package that may not be there. */
const PACKAGE: string = 'pg';
/** ms; beyond it the attempt has failed. */
const PATIENCE_MS = 30_000;
/** A peer that answers nothing more at all is dead for the kernel after this, and ten probes of a second, ms. */
const PROBE_MS = 10_000;
/** For a server to close what was ended in order, ms; then it is cut. */
const FAREWELL_MS = 1_000;

async function load(): Promise<ClientClass> {
  let loaded: { default?: unknown };
  try {
    loaded = (await import(PACKAGE)) as { default?: unknown };
  } catch (cause) {
    throw new PostgresError('pathcast/postgres needs the package pg, which does not load here: npm install pg', UNUSABLE, { cause });
  }
  const module = ('Client' in loaded ? loaded : loaded.default) as { Client?: ClientClass } | undefined;
  if (typeof module?.Client !== 'function') throw new PostgresError('the pg that is installed is too old: npm install pg@8', UNUSABLE);
  return module.Client;
}

/** Everything as the text that PostgreSQL sends: nothing of an app's own parsers. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/** `patienceMs`: for a connection, and for an answer. */
export function pgConnections(connection: PostgresConnection, patienceMs = PATIENCE_MS): Postgres {
  const given = typeof connection === 'string' ? { connectionString: connection } : connection;
  const open = async (more: object): Promise<PgClient> => {
    const Client = await load();
    let client: PgClient;
    try {
      client = new Client({ application_name: 'pathcast cdc', ...given, keepAlive: true, keepAliveInitialDelayMillis: PROBE_MS, connectionTimeoutMillis: patienceMs, types: AS_TEXT, ...more });
    } catch (thrown) {
      throw new PostgresError(`the connection cannot be used: ${messageOf(thrown)}`, UNUSABLE, { cause: thrown });
    }
    // A connection that is lost while nothing is asked; whoever uses it hears of it there.
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (thrown) {
      void client.end().catch(() => undefined);
      const error = errorOf(thrown);
      throw isHopeless(error) ? new PostgresError(error.message, UNUSABLE, { cause: thrown }) : error;
    }
    return client;
  };
  return {
    sql: async () => new PgSql(await open({ query_timeout: patienceMs })),
    // A stream is one query that lasts.
    replication: async () => new PgReplication(await open({ replication: 'database', query_timeout: 0, statement_timeout: 0 })),
  };
}

class PgSql implements SqlConnection {
  constructor(private readonly client: PgClient) {}

  query(text: string, values?: readonly (string | readonly string[])[]): Promise<SqlRow[]> {
    return ask(this.client, { text, ...(values && { values: [...values] }) });
  }

  end(): Promise<void> {
    return endOf(this.client);
  }
}

class PgReplication implements ReplicationConnection {
  #over = false;

  constructor(private readonly client: PgClient) {}

  command(text: string, patient?: 'patient'): Promise<SqlRow[]> {
    return ask(this.client, { text, ...(!patient && { query_timeout: PATIENCE_MS }) });
  }

  stream(text: string, listener: StreamListener): Promise<void> {
    const { connection } = this.client;
    return new Promise((resolve, reject) => {
      let begun = false;
      const end = (error: PostgresError | undefined): void => {
        if (this.#over) return;
        this.#over = true;
        if (begun) listener.ended(error);
        else reject(error ?? new PostgresError('the stream ended before it began', ''));
      };
      connection.on('copyData', ({ chunk }) => {
        if (!this.#over) listener.data(chunk);
      });
      connection.once('replicationStart', () => {
        begun = true;
        resolve();
      });
      connection.once('copyDone', () => end(undefined));
      this.client.on('error', (error) => end(errorOf(error)));
      this.client.once('end', () => end(undefined));
      // It is answered when the stream is over.
      this.client.query({ text }).then(
        () => end(undefined),
        (error: unknown) => end(errorOf(error)),
      );
    });
  }

  write(bytes: Buffer): void {
    if (!this.#over) this.client.connection.sendCopyFromChunk(bytes);
  }

  pause(): void {
    this.client.connection.stream.pause();
  }

  resume(): void {
    this.client.connection.stream.resume();
  }

  /** At once: a server that has much to send would send it first. */
  async end(): Promise<void> {
    this.#over = true;
    this.client.connection.stream.destroy();
    await endOf(this.client);
  }
}

async function ask(client: PgClient, question: Parameters<PgClient['query']>[0]): Promise<SqlRow[]> {
  try {
    return (await client.query(question)).rows;
  } catch (thrown) {
    throw errorOf(thrown);
  }
}

/** Behind a cut cable nobody answers a farewell: who waits for it waits for ever. */
async function endOf(client: PgClient): Promise<void> {
  const cut = setTimeout(() => client.connection.stream.destroy(), FAREWELL_MS).unref();
  await client.end().catch(() => undefined);
  clearTimeout(cut);
}

function errorOf(thrown: unknown): PostgresError {
  if (thrown instanceof PostgresError) return thrown;
  const { code } = thrown as { code?: unknown };
  return new PostgresError(sayAll(thrown), typeof code === 'string' ? code : '', { cause: thrown });
}

/** Certificates that are not trusted, no TLS at the other side, no password: of node-postgres and of Node, which have no SQLSTATE for it. */
const isHopeless = ({ code, message }: PostgresError): boolean =>
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT)/.test(code) || (code === '' && /^SASL|does not support SSL/.test(message));

/** Where a host has several addresses, Node's error has one for each and no message of its own. */
function sayAll(thrown: unknown): string {
  const { errors } = thrown as { errors?: unknown };
  const said = messageOf(thrown);
  return said === '' && Array.isArray(errors) ? [...new Set(errors.map(messageOf))].join('; ') : said;
}

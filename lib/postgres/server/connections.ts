/** The seam between the worker and a PostgreSQL client: what it asks of an ordinary connection and of one that replicates. */

/** A row of text, whatever its types. */
export type SqlRow = Readonly<Record<string, string | null>>;

/** For questions. */
export interface SqlConnection {
  /** Rejects with PostgresError. */
  query(text: string, values?: readonly (string | readonly string[])[]): Promise<SqlRow[]>;
  /** Idempotent; never rejects. */
  end(): Promise<void>;
}

export interface StreamListener {
  /** One message of the stream. The bytes are good for the call. */
  data(bytes: Buffer): void;
  /** Once, when it is over, whoever ended it; without an error where the server ended it in order. */
  ended(error: PostgresError | undefined): void;
}

/** With `replication=database`: simple queries, and one stream. */
export interface ReplicationConnection {
  /** IDENTIFY_SYSTEM, CREATE_REPLICATION_SLOT, and SELECT without parameters. `patient`: it may last, for it waits for transactions of others. Rejects with PostgresError. */
  command(text: string, patient?: 'patient'): Promise<SqlRow[]>;
  /** START_REPLICATION; resolves when the stream has begun. Rejects with PostgresError, after which nothing is heard. */
  stream(text: string, listener: StreamListener): Promise<void>;
  /** REQUIRES: the stream has begun. What is written after its end is dropped. */
  write(bytes: Buffer): void;
  /** No more is read from the socket: the server waits when its buffers are full. What has been read already still comes. */
  pause(): void;
  resume(): void;
  /** Idempotent; never rejects. */
  end(): Promise<void>;
}

export interface Postgres {
  /** Reject with PostgresError. */
  sql(): Promise<SqlConnection>;
  replication(): Promise<ReplicationConnection>;
}

/** What PostgreSQL, or the way to it, said. `message` never holds a password. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';

  constructor(
    message: string,
    /** PostgreSQL's SQLSTATE (`55006`), or a code of the system (`ECONNREFUSED`); empty where there is none. */
    readonly code: string,
    options?: { cause: unknown },
  ) {
    super(message, options);
  }
}

/** In the place of a code: with what it was given no connection can be made, however often it is tried. */
export const UNUSABLE = 'UNUSABLE';

/** Of SQLSTATE, what the worker tells apart. */
export const SQLSTATE = {
  objectInUse: '55006',
  undefinedObject: '42704',
  duplicateObject: '42710',
  insufficientPrivilege: '42501',
  invalidPassword: '28P01',
  invalidAuthorization: '28000',
  noDatabase: '3D000',
  configurationLimit: '53400',
} as const;

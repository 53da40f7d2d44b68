/** What `createCdc` takes. */
import type { AnyHub, BindableRouter } from '../server/hub.js';
import type { StalePath } from '../trpc/paths.js';
import type { CdcMap } from './table-map.js';

/** A URL, or what node-postgres' `Client` takes: `{ host, port, user, password, database, ssl }`. */
export type PostgresConnection = string | Readonly<Record<string, unknown>>;

/** `R`: the type of the app's router; paths are its queries and their prefixes. */
export interface CdcOptions<R = BindableRouter> {
  /** Of `createHub()`. With `redis` the worker may be a process of its own, and whoever takes over knows what was told. */
  hub: AnyHub;
  /** Of the primary: `postgresql://…`, or what node-postgres' `Client` takes. Its role needs REPLICATION (or membership in `rds_replication`). */
  connection: PostgresConnection;
  /** Which tables, by name. */
  map: CdcMap<StalePath<R>>;
  /** It has to be there. Default `pathcast`. */
  publication?: string | undefined;
  /** Made where it is not there. One for each hub, or set of hubs that share a Redis; workers with the same one take turns. Default `pathcast`. */
  slot?: string | undefined;
  /** Distinct paths of one transaction, over all tenants, 1 to 1,000,000; default 10,000. Beyond it first segments alone are told apart, then nothing. */
  maxPaths?: number | undefined;
  /** UTF-8 bytes of an action's `data` as JSON, 0 to 60,000; default 8,192. Above it pages fetch. */
  maxDataBytes?: number | undefined;
  /** Transactions that were read and are not in the log yet, 1 to 10,000; default 64. At it no more is read of the stream. */
  maxWaiting?: number | undefined;
  /** Each changed row becomes a row of the table of `activityTables()`, too, before its action goes out; default false. */
  activities?: boolean | ActivityOptions | undefined;
}

export interface ActivityOptions {
  /** Where `activityTables()` stand. Default `pathcast`. */
  schema?: string | undefined;
  /** How long activities are kept, ms, a minute at least; default 7 days. */
  keepMs?: number | undefined;
  /** Rows of one transaction, over all companies, that have an activity of their own, 1 to 100,000; default 10,000. One with the id `*` stands for all others of a company and type. */
  maxPerCommit?: number | undefined;
}

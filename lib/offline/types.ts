/** What an app sees of `pathcast/offline`, and what its parts know of each other. No DOM types: the same declarations serve Node, workers and pages. */
import type { FieldConflict } from '../protocol/conflict.js';

/** A row of the app's: the entity's name, as `fields({ entity })` and `tx.versions` have it, and the row's id. */
export interface EntityKey {
  entity: string;
  id: string;
}

/** What a mutation does to its row, as far as lanes, squashing and the overlay need to know. `other`: anything else; never squashed, not shown before its answer. */
export type MutationKind = 'create' | 'update' | 'delete' | 'other';

/** How a mutation is kept, ordered and shown. `Input`: as the app gives it, without `tx`. */
export interface OfflineMutation<Input = any> { // eslint-disable-line @typescript-eslint/no-explicit-any -- each path has an input of its own
  kind: MutationKind;
  /** The entity whose row it changes. Mutations of one row are one lane: sent one after the other. Absent: a lane of the mutation's path. */
  entity?: string | undefined;
  /** The row's id in the input. Default: `input[idKey]`. */
  id?: ((input: Input) => string | number) | undefined;
  /** Default: `id`. */
  idKey?: string | undefined;
  /** The fields that it sets, with their values. Default: all of the input but `idKey`, `tx` and what is undefined. */
  fields?: ((input: Input) => Record<string, unknown>) | undefined;
  /** The input that sets these fields beside what it sets already (a create that takes an update in). Default: `{ ...input, ...fields }`. */
  merge?: ((input: Input, fields: Record<string, unknown>) => Input) | undefined;
  /** Rows that must be there first: it waits for their unsent mutations. */
  dependsOn?: ((input: Input) => readonly EntityKey[]) | undefined;
  /** False: never squashed. Default: true. */
  squash?: boolean | undefined;
  /**
   * `server` (default): the mutation is behind `sync.transaction()`, so what is sent twice is done once. `none`: it is not; where nobody knows whether it was
   * done, it is not sent again but shown (`dead`, `unknown_outcome`).
   */
  once?: 'server' | 'none' | undefined;
  /** Compares what the user has seen (`tx.expected`). Default: true for updates and deletes. */
  compare?: boolean | undefined;
  /** The queries that show the row; it is laid over their answers until they contain it. */
  shows?:
    | {
        query?: string | undefined;
        list?: readonly string[] | undefined;
        /** Where the row stands in an answer of `query`: `(answer) => answer.page`. Default: it is the answer. */
        row?: ((answer: any) => unknown) | undefined; // eslint-disable-line @typescript-eslint/no-explicit-any
        /** Where a new row stands in a list. Default: `last`. */
        place?: 'first' | 'last' | undefined;
      }
    | undefined;
}

/**
 * queued: kept, not sent yet. sending: it was sent, and nobody knows yet what came of it. acked: done; gone as soon as pages contain it. conflicted: somebody else
 * changed the same fields; a person decides. rejected: the server refused it for good. dead: given up (`reason` says why). The last three wait for a person.
 */
export type EntryState = 'queued' | 'sending' | 'acked' | 'conflicted' | 'rejected' | 'dead';

/** Why an entry is dead. One registry; a code is never reused. */
export type DeadReason = 'server_error' | 'unknown_outcome' | 'schema';

/** What an error says, as it is kept: never told apart by its text. */
export interface EntryError {
  message: string;
  /** tRPC's, `CONFLICT`; absent: there was no answer of the app's. */
  code?: string | undefined;
  httpStatus?: number | undefined;
  /** `error.data`, as far as it can be kept. */
  data?: unknown;
}

/** What a field was when its user changed it. */
export interface SeenField {
  /** As it was shown; absent: not known. */
  value?: unknown;
  /** Its version; null: none is known. An id of an entry that is not sent yet: that entry's change. */
  version: string | null;
}

/** One thing that a person did, as it is kept. */
export interface OutboxEntry {
  /** An HLC id (`wall.logical.node`): the mutation's `transactionId`. */
  readonly id: string;
  /** Ids that were squashed into it. */
  readonly squashed: readonly string[];
  /** In the order in which they were done; never given twice. */
  readonly seq: number;
  readonly path: string;
  /** Without `tx`. */
  readonly input: unknown;
  readonly kind: MutationKind;
  readonly entity?: string;
  readonly entityId?: string;
  readonly lane: string;
  /** Lanes that it waits for, as far as their entries have a lower `seq`. */
  readonly after: readonly string[];
  /** By field: what it sets. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** By field: what was seen. Of a delete: of the fields that are compared. */
  readonly base: Readonly<Record<string, SeenField>>;
  readonly state: EntryState;
  readonly reason?: DeadReason;
  /** Times that it was sent. */
  readonly attempts: number;
  /** Times in a row that it was sent in vain: the back-off goes by it. */
  readonly failures: number;
  /** Of those, the ones in which the app's server failed; absent: none. */
  readonly errors?: number;
  /** What the app itself has said in `tx`, without the id. */
  readonly tx?: Readonly<Record<string, unknown>>;
  /** Unix ms before which it is not sent again; 0: at once. */
  readonly notBefore: number;
  readonly error?: EntryError;
  /** Of `conflicted`; empty where the server named no fields. */
  readonly conflicts?: readonly FieldConflict[];
  /** Of `acked`: what the server answered, where it could be kept. */
  readonly answer?: unknown;
  /** Unix ms, by this device. */
  readonly createdAt: number;
  readonly ackedAt?: number;
  /** The app's `version` whose code made it. */
  readonly version: number;
}

/** What the person decides about a conflict. `merged`: by field, in place of what was set. */
export type Resolution = 'mine' | 'theirs' | { merged: Readonly<Record<string, unknown>> };

/** Why nothing is sent now; several at once. */
export type PauseReason = 'starting' | 'offline' | 'catching_up' | 'unauthorized' | 'by_hand' | 'follower' | 'newer_version' | 'signed_out' | 'storage';

export interface NetworkStatus {
  /** The device has a network, or nobody knows that it has none. */
  readonly online: boolean;
  /** The app's own server has answered, lately: no captive portal, no dead Wi-Fi. */
  readonly verified: boolean;
  /** Of the last proof, ms; undefined: none yet. */
  readonly latency: number | undefined;
  /** Unix ms since when it is so. */
  readonly since: number;
}

export interface OfflineStatus {
  readonly network: NetworkStatus;
  readonly paused: readonly PauseReason[];
  /** This tab sends. */
  readonly leader: boolean;
  /** Queued or on the way. */
  readonly unsent: number;
  readonly conflicted: number;
  /** Rejected or dead. */
  readonly failed: number;
  /** `full`: what is done now is refused while offline. `lost`: the browser has thrown away what was kept. `unavailable`: nothing can be kept here. */
  readonly storage: 'ok' | 'full' | 'lost' | 'unavailable';
}

/** What happened that a person, or the app's developer, should hear of. One registry; a code is never reused. */
export type ProblemCode = 'storage_full' | 'storage_lost' | 'storage_unavailable' | 'evicted' | 'rejected' | 'dead' | 'conflict' | 'newer_version' | 'unknown_path' | 'migration_failed' | 'clock' | 'overlay_timeout';

export interface Problem {
  code: ProblemCode;
  message: string;
  entry?: OutboxEntry | undefined;
  /** Of `evicted`: how many were lost. */
  count?: number | undefined;
  error?: unknown;
}

/** Sends one entry. Rejects with what the app's client throws: a `TRPCClientError`, or anything with `data.code` and `data.httpStatus`. */
export type Send = (path: string, input: unknown, options: { context: Record<string, unknown>; signal?: AbortSignal | undefined }) => Promise<unknown>;

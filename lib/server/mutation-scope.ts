/**
 * Which mutation is running: kept over everything that it awaits. `hub.broadcast` and `broadcastMany` note in it what
 * they hand over, so that a mutation which broadcasts by hand is not broadcast a second time (SPEC §10).
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { SyncAction } from '../protocol/events.js';
import type { BroadcastResult } from './results.js';

/** Of the middleware that opened it. Scopes of an ESM and a CommonJS copy of the package may nest. */
export interface MutationScope {
  /**
   * An action that was checked and handed over while this scope was the innermost one: `queryPaths` are those that go
   * out, `data` and `tx` are left out. `hub` is the hub that sent it. Called at once, before the outcome is known, which
   * never rejects: what was refused, or is a duplicate, has told nobody.
   */
  noteBroadcast(action: SyncAction, hub: object, outcome: Promise<BroadcastResult>): void;
  /** A known transaction inside this mutation is over. */
  noteTransaction?(end: 'committed' | 'rolledBack'): void;
  /** What `sync.transaction()` knows of the mutation, before it ends. */
  noteRecord?(record: MutationRecord): void;
  /** Calls `send`, inside this scope, once the mutation has succeeded; never after it failed. Absent: the scope only notes. */
  afterSuccess?(send: () => void): void;
}

/** A mutation that has an id of its own. */
export interface MutationRecord {
  /** Of its action. */
  actionId: string;
  sourceId: string | undefined;
  /** Goes out with the action. */
  tx: unknown;
  /** It was done before: its answer is that of then. */
  replayed: boolean;
}

const SLOT = Symbol.for('pathcast.mutation-scope');
const shared = globalThis as { [SLOT]?: AsyncLocalStorage<MutationScope | undefined> };
const storage = (shared[SLOT] ??= new AsyncLocalStorage<MutationScope | undefined>());

/** Runs `fn`, and whatever it starts, inside `scope`. What it throws or gives is passed on. */
export function runInMutation<T>(scope: MutationScope, fn: () => T): T {
  return storage.run(scope, fn);
}

/** Runs `fn` outside of any mutation: what it broadcasts is noted nowhere. For the middleware's own broadcasts. */
export function outsideMutation<T>(fn: () => T): T {
  return storage.run(undefined, fn);
}

/** What of a broadcast was told to those who listen: its paths; undefined where nothing was. */
export function pathsTold(action: SyncAction, result: BroadcastResult): readonly string[] | undefined {
  if (result.ok) return result.duplicate ? undefined : action.queryPaths;
  return result.sent && !result.sent.duplicate ? result.sent.queryPaths : undefined;
}

/** The innermost scope that this code runs in. */
export function currentMutation(): MutationScope | undefined {
  return storage.getStore();
}

/** A transaction that a sync knows. */
export interface KnownTransaction {
  readonly state: 'open' | 'committed' | 'rolledBack';
}

const TRANSACTION = Symbol.for('pathcast.known-transaction');
const sharedToo = globalThis as { [TRANSACTION]?: AsyncLocalStorage<KnownTransaction> };
const transactions = (sharedToo[TRANSACTION] ??= new AsyncLocalStorage<KnownTransaction>());

/** Runs `fn`, and whatever it starts, as the work of a transaction. */
export function runInTransaction<T>(transaction: KnownTransaction, fn: () => T): T {
  return transactions.run(transaction, fn);
}

/** Whether this code is the work of a known transaction that has not ended. */
export function isInOpenTransaction(): boolean {
  return transactions.getStore()?.state === 'open';
}

/**
 * The names and shapes of hand-made sync layers, over a hub: a code base that was written against them runs after
 * changing its imports.
 */
import type { SyncAction, SyncActionInput, SyncEvent } from '../protocol/events.js';
import { isPathcastError } from '../protocol/error.js';
import type { ConnectionGuard } from './lease.js';
import type { AnyHub } from './hub.js';
import { RecentReads } from './recent-reads.js';
import type { BroadcastResult } from './results.js';

export interface DropIn {
  /** Publishes. Publishing and storing are one here: the second call with the same `id` is a duplicate. Never rejects. */
  publishSyncAction: (action: SyncActionInput) => Promise<BroadcastResult>;
  /** The same as `publishSyncAction`. */
  storeSyncAction: (action: SyncActionInput) => Promise<BroadcastResult>;
  /**
   * Actions after `lastTimestamp` (Unix ms, exclusive), oldest first; all that are kept for 0. Never rejects: an
   * empty list where something is wrong, and the hub's `error` event tells.
   */
  getMissedActions: (companyId: string, lastTimestamp: number) => Promise<SyncAction[]>;
  /**
   * Actions of a company as they come, until the signal is aborted. Starts where the last `getMissedActions` of the
   * company ended, so that nothing falls between the two; an action may come twice. A stretch that is told as
   * a whole (an import, lost history) is one action with `entityId: '*'`.
   */
  subscribeToCompany: (companyId: string, signal?: AbortSignal) => AsyncGenerator<SyncAction, undefined, undefined>;
  sseConnections: {
    /** Throws SSEConnectionLimitError at a limit. `release()` is idempotent. */
    acquire(userId: string, companyId: string): Promise<ConnectionGuard>;
  };
}

/** `hubOf` is asked at each call, so that the default hub starts at its first use. */
export function createDropIn(hubOf: () => AnyHub): DropIn {
  // A position means something to the hub alone that gave it.
  const byHub = new WeakMap<AnyHub, RecentReads>();
  const readsOf = (hub: AnyHub): RecentReads => {
    let reads = byHub.get(hub);
    if (!reads) byHub.set(hub, (reads = new RecentReads(Date.now)));
    return reads;
  };
  const publish = (action: SyncActionInput): Promise<BroadcastResult> => hubOf().broadcast(action as never);
  return {
    publishSyncAction: publish,
    storeSyncAction: publish,
    sseConnections: {
      acquire: (userId, companyId) => hubOf().acquire(companyId, userId),
    },

    async getMissedActions(companyId, lastTimestamp) {
      try {
        const since = Number(lastTimestamp);
        const hub = hubOf();
        const slice = await hub.readLog(companyId, since > 0 ? Math.floor(since) + 1 : undefined);
        // A company that nobody has published to has no log yet, and no position in it.
        const cursor = slice.epoch === '' ? await firstCursor(hub, companyId) : `${slice.epoch}.${slice.headSeq}`;
        if (cursor !== undefined) readsOf(hub).add(companyId, cursor);
        return slice.actions.map((text) => JSON.parse(text) as SyncAction);
      } catch {
        return [];
      }
    },

    async *subscribeToCompany(companyId, signal) {
      const hub = hubOf();
      let cursor = readsOf(hub).oldest(companyId);
      while (!signal?.aborted && !hub.closed) {
        try {
          for await (const { id, event } of hub.observe(companyId, cursor, signal)) {
            if (id !== undefined) cursor = id;
            const action = asAction(event, companyId);
            if (action) yield action;
          }
          return undefined;
        } catch (thrown) {
          // A slow consumer was cut off, or a life time ended: go on from the last position.
          if (!isPathcastError(thrown) || thrown.code !== 'STREAM_CLOSED') throw thrown;
        }
      }
      return undefined;
    },
  };
}

/** Begins the company's log, as any stream does. */
async function firstCursor(hub: AnyHub, companyId: string): Promise<string | undefined> {
  for await (const { event } of hub.observe(companyId)) {
    // Not its cursor: what is published meanwhile was not among the missed actions.
    if (event.type === 'hello') return `${event.epoch}.0`;
  }
  return undefined;
}

/** Every event that calls something stale, as an action; nothing for the others. */
function asAction(event: SyncEvent, companyId: string): SyncAction | undefined {
  switch (event.type) {
    case 'insert':
    case 'update':
    case 'delete':
      return event;
    case 'invalidate':
    case 'resync':
      return {
        id: `${event.type}-${event.timestamp}`,
        type: 'update',
        module: event.type === 'invalidate' ? (event.modules[0] ?? '*') : '*',
        entityId: '*',
        companyId,
        userId: '',
        timestamp: event.timestamp,
        queryPaths: event.queryPaths,
      };
    default:
      return undefined;
  }
}

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
  const reads = new RecentReads(Date.now);
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
        const slice = await hubOf().readLog(companyId, since > 0 ? Math.floor(since) + 1 : undefined);
        reads.add(companyId, `${slice.epoch}.${slice.headSeq}`);
        return slice.actions.map((text) => JSON.parse(text) as SyncAction);
      } catch {
        return [];
      }
    },

    async *subscribeToCompany(companyId, signal) {
      let cursor = reads.oldest(companyId);
      while (!signal?.aborted) {
        const stream = hubOf().observe(companyId, cursor, signal);
        try {
          for await (const { id, event } of stream) {
            if (id !== undefined) cursor = id;
            const action = asAction(event, companyId);
            if (action) yield action;
          }
          return undefined;
        } catch (thrown) {
          // A slow consumer was cut off, or a life time ended: go on from the last position. A closed hub ends it.
          if (!isPathcastError(thrown) || thrown.code !== 'STREAM_CLOSED' || hubOf().closed) return undefined;
        }
      }
      return undefined;
    },
  };
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

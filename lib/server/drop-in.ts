/**
 * The names and shapes of hand-made sync layers, over a hub: a code base that was written against them runs after
 * changing its imports.
 */
import { randomUUID } from 'node:crypto';
import type { CloseReason, InvalidateEvent, SyncAction, SyncActionInput, SyncEvent } from '../protocol/events.js';
import { isPathcastError } from '../protocol/error.js';
import { messageOf } from '../internal/describe.js';
import type { DisconnectMatch, LogSlice } from '../internal/engine.js';
import { warnOnce } from '../internal/warn-once.js';
import { matches, type EarlyEnd } from './early-end.js';
import type { ConnectionGuard } from './lease.js';
import type { AnyHub } from './hub.js';
import { internalsOf } from './internals.js';
import { RecentReads } from './recent-reads.js';
import { checkSince } from './resume.js';
import type { BroadcastResult } from './results.js';

export interface SubscribeOptions {
  since?: number | string | null | undefined;
  userId?: string | null | undefined;
}

export interface DropIn {
  /** Publishes. Publishing and storing are one here: the second call with the same `id` is a duplicate. Never rejects. */
  publishSyncAction: (action: SyncActionInput) => Promise<BroadcastResult>;
  /** The same as `publishSyncAction`. */
  storeSyncAction: (action: SyncActionInput) => Promise<BroadcastResult>;
  /**
   * Actions from `since` on (Unix ms, inclusive; or a cursor, exclusive), oldest first; all that are kept for 0. An action
   * may come twice, none is left out: where the log does not reach back to `since`, the first one has `entityId: '*'` and
   * every query path of the router. Never rejects: an empty list where something is wrong, and the hub's `error` event
   * tells (`during: 'readLog'`).
   */
  getMissedActions: (companyId: string, since: number | string) => Promise<SyncAction[]>;
  /**
   * Actions of a company as they come, until the signal is aborted, `hub.disconnect` ends it, or the hub drains or closes. Starts at `since` (a
   * cursor, or Unix ms), else where the last `getMissedActions` of this client ended, so that nothing falls between the
   * two; an action may come twice. A stretch that is told as a whole (an import, lost history) is one action with
   * `entityId: '*'`, and `module: '*'` where it is not of one module alone. `userId` is whom `hub.disconnect({ userId })` finds it by.
   */
  subscribeToCompany: (
    companyId: string,
    signal?: AbortSignal,
    options?: SubscribeOptions,
  ) => AsyncGenerator<SyncAction, undefined, undefined>;
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
      acquire: (userId, companyId) => hubOf().acquire({ companyId, userId }),
    },

    getMissedActions(companyId, since) {
      let hub: AnyHub;
      let mark;
      try {
        hub = hubOf();
        // Before the first `await`: the caller's context is to carry it on.
        mark = readsOf(hub).begin(companyId);
      } catch (thrown) {
        warnOnce('PATHCAST_READ_LOG', `getMissedActions() has no hub: ${messageOf(thrown)}`);
        return Promise.resolve([]);
      }
      return missedActions(hub, companyId, since).then(
        ({ actions, cursor }) => {
          if (cursor !== undefined) readsOf(hub).end(mark, cursor);
          return readsOf(hub).carry(mark, actions);
        },
        (thrown: unknown) => {
          internalsOf(hub).report('readLog', thrown);
          return [];
        },
      );
    },

    subscribeToCompany(companyId, signal, options = {}) {
      // Now, not at the first `next()`: that may come from elsewhere than the one who read.
      const hub = hubOf();
      return subscription(hub, readsOf(hub), companyId, signal, options);
    },
  };
}

function subscription(
  hub: AnyHub,
  reads: RecentReads,
  companyId: string,
  signal: AbortSignal | undefined,
  options: SubscribeOptions,
): AsyncGenerator<SyncAction, undefined, undefined> {
  const start = reads.start(companyId);
  const userId = options.userId ?? '';
  const own = new Subscriber(companyId, userId);
  // Not at the first `next()`: who is revoked before that is so too.
  const stop = internalsOf(hub).onDisconnect(own);
  return (async function* () {
    try {
      let from = positionOf(options.since) ?? start;
      while (!signal?.aborted && !hub.closed && !own.ended) {
        let opened = false;
        try {
          for await (const { id, event } of internalsOf(hub).observe(companyId, from, signal, userId)) {
            if (id !== undefined) from = id;
            if (event.type === 'hello') {
              opened = true;
              own.connectionId = event.connectionId;
            }
            const action = asAction(event, companyId, id);
            if (action && !own.ended) yield action;
          }
          return undefined;
        } catch (thrown) {
          if (!isPathcastError(thrown) || thrown.code !== 'STREAM_CLOSED') throw thrown;
          // Not let in: the hub drains, and will let nobody in any more.
          if (!opened) return undefined;
        }
      }
      return undefined;
    } finally {
      stop();
    }
  })();
}

/** Throws INVALID_FIELD. */
function positionOf(since: unknown): number | string | undefined {
  const { lastEventId, lastSyncTimestamp } = checkSince('since', since);
  return lastEventId ?? lastSyncTimestamp;
}

class Subscriber implements EarlyEnd {
  readonly companyId: string;
  readonly userId: string;
  connectionId: string | undefined;
  ended = false;

  constructor(companyId: string, userId: string) {
    this.companyId = companyId;
    this.userId = userId;
  }

  /** A slow stream hears no reason, and between two streams there is none to end: the call itself is what counts. */
  disconnected(match: DisconnectMatch, reason: CloseReason): boolean {
    this.ended ||= matches(match, this) && !GOES_ON.has(reason);
    return false;
  }
}

/** Whoever is told these may come back, and a subscriber does, from its last position. Any other end is meant. */
const GOES_ON: ReadonlySet<CloseReason> = new Set<CloseReason>(['slow', 'drain']);

/** What was missed, and where the log ended. */
async function missedActions(
  hub: AnyHub,
  companyId: string,
  since: number | string,
): Promise<{ actions: SyncAction[]; cursor: string | undefined }> {
  const from =
    typeof since === 'string' ? positionOf(since) : Number(since) > 0 ? Math.floor(Number(since)) : undefined;
  const slice = await hub.readLog(companyId, typeof from === 'number' ? from : undefined);
  let actions = slice.actions.map((text) => JSON.parse(text) as SyncAction & { seq: number });
  if (typeof from === 'string') {
    const [epoch, seq] = from.split('.');
    if (epoch === slice.epoch) actions = actions.filter((action) => action.seq > Number(seq));
  }
  // A company that nobody has published to has no log yet, and no position in it: this begins one, as any stream does.
  const verdict = slice.epoch === '' || from !== undefined ? await verdictOf(hub, companyId, from, slice) : undefined;
  // Not the head of the verdict: what is published meanwhile was not among the missed actions.
  const epoch = slice.epoch === '' ? verdict?.epoch : slice.epoch;
  const missed: SyncAction[] = actions;
  // Since the hub began nobody has published: nothing can be lost.
  const untouched = slice.epoch === '' && typeof from === 'number' && from >= hub.startedAt;
  if (verdict?.gap && !untouched) missed.unshift(verdict.gap);
  return {
    actions: missed,
    cursor: epoch === undefined ? undefined : `${epoch}.${slice.headSeq}`,
  };
}

/** Whether the log reaches back to `from`, and what to say where it does not. */
async function verdictOf(
  hub: AnyHub,
  companyId: string,
  from: number | string | undefined,
  slice: LogSlice,
): Promise<{ epoch: string; gap: SyncAction | undefined } | undefined> {
  let epoch = '';
  try {
    for await (const { id, event } of internalsOf(hub).observe(companyId, from)) {
      if (event.type === 'hello') {
        ({ epoch } = event);
        if (event.recovered || event.reason === 'fresh') return { epoch, gap: undefined };
      } else if (event.type === 'resync') {
        return { epoch, gap: asAction(event, companyId, id) };
      }
    }
  } catch (thrown) {
    const drains = isPathcastError(thrown) && thrown.reason === 'drain' && epoch === '';
    if (!drains || hub.closed) throw thrown;
    // A hub that drains gives no verdict any more; its log can still be read.
    if (slice.epoch === '') return undefined;
    return { epoch: slice.epoch, gap: (await reachesBack(hub, companyId, from, slice)) ? undefined : gapOf(hub, companyId, slice) };
  }
  return undefined;
}

/** Whether nothing after `from` is gone from the log; false where that cannot be told. */
async function reachesBack(hub: AnyHub, companyId: string, from: number | string | undefined, slice: LogSlice): Promise<boolean> {
  const seqOf = (text: string | undefined): number => (text === undefined ? slice.headSeq + 1 : (JSON.parse(text) as { seq: number }).seq);
  if (from === undefined) return true;
  if (typeof from === 'string') {
    const [epoch, seq] = from.split('.');
    return epoch === slice.epoch && Number(seq) <= slice.headSeq && seqOf(slice.actions[0]) <= Number(seq) + 1;
  }
  // An older one is kept: those that are gone are older still.
  const all = await hub.readLog(companyId);
  return all.actions.length > 0 && seqOf(all.actions[0]) < seqOf(slice.actions[0]);
}

/** Calls everything stale. */
function gapOf(hub: AnyHub, companyId: string, { epoch, headSeq }: LogSlice): SyncAction | undefined {
  const queryPaths = [...internalsOf(hub).resyncPaths()];
  const resync = { type: 'resync', timestamp: Date.now(), queryPaths, reason: 'trimmed' } as const;
  return asAction(resync, companyId, `${epoch}.${headSeq}`);
}

/** What has no place in the log yet has only its cursor, which another one may repeat. */
function stretchId({ from }: InvalidateEvent, id: string | undefined): string {
  return `invalidate-${from ?? randomUUID()}-${id}`;
}

/** Every event that calls something stale, as an action; nothing for the others. */
function asAction(event: SyncEvent, companyId: string, id: string | undefined): SyncAction | undefined {
  switch (event.type) {
    case 'insert':
    case 'update':
    case 'delete':
      return event;
    case 'invalidate':
    case 'resync':
      return {
        // By its place in the log, not by its time: two stretches of one millisecond are two.
        id: event.type === 'invalidate' ? stretchId(event, id) : `resync-${id}`,
        type: 'update',
        // One of several would hide the others from whoever goes by it.
        module: event.type === 'invalidate' && event.modules.length === 1 ? (event.modules[0] as string) : '*',
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

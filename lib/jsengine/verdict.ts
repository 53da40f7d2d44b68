import type { Reason } from '../protocol/events.js';
import type { StreamSpec } from '../internal/engine.js';
import type { ActionLog } from './action-log.js';
import { parseCursor } from './cursor.js';

/**
 * How far the clock that gave a time may run ahead of the hub's, ms. A time that is ahead by less says when the client last
 * heard something, but for so much: it gets what came since then. One beyond it is not of this log, so the answer is a `resync`.
 */
const MAX_CLOCK_SKEW_MS = 60_000;

/** Where a stream starts (SPEC §2). */
export type Verdict =
  /** Nothing is missing, or everything after `after` is kept and follows. */
  | { reason: 'fresh' | 'resumed'; recovered: boolean; after: number }
  /** History is gone: a `resync` follows. */
  | { reason: Exclude<Reason, 'fresh' | 'resumed'>; recovered: false };

/**
 * The table of SPEC §2, row by row. `now`: the hub's clock; the log has let go of what is too old. `returns`: this browser
 * instance had a stream before.
 */
export function decide(
  log: ActionLog,
  position: Pick<StreamSpec, 'lastEventId' | 'lastSyncTimestamp'>,
  now: number,
  returns = false,
): Verdict {
  if (position.lastEventId) return byCursor(log, position.lastEventId);
  if (position.lastSyncTimestamp !== undefined) return byTime(log, position.lastSyncTimestamp, now);
  if (returns) return { reason: 'unknown_cursor', recovered: false };
  return { reason: 'fresh', recovered: false, after: log.headSeq };
}

function byCursor(log: ActionLog, text: string): Verdict {
  const cursor = parseCursor(text);
  if (!cursor) return { reason: 'unknown_cursor', recovered: false };
  const seq = log.seqAt(cursor);
  if (seq === undefined) return { reason: 'epoch_changed', recovered: false };
  if (seq > log.headSeq) return { reason: 'ahead_of_log', recovered: false };
  if (seq + 1 < log.oldestSeq) return { reason: 'trimmed', recovered: false };
  return { reason: 'resumed', recovered: true, after: seq };
}

function byTime(log: ActionLog, sinceMs: number, now: number): Verdict {
  if (sinceMs < log.createdAt) return { reason: 'epoch_changed', recovered: false };
  if (sinceMs <= log.lostStamp) return { reason: 'trimmed', recovered: false };
  const first = log.firstSeqSince(sinceMs);
  if (first <= log.headSeq || sinceMs <= now) return { reason: 'resumed', recovered: true, after: first - 1 };
  if (sinceMs > now + MAX_CLOCK_SKEW_MS) return { reason: 'ahead_of_log', recovered: false };
  const earliest = Math.max(sinceMs - MAX_CLOCK_SKEW_MS, log.createdAt);
  if (earliest <= log.lostStamp) return { reason: 'trimmed', recovered: false };
  return { reason: 'resumed', recovered: true, after: log.firstSeqSince(earliest) - 1 };
}

/**
 * A time from which a client that is cut right after its `hello` loses nothing: where a resync is to follow, one that
 * makes it come again. `since`: the time it was placed by; `after`: the position of its `hello`, null where a resync follows.
 */
export function safeMsAfterHello(
  log: ActionLog,
  since: number | undefined,
  { reason, after }: { reason: Reason; after: number | null },
  now: number,
): number {
  if (since !== undefined && since <= now && reason !== 'ahead_of_log') return since;
  // Of another life of the log, for good.
  if (after === null) return Math.min(log.createdAt - 1, now);
  return log.get(after + 1)?.arrivedAt ?? now;
}

/**
 * A client that was not let in is where it was before. One with a cursor may still store this time: then it is of no
 * log, and a resync follows.
 */
export function safeMsOfRefused(position: Pick<StreamSpec, 'lastEventId' | 'lastSyncTimestamp'>, now: number): number {
  if (position.lastEventId) return 0;
  const since = position.lastSyncTimestamp ?? now;
  if (since <= now) return since;
  return since > now + MAX_CLOCK_SKEW_MS ? 0 : since - MAX_CLOCK_SKEW_MS;
}

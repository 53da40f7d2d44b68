/** What a `disconnect` must find although the engine does not know it yet, or not at the moment. */
import type { DisconnectMatch } from '../internal/engine.js';
import type { CloseReason } from '../protocol/events.js';

export interface EarlyEnd {
  /** Whether one more stream has ended by it. */
  disconnected(match: DisconnectMatch, reason: CloseReason): boolean;
}

/** Each given part of `match` is the one of `who`. One that `who` has not yet matches nothing. */
export function matches(match: DisconnectMatch, who: { companyId: string; userId: string; connectionId: string | undefined }): boolean {
  return (
    match.origin === undefined &&
    (match.companyId ?? who.companyId) === who.companyId &&
    (match.userId ?? who.userId) === who.userId &&
    (match.connectionId ?? who.connectionId) === who.connectionId
  );
}

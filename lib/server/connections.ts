/** What `Hub.connections` may be asked, and whom `Hub.disconnect` may end. */
import type { CloseReason } from '../protocol/events.js';
import type { ConnectionQuery, DisconnectMatch } from '../internal/engine.js';
import { describe } from '../internal/describe.js';
import { PathcastError } from '../protocol/error.js';
import { checkKeys, checkObject, checkOptionalIdentifier, checkReason } from './check.js';

export interface ConnectionsQuery {
  companyId?: string | undefined;
  userId?: string | undefined;
  /** Default 100; at most 10,000. */
  limit?: number | undefined;
  /** Only streams that opened after this one: the last id of the page before. */
  after?: string | undefined;
}

/** Streams that fit all given parts. */
export type ConnectionMatch = Pick<DisconnectMatch, 'companyId' | 'userId' | 'connectionId'>;

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 10_000;

/** Throws INVALID_FIELD. */
export function checkConnectionsQuery(query: ConnectionsQuery): ConnectionQuery {
  const raw = checkObject('query', query);
  checkKeys('connections()', raw, ['companyId', 'userId', 'limit', 'after']);
  const limit = raw['limit'] ?? DEFAULT_LIMIT;
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new PathcastError('INVALID_FIELD', `limit must be a whole number from 1 to ${MAX_LIMIT}, got ${describe(limit)}`);
  }
  const checked: ConnectionQuery = { limit };
  for (const part of ['companyId', 'userId', 'after'] as const) {
    const value = checkOptionalIdentifier(part, raw[part]);
    if (value !== undefined) checked[part] = value;
    // A part that was meant but is empty must not widen the question to everybody.
    else if (raw[part] === '') throw new PathcastError('INVALID_FIELD', `${part} must not be empty`);
  }
  return checked;
}

/** Throws INVALID_FIELD, INVALID_OPTION. */
export function checkDisconnect(match: ConnectionMatch, reason: CloseReason): ConnectionMatch {
  const raw = checkObject('match', match);
  checkKeys('disconnect()', raw, ['userId', 'companyId', 'connectionId']);
  const checked: ConnectionMatch = {};
  for (const part of ['userId', 'companyId', 'connectionId'] as const) {
    const value = checkOptionalIdentifier(part, raw[part]);
    if (value !== undefined) checked[part] = value;
    // A part that was meant but is empty must not widen the match to everybody.
    else if (part in raw)
      throw new PathcastError('INVALID_FIELD', `${part} must not be empty, got ${describe(raw[part])}`);
  }
  if (Object.keys(checked).length === 0) {
    throw new PathcastError('INVALID_FIELD', 'disconnect() needs at least one of userId, companyId, connectionId');
  }
  checkReason(reason);
  return checked;
}

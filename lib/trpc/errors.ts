/** pathcast's errors as tRPC's. The code decides what the client does: -32603 means come back, any other is final. */
import { TRPCError } from '@trpc/server';
import type { ErrorCode } from '../protocol/codes.js';
import { isPathcastError } from '../protocol/error.js';

const CODES: Record<ErrorCode, TRPCError['code']> = {
  INVALID_FIELD: 'BAD_REQUEST',
  INVALID_COMPANY_ID: 'BAD_REQUEST',
  INVALID_QUERY_PATH: 'BAD_REQUEST',
  ACTION_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  NOT_SERIALIZABLE: 'BAD_REQUEST',
  INVALID_OPTION: 'INTERNAL_SERVER_ERROR',
  PHANTOM_PATH: 'INTERNAL_SERVER_ERROR',
  INVALID_MAP: 'INTERNAL_SERVER_ERROR',
  UNKNOWN_MUTATION: 'INTERNAL_SERVER_ERROR',
  UNKNOWN_TOOL: 'INTERNAL_SERVER_ERROR',
  // As the IETF's draft of the Idempotency-Key header has it: 422 for another request under the same key, 409 for one that still runs.
  TRANSACTION_MISMATCH: 'UNPROCESSABLE_CONTENT',
  TRANSACTION_DONE: 'CONFLICT',
  FIELD_CONFLICT: 'CONFLICT',
  TRANSACTION_IN_FLIGHT: 'CONFLICT',
  HUB_CLOSED: 'SERVICE_UNAVAILABLE',
  OVERLOADED: 'SERVICE_UNAVAILABLE',
  OUTBOX_FULL: 'SERVICE_UNAVAILABLE',
  BROKER: 'INTERNAL_SERVER_ERROR',
  POSTGRES: 'INTERNAL_SERVER_ERROR',
  USER_LIMIT: 'TOO_MANY_REQUESTS',
  COMPANY_LIMIT: 'TOO_MANY_REQUESTS',
  DRAINING: 'SERVICE_UNAVAILABLE',
  STREAM_CLOSED: 'SERVICE_UNAVAILABLE',
  RATE_LIMIT: 'TOO_MANY_REQUESTS',
  NO_NATIVE: 'INTERNAL_SERVER_ERROR',
  // Of the browser's half: no server throws them.
  DISCARDED: 'INTERNAL_SERVER_ERROR',
  STORAGE: 'INTERNAL_SERVER_ERROR',
  CLOCK: 'INTERNAL_SERVER_ERROR',
};

/** What is no PathcastError is given back as it is. */
export function toTRPCError(error: unknown): unknown {
  if (!isPathcastError(error)) return error;
  return new TRPCError({ code: CODES[error.code], message: error.message, cause: error });
}

/**
 * The registry of public error codes. Ranges: 1000 what the caller gave, 2000 state of the hub,
 * 3000 admission, 4000 surroundings. A code is never reused.
 */
export const ERROR_CODES = {
  /** A field has a wrong type or value; the message names the field, the value and what is allowed. */
  INVALID_FIELD: 1001,
  /** `companyId` is null, empty, not a string or not well-formed Unicode. */
  INVALID_COMPANY_ID: 1002,
  /** A query path is not a string of the form `a.b.c` or `*`. */
  INVALID_QUERY_PATH: 1003,
  /** The action's JSON is over its bound. */
  ACTION_TOO_LARGE: 1004,
  /** The action cannot be written as JSON (a cycle, a BigInt, a throwing toJSON). */
  NOT_SERIALIZABLE: 1005,
  /** An option is unknown or has a wrong value. */
  INVALID_OPTION: 1006,
  /** A query path is no query of the bound router, nor a prefix of one; `phantomPaths` of the result says what went out. */
  PHANTOM_PATH: 1007,
  /** The invalidation map does not fit its router; the message lists everything that is wrong. */
  INVALID_MAP: 1008,
  /** The invalidation map has no mutation of this name. */
  UNKNOWN_MUTATION: 1009,
  /** The invalidation map has no tool of this name. */
  UNKNOWN_TOOL: 1010,
  /** The transaction's id was used before: for another mutation, another input or by another user. */
  TRANSACTION_MISMATCH: 1011,
  /** The mutation was done under this transaction id, and its answer was too large to be kept. */
  TRANSACTION_DONE: 1012,
  /** Somebody else has changed a field since the caller read it; `conflicts` says which, and both values. */
  FIELD_CONFLICT: 1013,
  /** A mutation that waited to be sent was discarded by a person; nothing of it was done that is known of. */
  DISCARDED: 1014,
  /** The hub is closed or closing. */
  HUB_CLOSED: 2001,
  /** The hand-over queue to the hub thread is full. */
  OVERLOADED: 2002,
  /** The broker is away, and what waits for it has reached its bound. */
  OUTBOX_FULL: 2003,
  /** The broker cannot be used as it is: its version, its settings, a password; the message says what to mend. */
  BROKER: 2004,
  /** PostgreSQL, or a table there, cannot be used as it is; the message says what to run. */
  POSTGRES: 2005,
  /** The user already has as many streams as allowed. */
  USER_LIMIT: 3001,
  /** The company already has as many streams as allowed. */
  COMPANY_LIMIT: 3002,
  /** The hub is draining; come back later. */
  DRAINING: 3003,
  /** The hub ended the stream; `reason` says why. */
  STREAM_CLOSED: 3004,
  /** A rate limit is reached; `retryAfterMs` says when a call is let through again. */
  RATE_LIMIT: 3005,
  /** A mutation of this transaction id is still running; the same call later gets its answer. */
  TRANSACTION_IN_FLIGHT: 3006,
  /** The native engine could not be loaded. */
  NO_NATIVE: 4001,
  /** The browser could not keep what was done offline: no room, or no storage. */
  STORAGE: 4002,
  /** The device's clock, or the one that made an id, is too far off for ids to keep their order; the message says by how much. */
  CLOCK: 4003,
} as const;
export type ErrorCode = keyof typeof ERROR_CODES;

/** Bounds of the protocol. Each says what it bounds and what happens there. */

/** UTF-8 bytes of one action's JSON. Above it: `ACTION_TOO_LARGE`, and the action goes out without its `data` and `tx`. */
export const MAX_ACTION_BYTES = 64 * 1024;
/** UTF-8 bytes of one ephemeral event's JSON. Above it: `ACTION_TOO_LARGE`. */
export const MAX_EPHEMERAL_BYTES = 16 * 1024;
/** UTF-8 bytes of an identifier (companyId, userId, entityId, action id, …). Above it: `INVALID_FIELD`. */
export const MAX_ID_BYTES = 256;
/** Query paths in one action. Above it: `INVALID_FIELD`. */
export const MAX_QUERY_PATHS = 256;
/** UTF-8 bytes of one query path. Above it: `INVALID_FIELD`. */
export const MAX_QUERY_PATH_BYTES = 256;
/** Values in one filter list (modules, entities, clientIds). Above it: the stream call throws. */
export const MAX_FILTER_VALUES = 256;
/** UTF-8 bytes of one `invalidate` event; a longer union is collapsed to prefixes, then becomes a `resync`. */
export const MAX_INVALIDATE_BYTES = 8 * 1024;
/** Actions in one `broadcastMany` call that are handed over at once; longer lists go in several hand-overs, in order. */
export const MAX_BATCH_ACTIONS = 10_000;
/** UTF-8 bytes of what a transaction of PostgreSQL says of itself. Above it: the CDC worker does not read it, and says so; `sync.transaction()` leaves out which fields were changed. */
export const MAX_METADATA_BYTES = 16 * 1024;
/** Fields of one mutation, in `changedFields`, `expected` and `fields()`. Above it: `INVALID_FIELD`. */
export const MAX_FIELDS = 256;

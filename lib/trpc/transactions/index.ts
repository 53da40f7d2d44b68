/** Mutations that are done once, and fields that two people change. */
export { txInput, type TxInput, type TxRequest } from './tx-input.js';
export { conflictFormatter, FieldConflictError, type ErrorData } from './conflict-error.js';
export type { FieldsCall } from './fields.js';
export type { TransactionOptions } from './options.js';
export type { Answer, Author, Claim, EntityKey, FieldHistory, FieldWrite, Kept, KnownEntity, LockedEntity, Opening, TransactionStore, Version } from './store.js';
export type { FieldVersionsOptions } from './versions.js';
export type { Transaction, TransactionMiddleware } from './transaction.js';

/** `pathcast/postgres`: what is committed in PostgreSQL, by whomever, reaches the browsers that it concerns. */
export { Cdc, createCdc, type CdcMetrics, type CdcStatus } from './cdc.js';
export type { CdcEvents, CdcState } from './events.js';
export type { ActivityOptions, CdcOptions, PostgresConnection } from './options.js';
export type { SlotHealth } from './slot-health.js';
export type { CdcMap, Change, TableMap } from './table-map.js';
export * from './activities/index.js';
export * from './transactions/index.js';

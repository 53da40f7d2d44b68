/** What was changed, who did it, and why: written by the CDC worker, read in order. */
export { Activities, createActivities, type ActivitiesOptions, type ActivitySubscription, type FetchOptions, type FetchResult, type SubscribeOptions } from './activities.js';
export type { Activity, IsAllowed, ResyncReason } from './activity.js';
export type { FastifyLike, LiveHandler, LiveOptions, LiveUser } from './live.js';
export type { ActivityDatabase, EntityRow, EntitySource } from './source.js';
export { activityTables } from './tables.js';

/** pathcast: tells every open browser of a company which query paths are stale. */
import type { SyncActionInput } from './protocol/events.js';
import { defaultHub } from './server/default-hub.js';
import { createDropIn } from './server/drop-in.js';
import type { Hub } from './server/hub.js';
import type { BroadcastResult } from './server/results.js';

export { ERROR_CODES, type ErrorCode } from './protocol/codes.js';
export { isPathcastError, PathcastError } from './protocol/error.js';
export { POSITION_HEADER, reaches } from './protocol/position.js';
export { APPLIED_MS, AVOIDED_BY, REPORT_BYTES, REPORT_REASONS, type AvoidedBy, type CacheReport, type ClientReport, type ReportReason } from './protocol/reports.js';
export * from './protocol/events.js';
export { createClientReports, type ClientReports, type ClientReportsOptions, type ReportTotals } from './server/client-reports.js';
export type { AppliedTimes, CacheTotals, CompanyCacheTotals } from './server/cache-totals.js';
export { configure, defaultHub } from './server/default-hub.js';
export { createDropIn, type DropIn } from './server/drop-in.js';
export { handler } from './server/handler.js';
export { createHub, Hub, type AnyHub, type BindableRouter } from './server/hub.js';
export { SSEConnectionLimitError, type ConnectionGuard, type Seat } from './server/lease.js';
export type { HandlerOptions, NodeHandler } from './server/node-handler.js';
export type * from './server/options.js';
export type { NodeInfo } from './redis/hub-node.js';
export type { PresenceEvent, PresentUser } from './server/presence/board.js';
export { RateLimitError, type RateLimitOptions, type RateLimitResult } from './server/rate-limit.js';
export type { ReauthorizeOptions } from './server/reauthorize.js';
export type { BindRouterOptions, OnPhantomPath, RouterBinding } from './server/paths/binding.js';
export type { PhantomEvent, PhantomPath } from './server/paths/path-check.js';
export type { PathUsage } from './server/paths/path-usage.js';
export type {
  BroadcastFailure,
  BroadcastResult,
  BroadcastSuccess,
  EphemeralResult,
  Failure,
  HubEvents,
  HubFailure,
  HubHealth,
  HubLogger,
  HubMetrics,
  HubWarning,
} from './server/results.js';

// The functions of the default hub (see `Hub`). Each asks for the hub when it is called, not when it is imported.

export const broadcast = (action: SyncActionInput): Promise<BroadcastResult> => defaultHub().broadcast(action);
export const broadcastSync = broadcast;
export const broadcastMany: Hub['broadcastMany'] = (actions) => defaultHub().broadcastMany(actions);
export const bindRouter: Hub['bindRouter'] = (router, options) => defaultHub().bindRouter(router, options);
export const ephemeral: Hub['ephemeral'] = (event) => defaultHub().ephemeral(event);
export const stream: Hub['stream'] = (options) => defaultHub().stream(options);
export const disconnect: Hub['disconnect'] = (match, reason) => defaultHub().disconnect(match, reason);
export const drain: Hub['drain'] = (options) => defaultHub().drain(options);

export const { publishSyncAction, storeSyncAction, getMissedActions, subscribeToCompany, sseConnections } =
  createDropIn(defaultHub);
export type { ConnectionMatch, ConnectionsQuery } from './server/connections.js';
export type { ConnectionInfo, StreamEnd } from './internal/engine.js';

/** The stream of what has gone stale, and what a client may know about it. */
import type { Hub } from '../../server/hub.js';
import { syncInput, syncSubscription } from '../../trpc/index.js';
import type { Module } from '../modules.js';
import type { Kit } from '../trpc.js';

export interface StatusFacts {
  heartbeatMs: number;
  /** There is a PostgreSQL, and so there are pages and attachments. */
  hasPages: boolean;
}

export function createSyncRouter({ router, query }: Kit, hub: Hub<Module>, { heartbeatMs, hasPages }: StatusFacts) {
  return router({
    /**
     * Input, all optional: `lastEventId`, `lastSyncTimestamp`, `clientId`, `modules`, `entities`,
     * `queryPaths`, `sourceId` (leaves out the tab's own actions), `clientInstanceId`.
     */
    onSync: query.input(syncInput).subscription(
      syncSubscription({
        hub,
        stream: ({ ctx, input }) => ({
          req: ctx.req,
          res: ctx.res,
          companyId: ctx.session.companyId,
          userId: ctx.session.userId,
          expiresAt: ctx.session.expiresAt,
          clientInstanceId: input?.clientInstanceId,
          filter: {
            ...(input?.clientId !== undefined && { clientId: input.clientId }),
            ...(input?.modules && { modules: input.modules }),
            ...(input?.entities && { entities: input.entities }),
            ...(input?.queryPaths && { queryPaths: input.queryPaths }),
            ...(input?.sourceId !== undefined && { excludeSourceId: input.sourceId }),
          },
        }),
      }),
    ),

    getStatus: query.query(() => ({ engine: hub.engine, closed: hub.closed, heartbeatMs, hasPages, serverTime: Date.now() })),
  });
}

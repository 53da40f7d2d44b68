/**
 * The broken code base's events, carried unchanged: its Redis is pathcast's drop-in, over a hub with a stream that the
 * second client can subscribe to. Transport is thus not what keeps the cache stale.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { initTRPC } from '@trpc/server';
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http';
import { createDropIn, createHub, type SyncActionInput } from '../../../lib/index.js';
import { syncInput, syncSubscription } from '../../../lib/trpc/index.js';
import { COMPANY, FIRST, listen, SECOND, shut, type RunningApp } from './app.js';
import type { Transport } from './run.js';

interface StreamContext {
  req: IncomingMessage;
  res: ServerResponse;
}

export async function bridge(app: RunningApp): Promise<Transport & { close(): Promise<void> }> {
  const hub = createHub({ engine: 'native' });
  const { publishSyncAction, storeSyncAction } = createDropIn(() => hub);
  app.module.setRedis?.({
    publish: (_channel: string, message: string) => publishSyncAction(JSON.parse(message) as SyncActionInput),
    zadd: (_key: string, { member }: { member: string }) => storeSyncAction(JSON.parse(member) as SyncActionInput),
    zremrangebyrank: async () => 0,
    zrange: async () => [],
    expire: async () => 1,
  });

  const t = initTRPC.context<StreamContext>().create();
  const onSync = t.procedure
    .input(syncInput)
    .subscription(syncSubscription({ hub, stream: ({ ctx }) => ({ ...ctx, companyId: COMPANY, userId: SECOND.userId }) }));
  const router = t.router({ sync: t.router({ onSync }) });
  const server = createServer((req, res) => {
    const path = (req.url ?? '/').slice(1).split('?')[0] ?? '';
    void nodeHTTPRequestHandler({ router, req, res, path, createContext: ({ req, res }) => ({ req, res }) });
  });
  const streamUrl = await listen(server);
  return {
    streamUrl,
    send: (action) => hub.broadcast({ ...action, companyId: COMPANY, userId: FIRST.userId }),
    async close() {
      await hub.close();
      await shut(server);
    },
  };
}

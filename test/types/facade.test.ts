/**
 * What the compiler says: the types flow from the hub and the context to the client, without an annotation on the way.
 * Checked by `tsc -p test/tsconfig.json`; Jest runs the file to show that what compiles also loads.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createTRPCClient, httpSubscriptionLink } from '@trpc/client';
import { initTRPC } from '@trpc/server';
import {
  broadcastSync,
  createHub,
  type BroadcastResult,
  type Hub,
  type SyncAction,
  type SyncEvent,
} from '../../lib/index.js';
import { syncInput, syncStream, syncSubscription } from '../../lib/trpc/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** `exactly<T>()(value)` compiles if the value is of the type T, neither more nor less (`any` is not). */
const exactly =
  <T>() =>
  <V>(_value: V, ..._proof: Equal<V, T> extends true ? [] : ['the type is another one']): void =>
    undefined;

interface Context {
  req: IncomingMessage;
  res: ServerResponse;
  companyId: string;
  userId: string;
}

test('the context and the input reach stream(), the events reach the client', () => {
  const hub = createHub({ engine: 'js', modules: ['guests', 'budget'] });
  const t = initTRPC.context<Context>().create();
  const router = t.router({
    onSync: t.procedure.input(syncInput).subscription(
      syncSubscription({
        hub,
        stream: ({ ctx, input, signal }) => {
          exactly<string>()(ctx.companyId);
          exactly<AbortSignal | undefined>()(signal);
          exactly<string[] | undefined>()(input?.modules);
          return { req: ctx.req, res: ctx.res, companyId: ctx.companyId, userId: ctx.userId };
        },
      }),
    ),
    bare: t.procedure
      .input(syncInput)
      .subscription(
        syncSubscription({ hub, ids: false, stream: ({ ctx }) => ({ companyId: ctx.companyId, userId: ctx.userId }) }),
      ),
    own: t.procedure.subscription(({ ctx, signal }) =>
      syncStream({ hub, signal, companyId: ctx.companyId, userId: ctx.userId }),
    ),
  });

  expect(Object.keys(router._def.procedures)).toEqual(['onSync', 'bare', 'own']);

  const client = createTRPCClient<typeof router>({ links: [httpSubscriptionLink({ url: 'http://localhost' })] });
  // Never called: there is no server.
  const subscribe = (): unknown[] => [
    client.onSync.subscribe(undefined, {
      onData: ({ id, data }) => {
        exactly<string>()(id);
        exactly<SyncEvent['type']>()(data.type);
      },
    }),
    client.own.subscribe(undefined, { onData: ({ data }) => exactly<SyncEvent['type']>()(data.type) }),
    client.bare.subscribe({ lastSyncTimestamp: 5 }, { onData: (event) => exactly<SyncEvent['type']>()(event.type) }),
  ];
  expect(typeof subscribe).toBe('function');
  void hub.close();
});

test('modules are those that were declared', async () => {
  const hub = createHub({ engine: 'js', modules: ['guests', 'budget'] });
  exactly<Hub<'guests' | 'budget'>>()(hub);
  const action = { type: 'update', entityId: '1', companyId: 'acme', userId: 'u', queryPaths: ['*'] } as const;
  const result = await hub.broadcast({ ...action, module: 'guests' });
  exactly<BroadcastResult>()(result);
  // @ts-expect-error not a declared module
  await hub.broadcast({ ...action, module: 'hotels' });
  // @ts-expect-error companyId is needed
  await hub.broadcast({ type: 'update', entityId: '1', userId: 'u', queryPaths: ['*'], module: 'guests' });
  // @ts-expect-error a session without a company is no company
  await hub.broadcast({ ...action, module: 'guests', companyId: null });
  // @ts-expect-error an unknown option
  expect(() => createHub({ heartbeat: 5 })).toThrow();
  await hub.close();
});

test('an action of the moving systems fits as it is', () => {
  const seed = (action: Omit<SyncAction, 'id' | 'timestamp'> & { data?: Record<string, unknown> }): Promise<unknown> =>
    broadcastSync(action);
  expect(typeof seed).toBe('function');
});

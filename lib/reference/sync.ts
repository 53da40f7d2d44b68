/** Who broadcasts, and what an action says beside its paths: rules for all 68 mutations, once. */
import type { Hub } from '../server/hub.js';
import { createSync, type RuleCall, type Sync } from '../trpc/index.js';
import type { Module } from './modules.js';
import type { Context } from './trpc.js';

/** Router and module differ in name here. */
const MODULE_OF: Readonly<Record<string, Module>> = { guestTransport: 'transport' };

/** What a change of a part is about: the plan of a table, the vendor of a review, the budget item of a payment. */
const WHOLE_OF: Readonly<Record<string, string>> = { floorPlans: 'floorPlanId', vendors: 'vendorId', budget: 'budgetId' };

/** A vendor may work for many clients: what changes in it concerns all of them. */
const OF_ALL_CLIENTS: ReadonlySet<string> = new Set([
  'vendors.update', 'vendors.delete', 'vendors.addReview', 'vendors.deleteReview',
]);

type Call = RuleCall<Context>;

const routerOf = (path: string): string => path.slice(0, path.indexOf('.'));

function field(value: unknown, name: string): string | undefined {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof found === 'string' ? found : undefined;
}

/** Of the result or, where it does not say, of the input. */
const said = ({ input, result }: Call, name: string): string | undefined => field(result, name) ?? field(input, name);

const session = ({ ctx }: Call) => (ctx.check.ok ? ctx.check.session : undefined);

export function createReferenceSync(hub: Hub<Module>): Sync {
  return createSync<Context>({
    hub,
    rules: {
      companyId: (call) => session(call)?.companyId,
      userId: (call) => session(call)?.userId,
      sourceId: ({ ctx }) => ctx.sourceId,
      module: ({ path }) => MODULE_OF[routerOf(path)] ?? routerOf(path),
      entityId: (call) => {
        const whole = WHOLE_OF[routerOf(call.path)];
        return (whole === undefined ? undefined : said(call, whole)) ?? said(call, 'id');
      },
      clientId: (call) => {
        if (OF_ALL_CLIENTS.has(call.path)) return null;
        // A client's own id is the scope of its changes.
        return routerOf(call.path) === 'clients' ? said(call, 'id') : (said(call, 'clientId') ?? null);
      },
    },
  });
}

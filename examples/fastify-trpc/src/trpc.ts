// trpc.ts: the base procedures. A mutation that succeeded is broadcast by the middleware.
import { initTRPC } from '@trpc/server';
import type { Context } from './context.js';
import { sync } from './sync.js';

const t = initTRPC.context<Context>().create();
export const router = t.router;
export const procedure = t.procedure;
export const mutationProcedure = t.procedure.use(sync.middleware()); // outermost; then your own: .use(auth)

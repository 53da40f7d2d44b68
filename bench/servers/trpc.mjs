/**
 * tRPC v11's own subscription as its documentation shows it: an async generator over `on(emitter, …)`, ids by
 * `tracked()`, missed events from the application's list, the standalone adapter.
 */
import { EventEmitter, on } from 'node:events';
import { initTRPC, tracked } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { createServer } from 'node:http';
import { z } from 'zod';
import { listen, serve } from './control.mjs';

const KEPT = 20_000;

const emitter = new EventEmitter();
emitter.setMaxListeners(0);
const logs = new Map();
const logOf = (companyId) => {
  let log = logs.get(companyId);
  if (!log) logs.set(companyId, (log = []));
  return log;
};

const t = initTRPC.create();
const router = t.router({
  onSync: t.procedure
    .input(z.object({ companyId: z.string(), lastEventId: z.string().nullish() }))
    .subscription(async function* ({ input, signal }) {
      // Listening begins before the missed events are read, so that none falls between.
      const live = on(emitter, input.companyId, { signal });
      let seen = 0;
      if (input.lastEventId) {
        seen = Number(input.lastEventId);
        for (const { seq, action } of logOf(input.companyId).slice(-KEPT)) {
          if (seq <= seen) continue;
          seen = seq;
          yield tracked(String(seq), action);
        }
      }
      for await (const [{ seq, action }] of live) {
        if (seq > seen) yield tracked(String(seq), action);
      }
    }),
});

const port = await listen(createServer(createHTTPHandler({ router, basePath: '/trpc/' })));
serve({
  port,
  send: (companyId, action) => {
    const log = logOf(companyId);
    const entry = { seq: (log.at(-1)?.seq ?? 0) + 1, action };
    log.push(entry);
    if (log.length > 2 * KEPT) log.splice(0, KEPT);
    emitter.emit(companyId, entry);
    return { ok: true, seq: entry.seq };
  },
});

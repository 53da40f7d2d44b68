/**
 * pathcast on plain `node:http`, limits off, everything else at its default unless a scenario says otherwise:
 * PATHCAST_ENGINE (`native` or `js`), BENCH_LOG_ACTIONS, BENCH_PATHCAST (a built checkout, in the place of this one).
 */
import { createServer } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { identityOf, listen, nextAction, serve } from './control.mjs';

const checkout = process.env.BENCH_PATHCAST ?? path.join(import.meta.dirname, '../..');
const { createHub } = await import(pathToFileURL(path.join(checkout, 'dist/esm/index.js')).href);

const engine = process.env.PATHCAST_ENGINE ?? 'native';
const logActions = Number(process.env.BENCH_LOG_ACTIONS ?? 0);
const hub = createHub({
  engine,
  limits: { perUser: 0, perCompany: 0 },
  ...(logActions > 0 ? { log: { maxActions: logActions } } : {}),
});
if (hub.engine !== engine) throw new Error(`asked for the ${engine} engine, got ${hub.engine}`);

const port = await listen(createServer(hub.handler({ identify: (req) => identityOf(req.url) })));
serve({
  port,
  send: (companyId, action) => hub.broadcast(action),
  metrics: () => hub.metrics(),
  commands: {
    /** One action of `neighbour`, in the same turn right behind what `busy` does. */
    behind: async ({ neighbour, busy, actions = 0, disconnect = 0 }) => {
      const others = Array.from({ length: actions }, () => hub.broadcast(nextAction(busy, 0)));
      if (disconnect) others.push(hub.disconnect({ companyId: busy }));
      others.push(hub.broadcast(nextAction(neighbour, 0)));
      await Promise.all(others);
    },
  },
});

/**
 * pathcast on plain `node:http`, limits off, everything else at its default unless a scenario says otherwise:
 * PATHCAST_ENGINE (`native` or `js`), BENCH_LOG_ACTIONS.
 */
import { createServer } from 'node:http';
import { identityOf, listen, serve } from './control.mjs';

const { createHub } = await import('../../dist/esm/index.js');

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
});

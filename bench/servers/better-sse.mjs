/**
 * better-sse as its README shows it: a channel per company, `broadcast()`. The library keeps no history, so the
 * application's own list of recent events is pushed to one that comes back, as its guide on `lastId` suggests.
 */
import { createServer } from 'node:http';
import { createChannel, createSession } from 'better-sse';
import { identityOf, listen, serve } from './control.mjs';

/** Events kept per company: all that a scenario publishes between two resets of the process. */
const KEPT = 20_000;

const companies = new Map();
const companyOf = (id) => {
  let company = companies.get(id);
  if (!company) companies.set(id, (company = { channel: createChannel(), log: [] }));
  return company;
};

const server = createServer(async (req, res) => {
  const { channel, log } = companyOf(identityOf(req.url).companyId);
  const session = await createSession(req, res);
  if (session.lastId !== '') {
    for (const { seq, action } of log.slice(-KEPT)) {
      if (seq > Number(session.lastId)) session.push(action, 'message', String(seq));
    }
  }
  channel.register(session);
});

const port = await listen(server);
serve({
  port,
  send: (companyId, action) => {
    const { channel, log } = companyOf(companyId);
    const seq = (log.at(-1)?.seq ?? 0) + 1;
    log.push({ seq, action });
    if (log.length > 2 * KEPT) log.splice(0, KEPT);
    channel.broadcast(action, 'message', { eventId: String(seq) });
    return { ok: true, seq };
  },
});

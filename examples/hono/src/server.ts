// server.ts: Hono on Node. The stream is a route that answers a web Response.
import { serve } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { configure } from 'pathcast';
import { webHandler } from 'pathcast/web';
import { addGuest, listGuests, nameOf, removeGuest, sessionOf } from './guests.js';

const hub = configure({ limits: { perUser: 5, perCompany: 50 } });
const app = new Hono();

const stream = webHandler({ identify: (request) => sessionOf(request) });
app.get('/sync/stream', (c) => stream(c.req.raw));

app.get('/api/guests', async (c) => {
  const since = String(Date.now()); // before it reads: what changes from here on is told
  return c.json({ since, guests: await listGuests(sessionOf(c.req.raw).companyId) }, 200, { 'cache-control': 'no-store' });
});
app.post('/api/guests', async (c) => {
  const name = nameOf(await c.req.json().catch(() => undefined));
  if (name === undefined) return c.json({ message: 'name must be a text' }, 400);
  return c.json(await addGuest(sessionOf(c.req.raw), name), 201);
});
app.delete('/api/guests/:id', async (c) => {
  await removeGuest(sessionOf(c.req.raw), c.req.param('id'));
  return c.body(null, 204);
});
app.get('/page.js', serveStatic({ path: 'dist/page.js' }));
app.get('*', serveStatic({ root: 'public' }));

const server = serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 3000) }, ({ port }) => {
  console.log(`Open http://localhost:${port} (${hub.engine} engine)`);
});
// Ends the streams, each with a hint to come back, then the server. Connections that a browser opened ahead and never used do not hold it up.
process.once('SIGTERM', () => {
  void hub.close().then(() => server.close());
  setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 2_000).unref();
});

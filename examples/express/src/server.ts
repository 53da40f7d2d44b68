// server.ts: Express. The stream is one route; pathcast takes its socket from Node and writes to it from a thread of its own.
import express from 'express';
import { configure, handler } from 'pathcast';
import { addGuest, listGuests, nameOf, removeGuest, sessionOf } from './guests.js';

const hub = configure({ limits: { perUser: 5, perCompany: 50 } });
const app = express();

app.get('/sync/stream', handler({ identify: (request) => sessionOf(request) }));

app.get('/api/guests', async (request, response) => {
  const since = String(Date.now()); // before it reads: what changes from here on is told
  response.set('cache-control', 'no-store').json({ since, guests: await listGuests(sessionOf(request).companyId) });
});
app.post('/api/guests', express.json(), async (request, response) => {
  const name = nameOf(request.body);
  if (name === undefined) response.status(400).json({ message: 'name must be a text' });
  else response.status(201).json(await addGuest(sessionOf(request), name));
});
app.delete('/api/guests/:id', async (request, response) => {
  await removeGuest(sessionOf(request), request.params.id);
  response.status(204).end();
});
app.use(express.static('public'));
app.get('/page.js', (_request, response) => response.sendFile('dist/page.js', { root: '.' }));

const server = app.listen(Number(process.env['PORT'] ?? 3000), () => {
  const address = server.address();
  console.log(`Open http://localhost:${typeof address === 'object' ? address?.port : address} (${hub.engine} engine)`);
});
// Ends the streams, each with a hint to come back, then the server. Connections that a browser opened ahead and never used do not hold it up.
process.once('SIGTERM', () => {
  void hub.close().then(() => server.close());
  setTimeout(() => server.closeAllConnections(), 2_000).unref();
});

// server.ts: Node's own http, and EventSource in the browser. No framework.
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { configure } from 'pathcast';
import { addGuest, listGuests, nameOf, removeGuest, sessionOf } from './guests.js';

const hub = configure({ limits: { perUser: 5, perCompany: 50 } });
const stream = hub.handler({ identify: (request) => sessionOf(request) });

const FILES: Record<string, [file: string, type: string]> = {
  '/': ['public/index.html', 'text/html; charset=utf-8'],
  '/style.css': ['public/style.css', 'text/css; charset=utf-8'],
  '/page.js': ['dist/page.js', 'text/javascript; charset=utf-8'],
};

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const session = sessionOf(request);
  const json = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));
  };
  switch (`${request.method} ${pathname.replace(/^\/api\/guests\/.+/, '/api/guests/:id')}`) {
    case 'GET /sync/stream':
      return stream(request, response);
    case 'GET /api/guests': {
      const since = String(Date.now()); // before it reads: what changes from here on is told
      return json(200, { since, guests: await listGuests(session.companyId) });
    }
    case 'POST /api/guests': {
      const name = nameOf(await bodyOf(request));
      return name === undefined ? json(400, { message: 'name must be a text' }) : json(201, await addGuest(session, name));
    }
    case 'DELETE /api/guests/:id':
      await removeGuest(session, pathname.slice('/api/guests/'.length));
      return void response.writeHead(204).end();
  }
  const file = FILES[pathname];
  if (request.method !== 'GET' || !file) return json(404, { message: 'there is nothing here' });
  response.writeHead(200, { 'content-type': file[1] }).end(await readFile(file[0]));
}

/** The JSON that was sent; undefined where it is none, or is longer than a guest's name may be. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk as string;
    if (text.length > 10_000) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(500).end();
  });
});
// The backlog holds browsers that all come back at once after a restart.
server.listen({ port: Number(process.env['PORT'] ?? 3000), backlog: 16384 }, () => {
  const address = server.address();
  console.log(`Open http://localhost:${typeof address === 'object' ? address?.port : address} (${hub.engine} engine)`);
});
// Ends the streams, each with a hint to come back, then the server. Connections that a browser opened ahead and never used do not hold it up.
process.once('SIGTERM', () => {
  void hub.close().then(() => server.close());
  setTimeout(() => server.closeAllConnections(), 2_000).unref();
});

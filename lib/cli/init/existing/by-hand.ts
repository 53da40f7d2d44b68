/** Lines that a person adds, where a program had better not. */
import type { Framework } from '../choices.js';

const BROADCAST = `// after each change has been committed:
void broadcastSync({
  type: 'update', module: 'guests', entityId: guest.id, queryPaths: ['guests.getAll'],
  companyId, userId, // of the session
});`;

const IDENTIFY = '// null: nobody is signed in. From a cookie or a token, never from what the client says of itself.\nconst identify = (request) => ({ companyId, userId });';

const LINES: Readonly<Record<Framework, string>> = {
  fastify: `import { broadcastSync } from 'pathcast';
import { pathcastPlugin } from 'pathcast/fastify';

${IDENTIFY}
await app.register(pathcastPlugin, { identify }); // GET /sync/stream
${BROADCAST}`,
  express: `import { broadcastSync, handler } from 'pathcast';

${IDENTIFY}
app.get('/sync/stream', handler({ identify }));
${BROADCAST}`,
  hono: `import { broadcastSync } from 'pathcast';
import { webHandler } from 'pathcast/web';

${IDENTIFY}
const stream = webHandler({ identify });
app.get('/sync/stream', (c) => stream(c.req.raw));
${BROADCAST}`,
  node: `import { broadcastSync, handler } from 'pathcast';

${IDENTIFY}
const stream = handler({ identify });
// in the server: if (request.url.startsWith('/sync/stream')) return stream(request, response);
${BROADCAST}`,
  next: `// app/sync/stream/route.ts
import { webHandler } from 'pathcast/web';
export const dynamic = 'force-dynamic';
export const GET = webHandler({ identify: () => sessionOf() });

// next.config: serverExternalPackages: ['pathcast']

// in a server action, after its change has been committed:
import { broadcastSync } from 'pathcast';
await broadcastSync({
  type: 'update', module: 'guests', entityId: guest.id, queryPaths: ['guests.getAll'],
  companyId, userId, // of the session
});`,
};

const BROWSER = `// in the browser:
new EventSource('/sync/stream').onmessage = ({ data }) => readAgain(JSON.parse(data).queryPaths);`;

export const linesFor = (framework: Framework): string => `${LINES[framework]}\n\n${BROWSER}\n`;

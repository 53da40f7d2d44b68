// server.ts: Fastify and tRPC.
import { readFile } from 'node:fs/promises';
import { fastifyTRPCPlugin, type FastifyTRPCPluginOptions } from '@trpc/server/adapters/fastify';
import Fastify from 'fastify';
import { configure } from 'pathcast';
import { pathcastPlugin } from 'pathcast/fastify';
import { createContext } from './context.js';
import { invalidation } from './invalidation.js';
import { appRouter, type AppRouter } from './router.js';
import { sync } from './sync.js';

const hub = configure({ limits: { perUser: 5, perCompany: 50 } }); // and `transformer: superjson`, if your tRPC app has one
await sync.for<AppRouter>().bind(appRouter, invalidation); // all that is wrong in the map is one error, here

const app = Fastify({ routerOptions: { maxParamLength: 5000 } }); // a tRPC batch names all its procedures in one segment
await app.register(pathcastPlugin, { path: false }); // ends the streams with the server; browsers listen through tRPC
await app.register(fastifyTRPCPlugin, {
  prefix: '/trpc',
  trpcOptions: { router: appRouter, createContext } satisfies FastifyTRPCPluginOptions<AppRouter>['trpcOptions'],
});

const files = { '/': ['public/index.html', 'text/html'], '/style.css': ['public/style.css', 'text/css'], '/page.js': ['dist/page.js', 'text/javascript'] };
for (const [url, [file = '', type = '']] of Object.entries(files)) {
  app.get(url, async (_request, reply) => reply.type(`${type}; charset=utf-8`).send(await readFile(file)));
}

// The backlog holds browsers that all come back at once after a restart.
const address = await app.listen({ port: Number(process.env['PORT'] ?? 3000), backlog: 16384 });
console.log(`Open http://localhost:${new URL(address).port} (${hub.engine} engine)`);
// Ends the streams, each with a hint to come back, then the server. Connections that a browser opened ahead and never used do not hold it up.
process.once('SIGTERM', () => {
  void app.close();
  setTimeout(() => app.server.closeAllConnections(), 2_000).unref();
});

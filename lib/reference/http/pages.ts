/** The pages: `/` and `/dashboard`, their files, and the dashboard's data. Not installed in production. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import helmet from '@fastify/helmet';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { DashboardFeed } from './dashboard-data.js';

const PAGES = { '/': 'index.html', '/dashboard': 'dashboard.html' } as const;

/** Which rows a page shows that is opened without a `#`; a cookie, because it reaches all ports of a host. */
const ROWS_OF_ALL = 'pathcast-workspace=shared; Path=/; SameSite=Lax';
const ROWS_OF_EACH = 'pathcast-workspace=; Path=/; SameSite=Lax; Max-Age=0';

/** `isOneOfMany`: several of these servers have one history, so what is changed at one has to be seen at the others: all pages show the same rows. */
export async function installPages(app: FastifyInstance, folder: string, feed: DashboardFeed, isOneOfMany: boolean): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    app.log.warn({ folder }, 'the pages are not built; run npm run build:pages');
    return;
  }
  await app.register(async (scope) => {
    await scope.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'self'"],
          imgSrc: ["'self'", 'data:'],
          objectSrc: ["'none'"],
          baseUri: ["'none'"],
          frameAncestors: ["'self'"],
          formAction: ["'self'"],
        },
      },
      // The pages are a development aid and are served over plain HTTP.
      strictTransportSecurity: false,
    });
    await scope.register(fastifyStatic, { root: folder, prefix: '/assets/', index: false });
    for (const [route, file] of Object.entries(PAGES)) {
      scope.get(route, (_request, reply) =>
        reply.headers({ 'cache-control': 'no-cache', 'set-cookie': isOneOfMany ? ROWS_OF_ALL : ROWS_OF_EACH }).sendFile(file),
      );
    }
    scope.get<{ Querystring: { since?: string } }>('/dashboard/data', { logLevel: 'warn' }, (request, reply) => {
      const since = Number(request.query.since ?? 0);
      reply.header('cache-control', 'no-store');
      return feed.data(Number.isFinite(since) ? since : 0);
    });
  });
}

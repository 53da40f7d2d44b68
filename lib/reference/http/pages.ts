/** The pages: `/` and `/dashboard`, their files, and the dashboard's data. Not installed in production. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import helmet from '@fastify/helmet';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { DashboardFeed } from './dashboard-data.js';

const PAGES = { '/': 'index.html', '/dashboard': 'dashboard.html' } as const;

export async function installPages(app: FastifyInstance, folder: string, feed: DashboardFeed): Promise<void> {
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
      scope.get(route, (_request, reply) => reply.header('cache-control', 'no-cache').sendFile(file));
    }
    scope.get<{ Querystring: { since?: string } }>('/dashboard/data', { logLevel: 'warn' }, (request, reply) => {
      const since = Number(request.query.since ?? 0);
      reply.header('cache-control', 'no-store');
      return feed.data(Number.isFinite(since) ? since : 0);
    });
  });
}

/** `/healthz`: the process answers. `/readyz`: it wants new work; 503 while it drains. */
import type { FastifyInstance } from 'fastify';

export interface Readiness {
  readonly draining: boolean;
}

export function installHealth(app: FastifyInstance, engine: string, readiness: Readiness): void {
  app.get('/healthz', { logLevel: 'warn' }, () => ({ ok: true, engine }));
  app.get('/readyz', { logLevel: 'warn' }, async (_request, reply) => {
    if (readiness.draining) return reply.code(503).send({ ready: false, reason: 'draining' });
    return { ready: true };
  });
}

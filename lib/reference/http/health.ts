/** `/healthz`: the process answers. `/readyz`: it wants new work; 503 while it drains, and until its Redis was there once. */
import type { FastifyInstance } from 'fastify';
import type { HubHealth } from '../../server/results.js';

export interface Readiness {
  readonly draining: boolean;
}

interface Healthy {
  readonly engine: string;
  health(): HubHealth;
}

/** `strict`: 503 also while Redis is away. By default a node that lost it serves on, and says so: all nodes lose it together. */
export function installHealth(app: FastifyInstance, hub: Healthy, readiness: Readiness, strict = false): void {
  app.get('/healthz', { logLevel: 'warn' }, () => ({ ok: true, engine: hub.engine }));
  app.get('/readyz', { logLevel: 'warn' }, async (_request, reply) => {
    if (readiness.draining) return reply.code(503).send({ ready: false, reason: 'draining' });
    const { status, reason } = hub.health();
    if (status === 'ok') return { ready: true };
    if (status === 'degraded' && !strict) return { ready: true, degraded: true, reason };
    return reply.code(503).send({ ready: false, reason: reason ?? status });
  });
}

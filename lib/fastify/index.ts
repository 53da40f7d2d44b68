/**
 * `pathcast/fastify`: registers the plain endpoint, decorates the instance with the hub, and ends the hub's streams
 * in `preClose`: native streams hold descriptors that Fastify knows nothing of.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { defaultHub, freshDefaultHub } from '../server/default-hub.js';
import type { AnyHub, Hub } from '../server/hub.js';
import { plainOptions, UNAUTHORIZED } from '../server/identity.js';
import type { Identity } from '../server/options.js';
import { queryOf } from '../server/request-parts.js';

declare module 'fastify' {
  interface FastifyInstance {
    pathcast: Hub;
  }
}

export interface PathcastPluginOptions {
  /** Default: the default hub. */
  hub?: AnyHub;
  /** Route of the plain endpoint; default `/sync/stream`; `false`: no route (tRPC only). */
  path?: string | false;
  /** Who asks, from the session. `null`: 401. What it throws goes to Fastify's error handler. Needed where there is a route. */
  identify?: (request: FastifyRequest) => Identity | null | Promise<Identity | null>;
  /** ms over which `fastify.close()` ends the streams, each with its own hint to come back; default 0: at once. */
  drainMs?: number;
  /** Default true: `fastify.close()` closes the hub. False for a hub that outlives this server. */
  closeHub?: boolean;
}

async function plugin(fastify: FastifyInstance, options: PathcastPluginOptions): Promise<void> {
  const { path = '/sync/stream', identify, drainMs = 0, closeHub = true } = options;
  const hub = (options.hub ?? freshDefaultHub()) as Hub;
  if (!fastify.hasDecorator('pathcast')) fastify.decorate('pathcast', hub);

  fastify.addHook('preClose', async () => {
    await hub.drain({ overMs: drainMs });
    if (closeHub) await hub.close();
  });

  if (path === false) return;
  if (!identify) throw new TypeError('pathcast: the route needs identify(request); without a route, set path: false');
  fastify.route({
    method: ['GET', 'HEAD'],
    url: path,
    exposeHeadRoute: false,
    handler: (request, reply) => answer(hub, identify, request, reply),
  });
}

async function answer(
  hub: Hub,
  identify: NonNullable<PathcastPluginOptions['identify']>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const identity = await identify(request);
  if (!identity) return reply.code(UNAUTHORIZED.status).header('cache-control', 'no-store').send(UNAUTHORIZED.body);
  const plain = plainOptions(identity, queryOf(request.url), hub.paths);
  if (request.method === 'HEAD') return reply.header('content-type', 'text/event-stream').send();
  hub.serve({ ...plain, req: request, res: reply });
  // Fastify must not answer as well. Not earlier: what serve() throws is for Fastify's error handler.
  return reply.hijack();
}

/**
 * `await fastify.register(pathcastPlugin, { identify })`. Symbols of `fastify-plugin`: no encapsulation, so the
 * decorator is there for the whole app; a readable name; the range of Fastify that it is made for.
 */
export const pathcastPlugin: typeof plugin = Object.assign(plugin, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'pathcast',
  [Symbol.for('plugin-meta')]: { name: 'pathcast', fastify: '5.x' },
});
export default pathcastPlugin;
export { defaultHub };

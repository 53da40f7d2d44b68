/**
 * `pathcast/fastify`: registers the plain endpoint, decorates the instance with the hub, tells Fastify's log what nobody
 * else hears, and ends the hub's streams in `preClose`: native streams hold descriptors that Fastify knows nothing of.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { describe } from '../internal/describe.js';
import { isPathcastError, PathcastError } from '../protocol/error.js';
import { checkKeys, checkObject } from '../server/check.js';
import { defaultHub, freshDefaultHub } from '../server/default-hub.js';
import { isHub, type AnyHub, type Hub } from '../server/hub.js';
import { plainOptions, refusalOfThrown, UNAUTHORIZED, type HttpRefusal } from '../server/identity.js';
import { internalsOf } from '../server/internals.js';
import type { Identity } from '../server/options.js';
import { queryOf } from '../server/request-parts.js';

export { rateLimitHook, type RateLimitHookOptions } from './rate-limit.js';

declare module 'fastify' {
  interface FastifyInstance {
    pathcast: Hub;
  }
}

export interface PathcastPluginOptions {
  /** Default: the default hub. One that is given is never closed with the server, unless `closeHub` says so. */
  hub?: AnyHub | undefined;
  /** Route of the plain endpoint, below Fastify's `prefix`; default `/sync/stream`; `false`: no route (tRPC only). */
  path?: string | false | undefined;
  /** Who asks, from the session. `null`: 401. What it throws goes to Fastify's error handler. Needed where there is a route. */
  identify?: ((request: FastifyRequest) => Identity | null | Promise<Identity | null>) | undefined;
  /** ms over which `fastify.close()` ends the streams, each with its own hint to come back; default 0: at once. */
  drainMs?: number | undefined;
  /**
   * Whether `fastify.close()` closes the hub. Default: only the default hub, with the last server that uses it. A hub that
   * stays open ends the streams of this server with a hint to come back, and goes on with those of its other servers.
   */
  closeHub?: boolean | undefined;
}

/** As Fastify hands them over: `prefix` comes before `path`, as in every plugin. */
type Registered = PathcastPluginOptions & { prefix?: string };

const KNOWN = [
  'hub',
  'path',
  'identify',
  'drainMs',
  'closeHub',
  'prefix',
  // Fastify's own, for any plugin.
  'logLevel',
  'logSerializers',
];
const MAX_DRAIN_MS = 3_600_000;

/** How many servers use a hub right now. */
const servers = new WeakMap<AnyHub, number>();

async function plugin(fastify: FastifyInstance, options: Registered): Promise<void> {
  const { path, identify, drainMs, closeHub, prefix } = checkOptions(options);
  const hub = (options.hub ?? freshDefaultHub()) as Hub;
  if (!fastify.hasDecorator('pathcast')) fastify.decorate('pathcast', hub);
  servers.set(hub, (servers.get(hub) ?? 0) + 1);
  const unlog = internalsOf(hub).logUnheard(fastify.log);

  fastify.addHook('preClose', async () => {
    const others = (servers.get(hub) ?? 1) - 1;
    servers.set(hub, others);
    if (closeHub ?? (options.hub === undefined && others === 0)) {
      await hub.drain({ overMs: drainMs });
      await hub.close();
    } else await internalsOf(hub).endStreamsOf(fastify.server, drainMs);
    unlog();
  });

  if (path === false) return;
  if (!identify)
    throw new PathcastError(
      'INVALID_OPTION',
      'the route needs identify, a function (request) => identity; without a route, set path: false',
    );
  fastify.route({
    method: ['GET', 'HEAD'],
    url: prefix + path,
    exposeHeadRoute: false,
    handler: (request, reply) => answer(hub, identify, request, reply),
  });
}

/** Throws PathcastError INVALID_OPTION. */
function checkOptions(options: Registered): {
  path: string | false;
  identify: PathcastPluginOptions['identify'];
  drainMs: number;
  closeHub: boolean | undefined;
  prefix: string;
} {
  checkKeys('pathcastPlugin', checkObject('pathcastPlugin options', options, 'INVALID_OPTION'), KNOWN);
  const { path = '/sync/stream', identify, drainMs = 0, closeHub, prefix = '' } = options;
  const bad = (what: string, value: unknown): never => {
    throw new PathcastError('INVALID_OPTION', `pathcastPlugin: ${what}, got ${describe(value)}`);
  };
  if (options.hub !== undefined && !isHub(options.hub)) bad('hub must be a hub of createHub()', options.hub);
  if (path !== false && (typeof path !== 'string' || !path.startsWith('/')))
    bad("path must be a string that begins with '/', or false", path);
  if (identify !== undefined && typeof identify !== 'function')
    bad('identify must be a function (request) => identity', identify);
  if (typeof drainMs !== 'number' || !(drainMs >= 0 && drainMs <= MAX_DRAIN_MS))
    bad(`drainMs must be a number from 0 to ${MAX_DRAIN_MS}`, drainMs);
  if (closeHub !== undefined && typeof closeHub !== 'boolean') bad('closeHub must be true or false', closeHub);
  return {
    path,
    identify,
    drainMs,
    closeHub,
    prefix: prefix.replace(/\/$/, ''),
  };
}

async function answer(
  hub: Hub,
  identify: NonNullable<PathcastPluginOptions['identify']>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const identity = await identify(request);
  if (!identity) return refuse(reply, UNAUTHORIZED);
  try {
    const plain = plainOptions(identity, queryOf(request.url), internalsOf(hub).paths);
    if (request.method === 'HEAD') return await reply.header('content-type', 'text/event-stream').send();
    hub.serve({ ...plain, req: request, res: reply });
  } catch (thrown) {
    // The client's mistake, or a hub that is closed: answered like any other endpoint's, and no failure of the app.
    const refused = isPathcastError(thrown) ? refusalOfThrown(thrown) : undefined;
    if (refused?.status === 500) internalsOf(hub).report('identify', thrown);
    if (!refused || refused.status === 500) throw thrown;
    return refuse(reply, refused);
  }

  return reply;
}

function refuse(reply: FastifyReply, refused: HttpRefusal): FastifyReply {
  return reply.code(refused.status).header('cache-control', 'no-store').send(refused.body);
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

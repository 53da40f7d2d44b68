/** What is logged, and what never is: no query strings (they carry tokens), no cookies, no bodies. */
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify';
import type { Hub } from '../server/hub.js';
import type { Module } from './modules.js';
import type { Settings } from './settings.js';

export function loggerOptions(settings: Settings): NonNullable<FastifyServerOptions['logger']> {
  return {
    level: settings.logLevel,
    serializers: {
      req: (request: FastifyRequest) => ({
        method: request.method,
        path: request.url.split('?', 1)[0],
        remoteAddress: request.ip,
      }),
    },
  };
}

/** One line a request, at `debug`; refusals and failures of the server itself are told by those who answer them. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    request.log.debug({ req: request, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request');
    done();
  });
}

/** The hub throws at nobody; this is where one reads what it has to say. */
export function logHubEvents(hub: Hub<Module>, log: FastifyBaseLogger): void {
  hub.on('error', ({ during, error }) => log.error({ err: error, during }, 'sync: failed'));
  hub.on('warning', (warning) => log.warn(warning, 'sync: warning'));
  hub.on('refused', (refusal) => log.info(refusal, 'sync: stream refused'));
  hub.on('closed', (closed) => log.debug(closed, 'sync: stream closed'));
  hub.on('conflated', (conflated) => log.debug(conflated, 'sync: slow stream conflated'));
  hub.on('resync', (resync) => log.debug(resync, 'sync: resync'));
}

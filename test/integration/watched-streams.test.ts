/**
 * What an app's own watchers see of a stream: morgan, pino-http, OpenTelemetry's spans, a gauge of requests in flight, and
 * Fastify's hooks. 60 streams are ended by the hub, 40 are left by their clients.
 *
 * A taken socket is one completed response, with its status, whoever ends the stream and whenever: the response is over
 * once the socket is taken. Where the response stays with Node (JavaScript engine, web handler) Node itself says that a
 * client left, as it says of any other response.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ENGINES } from '../support/engines.js';

const ENDED = 60;
const LEFT = 40;
const ALL = ENDED + LEFT;

interface Seen {
  framework: string;
  path: string;
  open: number;
  statuses: Record<string, number>;
  closes: Record<string, number>;
  morgan: Record<string, number>;
  pino: Record<string, number>;
  order: Record<string, number>;
  gauge: number;
  spans: Record<string, number>;
  hooks: Record<string, number>;
}

test.each(ENGINES)('%s engine: one completed response a stream', (engine) => {
  const script = path.join(__dirname, 'watched-streams.cjs');
  const child = spawnSync(process.execPath, [script, JSON.stringify({ engine, ended: ENDED, left: LEFT })], {
    encoding: 'utf8',
    timeout: 150_000,
  });
  expect(child.stderr).toBe('');
  const all = JSON.parse(child.stdout) as Seen[];
  expect(all.map(({ framework, path: url }) => `${framework} ${url}`)).toEqual(
    ['node', 'express', 'fastify', 'hono'].flatMap((name) => [`${name} /sync/stream`, `${name} /trpc/onSync`]),
  );
  for (const seen of all) {
    const { framework, path: url } = seen;
    const taken = engine === 'native' && !(framework === 'hono' && url === '/sync/stream');
    const stays = { 'request completed 200': ENDED, 'request aborted 200': LEFT };
    const hooks = taken
      ? { 'onResponse 200': ALL, 'log: request completed 200': ALL }
      : { 'onResponse 200': ENDED, 'log: request completed 200': ENDED, onRequestAbort: LEFT };
    // Fastify logs a body that is cut. The plain endpoint is one; of a tRPC stream it has heard the end.
    const premature = !taken && url === '/sync/stream' ? { 'log: stream closed prematurely 200': LEFT } : {};
    expect(seen).toEqual({
      framework,
      path: url,
      open: ALL,
      statuses: { 200: ALL },
      closes: { revoked: ENDED, gone: LEFT },
      morgan: { 200: ALL },
      pino: taken ? { 'request completed 200': ALL } : stays,
      order: taken ? { '200 finish,close': ALL } : { '200 finish,close': ENDED, '200 req aborted,close,req error': LEFT },
      gauge: 0,
      spans: { 200: ALL },
      hooks: framework === 'fastify' ? { ...hooks, ...premature } : {},
    });
  }
});

// Run in a process of its own, where OpenTelemetry can patch `http`: opens streams under each framework, ends some and
// leaves the others, and says what loggers, spans, a gauge and the framework's hooks saw of them. One line of JSON.
'use strict';
const { NodeTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
registerInstrumentations({ tracerProvider: provider, instrumentations: [new HttpInstrumentation()] });

// Only now: what is patched must be loaded after the patch.
const http = require('node:http');
const net = require('node:net');
const { Writable } = require('node:stream');
const { initTRPC } = require('@trpc/server');
const { createExpressMiddleware } = require('@trpc/server/adapters/express');
const { fastifyTRPCPlugin } = require('@trpc/server/adapters/fastify');
const { createHTTPHandler } = require('@trpc/server/adapters/standalone');
const { fetchRequestHandler } = require('@trpc/server/adapters/fetch');
const express = require('express');
const fastify = require('fastify');
const morgan = require('morgan');
const pinoHttp = require('pino-http');
const { createHub } = require('../../dist/cjs/index.js');
const { pathcastPlugin } = require('../../dist/cjs/fastify/index.js');
const { syncStream } = require('../../dist/cjs/trpc/index.js');
const { webHandler } = require('../../dist/cjs/web/index.js');

const { engine, ended, left } = JSON.parse(process.argv[2]);

const sink = (take) => new Writable({ write: (chunk, _encoding, done) => (take(String(chunk)), done()) });
const count = (tally, key) => (tally[key] = (tally[key] ?? 0) + 1);
const identify = (req) => ({ companyId: 'acme', userId: req.headers['x-user'] });

/** What watches each request of one server. */
function watchers() {
  const seen = { morgan: {}, pino: {}, order: {}, gauge: 0, hooks: {} };
  const morganLine = morgan(':status', { stream: { write: (line) => count(seen.morgan, line.trim()) } });
  const pinoLine = pinoHttp({}, sink((line) => {
    const { msg, res, err } = JSON.parse(line);
    count(seen.pino, `${msg} ${res?.statusCode}${err ? ' with an error' : ''}`);
  }));
  const watch = (req, res) => {
    seen.gauge++;
    const order = [];
    for (const event of ['aborted', 'error']) req.on(event, () => order.push(`req ${event}`));
    for (const event of ['finish', 'error', 'close']) res.on(event, () => order.push(event));
    res.once('close', () => {
      seen.gauge--;
      // What follows the close belongs to it as well.
      setImmediate(() => count(seen.order, `${res.statusCode} ${order.join()}`));
    });
    morganLine(req, res, () => undefined);
    pinoLine(req, res);
  };
  return { seen, watch };
}

function routerFor(hub) {
  const t = initTRPC.context().create();
  return t.router({
    onSync: t.procedure.subscription(({ ctx, signal }) =>
      syncStream({ hub, req: ctx.req, res: ctx.res, signal, ...identify({ headers: ctx.headers }) }),
    ),
  });
}
const context = ({ req, res }) => ({ req, res, headers: req.headers });

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: server.address().port, close: () => (server.close(), server.closeAllConnections()) };
}

const FRAMEWORKS = {
  node: (hub, watch) => {
    const plain = hub.handler({ identify });
    const trpc = createHTTPHandler({ router: routerFor(hub), basePath: '/trpc/', createContext: context });
    return listen(
      http.createServer((req, res) => {
        watch(req, res);
        (req.url.startsWith('/trpc/') ? trpc : plain)(req, res);
      }),
    );
  },
  express: (hub, watch) => {
    const app = express();
    app.use((req, res, next) => (watch(req, res), next()));
    app.use('/trpc', createExpressMiddleware({ router: routerFor(hub), createContext: context }));
    app.get('/sync/stream', hub.handler({ identify }));
    return listen(http.createServer(app));
  },
  fastify: async (hub, watch, seen) => {
    const stream = sink((line) => {
      const { msg, res } = JSON.parse(line);
      if (res) count(seen.hooks, `log: ${msg} ${res.statusCode}`);
    });
    const app = fastify({ logger: { stream }, forceCloseConnections: true });
    app.addHook('onRequest', async (request, reply) => watch(request.raw, reply.raw));
    app.addHook('onResponse', async (_request, reply) => count(seen.hooks, `onResponse ${reply.statusCode}`));
    app.addHook('onRequestAbort', async (_request) => count(seen.hooks, 'onRequestAbort'));
    app.addHook('onError', async () => count(seen.hooks, 'onError'));
    await app.register(pathcastPlugin, { hub, identify, closeHub: false });
    await app.register(fastifyTRPCPlugin, {
      prefix: '/trpc',
      trpcOptions: { router: routerFor(hub), createContext: ({ req, res }) => ({ req, res, headers: req.headers }) },
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: app.server.address().port, close: () => app.close() };
  },
  hono: async (hub, watch) => {
    // ES modules only.
    const [{ Hono }, { getRequestListener }] = await Promise.all([import('hono'), import('@hono/node-server')]);
    const app = new Hono();
    app.use('*', async (c, next) => {
      watch(c.env.incoming, c.env.outgoing);
      await next();
    });
    const plain = webHandler({ hub, identify: (request) => identify({ headers: Object.fromEntries(request.headers) }) });
    app.get('/sync/stream', (c) => plain(c.req.raw));
    app.all('/trpc/*', (c) =>
      fetchRequestHandler({
        endpoint: '/trpc',
        req: c.req.raw,
        router: routerFor(hub),
        createContext: () => ({ req: c.env, res: c.env, headers: c.env.incoming.headers }),
      }),
    );
    return listen(http.createServer(getRequestListener(app.fetch)));
  },
};

/** A socket, not `http.get`: a client of Node's would have spans of its own. */
function open(port, path, user) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nx-user: ${user}\r\n\r\n`);
    });
    let text = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.includes('"hello"')) resolve({ socket, status: text.slice(9, 12) });
    });
    socket.on('close', () => reject(new Error(`closed: ${text}`)));
  });
}

async function until(check) {
  const end = Date.now() + 5_000;
  while (!check() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function run(framework, path) {
  const hub = createHub({ engine, limits: { perUser: 0, perCompany: 0 } });
  const { seen, watch } = watchers();
  const { port, close } = await FRAMEWORKS[framework](hub, watch, seen);
  exporter.reset();
  const total = ended + left;
  const clients = await Promise.all(
    Array.from({ length: total }, (_, i) => open(port, path, i < ended ? 'stays' : 'leaves')),
  );
  const statuses = {};
  for (const { status } of clients) count(statuses, status);
  const open_ = hub.metrics().connections;
  await hub.disconnect({ userId: 'stays' });
  for (const { socket } of clients.slice(ended)) socket.destroy();
  const sum = (tally) => Object.values(tally).reduce((all, n) => all + n, 0);
  await until(() => hub.metrics().connections === 0 && sum(seen.order) === total && sum(seen.pino) >= total);
  for (const { socket } of clients) socket.destroy();
  const spans = {};
  for (const span of exporter.getFinishedSpans()) {
    const status = span.attributes['http.response.status_code'] ?? span.attributes['http.status_code'];
    count(spans, `${status}${span.status.code === 2 ? ' error' : ''}${span.events.length > 0 ? ' with events' : ''}`);
  }
  const { closes } = hub.metrics();
  await hub.close();
  await close();
  return { framework, path, open: open_, statuses, closes: { revoked: closes.revoked, gone: closes.gone }, ...seen, spans };
}

async function main() {
  const all = [];
  for (const framework of Object.keys(FRAMEWORKS)) {
    for (const path of ['/sync/stream', '/trpc/onSync']) all.push(await run(framework, path));
  }
  process.stdout.write(`${JSON.stringify(all)}\n`, () => process.exit(0));
}
main().catch((error) => {
  process.stderr.write(`${error.stack}\n`, () => process.exit(1));
});

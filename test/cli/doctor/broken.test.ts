/**
 * Set-ups that are broken in one way each, for real, and the doctor names that and nothing else, with what to do.
 * Those that are right have no finding: see good.test.ts.
 */
import { once } from 'node:events';
import { createServer as createSecureServer } from 'node:https';
import { request as send, type RequestListener } from 'node:http';
import { connect, createServer as createTcpServer, type Server } from 'node:net';
import fastifyRateLimit from '@fastify/rate-limit';
import compression from 'compression';
import express from 'express';
import fastify from 'fastify';
import superjson from 'superjson';
import type { FindingId } from '../../../lib/cli/doctor/findings.js';
import { pathcastPlugin } from '../../../lib/fastify/index.js';
import { freePort } from '../../support/free-port.js';
import { startHaproxy } from '../../support/haproxy.js';
import { listen } from '../../support/listen.js';
import { GET, RawHttp } from '../../support/raw-http.js';
import { tlsFiles } from '../../support/tls.js';
import { ANN, doctor, endAll, hubOf, later, nginx, plain, serve, trpc, urlOf } from './set-ups.js';

afterEach(endAll);

/** Long enough that nothing of the hub comes meanwhile, ms. */
const QUIET = { heartbeatMs: 60_000 };

interface SetUp {
  name: string;
  /** Gives the address and more arguments. */
  make: () => Promise<string[]>;
  ids: FindingId[];
  /** A part of the first remedy. */
  remedy: string;
  what?: RegExp;
}

const SET_UPS: SetUp[] = [
  {
    name: 'nginx buffers, and does not listen to X-Accel-Buffering',
    make: async () => [
      urlOf(await nginx({ location: 'proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;', backends: [await plain()] })),
      '--timeout', '1',
    ],
    ids: ['buffered'],
    remedy: '`proxy_buffering off;`',
  },
  {
    name: 'nginx compresses every type',
    make: async () => [
      urlOf(await nginx({ http: 'gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;', backends: [await plain()] })),
    ],
    ids: ['compressed'],
    remedy: '`gzip off;`',
    what: /compressed \(gzip\)/,
  },
  {
    name: 'nginx has less patience than a heartbeat is long',
    make: async () => [urlOf(await nginx({ location: 'proxy_read_timeout 1s;', backends: [await plain(QUIET)] }))],
    ids: ['cut-when-idle'],
    remedy: '`proxy_read_timeout 1h;`',
    // nginx counts from when it had the last byte, doctor from when it came: later, where the machine is busy.
    what: /after (\d(\.\d)? s|\d{2,3} ms) of silence, and the heartbeat comes each 60 s/,
  },
  {
    name: 'HAProxy has less patience than a heartbeat is long',
    make: async () => {
      const proxy = await startHaproxy(await plain(QUIET), { timeout: '1s' });
      later(() => proxy.stop());
      return [urlOf(proxy.port)];
    },
    ids: ['cut-when-idle'],
    remedy: 'HAProxy: `timeout client 1h` and `timeout server 1h`',
  },
  {
    name: 'nginx drops Last-Event-ID',
    make: async () => [urlOf(await nginx({ location: 'proxy_set_header Last-Event-ID "";', backends: [await plain()] }))],
    ids: ['last-event-id-lost'],
    remedy: 'no `proxy_set_header Last-Event-ID "";`',
  },
  {
    name: 'two servers behind one nginx, each with its own hub',
    make: async () => [urlOf(await nginx({ backends: [await plain(), await plain()] }))],
    ids: ['several-processes'],
    remedy: 'one process (one hub)',
    what: /out of 2 logs/,
  },
  {
    name: 'nginx before a server that is not there',
    make: async () => [urlOf(await nginx({ backends: [await freePort()] }))],
    ids: ['gateway-error'],
    remedy: 'empty stream that has a retry: line',
    what: /answers 502: 502 Bad Gateway\./,
  },
  {
    name: 'compression(), and a middleware that writes a Cache-Control of its own',
    make: async () => {
      const app = express();
      app.use(compression());
      app.use((_request, response, next) => {
        const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => typeof response;
        response.writeHead = (status: unknown, headers?: unknown) => writeHead(status, { ...(headers as object), 'Cache-Control': 'no-cache' });
        next();
      });
      app.get('/sync/stream', hubOf().handler({ identify: () => ANN }));
      return [urlOf(await serve(app))];
    },
    ids: ['compressed', 'no-transform-lost'],
    remedy: 'no-transform, which compression() obeys',
  },
  {
    name: 'a gateway that collects what it passes on',
    make: async () => [urlOf(await serve(collecting(await plain(), 1_600)))],
    ids: ['events-late'],
    remedy: 'pass each event on at once',
  },
  {
    name: 'a load balancer that bounds the whole answer',
    make: async () => [urlOf(await serve(bounding(await plain(), 2_000))), '--idle', '5'],
    ids: ['cut'],
    remedy: 'lifetimeMs',
  },
  {
    name: 'a redirect to the page to log in',
    make: async () => {
      const app = express();
      app.use((request, response) => response.redirect(`/login?returnTo=${encodeURIComponent(request.url)}`));
      return [urlOf(await serve(app))];
    },
    ids: ['login-redirect'],
    remedy: '--header',
    what: /answers 302 and sends to http:\/\/127\.0\.0\.1:\d+\/login, a page to log in\./,
  },
  {
    name: 'a redirect to another address',
    make: async () => {
      const port = await plain();
      return [urlOf(await serve((_request, response) => void response.writeHead(308, { location: urlOf(port, '/moved') }).end()))];
    },
    ids: ['redirect'],
    remedy: 'Use the final address',
  },
  {
    name: 'a single-page app that answers each path with its page',
    make: async () => [
      urlOf(await serve((_request, response) => void response.setHeader('content-type', 'text/html').end('<!doctype html><title>Sign \u001b[31min</title>'))),
    ],
    ids: ['html-page'],
    remedy: 'before the rule that gives pages',
    what: /answers with a page: Sign \\x1b\[31min\.$/,
  },
  {
    name: 'a rate limiter',
    make: async () => {
      const app = fastify();
      await app.register(fastifyRateLimit, { max: 1, timeWindow: '1 hour' });
      await app.register(pathcastPlugin, { hub: hubOf(), identify: () => ANN });
      later(() => app.close());
      const url = await app.listen({ port: 0, host: '127.0.0.1' });
      await fetch(`${url}/sync/stream`, { method: 'HEAD' });
      return [`${url}/sync/stream`];
    },
    ids: ['rate-limited'],
    remedy: 'out of the rate limiter',
    what: /answers 429: Rate limit exceeded, retry in 1 hour/,
  },
  {
    name: 'nobody is signed in',
    make: async () => [urlOf(await serve(hubOf().handler({ identify: () => null })))],
    ids: ['unauthorized'],
    remedy: "--header 'Authorization: Bearer …'",
    what: /answers 401: Sign in to open this stream\./,
  },
  {
    name: 'nobody is signed in, at tRPC',
    make: async () => [(await trpc()).replace(/\?.*/, '')],
    ids: ['unauthorized'],
    remedy: "--header 'Authorization: Bearer …'",
    what: /refused: UNAUTHORIZED\.$/,
  },
  {
    name: 'no place is free, at tRPC',
    make: async () => {
      const url = new URL(await trpc({ hub: { limits: { perUser: 1 } } }));
      const living = await RawHttp.open(Number(url.port), GET(url.pathname + url.search, { Accept: 'text/event-stream' }));
      later(() => living.socket.destroy());
      await living.until('"type":"hello"');
      return [url.href];
    },
    ids: ['limit-reached'],
    remedy: 'clientInstanceId',
    what: /Too many connections for this user: 1 of 1\.$/,
  },
  {
    name: 'somebody who may not',
    make: async () => [urlOf(await serve(hubOf().handler({ identify: () => { throw Object.assign(new Error('not yours'), { statusCode: 403 }); } })))],
    ids: ['forbidden'],
    remedy: 'says no',
    what: /answers 403: not yours\./,
  },
  {
    name: 'no place is free',
    make: async () => {
      const port = await plain({ limits: { perUser: 1 } });
      const living = await RawHttp.open(port, GET('/sync/stream'));
      later(() => living.socket.destroy());
      await living.until('"type":"hello"');
      return [urlOf(port)];
    },
    ids: ['limit-reached'],
    remedy: 'clientInstanceId',
  },
  {
    name: 'the router has superjson, the hub has none',
    make: async () => [await trpc({ transformer: superjson })],
    ids: ['transformer-mismatch'],
    remedy: 'configure({ transformer: superjson })',
    what: /router has a transformer \(as superjson\), the hub none/,
  },
  {
    name: 'the hub has superjson, the router has none',
    make: async () => [await trpc({ hub: { transformer: superjson } })],
    ids: ['transformer-mismatch'],
    remedy: 'configure({ transformer: superjson })',
    what: /router has none, the hub a transformer/,
  },
  {
    name: 'a tRPC context without the response',
    make: async () => [await trpc({ withoutSocket: true })],
    ids: ['not-handed-over'],
    remedy: 'Give req and res of the context',
  },
  {
    name: 'a procedure that is none',
    make: async () => [(await trpc()).replace('onSync', 'onSink')],
    ids: ['not-found'],
    remedy: '/trpc/sync.onSync',
    what: /answers 404: No procedure found on path "sync\.onSink"\./,
  },
  {
    name: 'a page of an origin that the server does not know',
    make: async () => [urlOf(await plain()), '--origin', 'https://other.example'],
    ids: ['cors-origin'],
    remedy: 'Access-Control-Allow-Origin',
    what: /has no Access-Control-Allow-Origin/,
  },
  {
    name: 'cookies of a page of another origin',
    make: async () => [
      urlOf(await serve(hubOf().handler({ identify: () => ANN, headers: { 'Access-Control-Allow-Origin': '*' } }))),
      '--origin', 'https://app.example', '--header', 'Cookie: session=abcdef',
    ],
    ids: ['cors-credentials'],
    remedy: 'Access-Control-Allow-Credentials: true',
  },
  {
    name: 'a server with the backlog that Node takes by itself',
    make: async () => {
      const hub = hubOf();
      const app = express();
      app.get('/sync/stream', hub.handler({ identify: () => ANN }));
      const server = app.listen(0, '127.0.0.1');
      later(() => new Promise((resolve) => server.close(resolve)));
      await once(server, 'listening');
      return [urlOf((server.address() as { port: number }).port)];
    },
    ids: ['short-listen-backlog'],
    remedy: 'backlog: 16384',
    what: /lets 511 connections wait/,
  },
  {
    name: 'nobody listens',
    make: async () => [urlOf(await freePort())],
    ids: ['connection-refused'],
    remedy: 'Start the server',
  },
  {
    name: 'a name that is none',
    make: async () => ['http://nowhere.invalid/sync/stream'],
    ids: ['dns-failed'],
    remedy: 'Check the name',
    what: /nowhere\.invalid has no address/,
  },
  {
    name: 'https:// at a server without TLS',
    make: async () => [urlOf(await plain()).replace('http:', 'https:')],
    ids: ['tls-failed'],
    remedy: 'http:// in place of https://',
  },
  {
    name: 'a certificate that nobody trusts',
    make: async () => [urlOf(await serve(createSecureServer(tlsFiles(), hubOf().handler({ identify: () => ANN })))).replace('http:', 'https:')],
    ids: ['tls-certificate'],
    remedy: 'NODE_EXTRA_CA_CERTS',
    what: /DEPTH_ZERO_SELF_SIGNED_CERT/,
  },
  {
    name: 'something that speaks no HTTP',
    make: async () => [urlOf(await listen(createTcpServer((socket) => void socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n'))))],
    ids: ['no-http'],
    remedy: 'does not speak HTTP/1.1',
  },
  {
    name: 'a server that takes the request and says nothing',
    make: async () => [urlOf(await listen(createTcpServer((socket) => void socket.on('error', () => undefined).resume()))), '--timeout', '1'],
    ids: ['no-answer'],
    remedy: 'hangs',
  },
  {
    name: 'a server that hangs up',
    make: async () => [urlOf(await listen(createTcpServer((socket) => void socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy()))))],
    ids: ['connection-reset'],
    remedy: 'logs',
  },
  {
    name: 'an event stream of something else',
    make: async () => [urlOf(await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' }).write('event: tick\ndata: {"n":1}\n\n');
    }))],
    ids: ['no-verdict'],
    remedy: 'none of pathcast’s',
    what: /first event is tick, not hello/,
  },
  {
    name: 'an answer out of a cache',
    make: async () => {
      const hub = hubOf();
      const handle = hub.handler({ identify: () => ANN, headers: { Age: '7' } });
      return [urlOf(await serve(handle))];
    },
    ids: ['from-a-cache'],
    remedy: 'out of the cache',
  },
];

test.each(SET_UPS)('$name: $ids', async ({ make, ids, remedy, what }) => {
  const [url = '', ...args] = await make();
  const { findings, code, ids: found } = await doctor(url, args, ids);
  expect({ found, findings }).toEqual({ found: ids, findings });
  expect(code).toBe(findings.some(({ severity }) => severity === 'error') ? 1 : 0);
  expect(findings[0]?.remedy).toContain(remedy);
  if (what) expect(findings[0]?.what).toMatch(what);
});

test('what a server repeats of a secret is not printed, nor is a header or a query', async () => {
  const port = await serve((request, response) => {
    const said = `bad token ${request.headers.authorization?.split(' ')[1]} in ${request.url}, cookie ${request.headers.cookie}`;
    response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message: said } }));
  });
  const url = urlOf(port, '/sync/stream?token=query-secret');
  const { findings } = await doctor(url, ['--header', 'Authorization: Bearer header-secret', '--header', 'Cookie: sid=cookie-secret; theme=dark']);
  expect(findings).toMatchObject([{ id: 'unauthorized', what: expect.stringMatching(/answers 401: bad token … in \/sync\/stream\?token=…, cookie …\.$/) }]);
  expect(JSON.stringify(findings)).not.toMatch(/secret/);
});

/** Passes everything on, but only each `everyMs`. */
function collecting(port: number, everyMs: number): RequestListener {
  return (request, response) => {
    const upstream = send({ port, host: '127.0.0.1', path: request.url, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      response.flushHeaders();
      let kept: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => kept.push(chunk));
      const timer = setInterval(() => {
        response.write(Buffer.concat(kept));
        kept = [];
      }, everyMs);
      response.on('close', () => {
        clearInterval(timer);
        upstream.destroy();
      });
    });
    upstream.on('error', () => response.destroy());
    upstream.end();
  };
}

/** Passes everything on, for `ms` and no longer. */
function bounding(port: number, ms: number): Server {
  return createTcpServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1' });
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    const timer = setTimeout(() => upstream.destroy(), ms);
    client.on('close', () => {
      clearTimeout(timer);
      upstream.destroy();
    });
    upstream.on('close', () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
}

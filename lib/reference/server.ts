/**
 * The reference server, put together: database, hub, tRPC, the plain stream, health, metrics, pages.
 * `createServer` opens everything and listens on nothing; `close()` ends everything, in order.
 */
import { fastifyTRPCPlugin, type FastifyTRPCPluginOptions } from '@trpc/server/adapters/fastify';
import Fastify, { LogController, type FastifyInstance, type FastifyRequest } from 'fastify';
import { fileURLToPath } from 'node:url';
import { pathcastPlugin } from '../fastify/index.js';
import { createClientReports } from '../server/client-reports.js';
import { createHub, type Hub } from '../server/hub.js';
import type { Sync } from '../trpc/index.js';
import { Sessions } from './auth/session.js';
import { checkSession, contextFactory } from './context.js';
import { openDatabase, type Database } from './db/database.js';
import { seedOnce } from './db/demo-data.js';
import { CompanyStore } from './db/store.js';
import { installClientReports } from './http/client-reports.js';
import { Connections } from './http/connections.js';
import { DashboardFeed } from './http/dashboard-data.js';
import { installHealth } from './http/health.js';
import { installLogin } from './http/login.js';
import { LoopDelay } from './http/loop-delay.js';
import { installMetrics } from './http/metrics.js';
import { installPages } from './http/pages.js';
import { installRefusals, MAX_BATCH_CALLS, MAX_BODY_BYTES, MAX_HEAD_BYTES } from './http/refusals.js';
import { logHubEvents, loggerOptions, logRequests } from './log.js';
import { invalidation } from './invalidation.js';
import { MODULES, POSTGRES_MODULES, type Module } from './modules.js';
import { openPostgres, type Postgres } from './postgres/database.js';
import { seedPagesOnce } from './postgres/demo-pages.js';
import { PostgresMode } from './postgres/mode.js';
import { createPostgresRouter, type PostgresAppRouter } from './postgres/routers.js';
import { postgresInvalidation } from './postgres/stale.js';
import { RecentActions } from './recent-actions.js';
import { createAppRouter, type AppRouter } from './routers/index.js';
import type { Settings } from './settings.js';
import { createReferenceSync } from './sync.js';
import { createKit } from './trpc.js';

/**
 * Connections that the kernel holds until they are accepted. Node's default of 511 makes a
 * stampede of reconnecting browsers wait for seconds; `net.core.somaxconn` caps it.
 */
export const LISTEN_BACKLOG = 16_384;

/** ms that requests under way have at shutdown before they are cut off. */
const REQUEST_GRACE_MS = 5_000;

export interface ReferenceServer {
  app: FastifyInstance;
  hub: Hub<Module>;
  /** What broadcasts after each mutation. */
  sync: Sync<AppRouter>;
  router: AppRouter;
  database: Database;
  /** With `PATHCAST_POSTGRES_URL`; the router has pages and attachments then. */
  postgres: PostgresMode | undefined;
  /** Listens as the settings say; resolves to the address, `http://127.0.0.1:3000`. */
  listen(): Promise<string>;
  /** Refuses new streams, ends those there are over `PATHCAST_DRAIN_MS`, then closes. Idempotent. */
  shutDown(): Promise<void>;
  /** Ends everything at once. Idempotent. */
  close(): Promise<void>;
}

export interface ServerOptions {
  /** Folder of the built pages; default: beside this file. */
  pagesFolder?: string;
}

/** The router, and how it is bound with its map. */
function served(hub: Hub<Module>, sync: Sync, { heartbeatMs }: Settings, postgres: Postgres | undefined): { router: AppRouter; bind: () => Promise<unknown> } {
  const kit = createKit(sync);
  const ten = createAppRouter(kit, hub, { heartbeatMs, hasPages: postgres !== undefined });
  if (!postgres) return { router: ten, bind: () => sync.for<AppRouter>().bind(ten, invalidation) };
  const router = createPostgresRouter(ten, kit, postgres, sync);
  return { router, bind: () => sync.for<PostgresAppRouter>().bind(router, postgresInvalidation) };
}

/** Throws when the database cannot be opened or the engine cannot be loaded. */
export async function createServer(settings: Settings, options: ServerOptions = {}): Promise<ReferenceServer> {
  const database = await openDatabase(settings.dbPath);
  let postgres: Postgres | undefined;
  let hub: Hub<Module>;
  try {
    postgres = settings.postgresUrl === undefined ? undefined : await openPostgres(settings.postgresUrl);
    hub = createHub({
      engine: settings.engine,
      modules: postgres ? POSTGRES_MODULES : MODULES,
      limits: { perUser: settings.maxPerUser, perCompany: settings.maxPerCompany },
      log: { maxActions: settings.logActions, ttlMs: settings.logTtlMs },
      heartbeatMs: settings.heartbeatMs,
      connectionCapBytes: settings.connectionCapBytes,
      ...(settings.redisUrl !== undefined && { redis: settings.redisUrl }),
    });
  } catch (error) {
    await postgres?.pool.end();
    database.close();
    throw error;
  }
  const loop = new LoopDelay();
  const sync = createReferenceSync(hub);
  const recent = new RecentActions();
  sync.observe(recent.observer);
  const feed = new DashboardFeed(hub, recent, loop);
  const sessions = new Sessions(settings.sessionSecret, settings.sessionTtlSeconds);
  const { router, bind } = served(hub, sync, settings, postgres);

  const app = Fastify({
    logger: loggerOptions(settings),
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: (_address, hop) => hop < settings.trustProxy,
    http: { maxHeaderSize: MAX_HEAD_BYTES },
    // A line for each of ten thousand reconnects helps nobody; see `logRequests`.
    logController: new LogController({ disableRequestLogging: true }),
    // A batch names all its procedures in one path segment.
    routerOptions: { maxParamLength: 5_000 },
  });
  const connections = new Connections(app.server);
  logRequests(app);
  logHubEvents(hub, app.log);
  const isOneOfMany = settings.redisUrl !== undefined;
  const mode = settings.postgresUrl === undefined || !postgres ? undefined : new PostgresMode(settings.postgresUrl, postgres, hub, app.log, isOneOfMany);
  feed.cdc = mode?.cdc;
  const readiness = { draining: false };
  let requestGraceMs = 0;
  let closing: Promise<void> | undefined;
  let shuttingDown: Promise<void> | undefined;
  const close = (graceMs = 0): Promise<void> => (closing ??= closeAll(graceMs));
  async function closeAll(graceMs: number): Promise<void> {
    readiness.draining = true;
    feed.close();
    loop.close();
    requestGraceMs = graceMs;
    await app.close();
    // What was answered has been committed: whoever reads next finds it.
    await mode?.close();
    await hub.close();
    database.close();
  }

  // What a mutation broadcasts by hand in a transaction of this one waits for its commit.
  const db = sync.transactional(database.db);
  const store = (companyId: string): CompanyStore => new CompanyStore(database, db, companyId);

  try {
    await bind();
    installRefusals(app);
    await installLogin(app, sessions, settings, {
      entering: async ({ companyId }) => {
        if (!settings.demoData) return;
        await seedOnce(store(companyId), sync.for<AppRouter>());
        if (postgres) await seedPagesOnce(postgres.db, companyId);
      },
      // All of the user's: a session that was not ended comes back by itself.
      left: ({ companyId, userId }) => hub.disconnect({ companyId, userId }),
    });
    installHealth(app, hub, readiness, settings.readiness === 'strict');
    const reports = createClientReports({ hub });
    installMetrics(app, () => hub.metrics(), loop, reports, mode?.cdc);
    const sessionOf = async (request: FastifyRequest) => {
      const check = await checkSession(sessions, request);
      if (!check.ok) throw Object.assign(new Error(check.message), { statusCode: 401 });
      return check.session;
    };
    installClientReports(app, reports, sessionOf);
    await app.register(pathcastPlugin, {
      hub,
      path: '/sync/stream',
      identify: sessionOf,
    });
    if (mode) await app.register(mode.live(sessionOf));
    await app.register(fastifyTRPCPlugin, {
      prefix: '/trpc',
      trpcOptions: {
        router,
        createContext: contextFactory(sessions, { store }),
        maxBatchSize: MAX_BATCH_CALLS,
        onError: ({ error, path }) => {
          if (error.code === 'INTERNAL_SERVER_ERROR') app.log.error({ err: error.cause ?? error, path }, 'procedure failed');
        },
      },
    } satisfies FastifyTRPCPluginOptions<AppRouter>);
    if (!settings.production) {
      await installPages(app, options.pagesFolder ?? fileURLToPath(new URL('./public/', import.meta.url)), feed, isOneOfMany);
    }
    // After the plugin's own hook, which ends the streams.
    app.addHook('preClose', (done) => {
      connections.endWithin(requestGraceMs);
      done();
    });
    await app.ready();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    app,
    hub,
    sync: sync.for<AppRouter>(),
    router,
    database,
    postgres: mode,
    listen: async () => {
      await mode?.start();
      return app.listen({ port: settings.port, host: settings.host, backlog: LISTEN_BACKLOG });
    },
    shutDown: () =>
      (shuttingDown ??= (async () => {
        readiness.draining = true;
        await hub.drain({ overMs: settings.drainMs });
        await close(REQUEST_GRACE_MS);
      })()),
    close: () => close(),
  };
}

/** What `PATHCAST_POSTGRES_URL` turns on: pages and attachments, and the worker that tells of their changes, whoever made them. */
import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import { createActivities, createCdc, type Cdc } from '../../postgres/index.js';
import type { Hub } from '../../server/hub.js';
import type { Session } from '../auth/session.js';
import type { Module } from '../modules.js';
import type { Postgres } from './database.js';
import { PUBLICATION, SLOT } from './migration.js';
import type { PostgresAppRouter } from './routers.js';
import { tables } from './stale.js';

/** ms that a start waits for the worker. Then it goes on, and the worker comes when it can. */
const WAIT_MS = 5_000;

export class PostgresMode {
  readonly cdc: Cdc;
  readonly #activities;
  readonly #database: Postgres;
  readonly #log: FastifyBaseLogger;

  /** `isOneOfMany`: servers that share a Redis take turns at the slot. */
  constructor(url: string, database: Postgres, hub: Hub<Module>, log: FastifyBaseLogger, isOneOfMany: boolean) {
    this.#database = database;
    this.#log = log;
    this.cdc = createCdc<PostgresAppRouter>({ hub, connection: url, publication: PUBLICATION, slot: SLOT, map: tables, activities: true });
    this.#activities = createActivities({
      hub,
      database: database.pool,
      entities: {
        pages: { table: 'pages', tenant: 'company_id', columns: ['id', 'title', 'body', 'updated_at', 'updated_by'] },
        attachments: { table: 'attachments', tenant: 'company_id', columns: ['id', 'page_id', 'name', 'size'] },
      },
    });
    this.cdc.on('state', ({ state, reason }) => {
      if (state === 'standby' && !isOneOfMany) log.warn('PostgreSQL: another server reads the changes, and this one hears of none: set PATHCAST_REDIS_URL for both, or end one');
      else log.info({ state, reason }, 'PostgreSQL: worker');
    });
    this.cdc.on('resync', (resync) => log.warn(resync, 'PostgreSQL: changes may be missing; everybody was told'));
    this.cdc.on('poison', (poison) => log.warn(poison, 'PostgreSQL: a change that the map cannot read'));
  }

  /** Rejects where PostgreSQL cannot be used as it is, with the SQL that mends it. */
  async start(): Promise<void> {
    const started = this.cdc.start();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), WAIT_MS)));
    try {
      if ((await Promise.race([started, late])) !== 'late') return;
    } finally {
      clearTimeout(timer);
    }
    const { state, reason } = this.cdc.status();
    this.#log.warn({ state, reason }, 'PostgreSQL: its changes are not read yet; starting without');
    started.catch((error: unknown) => this.#log.error({ err: error }, 'PostgreSQL: its changes are not read'));
  }

  /** `GET /organizations/:idOrSlug/live`, for a Fastify app. Whoever has a session may read all that is its company's. */
  live(sessionOf: (request: FastifyRequest) => Promise<Session>) {
    return this.#activities.live({
      identify: sessionOf,
      organization: (idOrSlug, { companyId }) => (idOrSlug === companyId ? companyId : null),
      isAllowed: (_session, changes) => changes.map(() => true),
    }).fastify;
  }

  /** The slot stays. Idempotent. */
  async close(): Promise<void> {
    await this.#activities.close();
    await this.cdc.close();
    if (!this.#database.pool.ended) await this.#database.pool.end();
  }
}

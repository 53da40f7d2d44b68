/** A database with the tables of activities, a worker that writes them, and who reads them. */
import { Pool } from 'pg';
import { activityTables, createActivities, createCdc, type Activities, type ActivitiesOptions, type Cdc, type CdcOptions } from '../../../lib/postgres/index.js';
import { createHub, type Hub } from '../../../lib/server/hub.js';
import type { PostgresServer } from '../../support/postgres.js';
import { within } from '../../support/wait.js';

export const TABLES = `
CREATE TABLE pages (id text NOT NULL, company_id text NOT NULL, title text, body text, PRIMARY KEY (company_id, id));
CREATE TABLE attachments (id serial PRIMARY KEY, company_id text NOT NULL, page_id text, size int);
ALTER TABLE attachments REPLICA IDENTITY FULL;
CREATE PUBLICATION pathcast FOR TABLE pages, attachments;`;

export const MAP: CdcOptions['map'] = { pages: { tenant: 'company_id', paths: ['pages.getAll'] }, attachments: { tenant: 'company_id', paths: ['attachments.getAll'] } };

export const ENTITIES: ActivitiesOptions['entities'] = {
  pages: { table: 'pages', tenant: 'company_id', columns: ['id', 'title'] },
  attachments: { table: 'attachments', tenant: 'company_id', columns: ['size'] },
};

export interface World {
  readonly name: string;
  readonly url: string;
  readonly pool: Pool;
  readonly sql: (text: string) => Promise<string[][]>;
  hub(options?: Parameters<typeof createHub>[0]): Hub;
  worker(hub: Hub, more?: Partial<CdcOptions>): Promise<Cdc>;
  activities(hub: Hub, more?: Partial<ActivitiesOptions>): Activities;
  /** Of a company, in order: `create pages p1`, … */
  rows(company: string): Promise<string[]>;
}

let databases = 0;

/** `closing`: run in the reverse order at the end of a test. */
export async function world(postgres: PostgresServer, closing: (() => Promise<unknown>)[], { tables = TABLES, schema = undefined as string | undefined, encoding = 'UTF8' } = {}): Promise<World> {
  const name = `act${String((databases += 1))}`;
  await postgres.sql(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}'`);
  const sql = (text: string): Promise<string[][]> => postgres.sql(text, { database: name });
  await sql(tables);
  await sql(activityTables({ schema }));
  const url = postgres.url(name);
  const pool = new Pool({ connectionString: url, max: 4 });
  pool.on('error', () => undefined);
  closing.push(() => pool.end());
  return {
    name,
    url,
    pool,
    sql,
    hub: (options = {}) => {
      const hub = createHub({ engine: 'js', logger: { warn: () => undefined, error: () => undefined }, ...options });
      closing.push(() => within(hub.close({ flushMs: 0 }), 'the hub to close'));
      return hub;
    },
    worker: async (hub, more = {}) => {
      const cdc = createCdc({ hub, connection: url, slot: name, map: MAP, activities: true, ...more });
      closing.push(() => within(cdc.close(), 'the worker to close'));
      await within(cdc.start(), 'the worker to start');
      return cdc;
    },
    activities: (hub, more = {}) => {
      const activities = createActivities({ hub, database: pool, entities: ENTITIES, ...more });
      closing.push(() => within(activities.close(), 'the activities to close'));
      return activities;
    },
    rows: async (company) => (await sql(`SELECT action, entity_type, entity_id FROM pathcast.activities WHERE company_id = '${company}' ORDER BY seq`)).map((row) => row.join(' ')),
  };
}

/** What `npm run demo:postgres` runs: `--rounds N` writes of each writer, one after the other, and a table. */
import { parseArgs } from 'node:util';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { LogicalReplicationService, PgoutputPlugin, type Pgoutput } from 'pg-logical-replication';
import type { Page } from 'playwright-core';
import { pages } from '../../../lib/reference/postgres/schema.js';
import { Browser } from '../../reference/support/browser.js';
import { NodeProcess } from '../../reference/support/node.js';
import { loginAt, pagesApi, tx } from '../../reference/support/postgres.js';
import { PostgresServer } from '../../support/postgres.js';
import { prismaOf } from '../../support/prisma.js';
import { RedisServer } from '../../support/redis.js';
import { waitFor } from '../../support/wait.js';

const COMPANY = 'meadow-shared';
/** Not counted: connections are made, code is compiled. */
const WARM_UP = 5;

/** What Ada's list shows and when it did, in the page: by `title`, and by `title: attachments`. Unix ms. */
const watch = (): void => {
  const seen: Record<string, number> = {};
  (window as unknown as { seen: typeof seen }).seen = seen;
  const look = (): void => {
    const now = performance.timeOrigin + performance.now();
    for (const row of document.querySelectorAll('[data-pane=ada] [data-page]')) {
      const title = row.getAttribute('data-page') ?? '';
      seen[title] ??= now;
      seen[`${title}: ${row.querySelector('.clip')?.textContent?.trim() ?? '0'}`] ??= now;
    }
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  look();
};
const seenAt = (screen: Page, key: string): Promise<number | undefined> => screen.evaluate((name) => (window as unknown as { seen: Record<string, number> }).seen[name], key);

interface Round {
  /** From the commit to each screen, ms. */
  screens: number[];
  /** From the commit to a bare reader of the WAL, ms. */
  wal: number;
}

const quantile = (values: readonly number[], part: number): number => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? NaN;
const shown = (ms: number): string => ms.toFixed(1).padStart(8);

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' } } });
  const rounds = Number(values.rounds);
  // A disk that answers at once is none: what a commit takes is not measured, only what comes after it.
  const [postgres, redis] = await Promise.all([PostgresServer.start({ settings: { track_commit_timestamp: 'on' } }), RedisServer.start()]);
  const url = postgres.url();
  const env = { PATHCAST_POSTGRES_URL: url, PATHCAST_REDIS_URL: redis.unixUrl(), LOG_LEVEL: 'info' };
  const nodes = await Promise.all([NodeProcess.start(env), NodeProcess.start(env)]);
  const browsers: Browser[] = [];
  const pool = new Pool({ connectionString: url });
  const prisma = prismaOf(url);
  const reader = new LogicalReplicationService({ connectionString: url }, { acknowledge: { auto: true, timeoutSeconds: 5 } });
  try {
    const screens: Page[] = [];
    for (const node of nodes) {
      const browser = await Browser.launch();
      browsers.push(browser);
      const screen = await browser.page();
      await screen.goto(`${node.url}/`);
      await screen.locator('[data-pane=ada] [data-page=Speeches]').waitFor();
      await screen.evaluate(watch);
      screens.push(screen);
    }
    // By transaction: when a reader that does nothing else had its commit.
    const readAt = new Map<number, number>();
    let open = 0;
    await pool.query("SELECT pg_create_logical_replication_slot('bare', 'pgoutput')");
    reader.on('data', (_lsn: string, message: Pgoutput.Message) => {
      if (message.tag === 'begin') open = message.xid;
      if (message.tag === 'commit') readAt.set(open, performance.timeOrigin + performance.now());
    });
    const started = new Promise<void>((resolve) => reader.once('start', resolve));
    void reader.subscribe(new PgoutputPlugin({ protoVersion: 1, publicationNames: ['pathcast_reference'] }), 'bare').catch(() => undefined);
    await started;

    const node = nodes[0]?.url ?? '';
    const api = pagesApi(node, await loginAt(node, COMPANY, 'script'));
    const db = drizzle(pool);
    await pool.query("INSERT INTO pages (company_id, id, title) VALUES ($1, 'touched', 'Touched')", [COMPANY]);
    let attached = 0;
    const writers: Record<string, (title: string, id: string) => Promise<{ key: string; row: string }>> = {
      'the app': async (title, id) => (await api.pages.create.mutate({ id, title, tx: tx() }), { key: title, row: `pages WHERE id = '${id}'` }),
      psql: async (title, id) => (await postgres.sql(`INSERT INTO pages (company_id, id, title) VALUES ('${COMPANY}', '${id}', '${title}')`), { key: title, row: `pages WHERE id = '${id}'` }),
      Drizzle: async (title, id) => (await db.insert(pages).values({ companyId: COMPANY, id, title }), { key: title, row: `pages WHERE id = '${id}'` }),
      Prisma: async (title, id) => (await prisma.page.create({ data: { companyId: COMPANY, id, title } }), { key: title, row: `pages WHERE id = '${id}'` }),
      'a trigger': async (_title, id) => {
        await pool.query("INSERT INTO attachments (company_id, page_id, id, name) VALUES ($1, 'touched', $2, 'a.txt')", [COMPANY, id]);
        attached += 1;
        return { key: `Touched: ${String(attached)}`, row: `attachments WHERE id = '${id}'` };
      },
    };

    console.log(`${String(rounds)} writes of each, one after the other; ms from the commit\n`);
    console.log('writer        WAL p50     p99   screen p50     p99   worst');
    for (const [name, write] of Object.entries(writers)) {
      const measured: Round[] = [];
      for (let nth = -WARM_UP; nth < rounds; nth++) {
        const id = `${name.replace(/\W/g, '')}-${String(nth)}`;
        const { key, row } = await write(`${name} ${String(nth)}`, id);
        const { rows } = await pool.query<{ at: string; xid: string }>(`SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS at, xmin::text AS xid FROM ${row}`);
        const committed = Number(rows[0]?.at);
        const times = await Promise.all(screens.map((screen) => waitFor(() => seenAt(screen, key), `${key} on the screen`)));
        const wal = await waitFor(() => readAt.get(Number(rows[0]?.xid)), 'the reader to have it');
        // Few rows on the screen, as in an app.
        await pool.query("DELETE FROM pages WHERE id <> 'touched' AND id NOT LIKE 'demo-%'");
        if (nth >= 0) measured.push({ screens: times.map((at) => at - committed), wal: wal - committed });
      }
      const all = measured.flatMap((round) => round.screens);
      const wal = measured.map((round) => round.wal);
      console.log(`${name.padEnd(12)}${shown(quantile(wal, 0.5))}${shown(quantile(wal, 0.99))}     ${shown(quantile(all, 0.5))}${shown(quantile(all, 0.99))}${shown(Math.max(...all))}`);
    }
  } finally {
    await reader.destroy().catch(() => undefined);
    await prisma.$disconnect();
    await pool.end();
    for (const browser of browsers) await browser.close();
    for (const one of nodes) await one.kill();
    await redis.end();
    await postgres.end();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

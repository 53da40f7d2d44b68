/**
 * Two nodes of the reference server on one PostgreSQL and one Redis, each with a browser of its own. Whoever writes a row (the app, psql, a shell job, Drizzle,
 * Prisma, a trigger), it is on both screens; two people who change one field choose; a node that is killed takes nothing with it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Locator, Page } from 'playwright-core';
import { Pool } from 'pg';
import { pages } from '../../lib/reference/postgres/schema.js';
import { endChild } from '../support/child.js';
import { PostgresServer } from '../support/postgres.js';
import { prismaOf } from '../support/prisma.js';
import { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait.js';
import { Browser } from './support/browser.js';
import { NodeProcess } from './support/node.js';
import { databaseOf, loginAt, pagesApi, tx } from './support/postgres.js';

jest.setTimeout(300_000);

/** A worker that died is missed by PostgreSQL when its connection ends, and the next one asks each second or so. */
const TAKEN_OVER_WITHIN_MS = 60_000;
const COMPANY = 'meadow-shared';

let postgres: PostgresServer;
let redis: RedisServer;
let url: string;
let sql: (text: string) => Promise<string[][]>;
let nodes: NodeProcess[] = [];
const browsers: Browser[] = [];
const screens: Page[] = [];

beforeAll(async () => {
  [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
  ({ url, sql } = await databaseOf(postgres, 'reference'));
  const env = { PATHCAST_POSTGRES_URL: url, PATHCAST_REDIS_URL: redis.unixUrl() };
  nodes = await Promise.all([NodeProcess.start(env), NodeProcess.start(env)]);
  for (const node of nodes) {
    const browser = await Browser.launch();
    browsers.push(browser);
    const page = await browser.page();
    // What is to be seen is seen by the other: a page that nobody looks at may be slow.
    await page.goto(`${node.url}/`);
    screens.push(page);
  }
  for (const who of ['ada', 'bilal', 'chen']) for (const screen of screens) await live(screen, who);
});
afterAll(async () => {
  for (const browser of browsers) await browser.close();
  for (const node of nodes) await node.kill();
  await redis?.end();
  await postgres?.end();
});

const pane = (screen: Page, who: string): Locator => screen.locator(`[data-pane=${who}]`);
const row = (screen: Page, who: string, title: string): Locator => pane(screen, who).locator(`[data-page="${title}"]`);
const editor = (screen: Page, who: string): Locator => pane(screen, who).getByTestId('editor');
const button = (place: Locator, name: string): Locator => place.getByRole('button', { name, exact: true });

async function live(screen: Page, who: string): Promise<void> {
  await waitFor(async () => ((await pane(screen, who).getByTestId('status').textContent()) ?? '').trim() === 'Live', `${who} to be live`);
  await pane(screen, who).getByTestId('page-count').getByText(/\d/).waitFor();
}

/** On both screens, and of one company alone. */
async function isSeen(title: string): Promise<void> {
  for (const screen of screens) for (const who of ['ada', 'bilal']) await row(screen, who, title).waitFor();
  for (const screen of screens) expect(await row(screen, 'chen', title).count()).toBe(0);
}

async function open(screen: Page, who: string, title: string): Promise<void> {
  await screen.bringToFront();
  await row(screen, who, title).locator('.page-open').click();
  await editor(screen, who).getByLabel(/^Title/).waitFor();
}

const field = (screen: Page, who: string, label: 'Title' | 'Text'): Locator => editor(screen, who).getByLabel(new RegExp(`^${label}`));

/** A shell script on a timer, as cron runs one: it writes each second, and once at its start. */
function startJob(): ChildProcess {
  const statement = `UPDATE pages SET title = 'Checked by the job' WHERE company_id = '${COMPANY}' AND id = 'demo-rain'`;
  return spawn('sh', ['-c', `while true; do psql -q -X "$1" -c "$2"; sleep 1; done`, 'job', url, statement], { stdio: 'ignore' });
}

test('a server that has a PostgreSQL shows pages; one reads, the other waits', async () => {
  for (const screen of screens) for (const who of ['ada', 'bilal', 'chen']) await row(screen, who, 'Speeches').waitFor();
  await waitFor(() => nodes.map(({ worker }) => worker).sort().join() === 'standby,streaming', 'one worker to read, and one to wait');
});

describe('each writer is seen by two browsers at two nodes', () => {
  test('the app itself: a page that is added at one screen', async () => {
    const [first] = screens as [Page];
    await first.bringToFront();
    await pane(first, 'ada').getByLabel('Title of a new page').fill('By the app');
    await button(pane(first, 'ada'), 'Add page').click();
    await isSeen('By the app');
  });

  test('psql', async () => {
    await sql(`UPDATE pages SET title = 'By psql' WHERE company_id = '${COMPANY}' AND id = 'demo-speeches'`);
    await isSeen('By psql');
    for (const screen of screens) await row(screen, 'ada', 'By psql').getByText('postgres').waitFor();
  });

  test('a job of the shell', async () => {
    const job = startJob();
    try {
      await isSeen('Checked by the job');
    } finally {
      await endChild(job);
    }
  });

  test('Drizzle', async () => {
    const pool = new Pool({ connectionString: url });
    try {
      await drizzle(pool).update(pages).set({ title: 'By Drizzle' }).where(eq(pages.id, 'demo-music'));
      for (const screen of screens) for (const who of ['ada', 'bilal', 'chen']) await row(screen, who, 'By Drizzle').waitFor();
    } finally {
      await pool.end();
    }
  });

  test('Prisma', async () => {
    const prisma = prismaOf(url);
    try {
      await prisma.page.create({ data: { id: 'prisma', companyId: COMPANY, title: 'By Prisma' } });
      await isSeen('By Prisma');
    } finally {
      await prisma.$disconnect();
    }
  });

  test('a trigger: an attachment that psql adds is a change of its page', async () => {
    await sql(`INSERT INTO pages (company_id, id, title) VALUES ('${COMPANY}', 'touched', 'Touched')`);
    await isSeen('Touched');
    for (const screen of screens) await open(screen, 'ada', 'Touched');
    await sql("INSERT INTO pages (company_id, id, title) VALUES ('harbour-shared', 'later', 'Later'), ('meadow-shared', 'later', 'Later')");
    for (const screen of screens) await pane(screen, 'ada').locator('.page').first().getByText('Later').waitFor();
    await sql(`INSERT INTO attachments (company_id, page_id, name, size) VALUES ('${COMPANY}', 'touched', 'by-hand.txt', 2048)`);
    for (const screen of screens) {
      await editor(screen, 'ada').locator('[data-file="by-hand.txt"]').waitFor();
      // First in the list again, with its attachment: by the trigger.
      await waitFor(async () => (await pane(screen, 'ada').locator('.page').first().getAttribute('data-page')) === 'Touched', 'the page to be first');
      await row(screen, 'ada', 'Touched').getByTitle('1 attachment').waitFor();
    }
    // It goes with its page, by the database.
    await sql("DELETE FROM pages WHERE id = 'touched'");
    for (const screen of screens) {
      await editor(screen, 'ada').getByText('This page was deleted.').waitFor();
      await button(editor(screen, 'ada'), 'Close').first().click();
      await row(screen, 'ada', 'Touched').waitFor({ state: 'detached' });
    }
  });
});

test('two people who change one field: the second sees both values, and chooses', async () => {
  const [first, second] = screens as [Page, Page];
  const api = pagesApi(nodes[0]?.url ?? '', await loginAt(nodes[0]?.url ?? '', COMPANY, 'script'));
  await api.pages.create.mutate({ id: 'fought', title: 'Fought over', body: 'Text', tx: tx() });
  await isSeen('Fought over');
  await open(first, 'ada', 'Fought over');
  await open(second, 'bilal', 'Fought over');

  // Bilal writes while Ada does, each at a node and in a browser of their own.
  await field(second, 'bilal', 'Title').fill("Bilal's");
  await field(second, 'bilal', 'Text').fill("Bilal's text");
  await field(first, 'ada', 'Title').fill("Ada's");
  await button(editor(first, 'ada'), 'Save').click();
  await isSeen("Ada's");
  await editor(second, 'bilal').getByTestId('meanwhile').getByText('changed meanwhile by ada').waitFor();
  await button(editor(second, 'bilal'), 'Save').click();
  const conflict = editor(second, 'bilal').getByLabel('Conflict: Title');
  await conflict.waitFor();
  expect((await conflict.locator('.side .text').allTextContents()).slice(0, 3)).toEqual(['Fought over', "Bilal's", "Ada's"]);
  expect(await conflict.textContent()).toContain('By ada');
  // Nothing of it was done, the other field neither.
  expect((await api.pages.getById.query({ id: 'fought' }))?.page).toMatchObject({ title: "Ada's", body: 'Text' });

  // By keyboard: who has chosen is in the field, and not at the beginning of the page.
  await button(conflict, 'Keep yours').focus();
  await second.keyboard.press('Enter');
  await isSeen("Bilal's");
  expect(await second.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('title');
  await waitFor(async () => (await field(first, 'ada', 'Text').inputValue()) === "Bilal's text", "Ada's screen to have the text");
  expect(await field(first, 'ada', 'Title').inputValue()).toBe("Bilal's");
  expect((await api.pages.getById.query({ id: 'fought' }))?.page).toMatchObject({ title: "Bilal's", body: "Bilal's text", updatedBy: 'bilal' });

  // What psql writes is a conflict too. Taking theirs leaves it as it is.
  await field(first, 'ada', 'Title').fill("Ada's again");
  await sql(`UPDATE pages SET title = 'By hand' WHERE id = 'fought'`);
  await editor(first, 'ada').getByTestId('meanwhile').getByText('changed meanwhile by postgres').waitFor();
  await button(editor(first, 'ada'), 'Save').click();
  await button(editor(first, 'ada').getByLabel('Conflict: Title'), 'Take this one').click();
  await waitFor(async () => (await field(first, 'ada', 'Title').inputValue()) === 'By hand', "Ada's field to have what is there");
  await editor(first, 'ada').getByTestId('conflicts').waitFor({ state: 'detached' });
  await isSeen('By hand');
  for (const [screen, who] of [[first, 'ada'], [second, 'bilal']] as const) await button(editor(screen, who), 'Close').click();
});

test('fields that two people change at the same time merge, and nobody is asked', async () => {
  const [first, second] = screens as [Page, Page];
  await sql(`INSERT INTO pages (company_id, id, title, body) VALUES ('${COMPANY}', 'merged', 'Merged', 'Text')`);
  await isSeen('Merged');
  await open(first, 'ada', 'Merged');
  await open(second, 'bilal', 'Merged');
  await field(first, 'ada', 'Title').fill('Merged title');
  await field(second, 'bilal', 'Text').fill('Merged text');
  await button(editor(first, 'ada'), 'Save').click();
  await isSeen('Merged title');
  await button(editor(second, 'bilal'), 'Save').click();
  await waitFor(async () => (await field(first, 'ada', 'Text').inputValue()) === 'Merged text', 'both to be merged');
  expect(await field(second, 'bilal', 'Title').inputValue()).toBe('Merged title');
  for (const [screen, who] of [[first, 'ada'], [second, 'bilal']] as const) {
    expect(await editor(screen, who).getByTestId('conflicts').count()).toBe(0);
    await button(editor(screen, who), 'Close').click();
  }
});

test('an answer that is lost: it is sent again by itself and is one page, and who adds another one of the same title has two', async () => {
  const [first] = screens as [Page];
  await first.bringToFront();
  const pages = pane(first, 'ada').locator('[data-page="Sent twice"]');
  const add = async (): Promise<void> => {
    await pane(first, 'ada').getByLabel('Title of a new page').fill('Sent twice');
    await button(pane(first, 'ada'), 'Add page').click();
  };
  const saved = (): Promise<void> => pane(first, 'ada').getByTestId('outbox').getByText('All saved').waitFor();
  let lost = 0;
  await first.route('**/trpc/pages.create**', async (route) => {
    // It is done, and the browser does not hear of it.
    await route.fetch();
    lost += 1;
    await route.abort();
  });
  await add();
  await waitFor(() => lost > 0, 'the answer to be lost');
  // On the screen with its mark, from the moment that it was done.
  await pages.getByTestId('pending').waitFor();
  await first.unroute('**/trpc/pages.create**');
  await saved();
  const count = async (): Promise<string> => (await sql("SELECT count(*) FROM pages WHERE title = 'Sent twice'"))[0]?.[0] ?? '';
  expect([await count(), await pages.count(), await pages.getByTestId('pending').count()]).toEqual(['1', 1, 0]);
  await add();
  await waitFor(async () => (await count()) === '2', 'the second one');
  await saved();
  expect(await pages.count()).toBe(2);
});

test('who writes on while it is saved has no conflict with himself, and keeps what he has written', async () => {
  const [first] = screens as [Page];
  await sql(`INSERT INTO pages (company_id, id, title, body) VALUES ('${COMPANY}', 'on', 'Written on', 'Text')`);
  await isSeen('Written on');
  await open(first, 'ada', 'Written on');
  /** The answer comes when it is let through. */
  const hold = async (procedure: string): Promise<() => Promise<void>> => {
    let go = (): void => undefined;
    let answered = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const isAnswered = new Promise<void>((resolve) => (answered = resolve));
    await first.route(`**/trpc/${procedure}**`, async (route) => {
      const response = await route.fetch();
      await held;
      await route.fulfill({ response });
      answered();
    });
    return async () => {
      go();
      await isAnswered;
      await first.unroute(`**/trpc/${procedure}**`);
    };
  };

  const title = field(first, 'ada', 'Title');
  await title.fill('Written on, once');
  const save = await hold('pages.update');
  await button(editor(first, 'ada'), 'Save').click();
  await title.fill('Written on, twice');
  await isSeen('Written on, once');
  await save();
  await editor(first, 'ada').getByTestId('meanwhile').waitFor({ state: 'detached' });
  expect(await title.inputValue()).toBe('Written on, twice');
  await button(editor(first, 'ada'), 'Save').click();
  await isSeen('Written on, twice');
  expect(await editor(first, 'ada').getByTestId('conflicts').count()).toBe(0);

  // And nothing of the next title is cleared by the answer to this one.
  const name = pane(first, 'ada').getByLabel('Title of a new page');
  const create = await hold('pages.create');
  await name.fill('Added first');
  await name.press('Enter');
  await name.fill('Added second');
  await create();
  await waitFor(async () => (await field(first, 'ada', 'Title').inputValue()) === 'Added first', 'the new page to be open');
  expect(await name.inputValue()).toBe('Added second');
  await name.fill('');
  await button(editor(first, 'ada'), 'Close').click();
});

test('with an open page every control has a name, and nothing is wider than a phone', async () => {
  const [first] = screens as [Page];
  await open(first, 'chen', 'By Drizzle');
  await editor(first, 'chen').locator('[data-file="wish-list.txt"]').waitFor();
  const size = first.viewportSize();
  await first.setViewportSize({ width: 375, height: 800 });
  const unnamed = await first.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, a, input, textarea')]
      .filter((element) => `${element.getAttribute('aria-label') ?? ''}${element.textContent ?? ''}${element.closest('label')?.textContent ?? ''}`.trim() === '')
      .map((element) => element.outerHTML),
  );
  expect(unnamed).toEqual([]);
  expect(await first.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
  await first.setViewportSize(size ?? { width: 1440, height: 1000 });
  await button(editor(first, 'chen'), 'Close').click();
});

test('the pages did not complain, but of what a server has refused, and of the answer that was lost', () => {
  const complaints = browsers.flatMap((browser) => browser.complaints).filter((text) => !/409|ERR_FAILED/.test(text));
  expect(complaints).toEqual([]);
});

test('a node that reads is killed while psql writes: the other one takes over, and its browser misses nothing', async () => {
  const at = nodes.findIndex(({ worker }) => worker === 'streaming');
  const left = 1 - at;
  const screen = screens[left] as Page;
  // Written before, while and after it dies; each is a commit of its own.
  const titles = Array.from({ length: 12 }, (_, nth) => `Written ${String(nth)}`);
  for (const [nth, title] of titles.entries()) {
    if (nth === 4) await nodes[at]?.kill();
    await sql(`INSERT INTO pages (company_id, id, title) VALUES ('${COMPANY}', 'killed-${String(nth)}', '${title}')`);
  }
  await waitFor(() => nodes[left]?.worker === 'streaming', 'the other worker to take over', TAKEN_OVER_WITHIN_MS);
  await button(pane(screen, 'ada'), `${String((await sql(`SELECT count(*) - 6 FROM pages WHERE company_id = '${COMPANY}'`))[0]?.[0])} more pages`).click();
  for (const title of titles) await row(screen, 'ada', title).waitFor();
  expect(nodes[left]?.output).not.toContain('changes may be missing');
  await live(screen, 'ada');
});

/**
 * What `npm run demo:offline` runs: Ada is on a train and Bilal in the office, each with a Chromium. In a tunnel (the network is cut by the browser's own protocol)
 * she makes three edits, and he changes two of the same pages. It prints what happened, and ends with an error where something else did.
 * `--screenshots FOLDER` keeps pictures of badge, marks and conflict at three widths.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { Pool } from 'pg';
import type { CDPSession, Locator, Page } from 'playwright-core';
import { Browser } from '../../reference/support/browser.js';
import { NodeProcess } from '../../reference/support/node.js';
import { PostgresServer } from '../../support/postgres.js';
import { waitFor } from '../../support/wait.js';

const COMPANY = 'meadow-train';
const WIDTHS = [360, 768, 1280] as const;
const { values: options } = parseArgs({ options: { screenshots: { type: 'string' } } });

const begun = Date.now();
const say = (text: string): void => console.log(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);

function expectIs(what: string, is: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(is, expected)) throw new Error(`${what}: ${JSON.stringify(is)}, expected ${JSON.stringify(expected)}`);
}

/** One person's pane of one screen. */
class Person {
  #session: CDPSession | undefined;

  private constructor(
    readonly name: string,
    readonly screen: Page,
    private readonly pane: Locator,
  ) {}

  static async at(url: string, name: string, browser: Browser): Promise<Person> {
    const screen = await browser.page();
    await screen.goto(`${url}/#train`);
    const person = new Person(name, screen, screen.locator(`[data-pane=${name}]`));
    await person.row('Speeches').waitFor();
    await person.badge('All saved');
    return person;
  }

  row(title: string): Locator {
    return this.pane.locator(`[data-page="${title}"]`);
  }

  get editor(): Locator {
    return this.pane.getByTestId('editor');
  }

  get conflict(): Locator {
    return this.pane.getByTestId('conflicts');
  }

  button(place: Locator, name: string): Locator {
    return place.getByRole('button', { name, exact: true });
  }

  async open(title: string): Promise<void> {
    await this.row(title).locator('.page-open').click();
    await this.editor.getByLabel(/^Title/).waitFor();
  }

  close(): Promise<void> {
    return this.button(this.editor, 'Close').click();
  }

  async edit(title: string, label: 'Title' | 'Text', text: string): Promise<void> {
    await this.open(title);
    await this.editor.getByLabel(new RegExp(`^${label}`)).fill(text);
    await this.button(this.editor, 'Save').click();
    await waitFor(() => this.button(this.editor, 'Save').isDisabled(), 'it to be kept');
    await this.close();
  }

  async add(title: string): Promise<void> {
    await this.pane.getByLabel('Title of a new page').fill(title);
    await this.button(this.pane, 'Add page').click();
    await this.row(title).waitFor();
    await this.close();
  }

  async badge(words: string): Promise<void> {
    await this.pane.getByTestId('outbox').getByText(words, { exact: true }).waitFor();
  }

  /** The name of what has the focus. */
  focus(): Promise<string | null> {
    return this.screen.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? null);
  }

  /** The titles of the rows that are marked. */
  async marked(): Promise<(string | null)[]> {
    const rows = await this.pane.locator('[data-page]:has([data-testid=pending])').all();
    return Promise.all(rows.map((row) => row.getAttribute('data-page')));
  }

  /** By the browser's own protocol: all that this page has open ends, and nothing new begins. */
  async cut(offline: boolean): Promise<void> {
    // One session for both: a page is as each session that it has says.
    this.#session ??= await this.screen.context().newCDPSession(this.screen);
    await this.#session.send('Network.enable');
    await this.#session.send('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  }

  async picture(name: string): Promise<void> {
    const folder = options.screenshots;
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    const size = this.screen.viewportSize();
    for (const width of WIDTHS) {
      await this.screen.setViewportSize({ width, height: 900 });
      await this.pane.locator('.pages').screenshot({ path: path.join(folder, `${name}-${String(width)}.png`) });
    }
    if (size) await this.screen.setViewportSize(size);
  }
}

async function scene(url: string, pool: Pool, browsers: readonly [Browser, Browser]): Promise<void> {
  const rowsOf = async (): Promise<Record<string, { title: string; body: string; by: string }>> => {
    const { rows } = await pool.query<{ id: string; title: string; body: string; by: string }>('SELECT id, title, body, updated_by AS by FROM pages WHERE company_id = $1', [COMPANY]);
    return Object.fromEntries(rows.map(({ id, ...row }) => [id, row]));
  };
  const [ada, bilal] = [await Person.at(url, 'ada', browsers[0]), await Person.at(url, 'bilal', browsers[1])];
  const before = await rowsOf();
  const speeches = before['demo-speeches']?.title ?? '';
  say('Ada is on the train, Bilal in the office; both see the same pages');
  for (const title of ['Music', 'Speeches']) {
    await ada.open(title);
    await ada.close();
  }

  await ada.cut(true);
  await ada.badge('Offline');
  say('The train is in a tunnel: her badge says "Offline"');
  await ada.edit('Speeches', 'Title', 'Speeches, short ones');
  await ada.edit('Music', 'Text', 'The band plays until two.');
  await ada.add('Notes from the train');
  await ada.badge('Offline, 3 changes kept here');
  expectIs('the marked rows', new Set(await ada.marked()), new Set(['Notes from the train', 'Speeches, short ones', 'Music']));
  say('Ada makes three edits: a title, a text, a new page. Each is on her screen with a mark, and none at the server');
  expectIs('the rows of the database', await rowsOf(), before);
  await ada.picture('tunnel');

  await bilal.edit('Speeches', 'Title', 'Speeches after dinner');
  await bilal.edit('Music', 'Title', 'Music and dance');
  await bilal.badge('All saved');
  say('Bilal changes the title of both pages meanwhile');

  await ada.cut(false);
  const back = Date.now();
  await ada.badge('1 change needs you');
  await ada.conflict.waitFor();
  const sides = await ada.conflict.locator('.side .text').allTextContents();
  expectIs('was, hers, his', sides, [speeches, 'Speeches, short ones', 'Speeches after dinner']);
  say(`Out of the tunnel: after ${String(Date.now() - back)} ms one conflict, with what it was ("${sides.join('", "')}")`);
  await ada.picture('conflict');

  const merged = await waitFor(async () => {
    const rows = await rowsOf();
    return Object.values(rows).some(({ title }) => title === 'Notes from the train') && rows['demo-music']?.body === 'The band plays until two.' ? rows : undefined;
  }, 'the other two to be done');
  expectIs('the page that both have changed', merged['demo-music']?.title, 'Music and dance');
  expectIs('the page in conflict', merged['demo-speeches']?.title, 'Speeches after dinner');
  say('The other two went through: his title and her text are one page, and nobody was asked');

  // By keyboard: the button goes, and who pressed it goes on in what it opened.
  await ada.button(ada.conflict, 'Write one of both').press('Enter');
  await waitFor(async () => (await ada.focus()) === 'Title of both', 'the focus to be in the text of both');
  await ada.conflict.getByLabel('Title of both').fill('Short speeches after dinner');
  await ada.picture('merge');
  await ada.button(ada.conflict, 'Merge').press('Enter');
  await ada.badge('All saved');
  expectIs('the focus', await ada.focus(), 'Pages');
  for (const person of [ada, bilal]) await person.row('Short speeches after dinner').waitFor();
  expectIs('the marked rows', await ada.marked(), []);
  say('Ada writes one of both: "Short speeches after dinner" is on both screens');
  await ada.picture('saved');

  const after = await rowsOf();
  expectIs('the page', after['demo-speeches']?.title, 'Short speeches after dinner');
  expectIs('by whom', after['demo-speeches']?.by, 'ada');
  expectIs('how many pages', Object.keys(after).length, Object.keys(before).length + 1);
  const { rows } = await pool.query<{ count: number }>("SELECT count(*)::int AS count FROM pages WHERE company_id = $1 AND title = 'Notes from the train'", [COMPANY]);
  expectIs('new pages', rows[0]?.count, 1);
  say('Three edits, each done once: one conflict, one merge, one new page');
}

async function main(): Promise<void> {
  const postgres = await PostgresServer.start();
  const browsers: Browser[] = [];
  const pool = new Pool({ connectionString: postgres.url() });
  let node: NodeProcess | undefined;
  try {
    node = await NodeProcess.start({ PATHCAST_POSTGRES_URL: postgres.url() });
    for (let i = 0; i < 2; i++) browsers.push(await Browser.launch());
    await scene(node.url, pool, browsers as [Browser, Browser]);
  } finally {
    await pool.end();
    for (const browser of browsers) await browser.close();
    await node?.kill();
    await postgres.end();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

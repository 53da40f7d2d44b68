/**
 * More than one copy of the client: the package's ES module and its CommonJS one in one page, and tabs of the bundle before this one beside
 * tabs of today's. They have one instance, and one stream.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Chromium } from '../support/chromium/chromium.js';
import { waitFor } from '../support/wait.js';
import { bundle } from './support/bundle.js';
import type { Page } from './support/pages.js';
import { leaderOf, openPages } from './support/pages.js';
import { CLIENT_PAGE, COMPANY, Site } from './support/site.js';

jest.setTimeout(60_000);

const root = path.resolve(__dirname, '../..');

/** Each with a handle of its own, of the same stream. */
const BOTH = `
  import { createSyncClient } from './dist/esm/client/index.js';
  const common = require('./dist/cjs/client/index.js').createSyncClient;
  const page = (globalThis.page = { heard: { module: [], common: [] } });
  const options = { url: '/sync/stream?user=both', companyId: '${COMPANY}', userId: 'both', since: SINCE };
  page.different = createSyncClient !== common;
  page.module = createSyncClient(options);
  page.common = common(options);
  for (const name of ['module', 'common']) page[name].subscribe((event) => page.heard[name].push(event.entityId ?? event.type));
`;

const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

/** The newest commit whose client is not the one that lies here; undefined: this checkout has no history that reaches so far. */
function before(): string | undefined {
  try {
    if (git('status', '--porcelain', '--', 'lib/client') !== '') return git('rev-parse', 'HEAD');
    // The oldest commit of a shallow clone looks as if it had made everything: it has no parent here.
    return git('rev-parse', '--verify', `${git('log', '-1', '--format=%H', '--', 'lib/client')}~1`);
  } catch {
    return undefined;
  }
}

const OLDER = before();
if (OLDER === undefined) process.stderr.write('copies.test: this checkout has no older client (a shallow clone: `git fetch --unshallow`), so two bundles of today meet\n');

let folder: string | undefined;
let chromium: Chromium;
let site: Site;
beforeAll(async () => {
  // Without a history it is today's, bundled a second time.
  const scripts: Record<string, string> = { '/both.js': await bundle(BOTH), '/older.js': await bundle(CLIENT_PAGE) };
  if (OLDER !== undefined) {
    folder = mkdtempSync(path.join(os.tmpdir(), 'pathcast-older-'));
    execFileSync('sh', ['-c', 'git archive "$0" lib/client lib/protocol | tar -x -C "$1"', OLDER, folder], { cwd: root });
    scripts['/older.js'] = await bundle(CLIENT_PAGE.replace('./lib/', `${folder}/lib/`));
  }
  [chromium, site] = await Promise.all([Chromium.launch(), Site.start({ scripts })]);
});
afterAll(async () => {
  await chromium?.close();
  await site?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

test('the ES module and the CommonJS one in one page are one instance, with one stream', async () => {
  const connects = site.connects;
  const tab = await chromium.open(`${site.url}/?script=/both.js`);
  await tab.until('page.module.status.state === "live" && page.common.status.state === "live"');
  expect(await tab.evaluate('page.different')).toBe(true);
  expect(await tab.evaluate('page.module.sourceId === page.common.sourceId')).toBe(true);
  await site.publish();
  const first = String(site.published);
  await tab.until(`Object.values(page.heard).every((heard) => heard.includes('${first}'))`);
  // The handle that made it goes; the other copy's keeps it.
  await tab.evaluate('page.module.close()');
  await tab.until('page.module.status.state === "closed"');
  await site.publish();
  await tab.until(`page.heard.common.includes('${site.published}')`);
  expect(await tab.evaluate('page.heard')).toEqual({ module: [first], common: [first, String(site.published)] });
  expect([site.connects - connects, await site.streamsOf('both')]).toEqual([1, 1]);
  await tab.evaluate('page.common.close()');
  await site.settled('both', 0);
  expect(site.connects - connects).toBe(1);
  await tab.close();
});

test(`tabs of ${OLDER === undefined ? 'a second bundle' : 'the bundle before this one'} and of today’s share a stream, and follow each other`, async () => {
  const query = (script: string) => ({ query: `?user=mixed&script=${script}` });
  const old = await openPages(chromium, site, 2, query('/older.js'));
  const fresh = await openPages(chromium, site, 2, query('/client.js'));
  const hear = async (pages: readonly Page[]): Promise<void> => {
    await site.publish(2);
    const last = site.published;
    for (const page of pages) await page.hears(last);
    for (const page of pages) expect(page.wrongs(last)).toEqual([]);
    await site.settled('mixed');
  };
  let open = [...old, ...fresh];
  await hear(open);
  // Each leader leaves, until one is left.
  while (open.length > 1) {
    const leader = await leaderOf(open);
    open = open.filter((page) => page !== leader);
    await leader.tab.close();
    await waitFor(async () => (await leaderOf(open)) !== leader, 'another one to lead');
    await hear(open);
  }
  for (const page of open) await page.tab.close();
});

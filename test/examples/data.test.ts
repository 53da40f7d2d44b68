/**
 * `--data`: the apps that `init` writes for Drizzle and for Prisma, with a real database. Another client hears a change, and the
 * data is there after a restart. Prisma's client is generated; its schema engine, which only migrations need, is not asked for: it
 * is downloaded from where a test must not depend on.
 */
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { root } from '../package/packed.js';
import { Browser } from '../reference/support/browser.js';
import { Workspace } from './support/app.js';
import { init } from './support/init.js';
import { GuestPage } from './support/page.js';

jest.setTimeout(360_000);

let workspace: Workspace;
let browser: Browser;
beforeAll(async () => {
  workspace = new Workspace();
  browser = await Browser.launch();
});
afterAll(async () => {
  await browser?.close();
  await workspace?.remove();
});

/** `prisma generate` would download it first; this is a program that is there and is never called. */
const NO_DOWNLOAD = { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true' };

test.each([
  ['fastify', 'drizzle'],
  ['express', 'drizzle'],
  ['fastify', 'prisma'],
  ['node', 'prisma'],
])('%s with %s: another client is heard, and what was written is there after a restart', async (framework, data) => {
  const folder = path.join(workspace.dir, `${framework}-${data}`);
  expect((await init(['--framework', framework, '--data', data, folder])).code).toBe(0);
  if (data === 'prisma') linkPrisma(folder);
  await workspace.build(folder, NO_DOWNLOAD);
  const first = await workspace.serve(folder);
  expect(first.output).toContain('(native engine)');
  const ann = await GuestPage.open(browser, first.url);
  const bob = await GuestPage.open(browser, first.url);
  await ann.isLive();
  await bob.isLive();
  await bob.add('Rose Alder');
  await ann.hears(/^insert guests\.getAll$/);
  await ann.shows('Rose Alder');
  expect(await first.stop()).toBe(0);

  const second = await workspace.serve(folder, first.port);
  await ann.hears(/^resync/);
  await ann.shows('Rose Alder');
  await ann.remove('Rose Alder');
  await bob.shows('Rose Alder', false);
  await ann.page.close();
  await bob.page.close();
  expect(await second.stop()).toBe(0);
});

/** What only Prisma's apps ask for, from where the set-up has installed it. */
function linkPrisma(folder: string): void {
  const installed = path.join(root, '.setup/example-packages/node_modules');
  const modules = path.join(folder, 'node_modules');
  mkdirSync(path.join(modules, '@prisma'), { recursive: true });
  mkdirSync(path.join(modules, '.bin'));
  for (const name of readdirSync(path.join(installed, '@prisma'))) symlinkSync(path.join(installed, '@prisma', name), path.join(modules, '@prisma', name));
  symlinkSync(path.join(installed, 'prisma'), path.join(modules, 'prisma'));
  symlinkSync(path.join(installed, '.bin/prisma'), path.join(modules, '.bin/prisma'));
}

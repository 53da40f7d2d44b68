/**
 * Each example as somebody gets it: copied out of the repository, with pathcast from the tarball. It is compiled and started;
 * a browser hears what another one did; the server is started again on the same port, and the browser hears the next thing.
 */
import path from 'node:path';
import { root } from '../package/packed.js';
import { Browser } from '../reference/support/browser.js';
import { filesIn, Workspace } from './support/app.js';
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

test.each(['fastify-trpc', 'express', 'hono', 'node-eventsource'])('%s: another client is heard, before and after a restart', async (example) => {
  const folder = workspace.copyOf(example);
  await workspace.build(folder);
  const first = await workspace.serve(folder);
  expect(first.output).toContain('(native engine)');

  const ann = await GuestPage.open(browser, first.url);
  const bob = await GuestPage.open(browser, first.url);
  await ann.isLive();
  await bob.isLive();
  await bob.add('Rose Alder');
  await ann.shows('Rose Alder');
  await ann.hears(/^insert guests\.getAll$/);
  await ann.fitsInto(320);
  await ann.remove('Rose Alder');
  await bob.shows('Rose Alder', false);
  await bob.hears(/^delete guests\.getAll$/);

  // It ends all the same.
  const ahead = await first.connectAhead();
  expect(await first.stop()).toBe(0);
  ahead.destroy();
  const second = await workspace.serve(folder, first.port);
  // What was in the server's memory is gone, its log too: the page is told that everything may be stale.
  await ann.hears(/^resync/);
  await ann.isLive();
  await bob.add('Theo Birch');
  await ann.shows('Theo Birch');
  expect((await ann.heard())[0]).toBe('insert guests.getAll');
  // Whether it was back before its own action or after it.
  await bob.shows('Theo Birch');
  expect(second.output).not.toContain('arning');
  await ann.page.close();
  await bob.page.close();
  expect(await second.stop()).toBe(0);
});

test('init from the tarball, as a program: templates and all', async () => {
  const program = 'node_modules/pathcast/bin/pathcast.mjs';
  const { code, output } = await workspace.run(workspace.dir, process.execPath, [program, 'init', '--framework', 'node', 'app']);
  expect([code, output]).toEqual([0, expect.stringContaining('Wrote an app in app: plain Node and EventSource, data in memory.')]);
  const written = filesIn(path.join(workspace.dir, 'app'));
  const manifest = written.get('package.json')?.replace('"name": "app"', '"name": "node-eventsource"') ?? '';
  expect(new Map(written).set('package.json', manifest)).toEqual(filesIn(path.join(root, 'examples/node-eventsource')));
});

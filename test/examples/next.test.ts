/**
 * The Next example, from the tarball: a production build, the native engine, server actions that another browser hears, a restart.
 * Turbopack follows no links out of the app's folder, so the packages lie inside, as an install puts them.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { root } from '../package/packed.js';
import { Browser } from '../reference/support/browser.js';
import { Workspace } from './support/app.js';
import { GuestPage } from './support/page.js';

jest.setTimeout(480_000);

const NEXT = 'node_modules/next/dist/bin/next';
/** Of the folder that they share with Next; nothing of it is asked for here. */
const PRISMAS = /^(@prisma|prisma|effect|@electric-sql|@libsql|libsql|mysql2)$/;
const QUIET = { NEXT_TELEMETRY_DISABLED: '1' };

let workspace: Workspace;
let folder: string;
beforeAll(() => {
  // On the same file system as the packages, which are linked file by file.
  workspace = new Workspace(path.join(root, '.setup'));
  folder = workspace.copyOf('next');
  const modules = path.join(folder, 'node_modules');
  mkdirSync(modules);
  const installed = path.join(root, '.setup/example-packages/node_modules');
  const names = readdirSync(installed).filter((name) => !name.startsWith('.') && !PRISMAS.test(name));
  execFileSync('cp', ['-al', ...names.map((name) => path.join(installed, name)), modules]);
  cpSync(path.join(workspace.dir, 'node_modules/pathcast'), path.join(modules, 'pathcast'), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) cpSync(path.join(root, 'node_modules', name), path.join(modules, name), { recursive: true });
});
afterAll(() => workspace?.remove());

test('production: a server action is heard by another browser, before and after a restart', async () => {
  const built = await workspace.run(folder, process.execPath, [NEXT, 'build'], QUIET);
  expect([built.code, built.output]).toEqual([0, expect.stringMatching(/ƒ \/sync\/stream/)]);
  const browser = await Browser.launch();
  try {
    const first = await workspace.serve(folder, 0, [NEXT, 'start'], QUIET);
    await first.said(/pathcast: native engine/);
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

    const ahead = await first.connectAhead();
    await first.stop();
    ahead.destroy();
    const second = await workspace.serve(folder, first.port, [NEXT, 'start'], QUIET);
    await ann.hears(/^resync/);
    await bob.isLive();
    await bob.add('Theo Birch');
    await ann.shows('Theo Birch');
    expect((await ann.heard())[0]).toBe('insert guests.getAll');
    expect(second.output).not.toContain('arning');
    await second.stop();
  } finally {
    await browser.close();
  }
});

test('without serverExternalPackages it runs on the JavaScript engine, and says what to configure', async () => {
  const config = path.join(folder, 'next.config.ts');
  const text = readFileSync(config, 'utf8');
  const bundled = text.replace(/^.*serverExternalPackages.*\n/m, '');
  expect(bundled).not.toBe(text);
  writeFileSync(config, bundled);
  const dev = await workspace.serve(folder, 0, [NEXT, 'dev'], QUIET);
  await dev.said(/pathcast: js engine/);
  await dev.said(/PATHCAST_NO_NATIVE.*serverExternalPackages: \['pathcast'\]/);
  await dev.stop();
});

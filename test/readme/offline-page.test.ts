/** The page of the README's section on offline, from the packed package, on the server of the section before it: a tunnel, and somebody else's change meanwhile. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { build } from 'esbuild';
import { consumer, root, type Consumer } from '../package/packed.js';
import { Chromium } from '../support/chromium/chromium.js';
import { endChild } from '../support/child.js';
import { freePort } from '../support/free-port.js';
import { PostgresServer } from '../support/postgres.js';
import { waitFor } from '../support/wait.js';
import { blocksOf } from './blocks.js';

jest.setTimeout(180_000);

const OPTIONS = { module: 'nodenext', target: 'es2022', strict: true, skipLibCheck: true, jsx: 'react-jsx', types: ['node'], rootDir: '.', outDir: 'dist' };

let project: Consumer;
let postgres: PostgresServer;
let site: Server;
let chromium: Chromium;
let running: ChildProcess | undefined;

beforeAll(async () => {
  postgres = await PostgresServer.start();
  project = consumer();
  writeFileSync(path.join(project.dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(path.join(project.dir, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['transactions', 'offline-page'] }));
  for (const { kind, about, text } of blocksOf('README.md')) {
    if (kind !== 'file' || !/^(transactions|offline-page)\//.test(about)) continue;
    mkdirSync(path.join(project.dir, path.dirname(about)), { recursive: true });
    writeFileSync(path.join(project.dir, about), text);
  }
  execFileSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', project.dir], { cwd: project.dir, stdio: 'inherit' });
  const outfile = path.join(project.dir, 'page.js');
  await build({ entryPoints: [path.join(project.dir, 'dist/offline-page/page.js')], outfile, bundle: true, define: { 'process.env.NODE_ENV': '"production"' } });

  const env = { ...process.env, DATABASE_URL: postgres.url(), PORT: String(await freePort()) };
  running = spawn(process.execPath, ['dist/transactions/server.js'], { cwd: project.dir, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  running.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitFor(() => said.includes('listening'), 'the server to listen');
  // As a proxy before it does: the page, its health, and the API below /trpc.
  site = createServer((request, response) => {
    const { url = '' } = request;
    if (url === '/') response.setHeader('content-type', 'text/html').end('<!doctype html><html lang=en><title>Pages</title><body><script src=/page.js></script>');
    else if (url === '/page.js') response.setHeader('content-type', 'text/javascript').end(readFileSync(outfile));
    else if (url === '/healthz') response.setHeader('content-type', 'application/json').end('{"ok":true}');
    else if (!url.startsWith('/trpc/')) response.writeHead(204).end();
    else {
      const onward = ask({ port: Number(env.PORT), path: url.slice('/trpc'.length), method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      request.pipe(onward);
    }
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  chromium = await Chromium.launch();
});
afterAll(async () => {
  await chromium?.close();
  site?.closeAllConnections();
  site?.close();
  if (running) await endChild(running);
  await postgres?.end();
  project?.remove();
});

test('what is saved in a tunnel is sent at its end, and what somebody else has changed is asked', async () => {
  await postgres.sql("INSERT INTO pages VALUES ('plan', 'Plan', '')");
  const tab = await chromium.open(`http://127.0.0.1:${String((site.address() as AddressInfo).port)}/`);
  const cut = (offline: boolean): Promise<unknown> => tab.send('Network.emulateNetworkConditions', { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  const badge = async (words: string): Promise<void> => {
    await waitFor(async () => (await tab.evaluate("document.querySelector('[role=status]')?.textContent")) === words, `the badge to say ${words}`);
  };
  const save = (title: string): Promise<unknown> =>
    tab.evaluate(`(() => {
      const input = document.querySelector('input');
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, ${JSON.stringify(title)});
      input.dispatchEvent(new Event('input', { bubbles: true }));
      document.querySelector('form button').click();
    })()`);
  const title = (): Promise<string> => postgres.value("SELECT title FROM pages WHERE id = 'plan'");
  await tab.send('Network.enable');
  await tab.until("document.querySelector('input')?.value === 'Plan'");
  await badge('All saved');

  await cut(true);
  await badge('Offline');
  await save('In the tunnel');
  await badge('Offline, 1 change kept here');
  expect(await tab.evaluate("document.querySelector('em')?.textContent")).toBe('not saved yet');
  expect(await title()).toBe('Plan');
  await cut(false);
  await badge('All saved');
  expect(await title()).toBe('In the tunnel');
  expect(await tab.evaluate("document.querySelector('em') === null")).toBe(true);

  await cut(true);
  await badge('Offline');
  await save('Again in the tunnel');
  await badge('Offline, 1 change kept here');
  await postgres.sql("UPDATE pages SET title = 'By somebody else' WHERE id = 'plan'");
  await cut(false);
  await tab.until("document.querySelector('dialog')?.open === true");
  expect(await tab.evaluate("[...document.querySelectorAll('.pathcast-conflict-value')].map((one) => one.textContent)")).toEqual(['Again in the tunnel', 'By somebody else']);
  expect(await title()).toBe('By somebody else');
  await tab.evaluate("document.querySelector('[data-action=keepMine]').click()");
  await badge('All saved');
  expect(await title()).toBe('Again in the tunnel');
});

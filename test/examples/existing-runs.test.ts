/**
 * `pathcast init` in apps that are there: what it adds compiles, and makes a mutation heard by another client, in a Fastify app
 * with Drizzle and in an Express app of one file. What it adds to a Next app of T3's shape compiles.
 */
import { cpSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../package/packed.js';
import { within } from '../support/wait.js';
import { existingApp, Workspace, type RunningApp } from './support/app.js';
import { init } from './support/init.js';

jest.setTimeout(360_000);

let workspace: Workspace;
beforeAll(() => {
  workspace = new Workspace();
});
afterAll(() => workspace?.remove());

async function compile(folder: string): Promise<void> {
  const { output } = await workspace.run(folder, process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '--pretty', 'false']);
  expect(output).toBe('');
}

/** What tRPC's subscription says, as it comes. */
async function* eventsOf(app: RunningApp, headers: Record<string, string>, signal: AbortSignal): AsyncGenerator<{ type: string; queryPaths: string[] }> {
  const response = await fetch(`${app.url}/trpc/sync.onSync`, { headers: { accept: 'text/event-stream', ...headers }, signal });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/event-stream')]);
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const event = /^event: (.*)$/m.exec(message)?.[1];
      const data = /^data: (.*)$/m.exec(message)?.[1];
      if (event === undefined && data !== undefined) yield JSON.parse(data);
    }
  }
}

async function hears(folder: string, call: { path: string; input: unknown }, headers: Record<string, string>): Promise<unknown> {
  const served = await workspace.serve(folder);
  const leaving = new AbortController();
  const events = eventsOf(served, headers, leaving.signal);
  expect((await within(events.next(), 'hello')).value).toMatchObject({ type: 'hello' });
  const response = await fetch(`${served.url}/trpc/${call.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(call.input),
  });
  expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
  const { value } = await within(events.next(), 'the action');
  leaving.abort();
  await served.stop();
  return value;
}

test('Fastify with Drizzle', async () => {
  const folder = existingApp(workspace.dir, 'fastify');
  expect((await init(['--yes', folder])).code).toBe(0);
  await compile(folder);
  const heard = await hears(folder, { path: 'guests.create', input: { name: 'Rose' } }, { 'x-session': 'acme/ann' });
  expect(heard).toMatchObject({ type: 'insert', module: 'guests', companyId: 'acme', userId: 'ann', queryPaths: ['guests'] });
});

test('Express in one file, CommonJS', async () => {
  const folder = existingApp(workspace.dir, 'express');
  expect((await init(['--yes', folder])).code).toBe(0);
  await compile(folder);
  expect(await hears(folder, { path: 'names.add', input: 'Rose' }, { 'x-company': 'acme' })).toMatchObject({ module: 'names', queryPaths: ['names'] });
});

test('Next in T3 shape', async () => {
  const folder = existingApp(workspace.dir, 'next');
  expect((await init(['--yes', folder])).code).toBe(0);
  await compile(folder);
});

test('a code base with 68 mutations, 29 of which told nobody', async () => {
  const folder = path.join(workspace.dir, 'weddingflo');
  cpSync(path.join(root, 'test/fixtures/weddingflo'), folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "dependencies": { "@trpc/server": "^11", "drizzle-orm": "^0.45", "next": "^16" } }\n');
  const { code, stdout } = await init(['--yes', folder]);
  expect(code).toBe(0);
  expect(stdout).toContain('router src/server/trpc/root.ts#appRouter with 68 mutations; the company of a request: ctx.companyId');
  await compile(folder);
});

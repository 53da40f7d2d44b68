/** `offlineLink` with what apps have around it: superjson over a real router (in a process of its own), and `useMutation` of the oldest and the newest TanStack Query 5. */
import 'fake-indexeddb/auto';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import * as newest from '@tanstack/query-core';
import { createTRPCClient, httpLink } from '@trpc/client';
import { initTRPC, TRPCError } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { build } from 'esbuild';
import * as oldest from 'query-core-5-62';
import { createOffline } from '../../lib/offline/create-offline.js';
import { crud } from '../../lib/offline/crud.js';
import { offlineEnvironment } from '../../lib/offline/environment.js';
import type { Offline } from '../../lib/offline/inside.js';
import { offlineLink } from '../../lib/offline/link/index.js';
import { bindOffline, bindOnlineManager } from '../../lib/offline/overlay/index.js';

type Row = Record<string, unknown>;

let calls: Row[];
let fails: (() => TRPCError | undefined)[];
let users = 0;
const open: Offline[] = [];

const t = initTRPC.create({ errorFormatter: ({ shape, error }) => ({ ...shape, data: { ...shape.data, ...(error.cause as { data?: object } | undefined)?.data } }) });
const mutation = t.procedure.input((given: unknown) => given as Row).mutation(({ input }) => {
  calls.push(input);
  const failure = fails.shift()?.();
  if (failure) throw failure;
  return { id: input['id'], text: input['text'] };
});
const query = t.procedure.query(() => ({ id: 'p1', text: 'Old' }));
const router = t.router({ pages: t.router({ create: mutation, update: mutation, delete: mutation, getById: query }) });

const MUTATIONS = crud('pages', { query: 'pages.getById' });

function page(userId: string, mutations = MUTATIONS) {
  const offline = createOffline({ companyId: 'acme', userId, mutations, environment: { ...offlineEnvironment(), locks: undefined, warn: () => undefined } });
  open.push(offline);
  const serve = (url: URL | RequestInfo, init?: object): Promise<Response> => fetchRequestHandler({ endpoint: '/trpc', req: new Request(url as string, init as RequestInit), router, createContext: () => ({}) });
  const client = createTRPCClient<typeof router>({ links: [offlineLink(offline) as never, httpLink({ url: 'http://page.test/trpc', fetch: serve })] });
  return { offline, client };
}

const conflict = (): TRPCError => {
  const conflicts = [{ field: 'text', base: 'Old', mine: 'Mine', theirs: 'Theirs', by: 'bob', at: 1, version: 'v2' }];
  return new TRPCError({ code: 'CONFLICT', cause: Object.assign(new Error('conflict'), { data: { pathcast: { code: 'FIELD_CONFLICT', retryable: false, conflicts } } }) });
};

beforeEach(() => {
  calls = [];
  fails = [];
  users += 1;
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

test('superjson: what is kept, sent after a reload, answered and shown is of the types that were given', async () => {
  // A copy by structuredClone, and an answer of fetch, are of another realm than what Jest runs: superjson knows its own alone.
  const { outputFiles } = await build({ entryPoints: [path.join(import.meta.dirname, 'support/superjson-page.ts')], bundle: true, write: false, platform: 'node', format: 'esm', target: 'node20', logLevel: 'silent' });
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-'], { input: outputFiles[0]!.text, encoding: 'utf8', timeout: 60_000 });
  expect(stderr).toBe('');
  expect(stdout).toBe('all is well\n');
});

describe.each([
  ['5.62', oldest as unknown as typeof newest],
  ['newest', newest],
])('TanStack Query %s', (_, core) => {
  const mutate = (client: ReturnType<typeof page>['client'], queries: newest.QueryClient) =>
    new core.MutationObserver(queries, { mutationFn: (input: Row) => client.pages.update.mutate(input), retry: 3, retryDelay: 20 });

  /** Each try was a second mutation behind the first, and was sent when that was decided. */
  test.each(['at once', 'when all tries are over'])("retry: 3, decided for theirs %s: nothing of mine is sent again", async (when) => {
    const { offline, client } = page(`u${users}`);
    const queries = new core.QueryClient();
    const binding = bindOffline(queries, offline);
    const end = bindOnlineManager(core.onlineManager, offline);
    await offline.start({ client });
    fails.push(conflict);
    const conflicted = (): Offline['entries'] => offline.entries.filter(({ state }) => state === 'conflicted');
    const stop = when === 'at once' ? offline.onEntries(() => conflicted().forEach(({ id }) => void offline.resolve(id, 'theirs').catch(() => undefined))) : () => undefined;
    const failed = await mutate(client, queries).mutate({ id: 'p1', text: 'Mine' }).catch((error: unknown) => error as { data?: { code?: string } });
    stop();
    if (when !== 'at once') {
      expect(failed).toMatchObject({ data: { code: 'CONFLICT' } });
      expect(conflicted()).toHaveLength(1);
      await offline.resolve(conflicted()[0]!.id, 'theirs');
    }
    await offline.flush();
    expect(calls.map(({ text }) => text)).toEqual(['Mine']);
    expect(offline.entries).toEqual([]);
    // And what is done after that is done.
    await mutate(client, queries).mutate({ id: 'p1', text: 'Mine' });
    expect(calls).toHaveLength(2);
    end();
    binding.close();
    queries.clear();
  });

  test('retry: 3, decided for mine while it tries: it ends with the answer', async () => {
    const { offline, client } = page(`u${users}`);
    await offline.start({ client });
    fails.push(conflict);
    const stop = offline.onEntries((entries) => entries.filter(({ state }) => state === 'conflicted').forEach(({ id }) => void offline.resolve(id, 'mine').catch(() => undefined)));
    expect(await mutate(client, new core.QueryClient()).mutate({ id: 'p1', text: 'Mine' })).toEqual({ id: 'p1', text: 'Mine' });
    stop();
    expect(calls.map(({ text }) => text)).toEqual(['Mine', 'Mine']);
  });
});

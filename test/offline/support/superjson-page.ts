/** A page whose tRPC has superjson for a transformer, over a real router; run by `link-libraries.test.ts` in a process of its own. */
import 'fake-indexeddb/auto';
import assert from 'node:assert/strict';
import { createTRPCClient, httpLink } from '@trpc/client';
import { initTRPC, TRPCError } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import superjson from 'superjson';
import { createOffline } from '../../../lib/offline/create-offline.js';
import { crud } from '../../../lib/offline/crud.js';
import { offlineEnvironment } from '../../../lib/offline/environment.js';
import { offlineLink } from '../../../lib/offline/link/index.js';

type Row = Record<string, unknown>;

const VALUES = { id: 'p1', at: new Date('2026-03-04T05:06:07.008Z'), tags: new Set(['a', 'b']), counts: new Map([['x', 1n]]), gone: null, none: undefined, text: 'Plan' };
const CONFLICTS = [{ field: 'at', base: new Date(1), mine: new Date(7), theirs: new Date(2), by: 'bob', at: 1, version: 'v2' }];

const calls: Row[] = [];
let conflicts = 0;
const t = initTRPC.create({ transformer: superjson, errorFormatter: ({ shape, error }) => ({ ...shape, data: { ...shape.data, ...(error.cause as { data?: object } | undefined)?.data } }) });
const mutation = t.procedure.input((given: unknown) => given as Row).mutation(({ input }) => {
  calls.push(input);
  if (conflicts-- > 0) throw new TRPCError({ code: 'CONFLICT', cause: Object.assign(new Error('conflict'), { data: { pathcast: { code: 'FIELD_CONFLICT', retryable: false, conflicts: CONFLICTS } } }) });
  return { ...input, tx: undefined };
});
const router = t.router({ pages: t.router({ create: mutation, update: mutation, delete: mutation, getById: t.procedure.query(() => ({ ...VALUES, text: 'Old' })) }) });

function open() {
  const offline = createOffline({ companyId: 'acme', userId: 'ada', mutations: crud('pages', { query: 'pages.getById' }), environment: { ...offlineEnvironment(), locks: undefined, channel: undefined, warn: () => undefined } });
  const serve = (url: URL | RequestInfo, init?: object): Promise<Response> => fetchRequestHandler({ endpoint: '/trpc', req: new Request(url as string, init as RequestInit), router, createContext: () => ({}) });
  const client = createTRPCClient<typeof router>({ links: [offlineLink(offline) as never, httpLink({ url: 'http://page.test/trpc', transformer: superjson, fetch: serve })] });
  return { offline, client };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setTimeout(done, 1));
}

// It is kept, and the page is loaded anew.
const first = open();
first.client.pages.create.mutate(VALUES).catch(() => undefined);
await until(() => first.offline.entries.length === 1);
first.offline.close();

const { offline, client } = open();
await offline.ready;
assert.deepEqual(await client.pages.getById.query(), { ...VALUES, text: 'Plan' }, 'what is kept lies over an answer');
await offline.start({ client });
await until(() => calls.length === 1);
const { tx, ...given } = calls[0] as Row;
assert.deepEqual(given, VALUES, 'what was given is what is sent');
assert.deepEqual(tx, { transactionId: offline.entries[0]?.id });
const answer = await client.pages.update.mutate({ id: 'p1', at: new Date(5), tags: new Set(['c']) });
assert.deepEqual(answer, { id: 'p1', at: new Date(5), tags: new Set(['c']), tx: undefined }, 'an answer is as the server gave it');
assert.deepEqual((calls[1]?.['tx'] as Row)['changedFields'], ['at', 'tags']);

conflicts = 1;
await assert.rejects(client.pages.update.mutate({ id: 'p1', at: new Date(7) }), ({ data }: { data?: { pathcast?: { conflicts?: unknown } } }) => {
  assert.deepEqual(data?.pathcast?.conflicts, CONFLICTS);
  return true;
});
const conflicted = offline.entries.find(({ state }) => state === 'conflicted');
assert.deepEqual(conflicted?.conflicts, CONFLICTS, 'a conflict is of these types, too');
await offline.resolve(conflicted?.id ?? '', { merged: { at: new Date(9) } });
await offline.flush();
assert.deepEqual(calls.at(-1)?.['at'], new Date(9));
offline.close();
process.stdout.write('all is well\n');

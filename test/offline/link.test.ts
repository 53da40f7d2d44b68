/** `offlineLink` beneath a real tRPC client; the server answers when the test says so. */
import { createTRPCUntypedClient, httpLink, TRPCClientError, type TRPCLink } from '@trpc/client';
import type { AnyRouter } from '@trpc/server';
import { observable } from '@trpc/server/observable';
import { BYPASS } from '../../lib/offline/inside.js';
import { offlineLink } from '../../lib/offline/link/offline-link.js';
import { outcomeOf } from '../../lib/offline/outbox/outcome.js';
import { fenceLink } from '../../lib/tanstack/index.js';
import { Desk } from './support/desk.js';

let desk: Desk;
let sent: { path: string; input: unknown; answer: (data: unknown) => void; fail: (error: unknown) => void }[];

/** The last link: what goes out. */
const wire: TRPCLink<AnyRouter> = () => ({ op }) =>
  observable((observer) => {
    sent.push({
      path: op.path,
      input: op.input,
      answer: (data) => {
        observer.next({ result: { type: 'data', data } });
        observer.complete();
      },
      fail: (error) => observer.error(error as never),
    });
  });
const client = () => createTRPCUntypedClient<AnyRouter>({ links: [offlineLink(desk.offline) as never, fenceLink(desk.page.queries) as never, wire] });

beforeEach(() => {
  desk = new Desk();
  sent = [];
});
afterEach(() => desk.end());

test('a declared mutation goes into the outbox, and is answered as the outbox is', async () => {
  const answer = client().mutation('pages.update', { id: 'p1', name: 'mine' });
  await desk.page.pass(0);
  expect(sent).toEqual([]);
  expect(desk.added).toMatchObject([{ path: 'pages.update', input: { id: 'p1', name: 'mine' } }]);
  desk.added[0]!.resolve({ id: 'p1', name: 'mine' });
  await expect(answer).resolves.toEqual({ id: 'p1', name: 'mine' });
});

test('it fails with the very error that the outbox gives', async () => {
  const answer = client().mutation('pages.update', { id: 'p1', name: 'mine' });
  await desk.page.pass(0);
  const error = TRPCClientError.from({ error: { message: 'no', code: -32_009, data: { code: 'CONFLICT', httpStatus: 409 } } } as never);
  desk.added[0]!.reject(error);
  await expect(answer).rejects.toBe(error);
});

test('what the outbox sends itself, and what is not declared, passes', async () => {
  const own = client().mutation('pages.update', { id: 'p1' }, { context: { [BYPASS]: true } });
  const other = client().mutation('pages.publish', { id: 'p1' });
  await desk.page.pass(0);
  expect([sent.map(({ path }) => path), desk.added]).toEqual([['pages.update', 'pages.publish'], []]);
  for (const { answer } of sent) answer('done');
  await expect(Promise.all([own, other])).resolves.toEqual(['done', 'done']);
  expect(desk.proofs).toEqual(['proved']);
});

test('to abort a call does not undo what was done', async () => {
  const abort = new AbortController();
  const answer = client().mutation('pages.update', { id: 'p1' }, { signal: abort.signal });
  await desk.page.pass(0);
  abort.abort();
  desk.added[0]!.resolve('done');
  await expect(answer).resolves.toBe('done');
});

test('an answer has what is kept laid over it, also what is kept or done while it is on its way', async () => {
  const trpc = client();
  const first = desk.keep('pages.update', { id: 'p1', name: 'mine' });
  const row = trpc.query('pages.getById', { id: 'p1' });
  const list = trpc.query('pages.getAll');
  await desk.page.pass(0);
  desk.keep('pages.create', { id: 'p2', name: 'two' });
  desk.ack(first);
  await desk.page.pass(0);
  // Its call began before the ack.
  expect(desk.overlay.items).toHaveLength(2);
  sent[0]!.answer({ id: 'p1', name: 'old' });
  sent[1]!.answer([{ id: 'p1', name: 'old' }]);
  await expect(row).resolves.toEqual({ id: 'p1', name: 'mine' });
  await expect(list).resolves.toEqual([{ id: 'p1', name: 'mine' }, { id: 'p2', name: 'two' }]);
  await desk.page.pass(0);
  expect(desk.overlay.items.map(({ entry }) => entry.path)).toEqual(['pages.create']);
  // A call that began after it has it.
  const later = trpc.query('pages.getById', { id: 'p1' });
  await desk.page.pass(0);
  sent[2]!.answer({ id: 'p1', name: 'normalised' });
  await expect(later).resolves.toEqual({ id: 'p1', name: 'normalised' });
});

test('where a cache lays for itself the link leaves answers as they are', async () => {
  desk.bind();
  desk.keep('pages.update', { id: 'p1', name: 'mine' });
  const row = client().query('pages.getById', { id: 'p1' });
  await desk.page.pass(0);
  sent[0]!.answer({ id: 'p1', name: 'old' });
  await expect(row).resolves.toEqual({ id: 'p1', name: 'old' });
});

/** `useMutation({ retry: 3 })` gives the very same input again. */
test('what is tried again after it failed is the same mutation, under its id', async () => {
  const trpc = client();
  const input = { id: 'p1', name: 'mine' };
  const attempt = async (given: object): Promise<unknown> => {
    const answer = trpc.mutation('pages.update', given).catch((thrown: unknown) => thrown);
    await desk.page.pass(0);
    desk.added.at(-1)!.reject(new Error('conflict'));
    return answer;
  };
  await attempt(input);
  await attempt(input);
  await attempt(input);
  expect(desk.added.map((one) => one.input)).toEqual([input, { ...input, tx: { transactionId: 'added-1' } }, { ...input, tx: { transactionId: 'added-1' } }]);
  // Something else: another object, other values in the same one, or a while later.
  await attempt({ ...input });
  expect(desk.added.at(-1)!.input).toEqual(input);
  input.name = 'other';
  await attempt(input);
  expect(desk.added.at(-1)!.input).toEqual(input);
  await desk.page.pass(61_000);
  await attempt(input);
  expect(desk.added.at(-1)!.input).toEqual(input);
});

test('versions are learnt from answers, and answers prove that the server is there', async () => {
  const trpc = client();
  const row = trpc.query('pages.getById', { id: 'p1' });
  const refused = trpc.query('pages.getAll');
  const lost = trpc.query('pages.getAll');
  await desk.page.pass(0);
  sent[0]!.answer({ id: 'p1', versions: { name: 'v1' } });
  await row;
  expect(desk.learnt).toEqual([[{ entity: 'pages', id: 'p1' }, { name: 'v1' }]]);
  sent[1]!.fail(TRPCClientError.from({ error: { message: 'no', code: -32_003, data: { code: 'FORBIDDEN', httpStatus: 403 } } } as never));
  sent[2]!.fail(TRPCClientError.from(new TypeError('fetch failed')));
  await expect(refused).rejects.toThrow();
  await expect(lost).rejects.toThrow();
  expect(desk.proofs).toEqual(['proved', 'proved', 'doubted']);
});

test("an app's own function that throws is reported, and keeps nobody from the answer", async () => {
  desk.end();
  desk = new Desk(undefined, { 'pages.update': { entity: 'pages', kind: 'update', shows: { query: 'pages.getById', row: () => { throw new Error('no row'); } } } });
  desk.keep('pages.update', { id: 'p1', name: 'mine' });
  const row = client().query('pages.getById', { id: 'p1' });
  await desk.page.pass(0);
  sent[0]!.answer({ id: 'p1', name: 'old' });
  await expect(row).resolves.toEqual({ id: 'p1', name: 'old' });
  expect(desk.page.reports).toEqual([expect.objectContaining({ message: 'no row' })]);
});

test('what is no createOffline() is told', () => {
  expect(() => offlineLink({} as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
});

const page = (status: number, headers: Record<string, string>) => (): Promise<never> => {
  const response = new Response('<html>', { status, headers: { 'content-type': 'text/html', ...headers } });
  return Promise.reject(Object.assign(new Error('refused'), { response }));
};

/** What a page's reader could otherwise not tell. */
test('Retry-After may be a date, held against the clock of who says it', async () => {
  const wait = async (headers: Record<string, string>): Promise<unknown> => {
    const client = createTRPCUntypedClient<AnyRouter>({ links: [httpLink({ url: 'http://localhost', fetch: page(429, headers) })] });
    return (outcomeOf(await client.mutation('pages.update', { id: 'p1' }).catch((thrown: unknown) => thrown), Date.parse('2026-01-01T00:00:10Z')) as { ms: number }).ms;
  };
  const at = (seconds: number): string => new Date(Date.parse('2026-01-01T00:00:00Z') + seconds * 1_000).toUTCString();
  expect(await wait({ 'retry-after': at(40) })).toBe(30_000);
  // The server's clock is an hour ahead.
  expect(await wait({ 'retry-after': at(3_640), date: at(3_600) })).toBe(40_000);
  expect(await wait({ 'retry-after': at(0) })).toBe(0);
  expect(await wait({ 'retry-after': '-5' })).toBe(0);
  expect(await wait({ 'retry-after': 'soon' })).toBe(0);
  expect(await wait({ 'retry-after': '' })).toBe(0);
  expect(await wait({})).toBe(0);
});

test("a proxy's page is what it is where the app's fetch tells its status", async () => {
  const outcome = async (status: number, headers = {}): Promise<unknown> => {
    const client = createTRPCUntypedClient<AnyRouter>({ links: [httpLink({ url: 'http://localhost', fetch: page(status, headers) })] });
    return outcomeOf(await client.mutation('pages.update', { id: 'p1' }).catch((thrown: unknown) => thrown), 0);
  };
  expect(await outcome(413)).toMatchObject({ is: 'refused', error: { httpStatus: 413 } });
  expect(await outcome(401)).toMatchObject({ is: 'unauthorized' });
  expect(await outcome(429, { 'retry-after': '30' })).toMatchObject({ is: 'later', ms: 30_000 });
  expect(await outcome(503)).toMatchObject({ is: 'unreachable' });
});

/**
 * `pathcast/client/trpc` in the place of `httpSubscriptionLink`, in a real browser, with the current @trpc/client and with 11.0: equal
 * subscriptions share the browser's stream, another input has a stream of its own up to three, and other subscriptions pass through.
 */
import { initTRPC, TRPCError } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import type { ResponseLike } from '../../lib/server/options.js';
import { syncInput, syncSubscription } from '../../lib/trpc/index.js';
import { Chromium } from '../support/chromium/chromium.js';
import { mustBeHidden } from '../support/chromium/premises.js';
import type { Tab } from '../support/chromium/tab.js';
import { waitFor } from '../support/wait.js';
import { bundle } from './support/bundle.js';
import { COMPANY, Site } from './support/site.js';

jest.setTimeout(120_000);

const PAGE = `
  import { createTRPCClient, httpLink, splitLink } from '@trpc/client';
  import { syncSubscriptionLink } from './lib/link/index.js';
  const say = (...what) => globalThis.report?.(what);
  const trpc = createTRPCClient({
    links: [splitLink({
      condition: ({ type }) => type === 'subscription',
      true: syncSubscriptionLink({ url: '/trpc', sync: { paths: ['sync.onSync'], user: () => ({ companyId: '${COMPANY}', userId: 'ada' }) } }),
      false: httpLink({ url: '/trpc' }),
    })],
  });
  const handlers = (name) => ({
    onStarted: () => say(name, 'started'),
    onData: (data) => say(name, 'data', data?.data?.entityId ?? data, typeof data?.id),
    onError: (error) => say(name, 'error', error.message, error.data?.code),
    onStopped: () => say(name, 'stopped'),
    onComplete: () => say(name, 'complete'),
    onConnectionStateChange: ({ state, error }) => say(name, 'state', state, error?.message, error?.data?.code),
  });
  const running = {};
  globalThis.subscribe = (name, input) => { running[name] = trpc.sync.onSync.subscribe(input, handlers(name)); };
  globalThis.unsubscribe = (name) => running[name].unsubscribe();
  globalThis.ticks = () => trpc.ticks.subscribe({ upTo: 3 }, handlers('ticks'));
  globalThis.hello = () => trpc.hello.query();
`;

const CLIENT_11_0 = 'test/clients/trpc-client-11-0/node_modules/@trpc';
const VERSIONS: [string, Record<string, string>][] = [
  ['current', {}],
  ['11.0', { '@trpc/client': `${CLIENT_11_0}/client`, '@trpc/server': `${CLIENT_11_0}/server` }],
];

let chromium: Chromium;
beforeAll(async () => {
  chromium = await Chromium.launch();
});
afterAll(() => chromium?.close());

function handlerOf(site: () => Site) {
  const t = initTRPC.context<{ req?: never; res?: ResponseLike }>().create({ isDev: false });
  const router = t.router({
    sync: t.router({
      onSync: t.procedure.input(syncInput).subscription(
        syncSubscription({
          stream: ({ input }) => {
            if (input?.modules?.includes('secrets')) throw new TRPCError({ code: 'FORBIDDEN', message: 'The secrets are not yours' });
            if (input?.modules?.includes('mine')) throw new TRPCError({ code: 'UNAUTHORIZED', message: 'You have signed out' });
            return { companyId: COMPANY, userId: 'ada', filter: input?.modules ? { modules: input.modules } : undefined };
          },
          get hub() {
            return site().hub;
          },
        }),
      ),
    }),
    ticks: t.procedure.subscription(async function* () {
      for (let i = 1; i <= 3; i++) yield i;
    }),
    hello: t.procedure.query(() => 'hello'),
  });
  return createHTTPHandler({ router, basePath: '/trpc/' });
}

describe.each(VERSIONS)('@trpc/client %s', (_, alias) => {
  let site: Site;
  const tabs: { tab: Tab; reports: unknown[][] }[] = [];

  beforeAll(async () => {
    const script = await bundle(PAGE, { alias });
    let handler: ReturnType<typeof handlerOf> | undefined;
    site = await Site.start({
      scripts: { '/client.js': script },
      before: (request, response) => {
        if (!request.url?.startsWith('/trpc/')) return false;
        handler ??= handlerOf(() => site);
        handler(request, response);
        return true;
      },
    });
  });
  afterAll(() => site?.close());
  afterEach(async () => {
    for (const { tab } of tabs) await tab.close();
    expect(tabs.splice(0).flatMap(({ tab }) => tab.complaints)).toEqual([]);
    await waitFor(() => site.streams === 0, 'the streams to end');
  });

  async function open(): Promise<{ tab: Tab; reports: unknown[][]; said: (name: string, what: string) => unknown[][] }> {
    const reports: unknown[][] = [];
    const tab = await chromium.open(`${site.url}/`, { onReport: (value) => reports.push(value as unknown[]) });
    tabs.push({ tab, reports });
    return { tab, reports, said: (name, what) => reports.filter(([of, is]) => of === name && is === what) };
  }

  test('equal subscriptions of two tabs share a stream; it starts, hears and ends as by httpSubscriptionLink', async () => {
    const [first, second] = [await open(), await open()];
    await first.tab.evaluate("subscribe('a', { modules: ['guests'] }); subscribe('b', { modules: ['guests'] })");
    await second.tab.evaluate("subscribe('c', { modules: ['guests'] })");
    await waitFor(
      () => first.said('a', 'started').length + first.said('b', 'started').length + second.said('c', 'started').length === 3,
      'all to start',
    );
    await site.settled();
    await site.publish();
    const last = String(site.published);
    for (const [page, name] of [
      [first, 'a'],
      [first, 'b'],
      [second, 'c'],
    ] as const) {
      await waitFor(() => page.said(name, 'data').length > 0, `data for ${name}`);
      expect(page.said(name, 'data')).toEqual([[name, 'data', last, 'string']]);
    }
    expect(first.said('a', 'state').map(([, , state]) => state)).toEqual(expect.arrayContaining(['connecting', 'pending']));
    await first.tab.evaluate("unsubscribe('a'); unsubscribe('b')");
    await site.publish();
    await waitFor(() => second.said('c', 'data').length === 2, 'data for the one that is left');
    expect(first.said('a', 'data').length).toBe(1);
    await second.tab.evaluate("unsubscribe('c')");
    await site.settled('ada', 0);
  });

  test('another input is a stream of its own, three in the browser; a fourth is refused with a reason, and finds a place that is freed', async () => {
    const [first, second] = [await open(), await open()];
    await first.tab.evaluate("subscribe('a', { modules: ['guests'] }); subscribe('b', { modules: ['hotels'] })");
    await second.tab.evaluate("subscribe('c', { modules: ['gifts'] })");
    for (const [page, name] of [
      [first, 'a'],
      [first, 'b'],
      [second, 'c'],
    ] as const)
      await waitFor(() => page.said(name, 'started').length === 1, `${name} to start`);
    await site.settled('ada', 3);
    await second.tab.evaluate("subscribe('d', { modules: ['budget'] }); subscribe('e', { modules: ['hotels'] })");
    await waitFor(() => second.said('d', 'error').length === 1, 'the refusal');
    expect(second.said('d', 'error')).toEqual([['d', 'error', expect.stringContaining('3 streams of other inputs'), 'TOO_MANY_REQUESTS']]);
    await waitFor(() => second.said('e', 'started').length === 1, 'one that shares to start');
    await site.settled('ada', 3);
    await second.tab.evaluate("unsubscribe('c')");
    await site.settled('ada', 2);
    await second.tab.evaluate("subscribe('d', { modules: ['budget'] })");
    await waitFor(() => second.said('d', 'started').length === 1, 'it to start');
  });

  test('a tab that is frozen has no seat: what it had is for the others', async () => {
    const [first, second] = [await open(), await open()];
    await first.tab.evaluate("for (const name of ['guests', 'hotels', 'gifts']) subscribe(name, { modules: [name] })");
    for (const name of ['guests', 'hotels', 'gifts']) await waitFor(() => first.said(name, 'started').length === 1, `${name} to start`);
    await second.tab.show();
    await mustBeHidden(first.tab);
    await first.tab.freeze();
    await site.settled('ada', 0);
    await second.tab.evaluate("subscribe('budget', { modules: ['budget'] })");
    await waitFor(() => second.said('budget', 'started').length + second.said('budget', 'error').length > 0, 'an answer');
    expect(second.said('budget', 'error')).toEqual([]);
    await first.tab.thaw();
  });

  test('a position, an id of the tab and an origin that is left out make no other stream: each hears from where its page stands', async () => {
    const [first, second] = [await open(), await open()];
    const now = Date.now();
    await first.tab.evaluate(`subscribe('a', { modules: ['guests'], since: ${now} }); subscribe('b', { modules: ['guests'], since: ${now - 1} })`);
    await first.tab.evaluate("subscribe('c', { modules: ['guests'], clientInstanceId: 'one' })");
    for (const name of ['a', 'b', 'c']) await waitFor(() => first.said(name, 'started').length === 1, `${name} to start`);
    await site.publish();
    const between = String(site.published);
    await second.tab.evaluate(`subscribe('d', { modules: ['guests'], since: ${now}, clientInstanceId: 'two', excludeSourceId: 'two' })`);
    await waitFor(() => second.said('d', 'started').length === 1, 'd to start');
    await site.settled('ada', 1);
    await site.publish();
    const last = String(site.published);
    for (const [page, name] of [
      [first, 'a'],
      [first, 'b'],
      [first, 'c'],
      [second, 'd'],
    ] as const) {
      await waitFor(() => page.said(name, 'data').some(([, , id]) => id === last), `the last action for ${name}`);
      const heard = page.said(name, 'data').map(([, , id]) => id);
      expect(heard.filter((id) => id === between || id === last)).toEqual([between, last]);
    }
  });

  test('other subscriptions and queries go their way', async () => {
    const { tab, said } = await open();
    expect(await tab.evaluate('hello()')).toBe('hello');
    await tab.evaluate('void ticks()');
    await waitFor(() => said('ticks', 'data').length >= 3, 'the ticks');
    expect(
      said('ticks', 'data')
        .slice(0, 3)
        .map(([, , value]) => value),
    ).toEqual([1, 2, 3]);
  });

  test('what the server refuses is told in its own words: an error where that is final, else beside each attempt', async () => {
    const { tab, said } = await open();
    await tab.evaluate("subscribe('a', { modules: ['secrets'] }); subscribe('b', { modules: ['mine'] })");
    await waitFor(() => said('a', 'error').length === 1, 'the refusal');
    expect(said('a', 'error')).toEqual([['a', 'error', 'The secrets are not yours', 'FORBIDDEN']]);
    await waitFor(() => said('b', 'state').some(([, , , message]) => message === 'You have signed out'), 'the answer to be told');
    expect(said('b', 'state').filter(([, , state, message, code]) => typeof message === 'string' && (state !== 'connecting' || code !== 'UNAUTHORIZED'))).toEqual([]);
    expect(said('b', 'error')).toEqual([]);
  });
});

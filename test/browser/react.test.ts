/**
 * `pathcast/react` in a real browser, with React 19 and with React 18: what mounts, unmounts or mounts twice makes no connection, callbacks
 * are the newest, a page that a server rendered is taken over without a word, and who is there is known.
 */
import path from 'node:path';
import { Chromium } from '../support/chromium/chromium.js';
import type { Tab } from '../support/chromium/tab.js';
import { waitFor } from '../support/wait.js';
import { bundle } from './support/bundle.js';
import { COMPANY, Site } from './support/site.js';
import { REACT_VERSIONS } from './support/react-versions.js';

jest.setTimeout(90_000);

const PAGE = `
  import { lazy, StrictMode, Suspense, useEffect, useState } from 'react';
  import { createRoot, hydrateRoot } from 'react-dom/client';
  import { RealtimeProvider, usePresence, useRealtimeStatus, useRealtimeSync } from './lib/react/index.js';

  const say = (...what) => globalThis.report?.(what);
  const load = () => fetch('/present').then((answer) => answer.json());

  function Listener({ tag }) {
    const { isConnected, reconnect, lastSync } = useRealtimeSync({
      modules: ['guests'],
      onEvent: (event) => say('event', tag, event.type, event.entityId),
      onInvalidate: (paths) => say('stale', tag, ...paths),
    });
    globalThis.reconnect = reconnect;
    // After the hook's own effect, by which it hears.
    useEffect(() => {
      globalThis.listens = true;
      return () => void (globalThis.listens = false);
    }, []);
    return <p id="sync" data-connected={String(isConnected)} data-last={String(lastSync !== null)} data-tag={tag} />;
  }
  function Status() {
    const { state, isConnected } = useRealtimeStatus();
    globalThis.statusRenders = (globalThis.statusRenders ?? 0) + 1;
    return <p id="status">{state} {String(isConnected)}</p>;
  }
  function Present() {
    const { users } = usePresence({ load });
    return <p id="present">{users.map(({ userId }) => userId).join(' ')}</p>;
  }
  function LateListener() {
    useRealtimeSync({ onEvent: (event) => say('late', event.entityId) });
    useEffect(() => void (globalThis.arrived = true), []);
    return <p id="late" />;
  }
  // What a server rendered, and whose code comes later.
  const Late = lazy(() => new Promise((resolve) => (globalThis.arrive = () => resolve({ default: LateListener }))));
  function App() {
    const [{ tag, user, shown, mounted, token }, set] = useState({ tag: 'first', user: 'ada', shown: true, mounted: true, token: undefined });
    globalThis.change = (part) => set((before) => ({ ...before, ...part }));
    if (!mounted) return null;
    return (
      <RealtimeProvider url={'/sync/stream?user=' + user} companyId="${COMPANY}" userId={user} headers={() => ({ 'x-tag': tag })} getToken={token && (() => token)} since={SINCE}>
        {shown && <Listener tag={tag} />}
        <Status />
        <Present />
        <Suspense fallback={null}><Late /></Suspense>
      </RealtimeProvider>
    );
  }
  const root = document.getElementById('root');
  const tree = <StrictMode><App /></StrictMode>;
  if (root.hasChildNodes()) hydrateRoot(root, tree, { onRecoverableError: (error) => console.error(error) });
  else createRoot(root).render(tree);
`;

/** What a server sends: the same tree, rendered in this process by the same React. */
const SERVER = `
  import { Suspense } from 'react';
  import { renderToString } from 'react-dom/server';
  import { RealtimeProvider, usePresence, useRealtimeStatus, useRealtimeSync } from './lib/react/index.js';
  function Listener() {
    const { isConnected, lastSync } = useRealtimeSync({ modules: ['guests'], onEvent: () => undefined });
    return <p id="sync" data-connected={String(isConnected)} data-last={String(lastSync !== null)} data-tag="first" />;
  }
  function Status() {
    const { state, isConnected } = useRealtimeStatus();
    return <p id="status">{state} {String(isConnected)}</p>;
  }
  function Present() {
    return <p id="present">{usePresence({ load: () => Promise.reject(new Error('not on a server')) }).users.length || ''}</p>;
  }
  const Late = () => <p id="late" />;
  globalThis.rendered = renderToString(
    <RealtimeProvider url="/sync/stream?user=ada" companyId="${COMPANY}" userId="ada" headers={{}}><Listener /><Status /><Present /><Suspense fallback={null}><Late /></Suspense></RealtimeProvider>,
  );
  try { renderToString(<Status />); } catch (error) { globalThis.alone = error.message; }
`;

let chromium: Chromium;
beforeAll(async () => {
  chromium = await Chromium.launch();
});
afterAll(() => chromium?.close());

describe.each(REACT_VERSIONS)('React %s', (version, alias) => {
  let site: Site;
  let tab: Tab;
  let reports: unknown[][];
  let html = '';
  let refusals = 0;
  const tags: (string | undefined)[] = [];

  beforeAll(async () => {
    const script = await bundle(PAGE, { alias });
    site = await Site.start({
      scripts: { '/client.js': script },
      presence: true,
      before: (request, response) => {
        if (request.url?.startsWith('/sync/stream')) tags.push(request.headers['x-tag'] as string | undefined);
        if (request.url?.startsWith('/sync/stream?user=dora') && request.headers.authorization !== 'Bearer late') {
          refusals += 1;
          response.writeHead(401).end();
        } else if (request.url === '/rendered')
          void site.hub
            .readLog(COMPANY, Date.now())
            .then(({ epoch, headSeq }) =>
              response
                .setHeader('content-type', 'text/html')
                .end(`<!doctype html><div id=root>${html}</div><script>SINCE = '${epoch}.${headSeq}'</script><script src=/client.js></script>`),
            );
        else if (request.url === '/present')
          void site.hub.presence(COMPANY).then((users) => response.setHeader('content-type', 'application/json').end(JSON.stringify(users)));
        else return false;
        return true;
      },
    });
  });
  afterAll(() => site?.close());

  beforeEach(async () => {
    reports = [];
    site.connects = 0;
    tab = await chromium.open(`${site.url}/`, {
      onReport: (value) => reports.push(value as unknown[]),
    });
  });
  afterEach(async () => {
    await tab.close();
    expect(tab.complaints).toEqual([]);
    await waitFor(() => site.streams === 0, 'the stream to end');
  });

  const live = (): Promise<unknown> => tab.until("document.getElementById('status')?.textContent === 'live true'");

  test('StrictMode mounts twice, and the whole tree goes and comes: one connection', async () => {
    await live();
    for (let i = 0; i < 5; i++) {
      await tab.evaluate('change({ mounted: false })');
      await tab.until("document.getElementById('status') === null");
      await tab.evaluate('change({ mounted: true })');
      await live();
    }
    expect(site.connects).toBe(1);
  });

  test('callbacks and headers are the newest; a component that comes and goes is no connection', async () => {
    await live();
    await site.publish();
    await waitFor(() => reports.some(([name, tag]) => name === 'event' && tag === 'first'), 'an event');
    await tab.until("document.getElementById('sync').dataset.last === 'true'");
    const renders = await tab.evaluate<number>('statusRenders');
    await tab.evaluate("change({ tag: 'second' })");
    // An event that overtakes the rendering is the first callback's.
    await tab.until("document.getElementById('sync').dataset.tag === 'second'");
    await site.publish();
    await waitFor(() => reports.some(([name, tag]) => name === 'event' && tag === 'second'), 'an event for the newest callback');
    // Each call is a report of its own, and comes by itself.
    await waitFor(() => reports.filter(([name]) => name === 'stale').length >= 2, 'what is stale, twice');
    expect(reports.filter(([name]) => name === 'stale').map((line) => line.slice(1))).toEqual([
      ['first', 'guests.getAll'],
      ['second', 'guests.getAll'],
    ]);
    // Rendered for the tag (twice under StrictMode), and at no event.
    expect((await tab.evaluate<number>('statusRenders')) - renders).toBeLessThanOrEqual(2);
    await tab.evaluate('change({ shown: false })');
    await tab.until("document.getElementById('sync') === null");
    const before = reports.length;
    await site.publish();
    await tab.evaluate('change({ shown: true })');
    await tab.until('listens');
    await site.publish();
    await waitFor(() => reports.length > before, 'an event after it came back');
    expect(site.connects).toBe(1);
    await tab.evaluate('reconnect()');
    await waitFor(() => site.connects === 2, 'the second connection');
    expect(tags.at(-1)).toBe('second');
    await live();
  });

  test('another user has another stream, and the old one ends', async () => {
    await live();
    await tab.evaluate("change({ user: 'bilal' })");
    await waitFor(async () => (await site.streamsOf('bilal')) === 1 && (await site.streamsOf('ada')) === 0, 'the other stream alone');
    await live();
  });

  // It takes what a leave takes, 5 s: once.
  if (version === '19')
    test('who is there is loaded, and changes as they come and go', async () => {
      await live();
      await tab.until("document.getElementById('present').textContent === 'ada'");
      const other = await chromium.open(`${site.url}/?other`, {
        window: true,
        context: await chromium.privateContext(),
      });
      await other.until("document.getElementById('status')?.textContent === 'live true'");
      await other.evaluate("change({ user: 'chen' })");
      await tab.until("document.getElementById('present').textContent.includes('chen')");
      await other.close();
      await tab.until("!document.getElementById('present').textContent.includes('chen')", 60_000);
    });

  test('a server renders it and opens nothing; the page takes it over without a word', async () => {
    await live();
    const opened = site.connects;
    const server = await bundle(SERVER, { alias, platform: 'node' });
    const complaints: unknown[] = [];
    const quiet: Record<string, unknown> = {};
    const loud = {
      ...console,
      error: (...what: unknown[]) => complaints.push(what),
    };
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- a bundle of this test's own
    new Function('globalThis', 'console', 'require', server)(quiet, loud, require);
    html = quiet['rendered'] as string;
    expect(html).toContain('data-connected="false"');
    expect(quiet['alone']).toContain('useRealtimeStatus() must be used below a <RealtimeProvider>');
    expect(complaints).toEqual([]);
    expect(site.connects).toBe(opened);
    await tab.goto(`${site.url}/rendered`);
    await live();
    expect(site.connects).toBe(opened + 1);
    expect(await tab.evaluate("document.getElementById('sync').dataset.connected")).toBe('true');
    // What it shows is as old as the page: it hears what came before its code did.
    await site.publish(2);
    const before = [site.published - 1, site.published].map(String);
    await waitFor(() => reports.some(([name, , , id]) => name === 'event' && id === before[1]), 'both actions');
    await tab.evaluate('arrive()');
    await tab.until('globalThis.arrived');
    await site.publish();
    const lates = (): unknown[] => reports.filter(([name]) => name === 'late').map(([, id]) => id);
    await waitFor(() => lates().includes(String(site.published)), 'the action after it');
    expect(lates()).toEqual([...before, String(site.published)]);
  });

  test('what a page renders by itself hears what comes from then on', async () => {
    await live();
    await site.publish();
    await waitFor(() => reports.some(([name]) => name === 'event'), 'the action before');
    await tab.evaluate('arrive()');
    await tab.until('globalThis.arrived');
    await site.publish();
    const lates = (): unknown[] => reports.filter(([name]) => name === 'late').map(([, id]) => id);
    await waitFor(() => lates().length > 0, 'the action after it');
    expect(lates()).toEqual([String(site.published)]);
  });

  test('a token that a later render brings is tried at once', async () => {
    await live();
    await tab.evaluate("change({ user: 'dora' })");
    await waitFor(() => refusals > 1, 'the refusal');
    await tab.until("document.getElementById('status').textContent === 'connecting false'");
    await tab.evaluate("change({ token: 'late' })");
    await live();
    await site.settled('dora');
  });

  test(`it was React ${version}`, async () => {
    const { version: installed } = jest.requireActual<{ version: string }>(path.resolve(__dirname, '../..', alias['react'] ?? 'node_modules/react'));
    expect(installed.startsWith(`${version}.`)).toBe(true);
  });
});

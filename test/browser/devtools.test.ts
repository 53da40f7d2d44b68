/** `pathcast/devtools` in a real browser, over a real stream: what it shows, that it is used by keys alone, that it leaves the page as it is, and that nothing of an event becomes markup. */
import { Chromium } from '../support/chromium/chromium.js';
import type { Tab } from '../support/chromium/tab.js';
import { waitFor } from '../support/wait.js';
import { bundle } from './support/bundle.js';
import { COMPANY, Site } from './support/site.js';

jest.setTimeout(90_000);

const PAGE = `
  import { QueryClient, QueryObserver } from '@tanstack/query-core';
  import { createSyncClient } from './lib/client/index.js';
  import { bindQueryClient } from './lib/tanstack/index.js';
  import { mountDevtools } from './lib/devtools/index.js';

  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  const fetched = async ({ queryKey }) => {
    const answer = await fetch('/data?' + queryKey[0].join('.'));
    if (!answer.ok) throw new Error('answered ' + answer.status);
    return await answer.json();
  };
  for (const [path, input] of [['guests.getAll'], ['guests.getById', { id: 'g1' }], ['guests.getById', { id: 'g2' }], ['budget.total']]) {
    new QueryObserver(queryClient, { queryKey: [path.split('.'), { ...(input && { input }), type: 'query' }], queryFn: fetched }).subscribe(() => undefined);
  }
  const client = createSyncClient({ url: '/sync/stream?user=ada', companyId: '${COMPANY}', userId: 'ada' });
  const binding = bindQueryClient(queryClient, client);
  const start = (more) => mountDevtools({ client, binding, queryPaths: ['guests.getAll', 'guests.getById', 'guests.stats', 'budget.total'], ...more });
  Object.assign(globalThis, { queryClient, client, binding, start, devtools: start() });
  // What is in the panel, as somebody reads it: what is not drawn is not there.
  globalThis.host = () => document.querySelector('[data-pathcast-devtools]');
  globalThis.all = (selector) => [...host().shadowRoot.querySelectorAll(selector)].filter((one) => one.checkVisibility());
  globalThis.texts = (selector) => all(selector).map((one) => one.innerText.replace(/\\s+/g, ' ').trim());
  globalThis.facts = () => Object.fromEntries(texts('dl > div').map((text, nth) => [all('dt')[nth].innerText, all('dd')[nth].innerText]));
`;

const REACT_PAGE = `
  import { StrictMode, useState } from 'react';
  import { createRoot } from 'react-dom/client';
  import { QueryClient } from '@tanstack/query-core';
  import { RealtimeDevtools, RealtimeProvider, useQueryBinding } from './lib/react/index.js';

  const queryClient = new QueryClient();
  globalThis.loads = 0;
  const load = () => ((globalThis.loads += 1), import('./lib/devtools/index.js'));
  function Bound() {
    globalThis.bound = useQueryBinding();
    return <p id="bound">{globalThis.bound ? 'bound' : 'not yet'}</p>;
  }
  function App() {
    const [shown, set] = useState('provider');
    globalThis.show = set;
    if (shown === 'nothing') return null;
    return (
      <RealtimeProvider url="/sync/stream?user=ada" companyId="${COMPANY}" userId="ada" queryClient={queryClient}>
        <Bound />
        {shown === 'panel' && <RealtimeDevtools load={load} open maxEvents={3} />}
      </RealtimeProvider>
    );
  }
  globalThis.panels = () => [...document.querySelectorAll('[data-pathcast-devtools]')];
  createRoot(document.getElementById('root')).render(<StrictMode><App /></StrictMode>);
`;

let chromium: Chromium;
let site: Site;
let tab: Tab;
let failing = 0;
beforeAll(async () => {
  chromium = await Chromium.launch();
  site = await Site.start({
    scripts: { '/client.js': await bundle(PAGE), '/react.js': await bundle(REACT_PAGE) },
    before(request, response) {
      if (!request.url?.startsWith('/data')) return false;
      if (request.url.includes('budget') && failing > 0) {
        failing -= 1;
        response.writeHead(503).end();
      } else response.setHeader('content-type', 'application/json').end('{}');
      return true;
    },
  });
});
afterAll(async () => {
  await site?.close();
  await chromium?.close();
});
beforeEach(async () => {
  tab = await chromium.open(`${site.url}/`, { window: true });
  await tab.until("globalThis.binding?.status.state === 'current'");
});
afterEach(() => tab.close());

let nth = 0;
const publish = (queryPaths: string[], more: object = {}) =>
  site.hub.broadcast({ type: 'update', module: 'guests', entityId: String((nth += 1)), companyId: COMPANY, userId: 'bob', queryPaths, ...more });
const press = async (key: string): Promise<void> => {
  const code = { Tab: 9, Enter: 13, Escape: 27 }[key];
  await tab.send('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key, windowsVirtualKeyCode: code, ...(key === 'Enter' && { text: '\r' }) });
  await tab.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, windowsVirtualKeyCode: code });
};
const focused = (): Promise<string> => tab.evaluate("host().shadowRoot.activeElement?.textContent ?? ''");
const open = (): Promise<unknown> => tab.evaluate("host().shadowRoot.querySelector('.toggle').click()");

test('shut it is a button; by keys alone it opens, an event is unfolded, and Escape shuts it; nothing is drawn while it is shut', async () => {
  expect(await tab.evaluate("[texts('button'), texts('.panel')]")).toEqual([['pathcast live'], []]);
  await publish(['guests.getAll']);
  await tab.until("binding.status.state === 'refetching'");
  await tab.until("binding.status.state === 'current'");
  expect(await tab.evaluate("host().shadowRoot.querySelectorAll('li.event').length")).toBe(0);
  await press('Tab');
  expect(await focused()).toContain('pathcast');
  await press('Enter');
  await tab.until("all('li.event').length === 1");
  expect(await focused()).toBe('Close');
  // The list scrolls by keys, and then its first event.
  await press('Tab');
  await press('Tab');
  expect(await focused()).toContain('update guests');
  await press('Enter');
  await tab.until("all('.detail li').length > 0");
  expect(await tab.evaluate("texts('.detail li')")).toEqual([expect.stringMatching(/^guests.getAll up to date, \d+ ms after the commit$/)]);
  await press('Escape');
  expect(await tab.evaluate("[texts('.panel'), texts('button')]")).toEqual([[], ['pathcast live']]);
  expect(await focused()).toContain('pathcast');
});

test('of an event: what each path met, what where spares, what no query has, and which name is a phantom', async () => {
  await open();
  await publish(['guests.getById'], { where: { 'guests.getById': { id: 'g1' } } });
  await publish(['guests.stats', 'guests.list'], { module: 'budget' });
  await tab.until("all('li.event').length === 2");
  await tab.until("texts('.outcome').join() === 'met no query,' + texts('.outcome')[1] && texts('.outcome')[1].startsWith('applied in ')");
  expect(await tab.evaluate("texts('.chip')")).toEqual(['guests.stats × 0', 'guests.list phantom', 'guests.getById × 1']);
  await tab.evaluate("all('summary').forEach((one) => one.click())");
  await tab.until("all('.detail li').length === 2");
  expect(await tab.evaluate("texts('.detail li, .detail > div > p, .detail > p:not(:first-child)')")).toEqual([
    'guests.stats no cached query has it',
    'guests.list phantom: no query of the router has it',
    'guests.getById 1 cached query',
    expect.stringMatching(/^guests.getById \{"id":"g1"\} up to date, \d+ ms after the commit$/),
    'guests.getById {"id":"g2"} left alone by where',
  ]);
  expect(await tab.evaluate("texts('.detail > p:first-child')")).toEqual([
    expect.stringMatching(/^at \w+\.\d+ · id [\w-]+ · announced /),
    expect.stringMatching(/^at \w+\.\d+ · id [\w-]+ · announced .* · 1 refetch saved$/),
  ]);
  const facts = await tab.evaluate<Record<string, string>>('facts()');
  expect(facts).toMatchObject({
    'This tab': 'leads: it has the stream', 'Tabs on the stream': '1', Cache: 'current', 'Cached paths': '3', Events: '2', Refetches: '1', 'Refetches saved': '1: 1 by where',
  });
  expect(facts['Stream']).toMatch(/^live, for \d+ s$/);
  expect(facts['Cursor']).toMatch(/^\w+\.\d+$/);
  expect(facts['Commit to applied']).toMatch(/^half within \d+ ms, 95\u00a0% within \d+ ms$/);
  await tab.evaluate("all('button').find((one) => one.textContent === 'Clear').click()");
  expect(await tab.evaluate("[all('li.event').length, facts().Events, texts('.empty')]")).toEqual([0, '0', [expect.stringContaining('No event yet')]]);
});

test('a refetch that fails is shown with its error until the next one is there; a stream that ends says why; another tab is counted', async () => {
  await open();
  failing = 2;
  await publish(['budget']);
  await tab.until("texts('.outcome')[0] === '1 failed' && facts().Cache === 'failed: 1 query'");
  await tab.evaluate("all('summary')[0].click()");
  await tab.until("texts('.detail li')[0]?.startsWith('budget.total failed, is tried again, ') && texts('.detail li')[0].endsWith('answered 503')");
  await tab.until("texts('.outcome')[0].startsWith('applied in ')");
  const other = await chromium.open(`${site.url}/`, { window: true });
  await tab.until("facts()['Tabs on the stream'] === '2'");
  await other.evaluate("host().shadowRoot.querySelector('.toggle').click()");
  await other.until("facts()['This tab'] === 'follows another tab' && facts()['Tabs on the stream'] === '2'");
  await site.hub.disconnect({ companyId: COMPANY, userId: 'ada' }, 'revoked');
  await tab.until("texts('.state')[0] === 'refused: revoked'");
  expect(await tab.evaluate("[facts().Cache, facts()['This tab']]")).toEqual(['unknown', expect.any(String)]);
  await other.close();
});

test('nothing of an event becomes markup, however it is called', async () => {
  await open();
  const evil = '<img src=x onerror="globalThis.evil=1">';
  await tab.evaluate(`queryClient.setQueryData([['guests', 'getById'], { input: { name: ${JSON.stringify(evil)} }, type: 'query' }], {})`);
  await publish(['guests.getById'], { module: evil, id: `"><b>${evil}` });
  await tab.until("all('li.event').length === 1");
  await tab.evaluate("all('summary')[0].click()");
  await tab.until("all('.detail li').length === 3");
  expect(await tab.evaluate("[globalThis.evil ?? null, host().shadowRoot.querySelectorAll('img, script, b').length]")).toEqual([null, 0]);
  expect(await tab.evaluate<string>("texts('.what, .detail').join()")).toContain(`update ${evil}`);
  expect(await tab.evaluate<string>("texts('.detail')[0]")).toContain(`id "><b>${evil}`);
  expect(await tab.evaluate<string>("texts('.detail li').join()")).toContain(JSON.stringify(evil));
});

test('what is remembered is bounded: the oldest events go, a key and a path are cut, and rows of the page are in no place of it', async () => {
  await tab.evaluate('devtools.close(), globalThis.devtools = start({ maxEvents: 5, open: true })');
  for (let times = 0; times < 12; times += 1) await publish([`guests.getAll`, `x.${'y'.repeat(150)}`]);
  await tab.until("all('li.event').length === 5 && facts().Events === '12'");
  expect(await tab.evaluate<number>("Math.max(...texts('.chip').map((text) => text.length))")).toBeLessThan(140);
  expect(await tab.evaluate("(devtools.close(), host())")).toBeNull();
  // Again, and without end.
  await tab.evaluate('devtools.close()');
});

test('the page stays as it is: rules of either do not reach the other; a second one is another panel', async () => {
  await tab.evaluate(`document.head.append(Object.assign(document.createElement('style'), { textContent:
    'div, button, section { display: none; color: red; font-size: 40px; position: static; opacity: 0.5 } * { background-color: lime } h2 { font-size: 99px }' })),
    document.body.append(Object.assign(document.createElement('h2'), { textContent: 'of the page', className: 'panel' }))`);
  await open();
  await tab.until("all('.panel').length === 1");
  expect(await tab.evaluate("[getComputedStyle(host()).position, getComputedStyle(host()).opacity, getComputedStyle(host()).display === 'none']")).toEqual(['fixed', '1', false]);
  expect(await tab.evaluate("getComputedStyle(all('h2')[0]).fontSize")).toBe('13px');
  expect(await tab.evaluate("[getComputedStyle(document.querySelector('h2')).fontSize, getComputedStyle(document.querySelector('h2')).position]")).toEqual(['99px', 'static']);
  expect(await tab.evaluate("document.body.innerText.includes('commit')")).toBe(false);
});

test.each([390, 768, 1_280])('at %i pixels nothing is cut off, light and dark', async (width) => {
  await tab.send('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: false });
  await open();
  await publish(['guests', 'budget.total', 'guests.list', 'guests.getById', 'guests.getAll', 'guests.stats', 'budget'], { where: { 'guests.getById': { id: 'g2' } } });
  await tab.until("all('li.event').length === 1");
  await tab.evaluate("all('summary')[0].click()");
  await tab.until("all('.detail li').length > 3");
  expect(await tab.evaluate("all('.panel, .bar, .scroll, dl > div, summary, summary > *, .chip, .detail, .detail *').filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline' || one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 200))")).toEqual([]);
  for (const scheme of ['light', 'dark']) {
    await tab.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    // WCAG's contrast of each text that is shown, against the panel's own ground.
    const least = await tab.evaluate<number>(`(() => {
      const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map((part) => { const c = part / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const grounds = ['.panel', '.bar'].map((one) => light(getComputedStyle(all(one)[0]).backgroundColor));
      const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      return Math.min(...all('*').filter((one) => one.innerText).flatMap((one) => grounds.map((ground) => ratio(ground, light(getComputedStyle(one).color)))));
    })()`);
    expect(least).toBeGreaterThanOrEqual(4.5);
  }
});

test('in React it is loaded when it is rendered, is one panel in StrictMode too, and goes with its component and with the provider', async () => {
  const page = await chromium.open(`${site.url}/?script=/react.js`, { window: true });
  await page.until("document.getElementById('bound')?.textContent === 'bound' && bound.status.state === 'current'");
  expect(await page.evaluate('[loads, panels().length]')).toEqual([0, 0]);
  await page.evaluate("show('panel')");
  await page.until("panels().length === 1 && panels()[0].shadowRoot.querySelector('.state').textContent === 'live'");
  await publish(['guests.getAll']);
  await page.until("panels()[0].shadowRoot.querySelectorAll('li.event').length === 1");
  await page.evaluate("show('provider')");
  await page.until('panels().length === 0');
  await page.evaluate("show('panel')");
  await page.until('panels().length === 1');
  await page.evaluate("show('nothing')");
  await page.until('panels().length === 0');
  expect(page.complaints).toEqual([]);
  await page.close();
});

test('after all of it the page has complained of nothing but the answers that it was given', async () => {
  await open();
  await publish(['guests']);
  await waitFor(() => tab.evaluate("texts('.outcome')[0]?.startsWith('applied in ')"), 'the event to be applied');
  expect(tab.complaints).toEqual([]);
});

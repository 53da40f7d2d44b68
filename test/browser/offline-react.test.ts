/**
 * `pathcast/offline/react` in a real browser, with React 19 and with React 18, behind a Content-Security-Policy that allows no inline style: what is pending is
 * marked, a conflict is decided by keyboard and mouse, focus goes back where it was, and a page that a server rendered is taken over.
 */
import { Chromium } from '../support/chromium/chromium.js';
import type { Tab } from '../support/chromium/tab.js';
import { waitFor } from '../support/wait.js';
import { bundle } from './support/bundle.js';
import { OfflineSite, SEND } from './support/offline-site.js';
import { REACT_VERSIONS } from './support/react-versions.js';

jest.setTimeout(90_000);

const PAGE = `
  import { StrictMode, useState } from 'react';
  import { createRoot, hydrateRoot } from 'react-dom/client';
  import { createOffline } from './lib/offline/create-offline.js';
  import { crud } from './lib/offline/crud.js';
  import { ConflictDialog, OfflineBadge, OfflineProvider, RefusedChanges, useConflicts, useNetwork, useOutbox, usePending } from './lib/offline-react/index.js';
  ${SEND}
  const renders = (globalThis.renders = { a: 0, b: 0, all: 0 });

  function Row({ id }) {
    const isPending = usePending('pages', id);
    renders[id] += 1;
    return <li id={id} data-pending={String(isPending)} />;
  }
  function All() {
    const ids = usePending('pages');
    renders.all += 1;
    return <p id="all">{[...ids].join(' ')}</p>;
  }
  function Counts() {
    const { unsent, conflicted, failed, entries } = useOutbox();
    const { online } = useNetwork();
    const { conflicts } = useConflicts();
    return <p id="counts">{JSON.stringify({ unsent, conflicted, failed, online, conflicts: conflicts.length, states: entries.map(({ state }) => state) })}</p>;
  }
  function App() {
    const [open, setOpen] = useState(undefined);
    const [{ offline }, set] = useState({ offline: globalThis.offline });
    globalThis.change = set;
    return (
      <OfflineProvider offline={offline}>
        <h1>Pages</h1>
        <button id="before">Before</button>
        <OfflineBadge always={!query.has('quiet')} onOpen={() => setOpen(true)} />
        <RefusedChanges />
        <ul><Row id="a" /><Row id="b" /></ul>
        <All />
        <Counts />
        <ConflictDialog open={open} onClose={() => setOpen(globalThis.opens ? undefined : false)} labels={{ field: (name) => (name === 'title' ? 'Title' : 'Text') }} classNames={{ dialog: 'mine' }} />
      </OfflineProvider>
    );
  }
  const query = new URLSearchParams(location.search);
  globalThis.opens = !query.has('by-hand');
  globalThis.offline = createOffline({ companyId: 'acme', userId: query.get('user') ?? 'ada', mutations: crud('pages', { query: 'pages.getById' }), probe: '/healthz' });
  globalThis.start = () => offline.start({ send });
  const root = document.getElementById('root');
  const tree = <StrictMode><App /></StrictMode>;
  if (root.hasChildNodes()) hydrateRoot(root, tree, { onRecoverableError: (error) => console.error(error) });
  else createRoot(root).render(tree);
  void start();
`;

const SERVER = `
  import { renderToString } from 'react-dom/server';
  import { ConflictDialog, OfflineBadge, OfflineProvider, RefusedChanges, useNetwork, useOutbox, useConflicts, usePending } from './lib/offline-react/index.js';
  function Row({ id }) {
    return <li id={id} data-pending={String(usePending('pages', id))} />;
  }
  function All() {
    return <p id="all">{[...usePending('pages')].join(' ')}</p>;
  }
  function Counts() {
    const { unsent, conflicted, failed, entries } = useOutbox();
    const { online } = useNetwork();
    const { conflicts } = useConflicts();
    return <p id="counts">{JSON.stringify({ unsent, conflicted, failed, online, conflicts: conflicts.length, states: entries.map(({ state }) => state) })}</p>;
  }
  globalThis.rendered = renderToString(
    <OfflineProvider offline={null}>
      <h1>Pages</h1>
      <button id="before">Before</button>
      <OfflineBadge always onOpen={() => undefined} />
      <RefusedChanges />
      <ul><Row id="a" /><Row id="b" /></ul>
      <All />
      <Counts />
      <ConflictDialog />
    </OfflineProvider>,
  );
  try { renderToString(<Row id="a" />); } catch (error) { globalThis.alone = error.message; }
`;

let chromium: Chromium;
beforeAll(async () => {
  chromium = await Chromium.launch();
});
afterAll(() => chromium?.close());

describe.each(REACT_VERSIONS)('React %s', (version, alias) => {
  let site: OfflineSite;
  let tab: Tab;
  let user = 0;

  beforeAll(async () => {
    site = await OfflineSite.start({ '/client.js': await bundle(PAGE, { alias }), '/page.css': '' });
  });
  afterAll(() => site?.close());

  const open = async (query = ''): Promise<void> => {
    tab = await chromium.open(`${site.url}/?user=${version}-${String(++user)}${query}`);
    await tab.until("!!document.querySelector('[role=status]')");
  };
  beforeEach(() => {
    site.model.rows.clear();
    site.model.versions.clear();
    for (const id of ['a', 'b']) site.model.call('pages.create', { id, title: 'One fine day', body: 'x', tx: { transactionId: `${id}-${String(user)}` } });
    site.fate = () => undefined;
  });
  afterEach(async () => {
    site.release();
    await tab.close();
    expect(tab.complaints).toEqual([]);
  });

  const seen = (id: string): string => `${id}-${String(user - 1)}`;
  const text = (selector: string): Promise<string> => tab.evaluate<string>(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`);
  const counts = async (): Promise<Record<string, unknown>> => JSON.parse(await text('#counts')) as Record<string, unknown>;
  const badge = (): Promise<string> => tab.evaluate<string>("document.querySelector('.pathcast-badge')?.dataset.state ?? 'none'");
  const click = (selector: string): Promise<unknown> => tab.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
  const key = async (name: string): Promise<void> => {
    for (const type of ['keyDown', 'keyUp']) await tab.send('Input.dispatchKeyEvent', { type, key: name, code: name, windowsVirtualKeyCode: name === 'Escape' ? 27 : 9 });
  };
  /** The person sees the row as it was at first, and changes it. */
  const change = (id: string, title: string): Promise<unknown> =>
    tab.evaluate(`offline.add('pages.update', { id: '${id}', title: ${JSON.stringify(title)} }, { base: { title: { value: 'One fine day', version: '${seen(id)}' } } }).then(({ answer }) => void answer.catch(() => undefined))`);
  /** Somebody else was there before. */
  const conflict = async (id: string, theirs: string, mine: string): Promise<void> => {
    site.model.edit(`pages ${id}`, 'title', theirs, 'bilal');
    await change(id, mine);
  };
  const rowOf = (id: string): unknown => site.model.rows.get(`pages ${id}`)?.['title'];

  test('what is pending is marked, and renders where it is shown alone', async () => {
    await open();
    await waitFor(async () => (await badge()) === 'saved', 'all to be saved');
    expect(await text('.pathcast-badge')).toBe('All saved');
    site.fate = () => 'held';
    const before = await tab.evaluate<Record<string, number>>('({ ...renders })');
    await change('a', 'Two');
    await tab.until("document.getElementById('a').dataset.pending === 'true'");
    await waitFor(() => site.held === 1, 'the call');
    expect(await text('#all')).toBe('a');
    expect(await counts()).toMatchObject({ unsent: 1, conflicted: 0, failed: 0, states: ['sending'] });
    expect(await badge()).toBe('sending');
    expect(await text('.pathcast-badge')).toBe('Saving 1 change');
    site.release();
    await tab.until("document.getElementById('a').dataset.pending === 'false'");
    await waitFor(async () => (await badge()) === 'saved', 'all to be saved again');
    const after = await tab.evaluate<Record<string, number>>('({ ...renders })');
    expect(after['b']).toBe(before['b']);
    // On and off, each twice under StrictMode; queued, sending and acked are the same to it.
    for (const one of ['a', 'all']) expect((after[one] ?? 0) - (before[one] ?? 0)).toBeLessThanOrEqual(4);
    expect(rowOf('a')).toBe('Two');
  });

  test('a conflict opens a dialog that is named, holds focus, and shows all three values; a merge of both is sent', async () => {
    await open();
    await tab.evaluate("document.getElementById('before').focus()");
    await conflict('a', 'One fine summer day', 'One very fine day');
    await tab.until("document.querySelector('dialog')?.open");
    const look = await tab.evaluate<Record<string, unknown>>(`(() => {
      const dialog = document.querySelector('dialog');
      return {
        modal: dialog.matches(':modal'),
        classes: dialog.className,
        name: document.getElementById(dialog.getAttribute('aria-labelledby')).textContent,
        described: document.getElementById(dialog.getAttribute('aria-describedby')).textContent,
        focus: document.activeElement.tagName,
        legend: dialog.querySelector('legend').textContent,
        values: [...dialog.querySelectorAll('.pathcast-conflict-value')].map((one) => one.textContent),
        meta: [...dialog.querySelectorAll('.pathcast-conflict-meta')].map((one) => one.textContent),
        radius: getComputedStyle(dialog).borderRadius,
      };
    })()`);
    expect(look).toMatchObject({ modal: true, classes: 'pathcast-conflict mine', name: 'Somebody else has changed this too', focus: 'H2', legend: 'Title', values: ['One very fine day', 'One fine summer day'], radius: '14px' });
    expect(look['described']).toContain('Nothing of yours is lost');
    expect(look['meta']).toEqual([expect.stringContaining('Changed by bilal'), 'Before: One fine day']);
    // Tab goes round inside of it.
    for (let i = 0; i < 8; i++) {
      await key('Tab');
      expect(await tab.evaluate("document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)")).toBe(true);
    }
    await click('input[value=text]');
    await tab.until("document.querySelector('textarea')?.value === 'One very fine summer day'");
    await click('[data-action=merge]');
    await tab.until("document.querySelector('dialog') === null");
    await waitFor(() => rowOf('a') === 'One very fine summer day', 'the merge on the server');
    expect(await tab.evaluate('document.activeElement.id')).toBe('before');
  });

  test('Escape is later: it stays, the badge opens it again, and theirs is kept', async () => {
    await open('&by-hand');
    await conflict('a', 'Theirs', 'Mine');
    await tab.until("document.querySelector('dialog')?.open");
    await key('Escape');
    await tab.until("document.querySelector('dialog') === null");
    expect(await counts()).toMatchObject({ conflicted: 1, conflicts: 1, unsent: 0 });
    expect(await text('button.pathcast-badge')).toBe('1 change needs you');
    expect(await tab.evaluate("document.getElementById('a').dataset.pending")).toBe('true');
    await click('button.pathcast-badge');
    await tab.until("document.querySelector('dialog')?.open");
    await click('[data-action=keepTheirs]');
    await tab.until("document.querySelector('dialog') === null");
    expect(await counts()).toMatchObject({ conflicted: 0, unsent: 0 });
    expect(rowOf('a')).toBe('Theirs');
    expect(await tab.evaluate("document.getElementById('a').dataset.pending")).toBe('false');
  });

  test('Escape twice, where the dialog opens by itself: one that is put off stays away, a new conflict shows', async () => {
    await open();
    await conflict('a', 'Theirs', 'Mine');
    await tab.until("document.querySelector('dialog')?.open");
    await key('Escape');
    await tab.until("document.querySelector('dialog') === null");
    await conflict('b', 'Their b', 'My b');
    await tab.until("document.querySelector('dialog')?.open");
    expect(await text('dialog .pathcast-conflict-value')).toBe('My b');
    await click('[data-action=keepMine]');
    await tab.until("document.querySelector('dialog') === null");
    await waitFor(() => rowOf('b') === 'My b', 'mine on the server');
    expect(rowOf('a')).toBe('Theirs');
    expect(await counts()).toMatchObject({ conflicted: 1 });
  });

  test('of two, the second follows the first in the same dialog; of a deletion there is nothing to merge', async () => {
    await open();
    await tab.evaluate('offline.pause()');
    site.model.edit('pages a', 'title', 'Theirs', 'bilal');
    site.model.edit('pages b', 'title', 'Their b', 'chen');
    await change('a', 'Mine');
    await tab.evaluate(`offline.add('pages.delete', { id: 'b' }, { base: { title: { value: 'One fine day', version: '${seen('b')}' } } }).then(({ answer }) => void answer.catch(() => undefined))`);
    await tab.evaluate('offline.resume()');
    await waitFor(async () => (await counts())['conflicts'] === 2, 'both conflicts');
    await click('[data-action=keepMine]');
    await tab.until("document.querySelector('dialog h2').textContent === 'You deleted what somebody else has changed'");
    expect(await tab.evaluate("[document.querySelectorAll('[data-action=merge], dialog input').length, document.activeElement.tagName]")).toEqual([0, 'H2']);
    expect(await text('.pathcast-conflict-intro')).toMatch(/^2 of 2\. /);
    expect(await tab.evaluate("[...document.querySelectorAll('.pathcast-conflict-value')].map((one) => one.textContent)")).toEqual(['deleted', 'Their b']);
    await click('[data-action=keepMine]');
    await tab.until("document.querySelector('dialog') === null");
    await waitFor(() => !site.model.rows.has('pages b') && rowOf('a') === 'Mine', 'both on the server');
  });

  test('theirs is kept for the field in conflict, and what else was changed is sent', async () => {
    await open();
    site.model.edit('pages a', 'title', 'Theirs', 'bilal');
    const base = { title: { value: 'One fine day', version: seen('a') }, body: { value: 'x', version: seen('a') } };
    await tab.evaluate(`offline.add('pages.update', { id: 'a', title: 'Mine', body: 'My text' }, { base: ${JSON.stringify(base)} }).then(({ answer }) => void answer.catch(() => undefined))`);
    await tab.until("document.querySelector('dialog')?.open");
    await click('[data-action=keepTheirs]');
    await tab.until("document.querySelector('dialog') === null");
    await waitFor(() => site.model.rows.get('pages a')?.['body'] === 'My text', 'the text on the server');
    expect(rowOf('a')).toBe('Theirs');
  });

  test('on a phone and on a desk nothing of the dialog is out of sight', async () => {
    await open();
    const long = 'A title without an end '.repeat(20);
    await conflict('a', `${long} and theirs`, `${long}${'x'.repeat(200)}`);
    await tab.until("document.querySelector('dialog')?.open");
    for (const width of [360, 768, 1280]) {
      await tab.send('Emulation.setDeviceMetricsOverride', { width, height: 640, deviceScaleFactor: 1, mobile: width < 500 });
      const wide = await tab.evaluate<unknown[]>(`(() => {
        const dialog = document.querySelector('dialog');
        const { left, right, top, bottom } = dialog.getBoundingClientRect();
        const outside = [...dialog.querySelectorAll('button')].filter((one) => one.getBoundingClientRect().bottom > innerHeight || one.getBoundingClientRect().right > innerWidth).map((one) => one.textContent);
        return [left >= 0 && right <= innerWidth, top >= 0 && bottom <= innerHeight, document.querySelector('.pathcast-conflict-fields').scrollWidth <= document.querySelector('.pathcast-conflict-fields').clientWidth, outside];
      })()`);
      expect([width, ...wide]).toEqual([width, true, true, true, []]);
    }
  });

  test('what the server refuses is failed, and can be taken away; another outbox is another list', async () => {
    await open();
    await tab.evaluate("offline.add('pages.update', { id: 'a', refuse: true }).then(({ answer }) => void answer.catch(() => undefined))");
    await waitFor(async () => (await badge()) === 'failed', 'it to be refused');
    expect(await text('button.pathcast-badge')).toBe('1 change not saved');
    expect(await tab.evaluate("document.getElementById('a').dataset.pending")).toBe('false');
    await tab.evaluate('change({ offline: null })');
    await waitFor(async () => (await counts())['failed'] === 0, 'none without an outbox');
    await tab.evaluate('change({ offline })');
    await waitFor(async () => (await counts())['failed'] === 1, 'it again');
    await tab.evaluate('offline.discard(offline.entries[0].id)');
    await waitFor(async () => (await badge()) === 'saved', 'nothing to be left');
  });

  test('what the server refuses is listed with its word, and has two ways out; what waits behind it goes on then', async () => {
    await open();
    await tab.evaluate("offline.add('pages.update', { id: 'a', refuse: true }).then(({ answer }) => void answer.catch(() => undefined))");
    await tab.until("!!document.querySelector('.pathcast-refused [data-action=retry]')");
    await change('a', 'Two');
    expect(await text('.pathcast-refused p')).toBe('Changed: pages a refuse UNPROCESSABLE_CONTENT');
    const look = await tab.evaluate(`(() => {
      const button = document.querySelector('.pathcast-refused [data-action=discard]');
      return [document.querySelector('.pathcast-refused').getAttribute('aria-label'), document.getElementById(button.getAttribute('aria-describedby')).textContent];
    })()`);
    expect(look).toEqual(['Not saved', 'Changed: pages a refuse UNPROCESSABLE_CONTENT']);
    const press = (action: string): Promise<unknown> => tab.evaluate(`(() => { const button = document.querySelector('.pathcast-refused [data-action=${action}]'); button.focus(); button.click(); })()`);
    const tries = site.calls.length;
    await press('retry');
    await waitFor(async () => site.calls.length === tries + 1 && (await badge()) === 'failed', 'it to be tried, and refused again');
    await tab.until("!!document.querySelector('.pathcast-refused [data-action=discard]')");
    expect((await counts())['states']).toEqual(['rejected', 'queued']);
    await press('discard');
    await waitFor(() => rowOf('a') === 'Two', 'what waited on the server');
    await tab.until("document.querySelector('.pathcast-refused').childElementCount === 0");
    expect(await tab.evaluate("[document.activeElement.className, document.querySelector('.pathcast-refused').getAttribute('role')]")).toEqual(['pathcast-refused', null]);
  });

  test.each(['', '&quiet'])('who decides from the badge is at the badge again, though it is no button any more %s', async (query) => {
    await open(`&by-hand${query}`);
    await conflict('a', 'Theirs', 'Mine');
    await tab.until("document.querySelector('dialog')?.open");
    await key('Escape');
    await tab.until("document.querySelector('dialog') === null");
    await tab.evaluate("document.querySelector('button.pathcast-badge').focus()");
    await click('button.pathcast-badge');
    await tab.until("document.querySelector('dialog')?.open");
    await tab.evaluate("document.querySelector('[data-action=keepTheirs]').focus()");
    await click('[data-action=keepTheirs]');
    await tab.until("document.querySelector('dialog') === null && !document.querySelector('button.pathcast-badge')");
    expect(await tab.evaluate("document.activeElement.getAttribute('role')")).toBe('status');
  });

  test('what was written into a text of both is there again after Escape', async () => {
    await open('&by-hand');
    await conflict('a', 'Theirs', 'Mine');
    await tab.until("document.querySelector('dialog')?.open");
    await click('input[value=text]');
    await tab.until("!!document.querySelector('textarea')");
    await tab.evaluate("document.querySelector('textarea').focus(); document.querySelector('textarea').select()");
    await tab.send('Input.insertText', { text: 'Written for two hours' });
    await key('Escape');
    await tab.until("document.querySelector('dialog') === null");
    await click('button.pathcast-badge');
    await tab.until("document.querySelector('textarea')?.value === 'Written for two hours'");
    await click('[data-action=merge]');
    await waitFor(() => rowOf('a') === 'Written for two hours', 'it on the server');
  });

  test('what another window decides leaves in sight what was written here, with a word, until it is closed', async () => {
    await open();
    const decide = "offline.resolve(offline.entries.find(({ state }) => state === 'conflicted').id, 'theirs')";
    await conflict('a', 'Theirs', 'Mine');
    await tab.until("document.querySelector('dialog')?.open");
    expect(await text('.pathcast-conflict-row')).toBe('pages a');
    await click('input[value=text]');
    await tab.until("!!document.querySelector('textarea')");
    await tab.evaluate("document.querySelector('textarea').focus(); document.querySelector('textarea').select()");
    await tab.send('Input.insertText', { text: 'Much typing' });
    await tab.until("document.querySelector('textarea').value === 'Much typing'");
    await tab.evaluate(decide);
    await tab.until("!!document.querySelector('[data-action=close]')");
    expect(await tab.evaluate("document.querySelector('textarea').value")).toBe('Much typing');
    expect(await text('.pathcast-conflict-failed')).toContain('decided in another window');
    expect(await tab.evaluate("[...document.querySelectorAll('dialog [data-action]')].map(({ dataset }) => dataset.action)")).toEqual(['close']);
    await click('[data-action=close]');
    await tab.until("!document.querySelector('dialog')");
    // Where nothing was chosen here it just goes.
    await conflict('b', 'Theirs', 'Mine');
    await tab.until("document.querySelector('dialog')?.open");
    await tab.evaluate(decide);
    await tab.until("!document.querySelector('dialog')");
  });

  test('on a screen that is low (a zoom of 400 %) all of the dialog can be scrolled to, and nothing in it scrolls by itself', async () => {
    await open();
    await conflict('a', 'שלום עולם. '.repeat(60), `Mine ${'long '.repeat(200)}`);
    await tab.until("document.querySelector('dialog')?.open");
    await tab.send('Emulation.setDeviceMetricsOverride', { width: 320, height: 256, deviceScaleFactor: 1, mobile: false });
    const look = await tab.evaluate(`(() => {
      const dialog = document.querySelector('dialog');
      const merge = dialog.querySelector('[data-action=later]');
      merge.scrollIntoView({ block: 'end' });
      const [inner, outer] = [merge, dialog].map((one) => one.getBoundingClientRect());
      const values = [...dialog.querySelectorAll('.pathcast-conflict-value')];
      return [inner.bottom <= outer.bottom, inner.top >= outer.top, values.some((one) => one.scrollHeight > one.clientHeight + 1), values.map((one) => getComputedStyle(one).direction)];
    })()`);
    // Each value runs as its own script does.
    expect(look).toEqual([true, true, false, ['ltr', 'rtl']]);
  });

  test('the badge is right about what it does not send, and reads no count out while it goes down', async () => {
    await open();
    await tab.evaluate('offline.pause()');
    await change('a', 'Two');
    await waitFor(async () => (await text('.pathcast-badge')) === 'Offline, 1 change kept here', 'it to say that it waits');
    site.fate = () => 'held';
    await tab.evaluate('offline.resume()');
    await waitFor(() => site.held === 1, 'the call');
    expect(await tab.evaluate("[document.querySelector('.pathcast-badge').textContent, document.querySelector('[role=status]').ariaLive]")).toEqual(['Saving 1 change', 'off']);
    site.release();
    await waitFor(async () => (await badge()) === 'saved', 'all to be saved');
    expect(await tab.evaluate("document.querySelector('[role=status]').ariaLive")).toBe('polite');
  });

  test('a decision that the browser has no room for says so, and the button keeps the focus', async () => {
    await open();
    await conflict('a', 'Theirs', 'Mine');
    await tab.until("document.querySelector('dialog')?.open");
    await tab.evaluate("globalThis.put = IDBObjectStore.prototype.put; IDBObjectStore.prototype.put = () => { throw new DOMException('no room', 'QuotaExceededError'); }");
    await tab.evaluate("document.querySelector('[data-action=keepMine]').focus()");
    await click('[data-action=keepMine]');
    await tab.until("document.querySelector('.pathcast-conflict-failed').textContent.startsWith('That could not be done: ')");
    expect(await tab.evaluate('document.activeElement.dataset.action')).toBe('keepMine');
    expect(await text('.pathcast-badge')).toBe('This browser has no room left to keep changes');
    await tab.evaluate('IDBObjectStore.prototype.put = globalThis.put');
    await click('[data-action=keepMine]');
    await tab.until("document.querySelector('dialog') === null");
    await waitFor(() => rowOf('a') === 'Mine', 'mine on the server');
  });

  test('what the browser has thrown away is named as that, and hides no conflict', async () => {
    await open();
    await tab.evaluate('offline.pause()');
    await change('b', 'Two');
    await tab.goto('about:blank');
    await tab.send('Storage.clearDataForOrigin', { origin: site.url, storageTypes: 'indexeddb' });
    await tab.goto(`${site.url}/?user=${version}-${String(user)}&by-hand`);
    await tab.until("document.querySelector('.pathcast-badge')?.textContent === 'This browser has deleted changes that were not saved'");
    await conflict('a', 'Theirs', 'Mine');
    await waitFor(async () => (await badge()) === 'conflicted', 'the conflict');
  });

  test('a server renders it, and the page takes it over without a word', async () => {
    const server = await bundle(SERVER, { alias, platform: 'node' });
    const complaints: unknown[] = [];
    const quiet: Record<string, unknown> = {};
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- a bundle of this test's own
    new Function('globalThis', 'console', 'require', server)(quiet, { ...console, error: (...what: unknown[]) => complaints.push(what) }, require);
    expect(complaints).toEqual([]);
    expect(quiet['alone']).toContain('usePending() must be used below an <OfflineProvider>');
    site.html = quiet['rendered'] as string;
    expect(site.html).toContain('data-pending="false"');
    try {
      await open();
      await change('a', 'Two');
      await waitFor(() => rowOf('a') === 'Two', 'the change on the server');
    } finally {
      site.html = '';
    }
  });
});

/**
 * Phase 10 of the plan, what a person sees of a conflict and how he decides: in a real browser, by `pathcast/offline/react`.
 * `test/browser/offline-react.test.ts` goes further.
 */
import { bundle } from '../../browser/support/bundle.js';
import { OfflineSite, SEND } from '../../browser/support/offline-site.js';
import { Chromium } from '../../support/chromium/chromium.js';
import type { Tab } from '../../support/chromium/tab.js';
import { waitFor } from '../../support/wait.js';

const PAGE = `
  import { createRoot } from 'react-dom/client';
  import { createOffline } from './lib/offline/create-offline.js';
  import { crud } from './lib/offline/crud.js';
  import { ConflictDialog, OfflineBadge, OfflineProvider, usePending } from './lib/offline-react/index.js';
  ${SEND}
  const user = new URLSearchParams(location.search).get('user');
  globalThis.offline = createOffline({ companyId: 'acme', userId: user, mutations: crud('pages'), probe: '/healthz' });
  const Row = () => <li id="row" data-pending={String(usePending('pages', 'a'))} />;
  createRoot(document.getElementById('root')).render(
    <OfflineProvider offline={offline}>
      <OfflineBadge always />
      <Row />
      <ConflictDialog filter={({ fields }) => fields.every(({ field }) => field !== 'views')} />
    </OfflineProvider>,
  );
  void offline.start({ send });
`;

let chromium: Chromium;
let site: OfflineSite;
let tab: Tab;
let users = 0;

beforeAll(async () => {
  [chromium, site] = await Promise.all([Chromium.launch(), bundle(PAGE).then((script) => OfflineSite.start({ '/client.js': script, '/page.css': '' }))]);
});
afterAll(async () => {
  await chromium?.close();
  await site?.close();
});
beforeEach(async () => {
  site.model.rows.clear();
  site.model.versions.clear();
  users += 1;
  site.model.call('pages.create', { id: 'a', title: 'One fine day', views: 1, tx: { transactionId: `first-${users}` } });
  tab = await chromium.open(`${site.url}/?user=${users}`);
  await tab.until("document.querySelector('.pathcast-badge')?.dataset.state === 'saved'");
});
afterEach(async () => {
  await tab.close();
  expect(tab.complaints).toEqual([]);
});

const rowOf = (field = 'title'): unknown => site.model.rows.get('pages a')?.[field];
const there = (selector: string): Promise<void> => tab.until(`!!document.querySelector(${JSON.stringify(selector)})`).then(() => undefined);
const textOf = (selector: string): Promise<string[]> =>
  tab.evaluate<string[]>(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.textContent)`);
const click = (selector: string): Promise<unknown> => tab.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
/** Bilal has changed the field, and so does the person, who has seen the first value. */
async function conflict(mine: string | number, theirs: string | number, field = 'title'): Promise<void> {
  const base = { [field]: { value: rowOf(field), version: `first-${users}` } };
  site.model.edit('pages a', field, theirs, 'bilal');
  const given = [{ id: 'a', [field]: mine }, { base }].map((one) => JSON.stringify(one)).join();
  await tab.evaluate(`offline.add('pages.update', ${given}).then(({ answer }) => void answer.catch(() => undefined))`);
}

test('OFFLINE-020: a conflict is seen: the badge says so, and the row is marked', async () => {
  await conflict('Mine', 'Theirs');
  await there('.pathcast-badge[data-state=conflicted]');
  expect(await textOf('.pathcast-badge')).toEqual(['1 change needs you']);
  await there('#row[data-pending=true]');
});

test("OFFLINE-021: the dialog shows the person's value, the server's, and what was there before", async () => {
  await conflict('Mine', 'Theirs');
  await there('dialog[open]');
  expect(await textOf('.pathcast-conflict-word')).toEqual(['Yours', 'Theirs', 'Both, as one text']);
  expect(await textOf('.pathcast-conflict-value')).toEqual(['Mine', 'Theirs']);
  expect((await textOf('.pathcast-conflict-meta')).at(-1)).toBe('Before: One fine day');
});

// Every field is `manual`, but for those that the app leaves out by `filter`, and decides by a rule of its own (MERGE-002).
test('MERGE-004: it opens by itself for a field that a person is to decide, and not for one that the app decides', async () => {
  await conflict(2, 5, 'views');
  await there('.pathcast-badge[data-state=conflicted]');
  expect(await textOf('dialog')).toEqual([]);
  await tab.evaluate("offline.resolve(offline.entries.find(({ state }) => state === 'conflicted').id, 'theirs')");
  await there('.pathcast-badge[data-state=saved]');
  await conflict('Mine', 'Theirs');
  await there('dialog[open]');
  expect(await textOf('legend')).toEqual(['title']);
});

test('MERGE-005: both values stand side by side, with who changed it', async () => {
  await conflict('Mine', 'Theirs');
  await there('dialog[open]');
  const tops = await tab.evaluate<number[]>("[...document.querySelectorAll('.pathcast-conflict-sides > *')].map((one) => one.getBoundingClientRect().top)");
  expect(tops).toHaveLength(2);
  expect(tops[0]).toBe(tops[1]);
  expect((await textOf('.pathcast-conflict-meta'))[0]).toContain('Changed by bilal');
});

test("MERGE-006: the person keeps his own, the server's, or a text of his own making", async () => {
  await conflict('Mine', 'Theirs');
  await there('dialog[open] [data-action=keepMine]');
  await click('[data-action=keepMine]');
  await waitFor(() => rowOf() === 'Mine', 'mine at the server');
  await there('.pathcast-badge[data-state=saved]');

  await conflict('Mine again', 'Theirs again');
  await there('dialog[open] [data-action=keepTheirs]');
  await click('[data-action=keepTheirs]');
  await there('.pathcast-badge[data-state=saved]');
  expect(rowOf()).toBe('Theirs again');

  await conflict('My day', 'Their day');
  await there('dialog[open] input[value=text]');
  await click('input[value=text]');
  await there('textarea');
  await tab.evaluate("document.querySelector('textarea').focus(); document.querySelector('textarea').select()");
  await tab.send('Input.insertText', { text: 'Our day' });
  await tab.until("document.querySelector('textarea').value === 'Our day'");
  await click('[data-action=merge]');
  await waitFor(() => rowOf() === 'Our day', 'what the person wrote');
});

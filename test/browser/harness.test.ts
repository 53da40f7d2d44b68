/**
 * The browser that the suites here drive does what a person's does: hides tabs, slows their timers, keeps left pages, freezes,
 * discards and duplicates. Each of them is a premise of a case about the one stream of a browser, so each is shown once here.
 */
import { createServer } from 'node:http';
import { Chromium } from '../support/chromium/chromium.js';
import { mustBeHidden, mustBeProcesses, mustBeThrottled } from '../support/chromium/premises.js';
import { continueProcess, stateOf, stopProcess } from '../support/chromium/process.js';
import { closeServers, listen } from '../support/listen.js';
import { waitFor } from '../support/wait.js';

jest.setTimeout(120_000);

const PAGE = `<!doctype html><title>page</title><script>
  window.life = [];
  const say = (...what) => { life.push(what); globalThis.report?.(what); };
  for (const name of ['pageshow', 'pagehide']) addEventListener(name, (event) => say(name, event.persisted));
  for (const name of ['freeze', 'resume']) document.addEventListener(name, () => say(name));
</script>`;

let origin: string;
let chromium: Chromium;
beforeAll(async () => {
  const port = await listen(createServer((_request, response) => response.setHeader('content-type', 'text/html').end(PAGE)));
  origin = `http://127.0.0.1:${port}`;
  chromium = await Chromium.launch();
});
afterAll(async () => {
  await chromium?.close();
  closeServers();
});

/** A tab, and what its pages reported. */
async function open(options: Parameters<Chromium['open']>[1] = {}) {
  const reports: unknown[][] = [];
  const tab = await chromium.open(`${origin}/first`, {
    ...options,
    onReport: (value) => reports.push(value as unknown[]),
  });
  return { tab, reports };
}

test('a tab behind another one is hidden and its timers are slow; a second window shows beside the first', async () => {
  const { tab } = await open();
  expect(await tab.visibility()).toBe('visible');
  const { tab: front } = await open();
  await mustBeThrottled(tab);
  await expect(mustBeHidden(front, 0)).rejects.toThrow('the page is visible, not hidden');
  const { tab: window } = await open({ window: true });
  expect([await front.visibility(), await window.visibility()]).toEqual(['visible', 'visible']);
  await tab.show();
  await mustBeHidden(front);
  for (const one of [tab, front, window]) await one.close();
});

test('a page that was left waits in the back-forward cache and comes back as it was', async () => {
  const { tab } = await open();
  await tab.evaluate('window.mark = 7');
  await tab.goto(`${origin}/second`);
  expect(await tab.back()).toBe(true);
  expect(await tab.evaluate('[location.pathname, window.mark]')).toEqual(['/first', 7]);
  await tab.until("life.some(([name, persisted]) => name === 'pageshow' && persisted)");
  expect(await tab.evaluate('life.filter(([name]) => name.startsWith("page"))')).toEqual([
    ['pageshow', false],
    ['pagehide', true],
    ['pageshow', true],
  ]);
  expect(tab.notCached).toEqual([]);
  await tab.close();
});

test('what keeps a page out of the back-forward cache is named', async () => {
  const { tab } = await open();
  await tab.evaluate("addEventListener('unload', () => {})");
  await tab.goto(`${origin}/second`);
  expect(await tab.back()).toBe(false);
  expect(JSON.stringify(tab.notCached)).toContain('UnloadHandler');
  await tab.close();
});

test('a frozen page runs nothing until it is thawed', async () => {
  const { tab, reports } = await open();
  const { tab: other, reports: others } = await open();
  const { tab: front } = await open();
  const seen = (of: unknown[][]): boolean => of.some(([name, value]) => name === 'storage' && value === 'while frozen');
  for (const one of [tab, other]) await one.evaluate("addEventListener('storage', (event) => say('storage', event.newValue))");
  await tab.freeze();
  await waitFor(() => reports.some(([name]) => name === 'freeze'), 'the page to be frozen');
  await front.evaluate("localStorage.setItem('seen', 'while frozen')");
  await waitFor(() => seen(others), 'the event in the tab that is not frozen');
  expect(seen(reports)).toBe(false);
  await tab.thaw();
  await waitFor(() => seen(reports), 'the event after the thaw');
  for (const one of [tab, other, front]) await one.close();
});

test('each tab has a process; one can be stopped, continued and killed while the others live', async () => {
  const { tab: first } = await open();
  const { tab: second } = await open();
  const [pid = 0, other] = await mustBeProcesses(first, second);
  expect(await chromium.rendererPids()).toEqual(expect.arrayContaining([pid, other]));
  await stopProcess(pid);
  expect(stateOf(pid)).toBe('T');
  expect(await second.evaluate('1 + 1')).toBe(2);
  continueProcess(pid);
  expect(await first.evaluate('1 + 1')).toBe(2);
  await first.kill();
  expect(await second.evaluate('1 + 1')).toBe(2);
  for (const one of [first, second]) await one.close();
});

test('a discarded page is gone, its tab stays and loads when it is shown', async () => {
  const { tab } = await open();
  const { tab: front } = await open();
  await tab.evaluate('window.mark = 7');
  await mustBeHidden(tab);
  const showAgain = await tab.discard();
  expect(tab.gone).toBe(true);
  const again = await showAgain();
  expect(await again.until('document.wasDiscarded')).toBe(true);
  expect(await again.evaluate('typeof window.mark')).toBe('undefined');
  for (const one of [again, front]) await one.close();
});

test('a duplicated tab has a copy of sessionStorage, which goes its own way', async () => {
  const { tab } = await open();
  await tab.evaluate("sessionStorage.setItem('tab', 'first')");
  const copy = await tab.duplicate();
  expect(await copy.evaluate("sessionStorage.getItem('tab')")).toBe('first');
  await copy.evaluate("sessionStorage.setItem('tab', 'copy')");
  expect(await tab.evaluate("sessionStorage.getItem('tab')")).toBe('first');
  for (const one of [tab, copy]) await one.close();
});

test('a private window has storage, locks and channels of its own; a script of the test runs before the page', async () => {
  const { tab } = await open({
    script: 'delete Navigator.prototype.locks; delete globalThis.BroadcastChannel;',
  });
  expect(await tab.evaluate('[typeof navigator.locks, typeof BroadcastChannel]')).toEqual(['undefined', 'undefined']);
  await tab.evaluate("localStorage.setItem('name', 'normal')");
  const { tab: hidden } = await open({
    context: await chromium.privateContext(),
  });
  expect(await hidden.evaluate("localStorage.getItem('name')")).toBe(null);
  expect(await hidden.evaluate('typeof navigator.locks')).toBe('object');
  for (const one of [tab, hidden]) await one.close();
});

test('with storage blocked, localStorage throws', async () => {
  const blocked = await Chromium.launch({ blockStorage: true });
  try {
    const tab = await blocked.open(`${origin}/`);
    await expect(tab.evaluate('localStorage.length')).rejects.toThrow('SecurityError');
  } finally {
    await blocked.close();
  }
});

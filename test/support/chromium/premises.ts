/** What a case about a page's life takes for granted, looked at before anything is said about it. */
import { DEADLINE_MS, waitFor } from '../wait.js';
import type { Tab } from './tab.js';

/** How late a timer of 20 ms came, the slowest of four: under 200 ms in a page that shows, about a second in one that is hidden. */
const TIMER = `new Promise((resolve) => {
  let slowest = 0, left = 4, last = performance.now();
  const next = () => setTimeout(() => {
    const now = performance.now();
    slowest = Math.max(slowest, now - last);
    last = now;
    if (--left === 0) resolve(slowest); else next();
  }, 20);
  next();
})`;

/** Rejects unless the page is hidden, or is soon: it is told by itself that another tab shows. */
export async function mustBeHidden(tab: Tab, deadlineMs = DEADLINE_MS): Promise<void> {
  let seen = '';
  const isHidden = async (): Promise<boolean> => (seen = await tab.visibility()) === 'hidden';
  await waitFor(isHidden, 'the page to be hidden', deadlineMs).catch(() => {
    throw new Error(`The premise fails: the page is ${seen}, not hidden`);
  });
}

/** Rejects unless the page's timers are throttled, by a timer measured in it. Gives the measurement, ms. */
export async function mustBeThrottled(tab: Tab): Promise<number> {
  await mustBeHidden(tab);
  const slowest = await tab.evaluate<number>(TIMER);
  if (slowest < 700) throw new Error(`The premise fails: a timer of 20 ms took ${slowest} ms in the hidden page`);
  return slowest;
}

/** Rejects unless each page has a process of its own. Gives the processes. */
export async function mustBeProcesses(...tabs: readonly Tab[]): Promise<number[]> {
  const pids = await Promise.all(tabs.map((tab) => tab.rendererPid()));
  if (new Set(pids).size !== pids.length) throw new Error(`The premise fails: renderers are shared: ${pids.join(', ')}`);
  return pids;
}

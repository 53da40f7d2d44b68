/** A page under a fake clock: what parts of `pathcast/offline` find of the browser, without tabs and without a network. */
import type { OfflineEnvironment } from '../../../lib/offline/environment.js';
import type { PageEvent } from '../../../lib/client/environment.js';
import { Clock, type Task } from '../../client/simulation/clock.js';

export interface Page {
  readonly environment: OfflineEnvironment;
  readonly clock: Clock;
  /** What `navigator.onLine` says. */
  online: boolean;
  /** What `random` gives; 0.5 at first. */
  random: number;
  readonly reported: unknown[];
  readonly closers: (() => void)[];
  /** Something happens to the page. */
  happens(what: PageEvent): void;
  /** Runs all that is due within so many ms, and lets promises settle behind each. */
  passes(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly timers: number;
  close(): void;
}

/** Promises settle; nothing else runs. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
}

export function makePage(parts: Partial<OfflineEnvironment> = {}): Page {
  const clock = new Clock();
  const heard = new Set<(what: PageEvent) => void>();
  const waiting = new Set<Task>();
  const page: Page = {
    clock,
    online: true,
    random: 0.5,
    reported: [],
    closers: [],
    environment: {
      now: () => clock.now,
      random: () => page.random,
      setTimeout(run, ms) {
        const task = clock.after(ms, () => {
          waiting.delete(task);
          run();
        });
        waiting.add(task);
        return task;
      },
      clearTimeout(timer) {
        const task = timer as Task | undefined;
        if (!task) return;
        task.run = undefined;
        waiting.delete(task);
      },
      online: () => page.online,
      listen(hear) {
        heard.add(hear);
        return () => void heard.delete(hear);
      },
      base: 'http://page.test/app',
      warn: () => undefined,
      report: (thrown) => page.reported.push(thrown),
      ...parts,
    },
    happens(what) {
      if (what === 'online' || what === 'offline') page.online = what === 'online';
      for (const hear of [...heard]) hear(what);
    },
    async passes(ms) {
      const until = clock.now + ms;
      await settle();
      while (clock.next(until)) await settle();
    },
    get timers() {
      return waiting.size;
    },
    close() {
      for (const run of page.closers.splice(0)) run();
    },
  };
  return page;
}

/** What each part is given of `Inside` in these tests. */
export const insideOf = (page: Page) => ({
  environment: page.environment,
  say: <Value>(listener: (value: Value) => void, value: Value): void => {
    try {
      listener(value);
    } catch (thrown) {
      page.environment.report(thrown);
    }
  },
  onClose: (run: () => void): void => void page.closers.push(run),
});

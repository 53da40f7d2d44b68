/** The tabs of a test, and what each of them heard, judged. */
import type { Chromium } from '../../support/chromium/chromium.js';
import type { Tab, TabOptions } from '../../support/chromium/tab.js';
import { waitFor } from '../../support/wait.js';
import type { Site } from './site.js';

/** As pages of `site.ts` report: `['status', state, reason, leader]`, `['event', type, what]`, … */
export type Line = readonly [name: string, ...rest: unknown[]];

export class Page {
  /** What the page has said, in order; it outlives the page. */
  readonly lines: Line[] = [];
  tab!: Tab;
  /** The newest action that the page's data held when it was rendered. */
  born = 0;

  static async open(chromium: Chromium, site: Site, { query = '', ...options }: TabOptions & { query?: string } = {}): Promise<Page> {
    const page = new Page();
    page.tab = await chromium.open(`${site.url}/${query}`, { ...options, onReport: (line) => page.lines.push(line as Line) });
    page.born = await page.tab.evaluate<number>('BORN');
    return page;
  }

  get state(): unknown {
    return this.lines.findLast(([name]) => name === 'status')?.[1] ?? 'connecting';
  }

  get reason(): unknown {
    return this.lines.findLast(([name]) => name === 'status')?.[2];
  }

  async live(): Promise<void> {
    await waitFor(() => this.tab.evaluate('page.client.status.state === "live"'), 'the page to be live');
  }

  async leads(): Promise<boolean> {
    return this.tab.evaluate<boolean>('page.client.status.leader');
  }

  /** The actions that it heard, as they came. */
  get actions(): number[] {
    return this.lines.filter(([name, type]) => name === 'event' && type === 'insert').map(([, , entity]) => Number(entity));
  }

  /** Waits until it has heard of this action. */
  async hears(action: number): Promise<void> {
    await waitFor(() => this.actions.includes(action), `action ${action}; heard: ${JSON.stringify(this.lines.slice(-12))}`);
  }

  /**
   * What is wrong with what it heard, each in words; none: each action since its rendering came exactly once, in order, up to `until`
   * (a tab that has gone: up to where it was), and no `resync`.
   */
  wrongs(until?: number): string[] {
    const wrongs: string[] = [];
    let last = this.born;
    for (const action of this.actions) {
      if (action !== last + 1) wrongs.push(`${action} came after ${last}`);
      last = action;
    }
    if (until !== undefined && last !== until) wrongs.push(`the last was ${last} of ${until}`);
    for (const [, type, reason] of this.lines.filter(([name, type]) => name === 'event' && (type === 'resync' || type === 'invalidate')))
      wrongs.push(`${String(type)} (${String(reason)})`);
    return wrongs;
  }
}

/** In which a stream is there again, and no tab says what is not so (SPEC §15, T2 and T5), ms. */
export const PROMISED_MS = 10_000;

/**
 * Begins now. What it gives back says how long a page took until it was in the state that it is in, by the page's own clock; what the machine
 * kept its timers waiting is taken off. Of a page whose state is an older one it is below zero.
 */
export async function stopwatch(pages: readonly Page[]): Promise<(page: Page) => Promise<number>> {
  const late = await Promise.all(pages.map(({ tab }) => tab.evaluate<number>('page.late')));
  const begun = Date.now();
  return async (page) => {
    const [since, now] = await page.tab.evaluate<[number, number]>('[page.client.status.since, page.late]');
    return since - begun - (now - (late[pages.indexOf(page)] ?? 0));
  };
}

/** Opens as many, one after the other; all are live. */
export async function openPages(chromium: Chromium, site: Site, count: number, options: Parameters<typeof Page.open>[2] = {}): Promise<Page[]> {
  const pages: Page[] = [];
  for (let i = 0; i < count; i++) pages.push(await Page.open(chromium, site, options));
  for (const page of pages) await page.live();
  return pages;
}

/** The one page of these that has the stream. */
export async function leaderOf(pages: readonly Page[]): Promise<Page> {
  return waitFor(async () => {
    const leaders: Page[] = [];
    for (const page of pages) if (await page.leads()) leaders.push(page);
    return leaders.length === 1 ? leaders[0] : undefined;
  }, 'one page to lead');
}

/** A tab that keeps things, and what a test asks of it. */
import type { OutboxEntry } from '../../../lib/offline/types.js';
import type { Chromium } from '../../support/chromium/chromium.js';
import type { Tab, TabOptions } from '../../support/chromium/tab.js';
import { waitFor, within } from '../../support/wait.js';
import { SEND, type OfflineSite } from './offline-site.js';

/** What each page runs: an outbox of the user that its address names, which sends at once. */
export const OFFLINE_PAGE = `
  import { createOffline } from './lib/offline/create-offline.js';
  import { crud } from './lib/offline/crud.js';
  ${SEND}
  const user = new URLSearchParams(location.search).get('user');
  const offline = createOffline({ companyId: 'acme', userId: user, mutations: crud('pages', { query: 'pages.getById' }), probe: '/healthz' });
  offline.onProblem(({ code, count }) => globalThis.report?.(['problem', code, count]));
  globalThis.offline = offline;
  globalThis.answers = {};
  /** Resolves with the id once it is kept. */
  globalThis.keep = async (path, input, options) => {
    const { id, answer } = await offline.add(path, input, options);
    answer.then((value) => (answers[id] = ['answer', value]), (error) => (answers[id] = ['error', error.data?.code ?? error.code ?? error.message]));
    return id;
  };
  globalThis.started = offline.start({ send });
`;

/** Of a user's outbox. */
export const databaseOf = (user: string): string => `pathcast offline 1 pathcast acme ${user}`;

export class OfflineTab {
  /** `['problem', code, count]`, in order. */
  readonly problems: unknown[][] = [];
  tab!: Tab;

  static async open(chromium: Chromium, site: OfflineSite, user: string, options: TabOptions = {}): Promise<OfflineTab> {
    const page = new OfflineTab();
    page.tab = await chromium.open(`${site.url}/?user=${user}`, { ...options, onReport: (line) => page.problems.push(line as unknown[]) });
    await page.tab.evaluate('started');
    return page;
  }

  /** The entry's id. */
  keep(path: string, input: object, options: object = {}): Promise<string> {
    return this.tab.evaluate<string>(`keep(${JSON.stringify(path)}, ${JSON.stringify(input)}, ${JSON.stringify(options)})`);
  }

  entries(): Promise<OutboxEntry[]> {
    return this.tab.evaluate<OutboxEntry[]>('offline.entries');
  }

  async state(id: string): Promise<string> {
    return (await this.entries()).find((entry) => entry.id === id || entry.squashed.includes(id))?.state ?? 'gone';
  }

  async is(id: string, state: string): Promise<void> {
    await waitFor(async () => (await this.state(id)) === state, `${id} to be ${state}`);
  }

  async leads(): Promise<boolean> {
    return this.tab.evaluate<boolean>('offline.status.leader');
  }

  answer(id: string): Promise<unknown> {
    return this.tab.evaluate(`answers[${JSON.stringify(id)}]`);
  }

  /** Nothing waits any more. */
  async settled(): Promise<void> {
    await waitFor(async () => (await this.tab.evaluate('offline.status.unsent')) === 0, 'nothing to be unsent');
  }

  /** The renderer ends itself in the middle of what it does. */
  async crash(): Promise<void> {
    const gone = this.tab.crashed();
    this.tab.send('Page.crash').catch(() => undefined);
    await within(gone, 'the page to crash');
    await this.tab.close();
  }

  async kill(): Promise<void> {
    await this.tab.kill();
    await this.tab.close();
  }
}

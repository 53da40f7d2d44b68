/** `pathcast/client/report`: tells the server, now and then, how the browser's stream fares, and what its events do to the page's cache. */
import type { SyncClient } from '../client/index.js';
import { invalid } from '../client/invalid.js';
import { REPORT_EVERY_MS, REPORT_REASONS, type ClientReport, type ReportReason } from '../protocol/reports.js';
import { cachedPaths, type QueryBinding } from '../tanstack/index.js';
import { countCaches } from './caches.js';

export interface ReportOptions {
  /** Where the server takes reports: `/sync/report`. */
  url: string;
  /** What `bindQueryClient` gave: with it reports say which paths are cached, which refetches events caused and spared, and how soon a change was on the page. */
  binding?: QueryBinding | undefined;
  /** More headers, asked for at each report: a token. */
  headers?: (() => Readonly<Record<string, string>>) | undefined;
  /** As `fetch` has it. Default: `same-origin`. */
  credentials?: 'omit' | 'same-origin' | 'include' | undefined;
  /** Called with a report in the place of sending it; false: it was not taken, and is added to the next one. For tests, and other ways to a server. */
  send?: ((report: ClientReport) => boolean | Promise<boolean>) | undefined;
  /** Share of the pages that report, 0 to 1. Default: 1. */
  sample?: number | undefined;
}

const KNOWN: ReadonlySet<string> = new Set(REPORT_REASONS);
const OPTIONS = ['url', 'binding', 'headers', 'credentials', 'send', 'sample'];
const CREDENTIALS: readonly unknown[] = [undefined, 'omit', 'same-origin', 'include'];

/** What is wrong is an error on each page, not on those alone that report. */
function check(client: SyncClient, options: ReportOptions): void {
  if (typeof (client as Partial<SyncClient> | null | undefined)?.onStatus !== 'function') throw invalid('client must be what createSyncClient() gave');
  const given = Object(options) as Partial<ReportOptions>;
  for (const name of Object.keys(given)) if (!OPTIONS.includes(name)) throw invalid(`reportStatus() has no option ${name}; it has: ${OPTIONS.join(', ')}`);
  const { url, send, headers, credentials, sample = 1, binding } = given;
  if (!send && (typeof url !== 'string' || url === '')) throw invalid('reportStatus() must be given the url that takes reports');
  for (const [name, value] of [['send', send], ['headers', headers]] as const) if (value !== undefined && typeof value !== 'function') throw invalid(`${name} must be a function`);
  if (!CREDENTIALS.includes(credentials)) throw invalid('credentials must be omit, same-origin or include');
  if (typeof sample !== 'number' || !(sample >= 0 && sample <= 1)) throw invalid(`sample must be a number from 0 to 1, got ${String(sample)}`);
  // Throws for what is none.
  if (binding !== undefined) cachedPaths(binding);
}

/** The browser's, where there is one. */
interface Page {
  addEventListener?: (name: string, listener: () => void, capture: boolean) => void;
  removeEventListener?: (name: string, listener: () => void, capture: boolean) => void;
}

/**
 * Counts elections, hand-overs and reconnects with their reasons, and reports what there is every 10 s at most, from the tab that leads; with a
 * `binding` each tab reports what happened to its cache. A page that is left sooner reports as it goes. A quiet stream reports nothing. Gives back what
 * ends it. Throws INVALID_OPTION.
 */
export function reportStatus(client: SyncClient, options: ReportOptions): () => void {
  check(client, options);
  const { binding, sample = 1, send = overHttp(options) } = options;
  if (Math.random() >= sample) return () => undefined;
  const from = Math.random().toString(36).slice(2);
  const none = (): ClientReport => ({ from, elections: 0, handOvers: 0, reconnects: {} });
  let report = none();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let { leader, state } = client.status;
  if (leader) report.elections = 1;

  let over = false;
  /** Reports in a row that were not taken: each doubles the wait, up to ten minutes. */
  let failures = 0;
  let sentAt = -Infinity;
  const due = (): void => {
    clearTimeout(timer);
    timer = undefined;
    // Followers lost the same stream: one tells it.
    if (!leader && report.handOvers === 0) report = none();
    const cached = caches?.take();
    if (!cached && !some()) return;
    const sent: ClientReport = { ...report, ...(cached && { caches: cached }) };
    report = none();
    sentAt = performance.now();
    void new Promise<boolean>((resolve) => resolve(send(sent))).then(
      (taken) => {
        if (!taken) return back(sent);
        failures = 0;
        // Paths that found no room.
        if (!over && caches?.any) wait();
      },
      () => back(sent),
    );
  };
  const some = (): boolean => report.elections + report.handOvers + Object.keys(report.reconnects).length > 0;
  const back = (sent: ClientReport): void => {
    if (over) return;
    failures += 1;
    report.elections += sent.elections;
    report.handOvers += sent.handOvers;
    for (const [reason, count] of Object.entries(sent.reconnects)) add(reason as ReportReason, count);
    if (sent.caches) caches?.back(sent.caches);
    wait();
  };
  const add = (reason: ReportReason, count: number): void => {
    report.reconnects[reason] = (report.reconnects[reason] ?? 0) + count;
  };
  const wait = (): void => {
    timer ??= setTimeout(due, REPORT_EVERY_MS * 2 ** Math.min(failures, 6));
  };
  const caches = binding && countCaches(binding, wait);
  if (leader || caches) wait();
  // Sooner than the next is due it would be refused.
  const leave = (): void => {
    if (timer !== undefined && performance.now() - sentAt >= REPORT_EVERY_MS) due();
  };
  // Before the client gives up the lead: that a page is left is no hand-over.
  const page = globalThis as Page;
  page.addEventListener?.('pagehide', leave, true);

  const end = client.onStatus((now) => {
    const before = report.elections + report.handOvers + Object.keys(report.reconnects).length;
    if (now.leader && !leader) report.elections += 1;
    if (!now.leader && leader) report.handOvers += 1;
    if (state === 'live' && now.state !== 'live' && now.state !== 'closed') add((KNOWN.has(now.reason) ? now.reason : 'other') as ReportReason, 1);
    ({ leader, state } = now);
    if (report.elections + report.handOvers + Object.keys(report.reconnects).length > before) wait();
  });
  return () => {
    over = true;
    page.removeEventListener?.('pagehide', leave, true);
    end();
    caches?.end();
    clearTimeout(timer);
  };
}

function overHttp({ url, headers, credentials = 'same-origin' }: ReportOptions): (report: ClientReport) => Promise<boolean> {
  return async (report) => {
    const init = {
      method: 'POST',
      keepalive: true,
      credentials,
      headers: { 'content-type': 'application/json', ...headers?.() },
      body: JSON.stringify(report),
    };
    return (await fetch(url, init)).ok;
  };
}

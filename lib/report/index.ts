/** `pathcast/client/report`: tells the server, now and then, how the browser's stream fares. */
import type { SyncClient } from '../client/index.js';
import { invalid } from '../client/invalid.js';
import { REPORT_EVERY_MS, REPORT_REASONS, type ClientReport, type ReportReason } from '../protocol/reports.js';

export interface ReportOptions {
  /** Where the server takes reports: `/sync/report`. */
  url: string;
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

/**
 * Counts elections, hand-overs and reconnects with their reasons, and reports what there is every 10 s at most, from the tab that leads. A quiet
 * stream reports nothing. Gives back what ends it.
 */
export function reportStatus(client: SyncClient, options: ReportOptions): () => void {
  const { url, sample = 1, send = overHttp(options) } = options;
  if (typeof url !== 'string' && !options.send) throw invalid('reportStatus() must be given the url that takes reports');
  if (!(sample >= 0 && sample <= 1)) throw invalid(`sample must be a number from 0 to 1, got ${String(sample)}`);
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
  const due = (): void => {
    timer = undefined;
    // Followers lost the same stream: one tells it.
    if (!leader && report.handOvers === 0) {
      report = none();
      return;
    }
    const sent = report;
    report = none();
    void new Promise<boolean>((resolve) => resolve(send(sent))).then(
      (taken) => {
        if (!taken) back(sent);
        else failures = 0;
      },
      () => back(sent),
    );
  };
  const back = (sent: ClientReport): void => {
    if (over) return;
    failures += 1;
    report.elections += sent.elections;
    report.handOvers += sent.handOvers;
    for (const [reason, count] of Object.entries(sent.reconnects)) add(reason as ReportReason, count);
    wait();
  };
  const add = (reason: ReportReason, count: number): void => {
    report.reconnects[reason] = (report.reconnects[reason] ?? 0) + count;
  };
  const wait = (): void => {
    timer ??= setTimeout(due, REPORT_EVERY_MS * 2 ** Math.min(failures, 6));
  };
  if (leader) wait();

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
    end();
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

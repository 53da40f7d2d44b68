/**
 * What browsers report of their streams and caches (`POST /sync/report`), added up. Nothing that a client sent becomes a name: reasons are
 * those of the registry, paths are those of the router, all else is dropped. Bounded: a report in size, a browser in frequency, and what is
 * remembered of who reported.
 */
import { describe } from '../internal/describe.js';
import { PathcastError } from '../protocol/error.js';
import { REPORT_BYTES, REPORT_EVERY_MS, REPORT_REASONS, REPORT_SLACK_MS, type ReportReason } from '../protocol/reports.js';
import { CacheCounts, countOf, type CacheTotals, type CompanyCacheTotals } from './cache-totals.js';
import { checkCompanyId, checkIdentifier, checkKeys, checkObject } from './check.js';

/** Between two reports of a browser, ms. */
const LEAST_MS = REPORT_EVERY_MS - REPORT_SLACK_MS;
/** Browsers of one user that are heard in one interval; a further one is refused. */
const MAX_BROWSERS = 10;
/** Users that are remembered; beyond it the one that reported first is forgotten, and may report again at once. */
const MAX_USERS = 10_000;

export interface ReportTotals {
  reports: number;
  refused: number;
  elections: number;
  handOvers: number;
  reconnects: Record<ReportReason, number>;
  /** Of the pages whose reports know of their caches (`reportStatus(client, { binding })`). */
  caches: CacheTotals;
}

export interface ClientReportsOptions {
  /** Is told which queries the browsers' caches hold, for its `pathUsage()` and the metric `neverCached`. */
  hub?: { cached(paths: readonly string[], companyId?: string): void } | undefined;
  /** A clock that never goes back, ms; for tests. */
  now?: (() => number) | undefined;
}

export interface ClientReports {
  /**
   * Takes one report of who the session says. `body`: its JSON, as text or as the framework has parsed it. Gives the status to answer with: 204; 400
   * for what is no report; 413 for one that is too long; 429 for one that comes too soon. Throws INVALID_COMPANY_ID, INVALID_FIELD for `who`.
   */
  take(who: { companyId: string; userId: string }, body: unknown): 204 | 400 | 413 | 429;
  /** Since the beginning. */
  totals(): ReportTotals;
  /**
   * What the caches of each company's browsers tell, for as long as it is known: of the 100 companies that were heard last. One that was
   * forgotten begins at 0 when it is heard again.
   */
  companies(): CompanyCacheTotals[];
}

const KNOWN: ReadonlySet<string> = new Set(REPORT_REASONS);

function parsed(body: unknown): Record<string, unknown> | 'too long' | undefined {
  try {
    const text = typeof body === 'string' ? body : body instanceof Uint8Array ? Buffer.from(body).toString() : (JSON.stringify(body) ?? '');
    if (Buffer.byteLength(text) > REPORT_BYTES) return 'too long';
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Throws INVALID_OPTION. */
export function createClientReports(options: ClientReportsOptions = {}): ClientReports {
  checkKeys('createClientReports()', checkObject('options', options, 'INVALID_OPTION'), ['hub', 'now']);
  const { hub, now = () => performance.now() } = options;
  if (hub !== undefined && typeof (hub as { cached?: unknown } | null)?.cached !== 'function') {
    throw new PathcastError('INVALID_OPTION', `hub must be what createHub() gave, got ${describe(hub)}`);
  }
  const caches = new CacheCounts();
  const totals: Omit<ReportTotals, 'caches'> = {
    reports: 0,
    refused: 0,
    elections: 0,
    handOvers: 0,
    reconnects: Object.fromEntries(REPORT_REASONS.map((reason) => [reason, 0])) as Record<ReportReason, number>,
  };
  /** By company and user, then by browser: when it was heard. */
  const heard = new Map<string, Map<string, number>>();

  function tooSoon(companyId: string, userId: string, from: string): boolean {
    const time = now();
    // The one that was heard last stands last; who was not heard in the interval is nobody that has to wait.
    for (const [user, browsers] of heard) {
      if (time - Math.max(...browsers.values()) < LEAST_MS) break;
      heard.delete(user);
    }
    const user = JSON.stringify([companyId, userId]);
    const browsers = heard.get(user) ?? new Map<string, number>();
    for (const [browser, at] of browsers) if (time - at >= LEAST_MS) browsers.delete(browser);
    if (browsers.has(from) || browsers.size >= MAX_BROWSERS) return true;
    browsers.set(from, time);
    // The newest stands last.
    heard.delete(user);
    heard.set(user, browsers);
    const [oldest] = heard.keys();
    if (heard.size > MAX_USERS && oldest !== undefined) heard.delete(oldest);
    return false;
  }

  function judge(who: { companyId: string; userId: string }, body: unknown): 204 | 400 | 413 | 429 {
    const report = parsed(body);
    if (report === 'too long') return 413;
    if (!report) return 400;
    // A copy: a part of a text keeps the whole of it.
    const from = typeof report['from'] === 'string' ? Buffer.from(report['from'].slice(0, 64)).toString() : '';
    if (tooSoon(who.companyId, who.userId, from)) return 429;
    totals.reports += 1;
    totals.elections += countOf(report['elections']);
    totals.handOvers += countOf(report['handOvers']);
    const reconnects = report['reconnects'];
    if (typeof reconnects === 'object' && reconnects !== null) {
      let other = 0;
      for (const [reason, count] of Object.entries(reconnects)) {
        if (KNOWN.has(reason) && reason !== 'other') totals.reconnects[reason as ReportReason] += countOf(count);
        else other += countOf(count);
      }
      // However many names it has.
      totals.reconnects.other += countOf(other);
    }
    if (typeof report['caches'] === 'object' && report['caches'] !== null) {
      const paths = caches.add(who.companyId, report['caches']);
      if (paths.length > 0) hub?.cached(paths, who.companyId);
    }
    return 204;
  }

  return {
    take(who, body) {
      checkCompanyId(who.companyId);
      checkIdentifier('userId', who.userId);
      const status = judge(who, body);
      if (status !== 204) totals.refused += 1;
      return status;
    },
    totals: () => ({ ...totals, reconnects: { ...totals.reconnects }, caches: caches.totals() }),
    companies: () => caches.companies(),
  };
}

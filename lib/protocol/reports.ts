/** What a browser tells of its stream's life, and of its cache, now and then: counts and names of queries, and nothing about anybody. */

/** A longer report is refused, bytes of JSON. */
export const REPORT_BYTES = 4_096;
/** A browser says nothing more often, and what comes sooner is refused, ms. */
export const REPORT_EVERY_MS = 10_000;
/** The way to the server takes one report longer than the next, ms. */
export const REPORT_SLACK_MS = 1_000;

/** Why a stream was not live any more, as `status.reason` of `pathcast/client` has it; anything else counts as `other`. */
export const REPORT_REASONS = [
  'drain',
  'evicted',
  'replaced',
  'limit',
  'slow',
  'auth_expired',
  'revoked',
  'unauthorized',
  'forbidden',
  'not_found',
  'bad_gateway',
  'server_error',
  'unexpected_answer',
  'not_a_stream',
  'captive_portal',
  'buffered',
  'malformed',
  'cors',
  'token_failed',
  'cut',
  'silent',
  'asked',
  'electing',
  'no_network',
  'unreachable',
  'other',
] as const;
export type ReportReason = (typeof REPORT_REASONS)[number];

/** Upper bounds of how long a change took from its commit to the page, ms; what took longer is counted behind the last one. */
export const APPLIED_MS = [25, 50, 100, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000] as const;

/** By what a refetch was spared: one that was to come anyway, a `where` that names other inputs, data that was read at or past the change. */
export const AVOIDED_BY = ['coalesced', 'where', 'position'] as const;
export type AvoidedBy = (typeof AVOIDED_BY)[number];

/** What the events did to the page's cache since its last report. */
export interface CacheReport {
  /** Query paths that the cache holds and that no report of this page named before: as many as fit, the others follow. */
  paths: string[];
  /** Refetches that events caused, and those of them that failed. */
  refetches: number;
  failed: number;
  avoided: Record<AvoidedBy, number>;
  /** From an event's time to the data that contains it: how often, by `APPLIED_MS` and what took longer; and all of it, ms. */
  applied: number[];
  appliedMs: number;
}

export interface ClientReport {
  /** Any text that tells browsers of one user apart; at most 64 characters count. */
  from: string;
  /** Times that a tab took the lead. */
  elections: number;
  /** Times that a tab gave it up. */
  handOvers: number;
  /** Times that the stream was no longer live, by reason. */
  reconnects: Partial<Record<ReportReason, number>>;
  /** Absent without a cache, and where nothing happened to it. */
  caches?: CacheReport | undefined;
}

/** What a browser tells of its stream's life, now and then: counts, and nothing about anybody. */

/** A longer report is refused, bytes of JSON. */
export const REPORT_BYTES = 4_096;
/** A browser says nothing more often, and what comes sooner is refused, ms. */
export const REPORT_EVERY_MS = 10_000;

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

export interface ClientReport {
  /** Any text that tells browsers of one user apart; at most 64 characters count. */
  from: string;
  /** Times that a tab took the lead. */
  elections: number;
  /** Times that a tab gave it up. */
  handOvers: number;
  /** Times that the stream was no longer live, by reason. */
  reconnects: Partial<Record<ReportReason, number>>;
}

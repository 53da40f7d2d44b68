/**
 * What browsers report of their caches, added up: of all together, and of each company. A browser may say anything: of each count as much is
 * taken as a page can have, and no name.
 */
import { APPLIED_MS, AVOIDED_BY, type AvoidedBy } from '../protocol/reports.js';

/** How long changes took from their commit to the pages. */
export interface AppliedTimes {
  /** Upper bounds, ms. */
  readonly boundsMs: readonly number[];
  /** One for each bound (not added up), and one for what took longer. */
  readonly counts: readonly number[];
  /** Of all of them, ms. */
  readonly sumMs: number;
}

export interface CacheTotals {
  /** Refetches that events caused. */
  readonly refetches: number;
  /** Those of them that failed. */
  readonly failed: number;
  /** Refetches that were spared: by one that was to come anyway, by `where`, by the position of what was read. */
  readonly avoided: Readonly<Record<AvoidedBy, number>>;
  readonly applied: AppliedTimes;
}

export interface CompanyCacheTotals extends CacheTotals {
  readonly companyId: string;
}

/** What one report may add to a count. */
const MAX_COUNT = 1_000;
/** Companies whose own totals are kept; beyond it the one that was heard least recently is forgotten. */
const MAX_COMPANIES = 100;
/** Of what took longer than the last bound no more is added up than this, ms. */
const MAX_APPLIED_MS = 600_000;

export const countOf = (value: unknown): number => (typeof value === 'number' && value > 0 ? Math.min(Math.floor(value), MAX_COUNT) : 0);

const objectOf = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {});

class Totals {
  refetches = 0;
  failed = 0;
  readonly avoided: Record<AvoidedBy, number> = { coalesced: 0, where: 0, position: 0 };
  readonly counts: number[] = new Array<number>(APPLIED_MS.length + 1).fill(0);
  sumMs = 0;

  add(report: Record<string, unknown>): void {
    this.refetches += countOf(report['refetches']);
    this.failed += countOf(report['failed']);
    const avoided = objectOf(report['avoided']);
    for (const by of AVOIDED_BY) this.avoided[by] += countOf(avoided[by]);
    const { applied } = report;
    // Of another version its buckets are others.
    if (Array.isArray(applied) && applied.length === this.counts.length) this.#apply(applied.map(countOf), report['appliedMs']);
  }

  /** The sum is taken as far as the counts allow. */
  #apply(counts: readonly number[], sumMs: unknown): void {
    let [least, most] = [0, 0];
    counts.forEach((count, bucket) => {
      this.counts[bucket] = (this.counts[bucket] ?? 0) + count;
      least += count * (APPLIED_MS[bucket - 1] ?? 0);
      most += count * (APPLIED_MS[bucket] ?? MAX_APPLIED_MS);
    });
    this.sumMs += Math.min(most, Math.max(least, typeof sumMs === 'number' && sumMs > 0 ? sumMs : 0));
  }

  copy(): CacheTotals {
    const { refetches, failed, avoided, counts, sumMs } = this;
    return { refetches, failed, avoided: { ...avoided }, applied: { boundsMs: APPLIED_MS, counts: [...counts], sumMs } };
  }
}

export class CacheCounts {
  readonly #all = new Totals();
  /** The one that was heard last stands last. */
  readonly #companies = new Map<string, Totals>();

  /** Adds what one page says; gives the query paths that it says it has. */
  add(companyId: string, given: unknown): string[] {
    const report = objectOf(given);
    this.#all.add(report);
    const own = this.#companies.get(companyId) ?? new Totals();
    own.add(report);
    this.#companies.delete(companyId);
    this.#companies.set(companyId, own);
    const [oldest] = this.#companies.keys();
    if (this.#companies.size > MAX_COMPANIES && oldest !== undefined) this.#companies.delete(oldest);
    const { paths } = report;
    return Array.isArray(paths) ? paths.filter((path) => typeof path === 'string') : [];
  }

  totals(): CacheTotals {
    return this.#all.copy();
  }

  companies(): CompanyCacheTotals[] {
    return [...this.#companies].map(([companyId, own]) => ({ companyId, ...own.copy() }));
  }
}

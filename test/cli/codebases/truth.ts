/** What a person finds in a code base: written by hand, before and without the audit. */
import type { PathVerdict, Rule } from '../../../lib/cli/audit/report.js';

type Verdict = 'yes' | 'no' | 'silent' | 'unknown';
type Transaction = 'inside' | 'partly' | 'outside' | 'no-writes';

export interface MutationTruth {
  /** Several where more than one answer is honest. */
  broadcast: Verdict | readonly Verdict[];
  /** Every query path that is broadcast. Default: none. */
  paths?: Readonly<Record<string, PathVerdict>>;
  /** Part of the list exists at run time alone: `complete` must be false and an unseen note must name the mutation. */
  computed?: true;
  /** Takes more than reading to find out: fewer paths, or `unknown`, are right too if an unseen note names the mutation. */
  hard?: true;
  /** In any order. Default: none. `null`: not judged. Alternatives with `|`. */
  tables?: readonly string[] | null;
  /** Default: `outside` with tables, `no-writes` without. */
  transaction?: Transaction;
}

export interface Truth {
  /** `file#name`, the name after the last dot. */
  root: string;
  /** The report may hold more than is listed here. Default: it may not. */
  partial?: true;
  queries: number;
  mutations: Readonly<Record<string, MutationTruth>>;
  /** All findings, as `rule subject`, each once. */
  findings: readonly `${Rule} ${string}`[];
  /** Findings that two people would disagree on. */
  debatable?: readonly `${Rule} ${string}`[];
  /** Phantom paths with the name that must come first. */
  nearest?: Readonly<Record<string, string>>;
  /** Each must be part of an unseen note: of its subject, file or text. */
  unseen?: readonly string[];
  /** Verdict of each tool; tools that change nothing may be left out of the report. */
  tools?: Readonly<Record<string, { verdict: string; missing?: readonly string[]; extra?: readonly string[] }>>;
  otherRoots?: readonly string[];
}

const notTold = { broadcast: 'no' } as const;

/** A mutation that writes and broadcasts nothing. */
export const quiet = (...tables: string[]): MutationTruth => ({ ...notTold, tables });

/** A mutation that writes, outside a transaction, and then broadcasts real paths. */
export const told = (tables: readonly string[], ...exact: string[]): MutationTruth => ({
  broadcast: 'yes',
  tables,
  paths: Object.fromEntries(exact.map((path) => [path, 'exact' as const])),
});

/** A mutation that neither writes nor broadcasts. */
export const idle: MutationTruth = notTold;

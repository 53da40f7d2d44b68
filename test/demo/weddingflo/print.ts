/** The demonstration's results as a person reads them. */
import type { AuditReport } from '../../../lib/cli/audit/report.js';
import { hasReached, isRightlySilent, type Outcome } from './run.js';

export type Print = (line: string) => void;

const pad = (text: string, width: number): string => text.padEnd(width);
const percent = (share: number): string => `${Math.round(share * 100)} %`;

export function printAudit(report: AuditReport, print: Print): void {
  const { totals, routers, phantoms, findings } = report;
  print(`${pad('router', 16)}${pad('mutations', 11)}${pad('broadcasting', 14)}${pad('silent', 8)}coverage`);
  for (const { path, mutations, broadcasting, declaredSilent, silent, coverage } of routers) {
    const said = declaredSilent > 0 ? ` (${declaredSilent} declared silent)` : '';
    print(`${pad(path, 16)}${pad(`${mutations}`, 11)}${pad(`${broadcasting}`, 14)}${pad(`${silent}`, 8)}${percent(coverage)}${said}`);
  }
  print(
    `${pad('TOTAL', 16)}${pad(`${totals.mutations}`, 11)}${pad(`${totals.broadcasting}`, 14)}${pad(`${totals.silent}`, 8)}${percent(totals.coverage)}`,
  );
  if (phantoms.length > 0) print('\nphantom paths:');
  for (const { path, nearest, uses } of phantoms) print(`  ${pad(path, 20)}is ${pad(nearest[0] ?? '?', 22)}${uses.length} uses`);
  const byRule = new Map<string, number>();
  for (const { rule } of findings) byRule.set(rule, (byRule.get(rule) ?? 0) + 1);
  const parts = [...byRule].map(([rule, count]) => `${rule} ${count}`);
  print(`\nfindings: ${parts.length > 0 ? parts.join(', ') : 'none'}`);
}

const verdictOf = (outcome: Outcome): string => {
  if (isRightlySilent(outcome)) return 'silent, nothing to tell';
  if (hasReached(outcome)) return 'reached';
  const { changed, current } = outcome;
  if (changed.length === 0) return 'nothing changed';
  return current.length === 0 ? 'NOT reached' : `${changed.length - current.length} of ${changed.length} STALE`;
};

export function printOutcomes(outcomes: readonly Outcome[], print: Print): void {
  print(`${pad('mutation', 36)}${pad('sent', 6)}${pad('changed', 9)}${pad('current', 9)}verdict`);
  for (const outcome of outcomes) {
    const { mutation, actions, changed, current } = outcome;
    print(`${pad(mutation, 36)}${pad(`${actions}`, 6)}${pad(`${changed.length}`, 9)}${pad(`${current.length}`, 9)}${verdictOf(outcome)}`);
  }
}

export interface Tally {
  mutations: number;
  /** An action arrived. */
  sent: number;
  /** All that changed is current. */
  complete: number;
  /** Some of what changed is current, some is stale. */
  partly: number;
  /** Something changed, and all of it is stale. */
  notReached: number;
  /** Nothing was sent, and there was nothing to tell. */
  silent: number;
  /** Entries of the cache that a mutation changed, over all of them, and those that were current afterwards. */
  changedEntries: number;
  currentEntries: number;
}

export function tallyOf(outcomes: readonly Outcome[]): Tally {
  const count = (pick: (outcome: Outcome) => boolean): number => outcomes.filter(pick).length;
  const sum = (pick: (outcome: Outcome) => number): number => outcomes.reduce((total, outcome) => total + pick(outcome), 0);
  return {
    mutations: outcomes.length,
    sent: count(({ actions }) => actions > 0),
    complete: count(hasReached),
    partly: count(({ changed, current }) => current.length > 0 && current.length < changed.length),
    notReached: count(({ changed, current }) => changed.length > 0 && current.length === 0),
    silent: count(isRightlySilent),
    changedEntries: sum(({ changed }) => changed.length),
    currentEntries: sum(({ current }) => current.length),
  };
}

export function printTally(tally: Tally, print: Print): void {
  print(
    `${tally.mutations} mutations: ${tally.sent} sent something, ${tally.complete} reached the second client's cache whole, ` +
      `${tally.partly} in part, ${tally.notReached} not at all, ${tally.silent} had nothing to tell and told nothing.`,
  );
  print(`Of ${tally.changedEntries} cache entries that became stale, ${tally.currentEntries} were refreshed.`);
}

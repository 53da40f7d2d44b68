/** What two clients made of the same mutations, beside each other. */
import type { Seen } from './walk.js';

export interface Figures {
  mutations: number;
  /** Of those that changed something on the screen: all of it is right there. */
  reached: number;
  /** Some of it is, some is stale. */
  inPart: number;
  notReached: number;
  /** Changed nothing on the screen, and nothing was asked for. */
  silent: number;
  /** Changed nothing, and something was asked for all the same. */
  inVain: number;
  /** Commit to screen of those that reached, ms; null: none did. */
  p50: number | null;
  p99: number | null;
  /** Queries whose answer had changed, and those that were asked for again. */
  changedQueries: number;
  queries: number;
  requests: number;
  bytes: number;
  streamBytes: number;
}

/** The nearest rank. */
function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

export function isReached({ changed, stale }: Seen): boolean {
  return changed.length > 0 && stale.length === 0;
}

export function isSilent({ changed, stale, queries }: Seen): boolean {
  return changed.length === 0 && stale.length === 0 && queries === 0;
}

export function figuresOf(all: readonly Seen[]): Figures {
  const count = (test: (seen: Seen) => boolean): number => all.filter(test).length;
  const sum = (of: (seen: Seen) => number): number => all.reduce((total, seen) => total + of(seen), 0);
  const times = all.flatMap(({ ms }) => (ms === null ? [] : [ms])).sort((a, b) => a - b);
  return {
    mutations: all.length,
    reached: count(isReached),
    inPart: count(({ changed, stale }) => stale.length > 0 && stale.length < changed.length),
    notReached: count(({ changed, stale }) => stale.length > 0 && stale.length >= changed.length),
    silent: count(isSilent),
    inVain: count((seen) => seen.changed.length === 0 && !isSilent(seen)),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    changedQueries: sum(({ changed }) => changed.length),
    queries: sum(({ queries }) => queries),
    requests: sum(({ requests }) => requests),
    bytes: sum(({ bytes }) => bytes),
    streamBytes: sum(({ streamBytes }) => streamBytes),
  };
}

const ms = (value: number | null): string => (value === null ? '-' : `${value} ms`);
const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;

const ROWS: readonly (readonly [string, (figures: Figures) => string])[] = [
  ['mutations that reach the second screen whole', ({ reached }) => `${reached}`],
  ['in part', ({ inPart }) => `${inPart}`],
  ['not at all', ({ notReached }) => `${notReached}`],
  ['had nothing to tell, and told nothing', ({ silent }) => `${silent}`],
  ['changed nothing that is shown, and something was read', ({ inVain }) => `${inVain}`],
  ['commit to screen, p50 of those that reach it whole', ({ p50 }) => ms(p50)],
  ['the same, p99', ({ p99 }) => ms(p99)],
  ['queries shown whose answer changed', ({ changedQueries }) => `${changedQueries}`],
  ['queries read again', ({ queries }) => `${queries}`],
  ['in requests', ({ requests }) => `${requests}`],
  ['bytes of their answers', ({ bytes }) => kib(bytes)],
  ['bytes of the stream', ({ streamBytes }) => kib(streamBytes)],
];

/** A column for each. */
export function printTable(columns: readonly { name: string; figures: Figures }[], print: (line: string) => void): void {
  const line = (head: string, cells: readonly string[]): void => print(`| ${head.padEnd(54)} | ${cells.map((cell) => cell.padStart(16)).join(' | ')} |`);
  const count = columns[0]?.figures.mutations ?? 0;
  line(`${count} mutations, a second browser looks on`, columns.map(({ name }) => name));
  line('---', columns.map(() => '---:'));
  for (const [head, cell] of ROWS) line(head, columns.map(({ figures }) => cell(figures)));
}

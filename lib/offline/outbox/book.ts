/**
 * All that is kept, and where each entry is found: by its names, by its lane, and by whether it can be sent. To find, to change and to choose cost the same
 * however many wait (test/offline/outbox-cost.test.ts).
 */
import type { EntryState, OutboxEntry } from '../types.js';
import { isOpen, isUnsent } from './entry.js';

/** No wait is longer, whatever a server says. One that is was set by a clock that has been set back since, and is over. */
export const LONGEST_WAIT_MS = 3_600_000;

export interface Due {
  readonly ready: readonly OutboxEntry[];
  /** Unix ms at which the next one may be sent; Infinity: none waits for its time, or there were enough. */
  readonly next: number;
}

type List = readonly OutboxEntry[];

export interface Book {
  /** By `seq`. The same array until something changed. */
  readonly entries: List;
  /** How many are in one of these states. */
  count(...states: EntryState[]): number;
  /** How many are not acked. */
  readonly open: number;
  /** Those that are, the one that was acked first before the others. */
  readonly acked: ReadonlyMap<number, OutboxEntry>;
  at(seq: number): OutboxEntry | undefined;
  get(id: string): OutboxEntry | undefined;
  /** Also by an id that was squashed into it. */
  named(id: string | undefined): OutboxEntry | undefined;
  /** The open ones of a lane, by `seq`; those that wait for this lane. */
  lane(lane: string): List;
  needs(lane: string): List;
  /** The one of a lane that can be sent, whatever its time. */
  head(lane: string): OutboxEntry | undefined;
  /** What may be sent, `most` of it. `now`: by default whatever their time. `isPassed`: others are looked for in its place. */
  due(now?: number, most?: number, isPassed?: (entry: OutboxEntry) => boolean): Due;
  /** In place of the one that has this `seq`. Of whoever made the book alone. */
  set(seq: number, entry: OutboxEntry | undefined): void;
}

type Order = (a: OutboxEntry, b: OutboxEntry) => number;
const bySeq: Order = (a, b) => a.seq - b.seq;
/** What was never put off comes first. */
const byTime: Order = (a, b) => a.notBefore - b.notBefore || bySeq(a, b);

/** Puts it at its place in the list, or takes it from there. */
function place(list: OutboxEntry[], entry: OutboxEntry, on: boolean, order: Order): void {
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (order(list[middle] as OutboxEntry, entry) < 0) from = middle + 1;
    else to = middle;
  }
  if (on) list.splice(from, 0, entry);
  else list.splice(from, 1);
}

type Lists = Map<string, OutboxEntry[]>;

function file(lists: Lists, key: string, entry: OutboxEntry, on: boolean): void {
  const list = lists.get(key) ?? [];
  place(list, entry, on, bySeq);
  if (list[0]) lists.set(key, list);
  else lists.delete(key);
}

export const isTime = ({ notBefore }: OutboxEntry, now: number): boolean => notBefore <= now || notBefore - now > LONGEST_WAIT_MS;

const NONE: List = [];

export function createBook(entries: List): Book {
  const all = new Map<number, OutboxEntry>();
  const names = new Map<string, OutboxEntry>();
  const acked = new Map<number, OutboxEntry>();
  const counts: Partial<Record<EntryState, number>> = {};
  const lanes: Lists = new Map();
  const needs: Lists = new Map();
  /** What can be sent, by time; and of which lane each is. */
  const heads: OutboxEntry[] = [];
  const headOf = new Map<string, OutboxEntry>();
  let list: List | undefined;

  const firstOf = (lists: Lists, key: string): number => lists.get(key)?.[0]?.seq ?? Infinity;

  /**
   * The first of each lane, unless it waits for a lane that still has an older one. What waits for a person holds its lane, and who depends on it; other lanes
   * go on. A delete waits for what was made upon its row, too.
   */
  function choose(lane: string): void {
    const before = headOf.get(lane);
    const now = lanes.get(lane)?.[0];
    if (before) place(heads, before, false, byTime);
    headOf.delete(lane);
    if (!now || !isUnsent(now) || now.after.some((other) => firstOf(lanes, other) < now.seq) || (now.kind === 'delete' && firstOf(needs, lane) < now.seq)) return;
    place(heads, now, true, byTime);
    headOf.set(lane, now);
  }

  function set(seq: number, next: OutboxEntry | undefined): void {
    const touched = new Map<string, number>();
    const before = all.get(seq);
    for (const entry of [before, next]) {
      if (!entry) continue;
      touched.set(entry.lane, firstOf(lanes, entry.lane));
      for (const other of entry.after) touched.set(other, firstOf(lanes, other));
    }
    for (const entry of [before, next]) {
      if (!entry) continue;
      const on = entry === next;
      const { id, squashed, lane, after, state } = entry;
      counts[state] = (counts[state] ?? 0) + (on ? 1 : -1);
      for (const name of [id, ...squashed]) {
        if (on) names.set(name, entry);
        else if (names.get(name) === entry) names.delete(name);
      }
      if (isOpen(entry)) {
        file(lanes, lane, entry, on);
        for (const other of after) file(needs, other, entry, on);
      } else if (on) acked.set(seq, entry);
      else acked.delete(seq);
    }
    if (next) all.set(seq, next);
    else all.delete(seq);
    list = undefined;
    for (const [lane, first] of touched) {
      choose(lane);
      if (firstOf(lanes, lane) !== first) for (const waits of needs.get(lane) ?? []) choose(waits.lane);
    }
  }

  for (const entry of entries) set(entry.seq, entry);

  return {
    get entries() {
      return (list ??= [...all.values()].sort(bySeq));
    },
    count: (...states) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0),
    get open() {
      return all.size - acked.size;
    },
    acked,
    at: (seq) => all.get(seq),
    get(id) {
      const entry = names.get(id);
      return entry?.id === id ? entry : undefined;
    },
    named: (id) => names.get(id as string),
    lane: (lane) => lanes.get(lane) ?? NONE,
    needs: (lane) => needs.get(lane) ?? NONE,
    head: (lane) => headOf.get(lane),
    due(now = Infinity, most = 1, isPassed) {
      const ready: OutboxEntry[] = [];
      let next = Infinity;
      for (let [from, to] = [0, heads.length]; from < to && ready.length < most; ) {
        const [first, last] = [heads[from] as OutboxEntry, heads[to - 1] as OutboxEntry];
        // From behind, where a clock was set back.
        const entry = first.notBefore <= now ? heads[from++] : isTime(last, now) ? heads[--to] : undefined;
        if (!entry) next = first.notBefore;
        if (!entry) break;
        if (!isPassed?.(entry)) ready.push(entry);
      }
      return { ready, next };
    },
    set,
  };
}

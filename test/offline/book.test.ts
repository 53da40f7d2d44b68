/** What the book finds is what a walk over all entries finds, after whatever sequence of changes. */
import { createBook } from '../../lib/offline/outbox/book.js';
import { isOpen, isUnsent } from '../../lib/offline/outbox/entry.js';
import type { EntryState, OutboxEntry } from '../../lib/offline/types.js';
import { runSeed, withSeed, type Random } from '../support/random.js';
import { entryOf } from './support/entry.js';

const HOUR = 3_600_000;
const STATES: EntryState[] = ['queued', 'queued', 'queued', 'sending', 'acked', 'conflicted', 'rejected', 'dead'];
const LANES = ['a', 'b', 'c', 'd', 'e'];

/** What may be sent, by a walk. */
function dueOf(entries: readonly OutboxEntry[], now: number): OutboxEntry[] {
  return entries.filter((entry, at) => {
    const before = entries.slice(0, at).filter(isOpen);
    const waits = before.some(({ lane, after }) => lane === entry.lane || entry.after.includes(lane) || (entry.kind === 'delete' && after.includes(entry.lane)));
    return !waits && isUnsent(entry) && (entry.notBefore <= now || entry.notBefore - now > HOUR);
  });
}

function some(random: Random, seq: number): OutboxEntry {
  const lane = random.pick(LANES);
  return entryOf({
    seq,
    id: `id${seq}.${random.below(3)}`,
    squashed: random.chance(0.3) ? [`s${seq}`] : [],
    kind: random.pick(['update', 'delete', 'create'] as const),
    lane,
    after: LANES.filter((other) => other !== lane && random.chance(0.2)),
    state: random.pick(STATES),
    notBefore: random.pick([0, 0, 500, 1_500, 9 * HOUR]),
  });
}

test('it finds what a walk finds', () =>
  withSeed(runSeed(), (random) => {
    for (let round = 0; round < 12; round += 1) {
      const all = new Map<number, OutboxEntry>();
      const book = createBook([]);
      for (let nth = 1; nth <= 60; nth += 1) {
        const seq = all.size > 0 && random.chance(0.6) ? random.pick([...all.keys()]) : nth;
        const next = all.has(seq) && random.chance(0.3) ? undefined : some(random, seq);
        book.set(seq, next);
        if (next) all.set(seq, next);
        else all.delete(seq);
        const entries = [...all.values()].sort((a, b) => a.seq - b.seq);
        expect(book.entries).toEqual(entries);
        expect(book.entries).toBe(book.entries);
        const bySeq = (list: readonly OutboxEntry[]): number[] => list.map((entry) => entry.seq).sort((a, b) => a - b);
        expect(bySeq(book.due(1_000, 99).ready)).toEqual(bySeq(dueOf(entries, 1_000)));
        expect(bySeq(book.due(1_000, 2).ready)).toHaveLength(Math.min(2, dueOf(entries, 1_000).length));
        expect(book.due(1_000, 99).next).toBe(Math.min(...dueOf(entries, Infinity).map(({ notBefore }) => notBefore).filter((time) => time > 1_000 && time - 1_000 <= HOUR)));
        expect(book.open).toBe(entries.filter(isOpen).length);
        expect(book.count('conflicted', 'dead')).toBe(entries.filter(({ state }) => state === 'conflicted' || state === 'dead').length);
        expect([...book.acked.keys()].sort((a, b) => a - b)).toEqual(bySeq(entries.filter((entry) => !isOpen(entry))));
        for (const lane of LANES) {
          expect(book.lane(lane)).toEqual(entries.filter((entry) => entry.lane === lane && isOpen(entry)));
          expect(book.needs(lane)).toEqual(entries.filter((entry) => entry.after.includes(lane) && isOpen(entry)));
          expect(book.head(lane)).toBe(dueOf(entries, Infinity).find((entry) => entry.lane === lane));
        }
        for (const entry of entries) {
          expect([book.at(entry.seq), book.get(entry.id), book.named(entry.id)]).toEqual([entry, entry, entry]);
          for (const old of entry.squashed) expect([book.get(old), book.named(old)]).toEqual([undefined, entry]);
        }
      }
      expect(createBook([...all.values()]).due(1_000, 99)).toEqual(book.due(1_000, 99));
    }
    return Promise.resolve();
  }));

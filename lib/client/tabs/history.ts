/**
 * What a tab has heard: its position, what it must not hear twice, and its last events, for a tab whose page is older.
 * Every tab keeps them, for each may lead next.
 */
import type { ClientEvent } from '../types.js';

export interface Entry {
  /** The position that the event leads to; undefined: it has no place in the log. */
  readonly id: string | undefined;
  readonly event: ClientEvent;
  /** The server's clock as the leader knew it when the event came, Unix ms. Behind by the way of one message at most. */
  readonly at: number;
  /** Characters on the wire. */
  readonly size: number;
}

/** Events kept for tabs that join, and their characters in all; the oldest go first, and who is older than those gets a `resync`. */
const MAX_ENTRIES = 500;
const MAX_SIZE = 1 << 20;
/** Action ids remembered against doubles; they come from a resume by time, seconds apart. */
const MAX_IDS = 1_000;
/** How far the server's clock may be from what a tab believes it to be, ms. */
const CLOCK_MS = 60_000;

/** Is `cursor` at or behind `than`, in one life of the log? */
export function covers(than: string | undefined, cursor: string | undefined): boolean {
  const [epoch, seq] = cursor?.split('.') ?? [];
  const [other, head] = than?.split('.') ?? [];
  return epoch !== undefined && epoch === other && Number(seq) <= Number(head);
}

export class History {
  /** Everything up to here has been heard. */
  cursor: string | undefined;
  #entries: Entry[] = [];
  #size = 0;
  /** The position, and the server's clock, before the first of them. */
  #base: string | undefined;
  #baseAt = Infinity;
  readonly #ids = new Set<string>();

  /** What it has heard is whole from some position on: another tab may go on from it. */
  get begun(): boolean {
    return this.#baseAt < Infinity;
  }

  /** From here on everything is heard: at a verdict, or at a leader's word. */
  begins(cursor: string | undefined, at: number): void {
    this.cursor = cursor;
    if (this.begun) return;
    this.#base = cursor;
    this.#baseAt = at;
  }

  /** False: it has been heard before. */
  accept(entry: Entry): boolean {
    const { event, id } = entry;
    if (event.type === 'ephemeral') return true;
    const placed = !(event.type === 'invalidate' && event.count === undefined);
    if (event.type !== 'resync') {
      if (placed && covers(this.cursor, id)) return false;
      if ('seq' in event) {
        if (this.#ids.has(event.id)) {
          this.cursor = id ?? this.cursor;
          return false;
        }
        this.#ids.add(event.id);
        for (const oldest of this.#ids) {
          if (this.#ids.size <= MAX_IDS) break;
          this.#ids.delete(oldest);
        }
      }
    }
    if (!placed) return true;
    this.cursor = id ?? this.cursor;
    this.#entries.push(entry);
    this.#size += entry.size;
    while (this.#entries.length > MAX_ENTRIES || this.#size > MAX_SIZE) {
      const gone = this.#entries.shift();
      if (!gone) break;
      this.#size -= gone.size;
      this.#base = gone.id ?? this.#base;
      this.#baseAt = gone.at + CLOCK_MS;
    }
    return true;
  }

  /** What came after a position or a time; undefined: that is longer ago than what is kept. */
  after(since: string | number): Entry[] | undefined {
    if (typeof since === 'number') {
      return since < this.#baseAt ? undefined : this.#entries.filter(({ at }) => at + CLOCK_MS >= since);
    }
    if (since === this.cursor) return [];
    const at = this.#entries.findLastIndex(({ id }) => covers(since, id));
    return at >= 0 || covers(since, this.#base) ? this.#entries.slice(at + 1) : undefined;
  }
}

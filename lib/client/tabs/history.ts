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
/** Action ids remembered against doubles, which come from another life of the log, or without a position. */
const MAX_IDS = 1_000;
/** How far the server's clock may be from what a tab believes it to be, ms. */
const CLOCK_MS = 60_000;

/** Is `cursor` at or behind `than`, in one life of the log? */
export function covers(than: string | number | undefined, cursor: string | undefined): boolean {
  const [epoch, seq] = `${cursor}`.split('.');
  const [other, head] = `${than}`.split('.');
  return epoch === other && +(seq as string) <= +(head as string);
}

export interface History {
  /** Everything up to here has been heard. */
  cursor: string | undefined;
  /** What it has heard is whole from some position on: another tab may go on from it. */
  begun: boolean;
  /** From here on everything is heard: at a verdict, or at a leader's word. */
  begins(cursor: string | undefined, at: number): void;
  /** False: it has been heard before. */
  accept(entry: Entry): boolean;
  /** What came after a position or a time; undefined: that is longer ago than what is kept. */
  after(since: string | number): Entry[] | undefined;
}

export function createHistory(start?: string): History {
  const entries: Entry[] = [];
  let size = 0;
  /** The position, and the server's clock, before the first of them. */
  let base: string | undefined;
  let baseAt = 0;
  const ids = new Set<string>();

  const history: History = {
    cursor: start,
    begun: false,
    begins(cursor, at) {
      history.cursor = cursor;
      if (history.begun) return;
      history.begun = true;
      base = cursor;
      baseAt = at;
    },
    accept(entry) {
      const {
        event,
        id,
        event: { type },
      } = entry;
      if (type === 'ephemeral') return true;
      const placed = type !== 'invalidate' || (event as { count?: number }).count !== undefined;
      if (type !== 'resync') {
        if (placed && covers(history.cursor, id)) return false;
        if ('seq' in event) {
          // An id that is used again at a later place is another action: the server has let go of the first.
          if (ids.has(event.id) && !covers(id, history.cursor)) {
            history.cursor = id ?? history.cursor;
            return false;
          }
          ids.add(event.id);
          for (const oldest of ids) {
            if (ids.size <= MAX_IDS) break;
            ids.delete(oldest);
          }
        }
      }
      if (!placed) return true;
      history.cursor = id ?? history.cursor;
      entries.push(entry);
      size += entry.size;
      while (entries.length > MAX_ENTRIES || size > MAX_SIZE) {
        const gone = entries.shift() as Entry;
        size -= gone.size;
        base = gone.id ?? base;
        baseAt = gone.at + CLOCK_MS;
      }
      return true;
    },
    after(since) {
      if (typeof since === 'number') {
        return since < baseAt ? undefined : entries.filter(({ at }) => at + CLOCK_MS >= since);
      }
      const at = entries.findLastIndex(({ id }) => covers(since, id)) + 1;
      return at || since === history.cursor || covers(since, base) ? entries.slice(at) : undefined;
    },
  };
  return history;
}

/** What is kept, and how it is changed: one transaction for each change, decided by what stands there at that moment and by nothing older. */
import type { Book } from '../outbox/book.js';
import type { OutboxEntry, OfflineStatus } from '../types.js';

/** One record. What parts of their own add to it is theirs: `cursor` is of the versions. */
export interface Meta {
  /** Of the next entry. */
  seq: number;
  /** Grows with each change of the entries: who has read this one has read all. */
  rev: number;
  /** Of the tab that leads: grows with each new leader, so that an old one finds that it is none. */
  fence: number;
  /** This database's name in ids; another one where it was thrown away and kept anew. */
  node: string;
  /** Its user has signed out, and nothing was left: it is about to be deleted. */
  over?: boolean | undefined;
  /** How often its user has signed out and left something here; absent: never. Whoever knew it with fewer belongs to a session that is over. */
  outs?: number | undefined;
  /** The last id that was given; absent: none. */
  hlc?: string | undefined;
  /** The app's `version` that has read it last. */
  version: number;
  /** Where the tab's data stood when the versions were kept. */
  cursor?: string | undefined;
  /** Where there are no locks: the tab that leads, and until when (Unix ms). */
  lease?: { tab: string; until: number } | undefined;
  /** What became of entries that went without being sent, the newest last; bounded. */
  ended: Record<string, Ended>;
  /** The highest id that was taken out of `ended`: of lower ones nobody knows. Absent: none was. */
  forgot?: string | undefined;
  /** Changes that were kept, the newest first; bounded. */
  done: readonly string[];
}

/** `discarded`: a person decided so. `nothing`: a create and its delete, of which nobody was told. `squashed`: it was done as part of another one, which is forgotten. */
export type Ended = 'discarded' | 'nothing' | 'squashed';

/** Inside of one transaction. Everything is read already; nothing may be awaited. */
export interface Draft {
  /** May be written to. */
  readonly meta: Meta;
  /** As they stand in this draft. Changed by `put` and `remove`. */
  readonly book: Omit<Book, 'set'>;
  put(entry: OutboxEntry): void;
  remove(id: string, ended?: Ended): void;
  /** A record of the store `versions`; undefined takes it away. */
  version(key: string, value: unknown): void;
}

/** One entry, before and after. */
export type Change = readonly [before: OutboxEntry | undefined, now: OutboxEntry | undefined];

export interface Storage {
  /** What was read or written last. Not to be held: it is another one after each change. */
  readonly book: Omit<Book, 'set'>;
  readonly meta: Meta | undefined;
  /** False: it lives in this tab alone. */
  readonly kept: boolean;
  readonly state: OfflineStatus['storage'];
  /** Reads everything anew, where it has changed. What cannot be read is told (`state`), and no reason to reject. */
  load(): Promise<void>;
  /**
   * Runs `body` in one transaction, and resolves with what it gives once that is kept. What it throws leaves everything as it was. Rejects with
   * a `PathcastError` of code STORAGE where it cannot be kept. `relaxed`: may be lost with the power, as versions may.
   */
  change<T>(body: (draft: Draft) => T, options?: { relaxed?: boolean }): Promise<T>;
  /** All of the store `versions`. */
  versions(): Promise<[key: string, value: unknown][]>;
  /** Deletes it all. */
  erase(): Promise<void>;
  close(): void;
}

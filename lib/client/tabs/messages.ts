/** What tabs say to each other. The name of the channel carries the version of these: tabs of two versions never hear each other. */
import type { StatusReason, SyncState } from '../types.js';
import type { Entry } from './history.js';

export const PROTOCOL = 1;

/** `from`: the tab that says it. `generation`: of the tab that leads, as far as it knows; of two that lead, the one with the higher one does. */
export type Message = Said & { readonly from: string; readonly generation: number };

export type Said =
  /** A tab that follows: is anybody leading? `join`: give me what came after `since` (null: from now), and what comes from here on. `seen`: a person looks at it. */
  | { readonly is: 'ask'; readonly join: boolean; readonly since: string | number | null; readonly seen?: boolean | undefined }
  /** To all: the one that leads, what it knows, and how many events it has passed on. */
  | ({ readonly is: 'here' } & Leader)
  /** To one that joined: what came after `since`, as it asked. `entries` null: that is longer ago than anybody remembers. */
  | ({ readonly is: 'joined'; readonly to: string; readonly since: string | number | null; readonly entries: readonly Entry[] | null } & Leader)
  | { readonly is: 'event'; readonly count: number; readonly entry: Entry }
  /** It leads no more. */
  | { readonly is: 'bye' }
  | { readonly is: 'reconnect' }
  /** The person signed out. */
  | { readonly is: 'forget' };

export interface Leader {
  /** Events that it has passed on. */
  readonly count: number;
  readonly state: SyncState;
  readonly reason: StatusReason;
  /** Up to here everything has been passed on; null: that has no name yet; undefined: it has no verdict yet. */
  readonly cursor: string | null | undefined;
  /** Of the log, at its last verdict. Absent: there was none yet, or its page is older than this word. */
  readonly head?: string | undefined;
  /** The browser's id at the server. */
  readonly instance: string;
  /** The server's clock, as the leader knows it. */
  readonly at: number;
}

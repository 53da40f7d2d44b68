/** What the other parts see of the outbox. */
import type { FieldConflict } from '../../protocol/conflict.js';
import type { Change } from '../storage/types.js';
import type { OutboxEntry, PauseReason, Resolution, SeenField } from '../types.js';
import type { Book } from './book.js';

export interface Added {
  /** The entry's id: the mutation's `transactionId`. */
  readonly id: string;
  /** What the server answers, whenever that is. Rejects where it is refused, conflicted, given up or discarded. Nobody need listen. */
  readonly answer: Promise<unknown>;
  /** False: there was no room, and it was sent at once. It is lost with its tab, and where it fails. */
  readonly kept: boolean;
}

export interface AddOptions {
  /** By field: what the person saw, where the caller knows it better than `seen` and the versions do. */
  base?: Readonly<Record<string, SeenField>> | undefined;
}

/** What became of an entry that is there no more, or counts no more. */
export type Gone =
  /** Its action will come, or has come. */
  | 'acked'
  /** Squashed into `into`. */
  | 'squashed'
  /** Without effect: by a person, or because a create and its delete are nothing. */
  | 'discarded';

export interface Outbox {
  /** All that is kept, acked ones too, by `seq`. The same array until something changed; what an entry was it stays, a change is a new object. */
  readonly entries: readonly OutboxEntry[];
  /** The same, to look something up. Not to be held. */
  readonly book: Omit<Book, 'set'>;
  /** After each change. What it throws is reported. */
  subscribe: (listener: (entries: readonly OutboxEntry[]) => void) => () => void;
  /** After each change, before `subscribe`: what it was. */
  onChanges: (listener: (changes: readonly Change[]) => void) => () => void;
  /** Resolves once it is kept; rejects where that cannot be. */
  add: (path: string, input: unknown, options?: AddOptions) => Promise<Added>;
  /** Of a conflicted entry. Rejects (INVALID_FIELD) where there is none of this id. */
  resolve: (id: string, how: Resolution) => Promise<void>;
  /** Sends a rejected or dead one again, under a new id where the old one may be taken; what waits for its time goes at once. */
  retry: (id: string) => Promise<void>;
  /** Takes one away that is not on its way. False: there is none such. */
  discard: (id: string) => Promise<boolean>;
  readonly paused: readonly PauseReason[];
  pause: (reason: PauseReason) => void;
  resume: (reason: PauseReason) => void;
  /** This tab sends. */
  readonly leader: boolean;
  /** Resolves when nothing is left that can be sent. */
  flush: () => Promise<void>;
  /** A queued entry that was never sent is conflicted without being sent. False: it is not such a one any more. */
  conflict: (id: string, conflicts: readonly FieldConflict[]) => Promise<boolean>;
  /** A queued entry that was never sent has seen this of these fields. False: it is not such a one any more. */
  rebase: (id: string, base: Readonly<Record<string, SeenField>>) => Promise<boolean>;
  /** The answer of an entry that this tab or another one has got; called once for each ack that this tab hears of. */
  onAck: (listener: (entry: OutboxEntry, answer: unknown) => void) => () => void;
  /** An entry is no more: why, and for a squashed one which has taken it in. */
  onGone: (listener: (entry: OutboxEntry, gone: Gone, into?: string) => void) => () => void;
}

/**
 * An entry's way: queued → sending → acked, conflicted, rejected or dead. Pure.
 *
 * | outcome      | becomes    |                                                               |
 * |--------------|------------|---------------------------------------------------------------|
 * | sent         | sending    | written before the request goes out                           |
 * | answer, done | acked      |                                                               |
 * | unreachable  | queued     | back-off, for ever; dead where twice may be done twice        |
 * | unauthorized | queued     | as if it had not been sent: whoever is let in sends it        |
 * | unsent       | queued     | something has come to forbid it while that was written        |
 * | later        | queued     | back-off, not before what the server says                     |
 * | server       | queued     | back-off; dead after `SERVER_TRIES` of them                   |
 * | conflict     | conflicted |                                                               |
 * | refused      | rejected   |                                                               |
 * | unknown      | dead       | a tab has died in mid-send, and twice may be done twice       |
 */
import type { EntryError, EntryState, OutboxEntry } from '../types.js';
import { LONGEST_WAIT_MS } from './book.js';
import { keepable, type Outcome } from './outcome.js';

/** Between tries: a random part of this, doubled with each up to `MOST_MS`. */
const FIRST_MS = 1_000;
const MOST_MS = 60_000;
/** In a row, after which a person looks. */
export const SERVER_TRIES = 8;

export interface Moment {
  now: number;
  random: () => number;
  /** `once: 'none'`: what is sent twice may be done twice. */
  bare: boolean;
}

export function step(entry: OutboxEntry, outcome: Outcome | { is: 'sent' | 'unsent' | 'unknown' }, { now, random, bare }: Moment): OutboxEntry {
  const { is, error, answer, conflicts, ms = 0 } = outcome as { is: string; error?: EntryError; answer?: unknown; conflicts?: OutboxEntry['conflicts']; ms?: number };
  const { error: _error, reason: _reason, conflicts: _conflicts, ...rest } = entry;
  const to = (state: EntryState, more?: Partial<OutboxEntry>): OutboxEntry => ({ ...rest, state, notBefore: 0, ...(error && { error }), ...more });
  if (is === 'sent') return { ...entry, state: 'sending', attempts: entry.attempts + 1 };
  if (is === 'answer' || is === 'done') {
    const kept = keepable(answer);
    return to('acked', { ackedAt: now, ...(kept !== undefined && { answer: kept }) });
  }
  if (is === 'unauthorized' || is === 'unsent') return to('queued', { attempts: entry.attempts - 1 });
  if (conflicts) return to('conflicted', { conflicts });
  if (is === 'refused') return to('rejected');
  // A network that is away for long is not the server's fault.
  const errors = (entry.errors ?? 0) + Number(is === 'server');
  if (is === 'unknown' || (bare && is !== 'later')) return to('dead', { reason: 'unknown_outcome' });
  if (is === 'server' && errors >= SERVER_TRIES) return to('dead', { reason: 'server_error' });
  const most = Math.min(MOST_MS, FIRST_MS * 2 ** entry.failures);
  return to('queued', { failures: entry.failures + 1, notBefore: now + Math.max(Math.min(ms, LONGEST_WAIT_MS), random() * most), ...(errors && { errors }) });
}

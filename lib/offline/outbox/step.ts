/**
 * An entry's way: queued → sending → acked, conflicted, rejected or dead. Pure.
 *
 * | outcome      | becomes    |                                                               |
 * |--------------|------------|---------------------------------------------------------------|
 * | sent         | sending    | written before the request goes out                           |
 * | answer, done | acked      |                                                               |
 * | unreachable  | queued     | back-off, for ever; dead where twice may be done twice        |
 * | unauthorized | queued     | as if it had not been sent: whoever is let in sends it        |
 * | later        | queued     | back-off, not before what the server says                     |
 * | server       | queued     | back-off; dead after `SERVER_TRIES` of them                   |
 * | conflict     | conflicted |                                                               |
 * | refused      | rejected   |                                                               |
 * | unknown      | dead       | a tab has died in mid-send, and twice may be done twice       |
 */
import type { DeadReason, EntryError, OutboxEntry } from '../types.js';
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

export function step(entry: OutboxEntry, outcome: Outcome | { is: 'sent' } | { is: 'unknown' }, { now, random, bare }: Moment): OutboxEntry {
  const { error: _error, reason: _reason, conflicts: _conflicts, ...rest } = entry;
  const failures = entry.failures + 1;
  const errors = (entry.errors ?? 0) + 1;
  const dead = (reason: DeadReason, error?: EntryError): OutboxEntry => ({ ...rest, state: 'dead', reason, notBefore: 0, ...(error && { error }) });
  const again = (error: EntryError, ms = 0): OutboxEntry => ({
    ...rest,
    state: 'queued',
    failures,
    error,
    notBefore: now + Math.max(ms, random() * Math.min(MOST_MS, FIRST_MS * 2 ** (failures - 1))),
  });
  switch (outcome.is) {
    case 'sent':
      return { ...entry, state: 'sending', attempts: entry.attempts + 1 };
    case 'answer': {
      const answer = keepable(outcome.answer);
      return { ...rest, state: 'acked', failures: 0, ackedAt: now, ...(answer !== undefined && { answer }) };
    }
    case 'done':
      return { ...rest, state: 'acked', failures: 0, ackedAt: now };
    case 'unreachable':
      return bare ? dead('unknown_outcome', outcome.error) : again(outcome.error);
    case 'unauthorized':
      return { ...rest, state: 'queued', attempts: entry.attempts - 1, notBefore: 0, error: outcome.error };
    case 'later':
      return again(outcome.error, outcome.ms);
    case 'server':
      if (bare) return dead('unknown_outcome', outcome.error);
      // A network that is away for long is not the server's fault.
      return errors < SERVER_TRIES ? { ...again(outcome.error, outcome.ms), errors } : dead('server_error', outcome.error);
    case 'conflict':
      return { ...rest, state: 'conflicted', failures: 0, notBefore: 0, error: outcome.error, conflicts: outcome.conflicts };
    case 'refused':
      return { ...rest, state: 'rejected', failures: 0, notBefore: 0, error: outcome.error };
    case 'unknown':
      return dead('unknown_outcome');
  }
}

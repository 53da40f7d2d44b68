/**
 * The way back, as a pure function: `step(state, input)`. What happened meanwhile comes first, then what a person did is sent, then queries read again.
 * Total over its places and inputs (OF4, test/offline/coordinator.test.ts); what means nothing in a place changes nothing there.
 */
import type { Place } from '../inside.js';
import type { PauseReason } from '../types.js';

/** ms for which catching up may keep back what waits. Then it is sent: the server compares in any case. */
export const CATCH_UP_MS = 10_000;

/** none: there is no stream, or the server has none for us. down: on its way. live: its verdict has come. */
export type Stream = 'none' | 'down' | 'live';

export interface State {
  readonly at: Place;
  /** The app's server can be reached, by proof. */
  readonly verified: boolean;
  readonly stream: Stream;
  /** The tab has heard everything up to the head of the log at the stream's verdict, and what it means for the outbox is written down. */
  readonly covered: boolean;
  /** Something is kept that can be sent. */
  readonly waiting: boolean;
  /** Catching up took too long; it is not waited for again until there is another stream. */
  readonly late: boolean;
}

export type Input =
  | { readonly is: 'network'; readonly verified: boolean }
  | { readonly is: 'stream'; readonly stream: Stream; readonly covered: boolean }
  | { readonly is: 'outbox'; readonly waiting: boolean }
  | { readonly is: 'timer' }
  | { readonly is: 'close' };

export type Effect =
  | { readonly do: 'pause' | 'resume'; readonly reason: PauseReason & ('offline' | 'catching_up') }
  /** One timer, in place of the one before. */
  | { readonly do: 'sleep'; readonly ms: number }
  | { readonly do: 'still' };

/** Until somebody says which stream there is, one is waited for. */
export const INITIAL: State = { at: 'away', verified: false, stream: 'down', covered: false, waiting: false, late: false };

/** What holds the outbox back in each place. */
const REASON: { readonly [At in Place]?: PauseReason & ('offline' | 'catching_up') } = { away: 'offline', catching_up: 'catching_up' };

export function step(before: State, input: Input): readonly [State, readonly Effect[]] {
  if (before.at === 'closed') return [before, []];
  if (input.is === 'close') return [{ ...before, at: 'closed' }, [{ do: 'still' }]];
  const { is: _is, ...facts } = input;
  const { verified, stream, covered, waiting } = { ...before, ...facts };
  // A stream that has just come brings what was missed.
  const comes = stream === 'live' && before.stream !== 'live';
  const waited = input.is === 'timer' && before.at === 'catching_up';
  const isLate = waited || (before.late && !comes);
  const caughtUp = stream === 'none' || (stream === 'live' && covered);
  // What is done when it is current is sent as it comes.
  const at = !verified ? 'away' : !caughtUp && !isLate ? 'catching_up' : before.at === 'current' || !waiting ? 'current' : 'sending';
  const next: State = { at, verified, stream, covered, waiting, late: isLate && !caughtUp && verified };
  const effects: Effect[] = [];
  const [was, is] = [REASON[before.at], REASON[at]];
  const moves = at !== before.at;
  // The new reason first: nothing is sent between the two.
  if (is && moves) effects.push({ do: 'pause', reason: is });
  if (was && moves) effects.push({ do: 'resume', reason: was });
  // A timer of before, in a page that was frozen meanwhile, says nothing of a stream that has just come.
  if (is === 'catching_up' && (moves || comes)) effects.push({ do: 'sleep', ms: CATCH_UP_MS });
  else if (was === 'catching_up' && moves) effects.push({ do: 'still' });
  return [next, effects];
}

/** Something was done meanwhile, and is not sent yet: queries that read now would read too early. */
export const holds = ({ at, waiting }: State): boolean => waiting && (at === 'catching_up' || at === 'sending');

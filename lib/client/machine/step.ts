/**
 * The connection of the tab that leads, as a pure function: `step(state, input, now)`. It knows no clock, no chance, no network and no
 * page; what it wants done it gives back. Each input is answered in each state; what means nothing there changes nothing.
 */
import type { StatusReason, SyncState } from '../types.js';
import type { Effect, Failure, Input, Memory, Place, State } from './types.js';

/** ms for a token, for an answer to begin, and from its beginning to the verdict. Beyond: the next attempt. */
const TOKEN_MS = 20_000;
const CONNECT_MS = 6_000;
const HELLO_MS = 6_000;
/** ms until a look counts as unanswered. */
export const PROOF_MS = 5_000;
/**
 * ms of the first wait at most (full jitter: any time from 0 to it), doubled with each attempt up to the second. A server that is back is
 * found within 8 s: nobody waits longer without reaching for the reload button.
 */
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 8_000;
/** The most that a server's hint is believed, ms. */
const MAX_HINT_MS = 300_000;
/** A stream that lived this long counts as having worked: the next wait is the first again, ms. */
const HELD_MS = 5_000;
/** Silence on a stream, in heartbeats; beyond it the stream is dead, whatever the socket says. */
const SILENT_BEATS = 2.5;
/** ms that a page which slept gets to read what came meanwhile, before its stream counts as dead. */
const GRACE_MS = 3_000;
/** ms between two waits that a wake cuts short: many windows, or a script, wake as often as they like. */
const WOKE_MS = 1_000;
/** CORS failures in a row that end the attempts: no waiting mends a header that the server does not send. */
const MAX_CORS = 5;

export const INITIAL: State = { at: 'idle', reason: 'starting', offline: false, tries: 0, cors: 0, expired: false, retry: 0, beat: 0, woke: 0 };

/** Reasons for which coming back into sight, or online, is worth no attempt: the server has said when to come. */
const PATIENT: readonly StatusReason[] = ['drain', 'limit', 'replaced', 'slow', 'auth_expired'];

type Result = readonly [State, readonly Effect[]];

/** What a place knew stays in the next, where nobody looks. */
const go = (state: State, changed: Partial<Memory> & (Place | object), ...effects: Effect[]): Result => [{ ...state, ...changed }, effects];
const sleep = (floor: number, spread = 0): Effect => ({ do: 'sleep', floor, spread });
const CUT: Effect = { do: 'cut' };
const STILL: Effect = { do: 'still' };

/** Another attempt, from its beginning. */
function begin(state: State, changed: Partial<Memory> = {}): Result {
  return go(state, { ...changed, at: 'token' }, CUT, sleep(TOKEN_MS), { do: 'token', expired: changed.expired ?? state.expired });
}

/** `floor`: what the server asked for, ms. */
function wait(
  state: State,
  reason: StatusReason,
  now: number,
  { floor = 0, spread, ...changed }: Partial<Memory> & { floor?: number | undefined; spread?: number | undefined } = {},
  ...more: Effect[]
): Result {
  const tries = state.at === 'live' && now - state.from >= HELD_MS ? 0 : state.tries;
  const most = spread ?? Math.min(MAX_WAIT_MS, Math.max(FIRST_WAIT_MS * 2 ** tries, state.retry));
  return go(state, { at: 'waiting', reason, offline: false, cors: 0, tries: tries + 1, ...changed }, CUT, sleep(Math.min(floor, MAX_HINT_MS), most), ...more);
}

function refuse(state: State, reason: StatusReason): Result {
  return go(state, { at: 'refused', reason }, CUT, STILL);
}

function failed(state: State, failure: Failure, now: number): Result {
  const { kind } = failure;
  if (kind === 'status') return answered(state, failure.status, failure.retryAfter, now);
  if (kind !== 'network' && kind !== 'late') return wait(state, kind, now);
  // Not called offline yet: a stream that breaks may be the server's restart. Whoever waited for an answer has waited.
  const { offline, cors } = state;
  return wait(state, offline ? state.reason : 'cut', now, { offline, cors, spread: kind === 'late' ? FIRST_WAIT_MS : undefined }, { do: 'prove' });
}

/** The answer had another status than a stream's. */
function answered(state: State, status: number, floor: number | undefined, now: number): Result {
  if (status === 403) return refuse(state, 'forbidden');
  if (status === 404) return refuse(state, 'not_found');
  if (status === 401) {
    // A token that has just run out is replaced at once; that its successor is no better needs patience.
    if (!state.expired) return begin(state, { expired: true, reason: 'auth_expired', offline: false });
    return wait(state, 'unauthorized', now);
  }
  const reason = status === 429 ? 'limit' : status >= 502 && status <= 504 ? 'bad_gateway' : status >= 500 ? 'server_error' : 'unexpected_answer';
  return wait(state, reason, now, { floor });
}

function closedByServer(state: State, { reason, retryMs }: Extract<Input, { is: 'server_close' }>, now: number): Result {
  switch (reason) {
    case 'revoked':
      return refuse(state, 'revoked');
    case 'auth_expired':
      // A stream that expired as soon as it had begun was given no better token than the one before.
      if (state.at === 'live' && now - state.from >= HELD_MS) return begin(state, { expired: true, reason, tries: 0 });
      return wait(state, reason, now, { floor: retryMs, expired: true });
    case 'replaced':
      // Who took the place is heard of by then, or nobody did, and the place is taken back.
      return wait(state, reason, now, { floor: Math.min(retryMs, 2_000) }, { do: reason });
    case 'drain':
      // Its hint has its own jitter; without one nobody is to come at once.
      return wait(state, reason, now, { floor: retryMs, spread: retryMs > 0 ? 0 : undefined });
    case 'evicted':
      // Another browser was let in on purpose: to come back at once would put that one out. A person who looks at this one is waited for.
      return wait(state, reason, now, { floor: MAX_HINT_MS });
    default:
      return wait(state, reason, now, { floor: retryMs, spread: FIRST_WAIT_MS });
  }
}

function looked(state: State, { answered: there, led, cross, worked, network }: Extract<Input, { is: 'proof' }>, now: number): Result {
  if (state.at === 'live') return there ? [state, []] : wait(state, network ? 'unreachable' : 'no_network', now, { offline: true });
  if (state.at === 'refused' || (state.at === 'opening' && state.head)) return [state, []];
  if (!there) return go(state, { offline: true, reason: network ? 'unreachable' : 'no_network', cors: 0 });
  // The server answers whoever does not want to read: what fails is the permission to read.
  if (!cross || state.reason === 'replaced') return go(state, { offline: false, reason: led ? 'captive_portal' : state.offline ? 'cut' : state.reason });
  const cors = state.cors + 1;
  // Where it was permitted once it will be again: what answers without permission is a proxy that has lost its server.
  if (cors >= MAX_CORS && !worked) return refuse(state, 'cors');
  return go(state, { offline: false, reason: 'cors', cors });
}

/** Nothing came for a while, or the page slept through the look. */
function watched(state: Extract<State, { at: 'live' }>, now: number): Result {
  // A clock that was set back makes what was heard no newer than now.
  const heard = Math.min(state.heard, now);
  const silent = heard + state.beat * SILENT_BEATS;
  if (state.last && state.heard <= state.due - GRACE_MS) return begin(state, { reason: 'silent' });
  if (now < silent) return go(state, { heard, due: silent, last: false }, sleep(silent - now));
  // A timer that is this late did not run: neither did what reads the stream.
  if (!state.last && now - state.due > GRACE_MS) return go(state, { due: now + GRACE_MS, last: true }, sleep(GRACE_MS));
  return begin(state, { reason: 'silent' });
}

export function step(state: State, input: Input, now: number): Result {
  const same: Result = [state, []];
  if (state.at === 'closed') return same;
  if (input.is === 'close') return go(state, { at: 'closed', reason: 'closed' }, CUT, STILL);
  if (state.at === 'idle') return input.is === 'start' ? begin(state) : same;

  switch (input.is) {
    case 'start':
      return same;
    case 'stop':
      return [INITIAL, [CUT, STILL]];
    case 'reconnect':
      return begin(state, { reason: 'asked', tries: 0, cors: 0, offline: false });
    case 'retry':
      return go(state, { retry: Math.min(input.ms, MAX_HINT_MS) });
    case 'online':
    case 'wake':
      if (state.at === 'waiting' && !PATIENT.includes(state.reason) && (input.is === 'online' || Math.abs(now - state.woke) >= WOKE_MS)) return begin(state, { woke: now });
      // Behind by a heartbeat: it gets a moment to catch up.
      if (state.at === 'live' && state.beat > 0 && !state.last && now - state.heard > state.beat * 1.25) {
        return go(state, { due: now + GRACE_MS, last: true }, sleep(GRACE_MS));
      }
      return same;
    case 'offline':
      return state.at === 'live' ? [state, [{ do: 'prove' }]] : same;
    case 'timer':
      if (state.at === 'token') return wait(state, 'token_failed', now);
      if (state.at === 'opening') return state.head ? wait(state, 'buffered', now) : failed(state, { kind: 'late' }, now);
      if (state.at === 'live') return watched(state, now);
      return state.at === 'waiting' ? begin(state) : same;
    case 'token':
      return state.at === 'token' ? go(state, { at: 'opening', head: false }, sleep(CONNECT_MS), { do: 'open' }) : same;
    case 'token_failed':
      return state.at === 'token' ? wait(state, 'token_failed', now) : same;
    case 'head':
      return state.at === 'opening' && !state.head ? go(state, { head: true, offline: false }, sleep(HELLO_MS)) : same;
    case 'hello': {
      if (state.at !== 'opening') return same;
      const due = now + input.beat * SILENT_BEATS;
      return go(
        state,
        { at: 'live', from: now, heard: now, due, last: false, reason: 'open', offline: false, cors: 0, expired: false, beat: input.beat },
        input.beat > 0 ? sleep(due - now) : STILL,
      );
    }
    case 'event':
      return state.at === 'live' ? go(state, { heard: now }) : same;
    case 'server_close':
      return state.at === 'live' || state.at === 'opening' ? closedByServer(state, input, now) : same;
    case 'failure':
      return state.at === 'live' || state.at === 'opening' ? failed(state, input.failure, now) : same;
    case 'proof':
      return looked(state, input, now);
  }
}

/** What an app is told of it. */
export function told({ at, offline, reason }: State): { state: SyncState; reason: StatusReason } {
  return { state: /live|refused|closed/.test(at) ? (at as SyncState) : offline ? 'offline' : 'connecting', reason };
}

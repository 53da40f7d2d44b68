/** The words of the connection machine: its states, what can happen to it, and what it asks to be done. */
import type { CloseReason } from '../../protocol/events.js';
import type { StatusReason } from '../types.js';

export type Place =
  /** The stream is not this tab's. */
  | { readonly at: 'idle' }
  /** The app is asked for a token. */
  | { readonly at: 'token' }
  /** Asked for; `head`: the answer has begun, its verdict has not come. */
  | { readonly at: 'opening'; readonly head: boolean }
  /** `from`: when the verdict came. `heard`: the last event. `due`: when silence is next looked at; `last`: cut then, if nothing came since. */
  | { readonly at: 'live'; readonly from: number; readonly heard: number; readonly due: number; readonly last: boolean }
  | { readonly at: 'waiting' }
  | { readonly at: 'refused' }
  | { readonly at: 'closed' };

/** What is remembered from one place to the next. */
export interface Memory {
  readonly reason: StatusReason;
  /** Nothing answered, by proof. */
  readonly offline: boolean;
  /** Attempts since a stream last held. Each doubles the wait. */
  readonly tries: number;
  /** CORS failures in a row. */
  readonly cors: number;
  /** The next token must be a new one. */
  readonly expired: boolean;
  /** The server's `retry:` of the stream before, ms; 0 without one. */
  readonly retry: number;
  /** The server's heartbeat, ms; 0: none that can be watched. */
  readonly beat: number;
  /** When a wake last cut a wait short. */
  readonly woke: number;
}

export type State = Place & Memory;

/** Why an attempt, or a stream, came to nothing. */
export type Failure =
  /** No answer at all. A look follows (`prove`) whether anything answers. */
  | { readonly kind: 'network' }
  /** None in time. */
  | { readonly kind: 'late' }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: number | undefined }
  | { readonly kind: 'not_a_stream' | 'captive_portal' | 'malformed' | 'cut' };

export type Input =
  /** The stream is this tab's now, and is no longer. */
  | { readonly is: 'start' }
  | { readonly is: 'stop' }
  | { readonly is: 'close' }
  /** A person asks. */
  | { readonly is: 'reconnect' }
  /** The page is seen again, or woke. */
  | { readonly is: 'wake' }
  | { readonly is: 'online' }
  | { readonly is: 'offline' }
  | { readonly is: 'timer' }
  | { readonly is: 'token' }
  | { readonly is: 'token_failed' }
  | { readonly is: 'head' }
  | { readonly is: 'hello'; readonly beat: number }
  /** Anything else on the stream. */
  | { readonly is: 'event' }
  | { readonly is: 'retry'; readonly ms: number }
  | { readonly is: 'server_close'; readonly reason: CloseReason; readonly retryMs: number }
  | { readonly is: 'failure'; readonly failure: Failure }
  /** `answered`: the server did. `led`: it leads elsewhere. `cross`: it is not the page's own. `worked`: it has given a position before. `network`: the browser thinks that it has one. */
  | { readonly is: 'proof'; readonly answered: boolean; readonly led: boolean; readonly cross: boolean; readonly worked: boolean; readonly network: boolean };

export type Effect =
  /** Ask the app for a token, or say at once that none is needed. */
  | { readonly do: 'token'; readonly expired: boolean }
  /** Open a stream after the cursor. */
  | { readonly do: 'open' }
  /** End the stream, or the attempt; nothing of it is heard any more. */
  | { readonly do: 'cut' }
  /** One timer, in place of the one before: after `floor` and a random part of `spread`, ms. */
  | { readonly do: 'sleep'; readonly floor: number; readonly spread: number }
  | { readonly do: 'still' }
  /** Look whether anything answers, and say `proof`. */
  | { readonly do: 'prove' }
  /** Another stream of this browser took the place. */
  | { readonly do: 'replaced' };

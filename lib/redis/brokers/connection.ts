/**
 * One connection to a Redis through a client library: it is opened once, lives, and ends once. What waits, tries again and
 * subscribes again is ours (`line.ts`), the same over each library; so no command is queued or repeated behind our back.
 */
import { BrokerError, type BrokerReply } from '../../internal/broker.js';
import { messageOf } from '../../internal/describe.js';

export type Argument = string | Buffer;

export interface Connection {
  /** Resolves once commands may be sent. Rejects with why that is not to be. */
  open(): Promise<void>;
  /** Rejects with what the library throws. */
  send(args: readonly Argument[]): Promise<BrokerReply>;
  /** Resolves when Redis has confirmed all of them. */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
  /** At once; what is open is rejected. Idempotent. */
  destroy(): void;
}

/** What a connection tells of itself. */
export interface ConnectionEvents {
  /** It was open and is no more. */
  lost(why: unknown): void;
  /** The bytes are good for the call. */
  message(channel: string, payload: Buffer): void;
  /** Redis has taken a channel away: its slot has moved. */
  dropped(channel: string): void;
}

export type Dial = (events: ConnectionEvents) => Connection;

export function asArgument(value: string | number | Buffer): Argument {
  return typeof value === 'number' ? String(value) : value;
}

/** What Redis itself says begins with a word in capitals: `WRONGTYPE Operation against …`. */
const REFUSAL = /^[A-Z][A-Z0-9]+\b/;
/** What the libraries say of a command that they have not sent. */
const UNSENT = /isn't writeable|client is (?:offline|closed)/;

export function toBrokerError(thrown: unknown): BrokerError {
  const message = messageOf(thrown);
  if (REFUSAL.test(message)) return new BrokerError('refused', message);
  return new BrokerError(UNSENT.test(message) ? 'unsent' : 'lost', `no answer: ${message}`);
}

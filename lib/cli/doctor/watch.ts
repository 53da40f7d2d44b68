/** A stream is watched for a while: its verdict, its heartbeats, how late they come, and how it ends. */
import type { Readable } from 'node:stream';
import { until } from '../stream/until.js';
import { messagesOf, numberIn, textOf, trpcError, type Message, type Payload } from '../stream/messages.js';

export interface Watched {
  /** The verdict. */
  hello: Message | undefined;
  /** ms from the start of watching to it. */
  helloMs: number;
  /** tRPC's own first event came, so this is its dialect. */
  trpc: boolean;
  /** A message, but no verdict and no refusal. */
  stranger: Message | undefined;
  /** Why the stream was not given, by its own words. */
  refused: { code: string; message: string } | undefined;
  /** The server ended it in order. */
  closed: string | undefined;
  /** `watched`: it was open to the last; `late`: no first message in time. */
  end: 'watched' | 'ended' | 'late' | 'stopped';
  pings: number;
  /** Of them, those that came by themselves, not in one piece with what was before. */
  lonePings: number;
  /** Silence before the end, and the longest one that it survived, ms. */
  quietMs: number;
  longestQuietMs: number;
  /** ms that it was watched after the verdict. */
  watchedMs: number;
  /** How much later one of its messages came than another one, by the clock of the hub, ms. */
  lateMs: number;
}

export interface WatchOptions {
  /** For the first message, ms. */
  firstMs: number;
  /** After it; 0: it is not watched. Given the heartbeat of the hub. */
  idleMs: (heartbeatMs: number | undefined) => number;
  /** It is watched to the last; else until two heartbeats came. */
  whole?: boolean;
  signal?: AbortSignal | undefined;
}

/** Heartbeats after which no more is learnt: a whole interval lies between them. */
const ENOUGH_PINGS = 2;
/** What comes closer together than that came in one piece. */
const PIECE_MS = 20;

/** Ends with the connection still open where nothing has ended it: the caller closes it. */
export async function watch(body: Readable, { firstMs, idleMs, whole = false, signal }: WatchOptions): Promise<Watched> {
  const began = performance.now();
  const seen: Watched = {
    hello: undefined, helloMs: 0, trpc: false, stranger: undefined, refused: undefined, closed: undefined,
    end: 'watched', pings: 0, lonePings: 0, quietMs: 0, longestQuietMs: 0, watchedMs: 0, lateMs: 0,
  };
  const messages = messagesOf(body)[Symbol.asyncIterator]();
  let lastAt = began;
  let deadline = began + firstMs;
  let least = Infinity;
  let most = -Infinity;
  for (;;) {
    const limit = until(deadline, signal);
    // A stream that is never silent would else win each race.
    const over = performance.now() >= deadline ? limit.reached : messages.next().catch(() => ENDED);
    const next = await Promise.race([over, limit.reached]);
    limit.cancel();
    if (next === 'deadline' || next === 'stopped') {
      seen.end = next === 'stopped' ? 'stopped' : seen.hello || seen.stranger ? 'watched' : 'late';
      break;
    }
    if (next.done === true) {
      seen.end = 'ended';
      break;
    }
    const message = next.value;
    const alone = message.at - lastAt > PIECE_MS;
    if (seen.hello) seen.longestQuietMs = Math.max(seen.longestQuietMs, message.at - lastAt);
    lastAt = message.at;
    take(message, seen);
    if (alone && message.type === 'ping') seen.lonePings++;
    const stamp = numberIn(message.payload['serverTime']) ?? (message.type === 'ping' ? numberIn(message.payload['timestamp']) : undefined);
    if (stamp !== undefined) {
      least = Math.min(least, message.at - stamp);
      most = Math.max(most, message.at - stamp);
    }
    if (seen.refused || seen.closed !== undefined || seen.stranger) break;
    if (message === seen.hello) {
      seen.helloMs = message.at - began;
      deadline = message.at + idleMs(numberIn(message.payload['heartbeatMs']));
    }
    if (!whole && seen.hello && seen.lonePings >= ENOUGH_PINGS) break;
  }
  const now = performance.now();
  seen.quietMs = now - lastAt;
  seen.watchedMs = seen.hello ? now - seen.hello.at : 0;
  seen.lateMs = Math.max(0, most - least);
  return seen;
}

const ENDED: IteratorResult<Message, void> = { done: true, value: undefined };

function take(message: Message, seen: Watched): void {
  const { event, type, payload } = message;
  if (event === 'connected') seen.trpc = true;
  else if (event === 'serialized-error') seen.refused = refusalIn(payload);
  else if (event === 'server_close') {
    const reason = textOf(payload['reason']) ?? '?';
    if (reason === 'limit') seen.refused = { code: 'TOO_MANY_REQUESTS', message: 'no place is free' };
    else seen.closed = reason;
  } else if (type === 'hello') seen.hello ??= message;
  else if (type === 'ping') seen.pings++;
  // Another transformer's text: it may be one of ours.
  else if (!seen.hello && message.form !== 'unreadable') seen.stranger ??= message;
  else if (!seen.hello) seen.hello = message;
}

function refusalIn(payload: Payload): NonNullable<Watched['refused']> {
  const { code, message } = trpcError(payload) ?? { code: '', message: textOf(payload['message']) ?? '' };
  return { code, message };
}

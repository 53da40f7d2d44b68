/**
 * A stream that is followed for good: lost, it is opened again with the cursor of what came last, as a well-behaved browser does.
 * States: asking, open, waiting. It ends when it is stopped, or when the server says no in a way that asking again does not change.
 */
import { messagesOf, numberIn, textOf, trpcError, type Message } from '../stream/messages.js';
import { ask, NoAnswer, type Answer, type FailureKind } from '../stream/request.js';
import { labelOf, type Target } from '../stream/target.js';
import { until } from '../stream/until.js';
import { beginning, saidIn } from '../stream/body.js';
import { waitMs } from './pace.js';

export interface FollowOptions {
  /** A cursor, or Unix ms: where to begin. */
  since: string | undefined;
  signal: AbortSignal;
  /** Awaited: who reads slowly is not run over. */
  onMessage: (message: Message) => Promise<void>;
  /** Why there is no stream for so many ms. */
  onAway: (why: string, ms: number) => Promise<void>;
  random: () => number;
}

/** `undefined`: it was stopped. Else why it is over, and whether that is a refusal. */
export type End = { why: string; refused: boolean } | undefined;

/** For a connection and a head, ms. */
const ANSWER_MS = 30_000;
/** Silence after which a stream is dead, where the server has not said how often it speaks; else 2.5 heartbeats. */
const SILENCE_MS = 60_000;
const SILENT_BEATS = 2.5;
const MAX_BODY_MS = 5_000;

/** Asking again does not change them. */
const FINAL: ReadonlySet<FailureKind> = new Set(['certificate', 'tls', 'no-http', 'other']);
const AGAIN_CODES: ReadonlySet<string> = new Set(['TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE', 'INTERNAL_SERVER_ERROR', 'TIMEOUT']);

/** What one attempt came to. */
interface Outcome {
  why: string;
  /** Over for good. */
  final?: 'refused' | 'over';
  /** The server's, ms. */
  hintMs?: number | undefined;
  /** There was a verdict. */
  opened?: boolean;
}

export async function follow(target: Target, options: FollowOptions): Promise<End> {
  const { signal, onAway, random } = options;
  const position: Position = { cursor: undefined, timestamp: undefined, since: options.since };
  let failures = 0;
  let first = true;
  for (;;) {
    const outcome = await attempt(target, position, options, first);
    if (signal.aborted) return undefined;
    if (outcome.final) return { why: outcome.why, refused: outcome.final === 'refused' };
    first = false;
    failures = outcome.opened === true ? 0 : failures + 1;
    const ms = waitMs(failures, outcome.hintMs ?? position.retryMs, random);
    await onAway(outcome.why, ms);
    const wait = until(performance.now() + ms, signal);
    const reached = await wait.reached;
    wait.cancel();
    if (reached === 'stopped') return undefined;
  }
}

interface Position {
  cursor: string | undefined;
  /** Of the last event, where the stream has no ids. */
  timestamp: number | undefined;
  since: string | undefined;
  /** The last `retry:`. */
  retryMs?: number;
}

async function attempt(target: Target, position: Position, options: FollowOptions, first: boolean): Promise<Outcome> {
  let answer: Answer;
  try {
    answer = await ask(target, {
      url: urlAt(target.url, position),
      lastEventId: position.cursor,
      timeoutMs: ANSWER_MS,
      signal: options.signal,
    });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const why = `no answer from ${target.label} (${target.quote(error.code)})`;
    const final = FINAL.has(error.kind) || (first && error.kind === 'dns');
    return final ? { why, final: 'refused' } : { why };
  }
  try {
    const refused = await refusalOf(answer, target);
    return refused ?? (await read(answer, position, options));
  } finally {
    answer.close();
  }
}

/** `since` is repeated: whatever comes later, the cursor first of all, goes before it. */
function urlAt(address: URL, { cursor, timestamp, since }: Position): URL {
  const url = new URL(address);
  if (since !== undefined) url.searchParams.set('since', since);
  if (cursor === undefined && timestamp !== undefined) url.searchParams.set('lastSyncTimestamp', String(timestamp));
  return url;
}

/** Undefined where the answer is a stream. */
async function refusalOf(answer: Answer, target: Target): Promise<Outcome | undefined> {
  const { status, headers } = answer;
  const type = headers['content-type'] ?? '';
  if (status === 200 && /^text\/event-stream\s*(;|$)/i.test(type)) return undefined;
  const { label, quote } = target;
  if (status === 200) return { why: `${label} is no event stream: its type is ${type === '' ? '(none)' : quote(type)}`, final: 'refused' };
  if (status >= 300 && status < 400) {
    return { why: `${label} answers ${status} and sends to ${placeOf(headers.location, target)}: give that address if it is the stream`, final: 'refused' };
  }
  const said = quote(saidIn(await beginning(answer.body, MAX_BODY_MS)));
  const why = `${label} answers ${status}${said === '' ? '' : `: ${said}`}`;
  if (status !== 429 && status < 500) return { why, final: 'refused' };
  const after = Number(headers['retry-after']);
  return { why, hintMs: Number.isFinite(after) && after > 0 ? after * 1_000 : undefined };
}

function placeOf(location: string | undefined, { url, quote }: Target): string {
  try {
    return quote(labelOf(new URL(location ?? '', url)));
  } catch {
    return 'nowhere';
  }
}

/** To the end of the stream, or of patience with its silence. */
async function read({ body }: Answer, position: Position, { signal, onMessage }: FollowOptions): Promise<Outcome> {
  const messages = messagesOf(body)[Symbol.asyncIterator]();
  let silenceMs = SILENCE_MS;
  let opened = false;
  for (;;) {
    const limit = until(performance.now() + silenceMs, signal);
    const next = await Promise.race([messages.next().catch((error: unknown) => error as Error), limit.reached]);
    limit.cancel();
    if (next === 'stopped') return { why: 'stopped' };
    if (next === 'deadline') return { why: `nothing was heard for ${Math.round(silenceMs / 1_000)} s`, opened };
    if (next instanceof Error) return { why: 'the connection broke', opened };
    if (next.done === true) return { why: 'the connection was closed', opened };
    const message = next.value;
    const { event, type, payload, id, retry } = message;
    if (id !== undefined) position.cursor = id === '' ? undefined : id;
    const timestamp = numberIn(payload['timestamp']);
    if (timestamp !== undefined) position.timestamp = timestamp;
    if (retry !== undefined) position.retryMs = retry;
    if (type === 'hello') {
      opened = true;
      const beat = numberIn(payload['heartbeatMs']);
      if (beat !== undefined && beat > 0) silenceMs = Math.max(1_000, SILENT_BEATS * beat);
    } else if (message.form === 'unreadable' && event === 'message') opened = true;
    await onMessage(message);
    if (signal.aborted) return { why: 'stopped' };
    const end = endOf(message, position, opened);
    if (end) return end;
  }
}

/** What a message says of the end of its stream. */
function endOf({ event, payload }: Message, { retryMs }: Position, opened: boolean): Outcome | undefined {
  if (event === 'server_close') {
    const reason = textOf(payload['reason']) ?? '?';
    const hintMs = numberIn(payload['retryMs']) ?? retryMs;
    return reason === 'limit'
      ? { why: 'refused: no place is free', hintMs }
      : { why: `the server closed the stream (${reason})`, hintMs, opened };
  }
  if (event === 'serialized-error') {
    const { code, message } = trpcError(payload) ?? { code: '', message: textOf(payload['message']) ?? '' };
    const why = `refused: ${message}`;
    return code === '' || AGAIN_CODES.has(code) ? { why, hintMs: retryMs } : { why, final: 'refused' };
  }
  // tRPC's own: its client does not come back either.
  return event === 'return' ? { why: 'the server ended the subscription', final: 'over' } : undefined;
}

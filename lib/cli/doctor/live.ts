/** A live stream through `--url`: from the connection to a client that comes back. */
import { beginning } from '../stream/body.js';
import { numberIn, textOf } from '../stream/messages.js';
import { ask, NoAnswer, type Answer } from '../stream/request.js';
import type { Target } from '../stream/target.js';
import { isStream, judgeCors, judgeHeaders, judgeRefusal, proxyOf } from './head.js';
import type { FindingId } from './findings.js';
import type { Visit } from './report.js';
import { judgeReturns } from './returns.js';
import { judgeTransformer } from './trpc.js';
import { watch, type Watched } from './watch.js';
import { judgeBacklog, judgeFailure, judgeProtocol } from './way.js';

export interface LiveOptions {
  /** For the connection, the head, the first event: each. ms */
  timeoutMs: number;
  /** How long an idle stream is watched; undefined: two heartbeats, at most `MAX_IDLE_MS`. */
  idleMs: number | undefined;
  origin: string | undefined;
  signal?: AbortSignal | undefined;
  /** Told before what takes long: for up to so many ms. */
  onWait?: ((ms: number) => void) | undefined;
}

/** Two heartbeats of 15 s, which is the default, and a bit. */
const MAX_IDLE_MS = 40_000;
/** A heartbeat may be as late as that. */
const SLACK_MS = 2_000;
/** An event that comes later than that was held by something. */
const LATE_MS = 1_000;

/** By the code that a refusal within the stream has; tRPC refuses there too who is not signed in. */
const REFUSALS: Readonly<Record<string, readonly [FindingId, string]>> = {
  TOO_MANY_REQUESTS: ['limit-reached', 'The hub refuses one more stream'],
  SERVICE_UNAVAILABLE: ['server-draining', 'The hub refuses newcomers'],
  UNAUTHORIZED: ['unauthorized', 'The stream was refused'],
  FORBIDDEN: ['forbidden', 'The stream was refused'],
  BAD_REQUEST: ['bad-request', 'The stream was refused'],
};

export async function judgeLive(target: Target, options: LiveOptions, visit: Visit): Promise<void> {
  const { timeoutMs, origin, signal } = options;
  let answer: Answer;
  try {
    answer = await ask(target, { timeoutMs, signal, headers: origin === undefined ? {} : { origin } });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (error.kind === 'silent' && (await answersToHead(target, timeoutMs, visit))) {
      visit.found('buffered', `The server answers HEAD at once, but nothing of the stream came within ${seconds(timeoutMs)}: something on the way holds it back.`);
    } else judgeFailure(error, target, visit);
    return;
  }
  visit.proxy = proxyOf(answer.headers);
  try {
    if (!isStream(answer)) {
      judgeRefusal(answer, await beginning(answer.body, timeoutMs), target, visit);
      return;
    }
    judgeHeaders(answer, visit);
    judgeCors(answer, origin, Object.hasOwn(target.headers, 'cookie'), visit);
    await judgeProtocol(target, visit);
    await judgeBacklog(target, visit);
    const seen = await watch(answer.body, {
      firstMs: timeoutMs,
      idleMs: (beat) => idleOf(options, beat),
      whole: options.idleMs !== undefined,
      signal,
    });
    answer.close();
    judgeWatched(seen, { ...options, headMs: answer.headMs }, target, visit);
    if (!seen.hello || signal?.aborted) return;
    if (seen.trpc) await judgeTransformer(target, seen.hello, timeoutMs, visit);
    await judgeReturns(target, seen.hello, { timeoutMs, signal }, visit);
  } finally {
    answer.close();
  }
}

/** A proxy that buffers lets the answer to a HEAD pass: it is complete. */
async function answersToHead(target: Target, timeoutMs: number, visit: Visit): Promise<boolean> {
  try {
    const answer = await ask(target, { method: 'HEAD', timeoutMs });
    visit.proxy = proxyOf(answer.headers);
    answer.close();
    return true;
  } catch {
    return false;
  }
}

function idleOf({ idleMs, onWait }: LiveOptions, heartbeatMs: number | undefined): number {
  const ms = idleMs ?? Math.min(MAX_IDLE_MS, heartbeatMs === undefined ? MAX_IDLE_MS : 2 * heartbeatMs + SLACK_MS);
  onWait?.(ms);
  return ms;
}

export function judgeWatched(seen: Watched, { timeoutMs, idleMs, headMs }: LiveOptions & { headMs: number }, { label, quote }: Target, visit: Visit): void {
  const { hello, refused, closed, end, quietMs } = seen;
  if (refused) {
    const [id, what] = REFUSALS[refused.code] ?? (['refused', 'The stream was refused'] as const);
    visit.found(id, `${what}: ${quote(refused.message)}.`);
    return;
  }
  if (seen.stranger) {
    visit.found('no-verdict', `${label} is an event stream, but its first event is ${quote(seen.stranger.type)}, not hello.`);
    return;
  }
  if (!hello) {
    if (closed !== undefined) judgeClosed(closed, visit);
    else if (end === 'late') visit.found('buffered', `The head of the stream came, but no event within ${seconds(timeoutMs)}: something on the way holds events back.`);
    else if (end === 'ended') visit.found('cut', 'The stream was ended before its first event.');
    return;
  }
  const beat = numberIn(hello.payload['heartbeatMs']);
  const verdict = hello.form === 'unreadable' ? 'a verdict in a form that is not known here' : `the verdict ${quote(textOf(hello.payload['reason']) ?? '?')}`;
  visit.checked(`Stream: ${seen.trpc ? 'tRPC' : 'plain'} dialect, ${verdict} after ${seconds(headMs + seen.helloMs)}, heartbeat each ${beat === undefined ? '?' : seconds(beat)}.`);
  if (headMs + seen.helloMs > 2 * LATE_MS) visit.found('hello-late', `The first event took ${seconds(headMs + seen.helloMs)} to come.`);
  if (hello.retry === undefined) {
    if (seen.trpc) visit.found('not-handed-over', 'The stream has no retry: line, so tRPC writes it, not the hub.');
    else visit.found('retry-lost', 'The stream came without its first line, retry:.');
  }
  if (seen.lateMs > LATE_MS) visit.found('events-late', `Events came up to ${seconds(seen.lateMs)} late, together with later ones: something on the way collects them.`);
  judgeIdle(seen, beat, idleMs, visit);
  if (closed !== undefined) judgeClosed(closed, visit);
  else if (end === 'ended') {
    const idle = quietMs > SLACK_MS / 4 && (beat === undefined || quietMs < 2 * beat);
    if (idle) visit.found('cut-when-idle', `The stream was cut after ${seconds(quietMs)} of silence${beat === undefined ? '' : `, and the heartbeat comes each ${seconds(beat)}`}.`);
    else visit.found('cut', `The stream was cut ${seconds(seen.watchedMs)} after it had begun, without a word of the hub.`);
  }
}

function judgeIdle({ pings, end, closed, watchedMs, longestQuietMs }: Watched, beat: number | undefined, idleMs: number | undefined, visit: Visit): void {
  if (end === 'ended' || closed !== undefined) return;
  if (idleMs === 0) visit.notChecked('Idle cuts and heartbeats: --idle 0.');
  else if (pings > 1) visit.checked(`Idle: watched for ${seconds(watchedMs)}, silent for up to ${seconds(longestQuietMs)} of it; heartbeats came, nothing cut it.`);
  else if (beat !== undefined && watchedMs >= beat + SLACK_MS && pings === 0) {
    visit.found('no-heartbeat', `No heartbeat came in ${seconds(watchedMs)}, though the hub sends one each ${seconds(beat)}.`);
  } else visit.notChecked(`Idle cuts beyond ${seconds(watchedMs)}: --idle SECONDS watches longer${beat === undefined ? '' : ` (the heartbeat comes each ${seconds(beat)})`}.`);
}

function judgeClosed(reason: string, visit: Visit): void {
  if (reason === 'drain') visit.found('server-draining', 'The hub ended the stream: it drains, or the stream’s life time was over.');
  else visit.found('closed-by-server', `The hub ended the stream: ${reason.replace(/[^\w-]/g, '').slice(0, 40)}.`);
}

export function seconds(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0).replace(/\.0$/, '')} s`;
}

/** A client comes back with its cursor, a few times: is it believed, and does the same log answer. */
import { textOf, type Message } from '../stream/messages.js';
import { ask } from '../stream/request.js';
import type { Target } from '../stream/target.js';
import { isStream } from './head.js';
import type { Visit } from './report.js';
import { watch } from './watch.js';

/** Among two processes that take turns, as many show it. */
const RETURNS = 3;

export async function judgeReturns(
  target: Target,
  first: Message,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
  visit: Visit,
): Promise<void> {
  if (first.id === undefined) {
    visit.notChecked('Coming back with a cursor: this stream gives no ids (ids: false).');
    return;
  }
  if (first.form === 'unreadable') {
    visit.notChecked('Coming back with a cursor: the verdict is of a form that is not known here.');
    return;
  }
  const epochs = [textOf(first.payload['epoch'])];
  let cursor: string = first.id;
  for (let nth = 1; nth <= RETURNS; nth++) {
    const hello = await comeBack(target, cursor, timeoutMs, signal);
    if (typeof hello === 'string') {
      visit.notChecked(`Coming back with a cursor: the stream was not opened again (${hello}).`);
      return;
    }
    const reason = textOf(hello.payload['reason']) ?? '?';
    epochs.push(textOf(hello.payload['epoch']));
    if (reason === 'fresh' || reason === 'unknown_cursor') {
      visit.found('last-event-id-lost', reason === 'fresh'
        ? 'The request header Last-Event-ID does not reach the server: a client that came back with its cursor was taken for a new one.'
        : 'The request header Last-Event-ID does not reach the server as it was sent.');
      return;
    }
    cursor = hello.id ?? cursor;
  }
  const changes = epochs.filter((epoch, nth) => nth > 0 && epoch !== epochs[nth - 1]).length;
  const lives = new Set(epochs).size;
  if (changes > 1) {
    visit.found('several-processes', `${RETURNS + 1} connections were answered out of ${lives} logs: several processes stand behind this address, each with a log of its own.`);
  } else if (changes === 1) {
    visit.found('log-began-anew', 'Between two connections the log of the company began anew.');
  } else {
    visit.checked(`Coming back: ${RETURNS} of ${RETURNS} returns with a cursor were resumed, out of one log.`);
  }
}

/** The verdict, or why there is none. */
async function comeBack(target: Target, lastEventId: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<Message | string> {
  let answer;
  try {
    answer = await ask(target, { lastEventId, timeoutMs, signal });
  } catch (error) {
    return (error as Error).message;
  }
  try {
    if (!isStream(answer)) return `status ${answer.status}`;
    const seen = await watch(answer.body, { firstMs: timeoutMs, idleMs: () => 0, signal });
    return seen.hello ?? (seen.refused ? `refused: ${target.quote(seen.refused.message)}` : 'no verdict came');
  } finally {
    answer.close();
  }
}

/**
 * Whether the router and the hub have the same transformer. tRPC puts even the error of a procedure that there is not through the
 * router's: its form is compared with that of the stream, which the hub writes.
 */
import { beginning } from '../stream/body.js';
import { isObject, read, type Message } from '../stream/messages.js';
import { ask } from '../stream/request.js';
import type { Target } from '../stream/target.js';
import type { Visit } from './report.js';

/** A name that no router has. */
const NOBODY = 'pathcast-doctor.nobody';

export async function judgeTransformer(target: Target, hello: Message, timeoutMs: number, visit: Visit): Promise<void> {
  const router = await formOfRouter(target, timeoutMs);
  if (router === undefined || hello.form === 'unreadable') {
    visit.notChecked('Whether router and hub have the same transformer: what they write is of a form that is not known here.');
  } else if (router !== hello.form) {
    const [its, hubs] = router === 'wrapped' ? ['a transformer (as superjson)', 'none'] : ['none', 'a transformer'];
    visit.found('transformer-mismatch', `The router has ${its}, the hub ${hubs}: clients cannot read the stream’s events.`);
  } else {
    visit.checked(`Transformer: ${router === 'wrapped' ? 'the router has one, and so has the hub' : 'neither the router nor the hub has one'}. That of a client cannot be seen from here.`);
  }
}

async function formOfRouter(target: Target, timeoutMs: number): Promise<Message['form'] | undefined> {
  const url = new URL(target.url);
  url.pathname = url.pathname.replace(/[^/]*$/, NOBODY);
  try {
    const answer = await ask(target, { url, timeoutMs, headers: { accept: 'application/json' } });
    const body = await beginning(answer.body, timeoutMs);
    answer.close();
    const { payload } = read(body);
    const { error } = payload;
    if (!isObject(error)) return undefined;
    if (isObject(error['json'])) return 'wrapped';
    return 'message' in error && 'code' in error ? 'plain' : undefined;
  } catch {
    return undefined;
  }
}

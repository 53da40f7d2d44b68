/** A stream by `fetch`: where headers are needed, and where an answer that is no stream is to be named. */
import { createParser } from 'eventsource-parser';
import type { Environment, ResponseLike } from '../environment.js';
import type { Failure } from '../machine/types.js';
import { addressOf, MAX_MESSAGE, type Transport } from './transport.js';

export type FetchCredentials = 'omit' | 'same-origin' | 'include';

export function fetchStream({ fetch, now }: Environment, url: URL, credentials: FetchCredentials): Transport {
  return (ask, hears) => {
    const abort = new AbortController();
    let begun = false;

    async function run(): Promise<Failure> {
      // Where there is none it fails as one that reaches nobody.
      const response = await (fetch as NonNullable<typeof fetch>)(addressOf(url, ask), {
        headers: { ...ask.headers, accept: 'text/event-stream' },
        credentials,
        cache: 'no-store',
        signal: abort.signal,
      });
      const failure = problemOf(response, url, now);
      if (failure) return failure;
      begun = true;
      hears.head();
      return await read((response.body as NonNullable<ResponseLike['body']>).getReader());
    }

    async function read(reader: ReturnType<NonNullable<ResponseLike['body']>['getReader']>): Promise<Failure> {
      const decoder = new TextDecoder();
      let tooLong = false;
      const parser = createParser({
        maxBufferSize: MAX_MESSAGE,
        onRetry: hears.retry,
        onError: ({ type }) => (tooLong ||= type === 'max-buffer-size-exceeded'),
        onEvent: ({ event, data, id }) => hears.message(event ?? 'message', data, id),
      });
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { kind: 'cut' };
        parser.feed(decoder.decode(value, { stream: true }));
        if (tooLong) return { kind: 'malformed' };
      }
    }

    void run()
      // What breaks behind its head is a stream that ended.
      .catch((): Failure => ({ kind: begun ? 'cut' : 'network' }))
      .then(hears.failed);
    return () => abort.abort();
  };
}

/** Why this answer is no stream; undefined: it is one. */
function problemOf(response: ResponseLike, asked: URL, now: () => number): Failure | undefined {
  const { status } = response;
  if (status !== 200) {
    const after = response.headers.get('retry-after') as string;
    // Seconds, or a date; without one neither.
    const ms = Number(after) * 1_000 || Date.parse(after) - now();
    return { kind: 'status', status, retryAfter: ms > 0 ? ms : undefined };
  }
  if (/^text\/event-stream\b/i.test(response.headers.get('content-type') as string)) return undefined;
  // Somebody between here and the server answers in its place: a login of the network, a page of the proxy.
  const elsewhere = response.redirected && !response.url.startsWith(`${asked.origin}/`);
  return { kind: elsewhere ? 'captive_portal' : 'not_a_stream' };
}

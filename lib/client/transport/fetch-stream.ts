/** A stream by `fetch`: where headers are needed, and where an answer that is no stream is to be named. */
import { createParser } from 'eventsource-parser';
import type { Environment, ResponseLike } from '../environment.js';
import type { Failure } from '../machine/types.js';
import { addressOf, MAX_MESSAGE, type Transport } from './transport.js';

export type FetchCredentials = 'omit' | 'same-origin' | 'include';

export function fetchStream({ fetch }: Environment, url: URL, credentials: FetchCredentials): Transport {
  return (ask, hears) => {
    const abort = new AbortController();
    let begun = false;

    async function run(): Promise<Failure> {
      if (!fetch) return { kind: 'network' };
      const response = await fetch(addressOf(url, ask), {
        headers: { ...ask.headers, accept: 'text/event-stream' },
        credentials,
        cache: 'no-store',
        signal: abort.signal,
      });
      const failure = problemOf(response, url);
      if (failure) return failure;
      if (!response.body) return { kind: 'not_a_stream' };
      begun = true;
      hears.head();
      return await read(response.body.getReader());
    }

    async function read(reader: ReturnType<NonNullable<ResponseLike['body']>['getReader']>): Promise<Failure> {
      const decoder = new TextDecoder();
      let tooLong = false;
      const parser = createParser({
        maxBufferSize: MAX_MESSAGE,
        onRetry: (ms) => hears.retry(ms),
        onError: ({ type }) => (tooLong ||= type === 'max-buffer-size-exceeded'),
        onEvent: ({ event, data, id }) => hears.message(event ?? 'message', data, id),
      });
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { kind: 'ended' };
        parser.feed(decoder.decode(value, { stream: true }));
        if (tooLong) return { kind: 'malformed' };
      }
    }

    void run()
      // What breaks behind its head is a stream that ended.
      .catch((): Failure => ({ kind: begun ? 'ended' : 'network' }))
      .then(hears.failed);
    return () => abort.abort();
  };
}

/** Why this answer is no stream; undefined: it is one. */
function problemOf(response: ResponseLike, asked: URL): Failure | undefined {
  const { status } = response;
  if (status !== 200) {
    const seconds = Number(response.headers.get('retry-after') ?? NaN);
    return { kind: 'status', status, retryAfter: seconds >= 0 ? seconds * 1_000 : undefined };
  }
  if (/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) return undefined;
  // Somebody between here and the server answers in its place: a login of the network, a page of the proxy.
  const elsewhere = response.redirected && new URL(response.url).origin !== asked.origin;
  return { kind: elsewhere ? 'captive_portal' : 'not_a_stream' };
}

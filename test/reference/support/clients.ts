/** Clients of the reference server: tRPC calls, and the two kinds of stream, read as a browser reads them. */
import { createTRPCClient, httpBatchLink, httpLink } from '@trpc/client';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { ActionEvent, HelloEvent, SyncEvent } from '../../../lib/protocol/events.js';
import type { AppRouter } from '../../../lib/reference/routers/index.js';
import { waitFor } from '../../support/wait.js';
import { login, type TestServer } from './server.js';

export function apiOf(server: TestServer, token: string, headers: Record<string, string> = {}, batch = false) {
  const options = { url: `${server.url}/trpc`, headers: { authorization: `Bearer ${token}`, ...headers } };
  return createTRPCClient<AppRouter>({ links: [batch ? httpBatchLink(options) : httpLink(options)] });
}
export type Api = ReturnType<typeof apiOf>;

/** One open stream and all that came through it. */
export class StreamClient {
  readonly messages: EventSourceMessage[] = [];
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  ended = false;
  /** What the reader choked on; a test that ends with one fails. */
  fault: unknown;

  private constructor(response: Response) {
    this.#done = this.#read(response);
  }

  /** `path` with its query, such as `/sync/stream` or `/trpc/sync.onSync?input={}`. Throws unless the answer is 200. */
  static async open(server: TestServer, token: string, path: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    const abort = new AbortController();
    const response = await fetch(server.url + path, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
      signal: abort.signal,
    });
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    const client = new StreamClient(response);
    client.#abort.signal.addEventListener('abort', () => abort.abort());
    return client;
  }

  /** A stream that has had its `hello`. */
  static async live(server: TestServer, token: string, path = '/sync/stream', headers: Record<string, string> = {}): Promise<StreamClient> {
    const client = await StreamClient.open(server, token, path, headers);
    await client.hello();
    return client;
  }

  get events(): SyncEvent[] {
    return this.messages
      .filter((message) => message.event === undefined)
      .map((message) => JSON.parse(message.data) as SyncEvent);
  }

  get actions(): ActionEvent[] {
    return this.events.filter((event): event is ActionEvent => 'seq' in event);
  }

  async hello(): Promise<HelloEvent> {
    return waitFor(() => this.events.find((event): event is HelloEvent => event.type === 'hello'), 'hello');
  }

  /** The first action that fits, once it is there. */
  async action(fits: (action: ActionEvent) => boolean, what: string): Promise<ActionEvent> {
    return waitFor(() => this.actions.find(fits), what);
  }

  /** Resolves when the stream is over, from whichever side. */
  async end(): Promise<void> {
    await this.#done;
    if (this.fault !== undefined) throw this.fault;
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#done;
    if (this.fault !== undefined) throw this.fault;
  }

  async #read(response: Response): Promise<void> {
    const parser = createParser({
      onEvent: (message) => this.messages.push(message),
      onError: (error) => (this.fault = error),
    });
    const decoder = new TextDecoder('utf-8', { fatal: true });
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) parser.feed(decoder.decode(chunk, { stream: true }));
    } catch (error) {
      if (!this.#abort.signal.aborted && !isCut(error)) this.fault = error;
    } finally {
      this.ended = true;
    }
  }
}

/** The connection ended in the middle of the body, as an HTTP/1.1 stream without a length may. */
function isCut(error: unknown): boolean {
  return error instanceof TypeError && error.message === 'terminated';
}

/** Another user of the company, with an open stream. */
export async function onlooker(server: TestServer, companyId: string, userId = 'onlooker'): Promise<StreamClient> {
  return StreamClient.live(server, await login(server, companyId, userId));
}

/**
 * What a tRPC resolver returns where there is a response: tRPC sends its own head (`responseMeta`, cookies, CORS), and
 * when it has, the stream is handed over. Where no head comes, the events are yielded instead.
 */
import type { StreamEnd, StreamSpec } from '../../internal/engine.js';
import type { CloseReason } from '../../protocol/events.js';
import { endWithConnection } from '../body-end.js';
import type { StreamHost } from '../stream-host.js';
import type { NodeRequest, NodeResponse } from '../request-parts.js';
import type { Handle, StreamHandle } from './handle.js';
import { handOver } from './hand-over.js';
import { HeadWatch } from './head.js';
import { writeToResponse } from './script.js';

/** ms in which the framework has to write its head once it has asked for the first event. */
const MAX_HEAD_MS = 5_000;

/** Ends an event that the framework has begun: its `connected` may be under way, line by line. Alone it says nothing. */
const PREAMBLE = '\n';

export type SyncStream<T> = AsyncGenerator<T, undefined, undefined> & StreamHandle;

export interface HandedStreamOptions<T> {
  host: StreamHost;
  request: NodeRequest | undefined;
  /** Undefined: the events are yielded. */
  response: NodeResponse | undefined;
  spec: StreamSpec;
  hold: boolean;
  signal: AbortSignal | undefined;
  /** The way without a response. */
  events: (spec: StreamSpec) => AsyncGenerator<T, undefined, undefined>;
  handle: Handle;
  /** The client has left. */
  gone: boolean;
}

type Result<T> = IteratorResult<T, undefined>;

export class HandedStream<T> implements AsyncGenerator<T, undefined, undefined>, StreamHandle {
  readonly #options: HandedStreamOptions<T> | { gone: true; handle: Handle };
  readonly #handle: Handle;
  #head: HeadWatch | undefined;
  /** A generator of the app stands around this one: it ends with the stream, not with the hand-over. */
  #outlives = false;
  /** In the turn in which it was made: `yield*` and `for await` ask at once, tRPC later. */
  #fresh = true;
  #begun = false;
  #over = false;
  #events: AsyncGenerator<T, undefined, undefined> | undefined;
  #waiting: ((result: Result<T> | Promise<Result<T>>) => void)[] = [];

  constructor(options: HandedStreamOptions<T> | { gone: true; handle: Handle }) {
    this.#options = options;
    this.#handle = options.handle;
    if (options.gone) {
      this.#finish();
      return;
    }
    const { response, hold } = options;
    if (!response) {
      this.#yieldEvents(options);
      return;
    }
    this.#handle.waits(options.spec, options.host.waiting, response);
    // From now on: a framework may write its head before it asks for an event.
    this.#head = new HeadWatch(response, (args) => endWithConnection(options.request, response, args));
    // What is made after the head is made by a generator that runs.
    this.#outlives = hold || response.headersSent;
    queueMicrotask(() => (this.#fresh = false));
  }

  get connectionId(): string {
    return this.#handle.connectionId;
  }

  get closed(): Promise<{ reason: StreamEnd }> {
    return this.#handle.closed;
  }

  close(reason?: CloseReason): Promise<void> {
    return this.#handle.close(reason);
  }

  next(...sent: [] | [unknown]): Promise<Result<T>> {
    // The language asks what `yield*` delegates to with an argument; tRPC and `for await` ask without.
    if (sent.length > 0) this.#outlives = true;
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    if (this.#events) return this.#events.next();
    const result = new Promise<Result<T>>((resolve) => this.#waiting.push(resolve));
    if (!this.#begun) this.#begin();
    return result;
  }

  #begin(): void {
    this.#begun = true;
    this.#outlives ||= this.#fresh;
    const options = this.#options;
    if (options.gone || !options.response) return;
    const { response } = options;
    this.#head?.whenWritten(MAX_HEAD_MS, (written) => {
      if (this.#over) return;
      if (written) this.#handOver(options, response);
      else this.#yieldEvents(options);
    });
  }

  #handOver({ host, request, spec, hold, signal }: HandedStreamOptions<T>, response: NodeResponse): void {
    if (signal?.aborted) return this.#finish();
    const handle = this.#handle;
    handOver({
      host,
      request,
      response,
      spec,
      handle,
      preamble: PREAMBLE,
      hold,
      taken: () => this.#handed(),
      script: () => {
        writeToResponse({ host, request, response, spec, handle, preamble: PREAMBLE });
        this.#handed();
      },
      gone: () => this.#finish(),
    });
  }

  #handed(): void {
    if (this.#outlives) void this.#handle.closed.then(() => this.#finish());
    else this.#finish();
  }

  #yieldEvents({ events, spec }: HandedStreamOptions<T>): void {
    const inner = (this.#events = events(this.#handle.specOf(spec)));
    this.#handle.opened();
    for (const resolve of this.#waiting.splice(0)) resolve(inner.next());
  }

  /** For whoever pulls. A stream that was handed over goes on. */
  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handle.cancel();
    for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  async return(): Promise<Result<T>> {
    await this.#events?.return(undefined);
    this.#finish();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<Result<T>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

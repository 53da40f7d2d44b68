/**
 * A stream as an async generator: the way of events where there is no response to write to (tRPC's fetch adapter,
 * `createCaller`, an observer).
 *
 * Written by hand, not as `async function*`: `return()` must end a stream at once, even while `next()` waits.
 *
 * It is an engine's sink for messages in parts. What the engine writes is queued until the consumer pulls it; from
 * `HIGH_WATER` bytes on the engine is told to wait (and conflates meanwhile), so a slow consumer holds at most that much
 * and one write.
 */
import { PathcastError } from '../protocol/error.js';
import { refusalOf } from '../protocol/refusals.js';
import type { SyncEvent } from '../protocol/events.js';
import type { MessageSink, SinkHandle, SinkMessage } from '../internal/engine.js';

/** Bytes of events that wait for the consumer before the engine is told to wait. */
const HIGH_WATER = 16 * 1024;

/** The longest interval of a Node timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface EventStreamOptions<T> {
  /** Reads the payload of an event. */
  decode: (text: string) => unknown;
  /** Makes the yielded value. */
  wrap: (event: SyncEvent, id: string | undefined) => T;
  /** Makes what is thrown at a refusal or a close; what it throws itself is thrown in its place. */
  toError: (error: PathcastError) => unknown;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

export class EventStream<T> implements AsyncGenerator<T, undefined, undefined>, MessageSink {
  readonly #options: EventStreamOptions<T>;
  /** Events that nobody has pulled yet, as payload text: decoding is done once they are wanted. */
  readonly #queue: SinkMessage[] = [];
  readonly #waiters: Waiter<T>[] = [];
  #queuedBytes = 0;
  #full = false;
  #handle: SinkHandle | undefined;
  /** The engine is done; what is queued is still delivered. */
  #ended = false;
  /** Thrown once, after the queue has run empty. */
  #failure: { error: unknown } | undefined;
  /** The consumer is done. */
  #returned = false;
  #onFinish: (() => void)[] = [];
  /** Runs while `next()` waits: who waits for an event keeps the process alive, as with any other I/O. */
  #wait: NodeJS.Timeout | undefined;

  constructor(options: EventStreamOptions<T>) {
    this.#options = options;
  }

  /** Called once, with what `openSink` gave. */
  attach(handle: SinkHandle): void {
    this.#handle = handle;
    if (this.#returned) handle.abort();
  }

  /** Called when the stream is over for either side. */
  onFinish(listener: () => void): void {
    if (this.#returned) listener();
    else this.#onFinish.push(listener);
  }

  // --- the engine's side ---

  write(messages: readonly SinkMessage[]): boolean {
    if (this.#returned || this.#ended) return true;
    try {
      for (const message of messages) this.#take(message);
    } catch (cause) {
      this.#fail(new PathcastError('STREAM_CLOSED', 'the stream could not be read', { cause }));
    }
    this.#serve();
    // Once full, it stays so until `ready()`: the engine counts every message that got `false` as still held here.
    this.#full ||= this.#queuedBytes >= HIGH_WATER;
    return !this.#full;
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#fail(new PathcastError('STREAM_CLOSED', 'the hub ended the stream'));
    this.#serve();
  }

  #take(message: SinkMessage): void {
    switch (message.kind) {
      case 'ping':
        // Of pings that wait the newest says all; a consumer that pulls nothing for hours is not full of them.
        if (this.#queue.at(-1)?.kind === 'ping') this.#queuedBytes -= this.#queue.pop()?.data.length ?? 0;
        this.#push(message);
        return;
      case 'message':
        this.#push(message);
        return;
      case 'server_close':
        this.#fail(closeError(message.data));
        return;
      case 'serialized-error':
        this.#fail(refusalError(this.#options.decode(message.data)));
        return;
      case 'connected':
      // The head of tRPC's own wire: tRPC writes it.
    }
  }

  #push(message: SinkMessage): void {
    this.#queue.push(message);
    this.#queuedBytes += message.data.length;
  }

  #fail(error: PathcastError): void {
    if (this.#failure) return;
    try {
      this.#failure = { error: this.#options.toError(error) };
    } catch (thrown) {
      // The app's own function: the consumer is told, not the engine.
      this.#failure = { error: thrown };
    }
  }

  /** Hands queued events to waiting `next()` calls. */
  #serve(): void {
    while (this.#waiters.length > 0) {
      const result = this.#nextNow();
      if (!result) return;
      const waiter = this.#waiters.shift() as Waiter<T>;
      if ('error' in result) waiter.reject(result.error);
      else waiter.resolve(result.value);
    }
    clearInterval(this.#wait);
    this.#wait = undefined;
  }

  /** Undefined: nothing to give yet. */
  #nextNow(): { value: IteratorResult<T, undefined> } | { error: unknown } | undefined {
    const item = this.#queue.shift();
    if (item) {
      this.#queuedBytes -= item.data.length;
      try {
        // A ping goes through no transformer.
        const decode = item.kind === 'ping' ? JSON.parse : this.#options.decode;
        return { value: { done: false, value: this.#options.wrap(decode(item.data) as SyncEvent, item.id) } };
      } catch (error) {
        this.#finish();
        return { error };
      }
    }
    if (this.#returned) return { value: { done: true, value: undefined } };
    if (!this.#ended && !this.#failure) return undefined;
    const failure = this.#failure;
    this.#failure = undefined;
    this.#finish();
    return failure ? { error: failure.error } : { value: { done: true, value: undefined } };
  }

  #finish(): void {
    if (this.#returned) return;
    this.#returned = true;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    if (!this.#ended) this.#handle?.abort();
    const listeners = this.#onFinish;
    this.#onFinish = [];
    for (const listener of listeners) listener();
  }

  // --- the consumer's side ---

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiters.length === 0) {
      const result = this.#nextNow();
      if (result) {
        this.#resume();
        return 'error' in result ? rejected(result.error) : Promise.resolve(result.value);
      }
    }
    this.#wait ??= setInterval(() => undefined, MAX_TIMER_MS);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** The consumer has caught up: the engine may write again. */
  #resume(): void {
    if (!this.#full || this.#queue.length > 0 || this.#returned || this.#ended) return;
    this.#full = false;
    this.#handle?.ready();
  }

  /** Ends the stream for both sides at once. Idempotent. */
  end(): void {
    this.#failure = undefined;
    this.#finish();
    this.#serve();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.end();
    return rejected(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end();
    return Promise.resolve();
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}

function closeError(data: string): PathcastError {
  const { reason } = JSON.parse(data) as { reason?: string };
  // A limit in the plain dialect and a drain are refusals, and may come before anything else.
  return new PathcastError(
    'STREAM_CLOSED',
    `the hub ended the stream: ${reason ?? 'closed'}`,
    reason === undefined ? {} : { reason },
  );
}

function refusalError(shape: unknown): PathcastError {
  const message = (shape as { message?: unknown } | null)?.message;
  const text = typeof message === 'string' ? message : 'the stream was refused';
  return new PathcastError(refusalOf(text) ?? 'STREAM_CLOSED', text);
}

/** A generator that has nothing to say: the socket is gone, and with it the client of this response. */
export function endedStream<T>(): AsyncGenerator<T, undefined, undefined> {
  const stream = new EventStream<T>({ decode: JSON.parse, wrap: (event) => event as T, toError: (error) => error });
  stream.end();
  return stream;
}

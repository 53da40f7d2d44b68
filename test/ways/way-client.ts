/** One stream as its client sees it, whatever way the bytes or the events take. */
import { createParser } from 'eventsource-parser';
import type { ActionEvent, HelloEvent, SyncEvent } from '../../lib/protocol/events.js';
import { coveredSeqs } from '../support/coverage.js';
import { waitFor } from '../support/wait.js';

export interface Message {
  /** Absent: an ordinary message. */
  event: string | undefined;
  id: string | undefined;
  data: string;
}

/** Anything with a type: `ping` and `server_close` are events too, where they are yielded. */
export type AnyEvent = Omit<SyncEvent, 'type'> & { type: string } & Record<string, unknown>;

/** Where it comes from: told to stop, to go on, to leave. */
export interface Source {
  pause: () => void;
  resume: () => void;
  cut: () => void;
}

export class WayClient {
  readonly messages: Message[] = [];
  /** Of `retry:` lines. */
  readonly retries: number[] = [];
  /** The end of the stream, from whichever side. */
  ended = false;
  /** What a generator threw. */
  thrown: unknown;
  /** HTTP status and headers, where there is HTTP. */
  status = 0;
  headers: Record<string, string> = {};
  /** Of the body, as far as there is one. */
  bytes = 0;
  #source: Source | undefined;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #parser = createParser({
    onEvent: ({ event, id, data }) => this.messages.push({ event, id, data }),
    onRetry: (ms) => this.retries.push(ms),
    onError: (error) => {
      throw error;
    },
  });

  attach(source: Source): void {
    this.#source = source;
  }

  feed(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    this.#parser.feed(this.#decoder.decode(chunk, { stream: true }));
  }

  /** A value that a generator gave: an event, or tRPC's `[id, event, …]`. */
  take(value: unknown): void {
    const [id, event] = Array.isArray(value) ? (value as [string, AnyEvent]) : [undefined, value as AnyEvent];
    const { type } = event;
    const data = JSON.stringify(event);
    this.bytes += data.length;
    this.messages.push({ event: type === 'ping' ? type : undefined, id, data });
  }

  pause(): void {
    this.#source?.pause();
  }

  resume(): void {
    this.#source?.resume();
  }

  /** Leaves, as a browser does. */
  cut(): void {
    this.ended = true;
    this.#source?.cut();
  }

  /** Messages without a name, and what they say; but for pings, which may come at any time. */
  get events(): AnyEvent[] {
    return this.messages
      .filter(({ event, data }) => event === undefined && data !== '')
      .map(({ data }) => JSON.parse(data) as AnyEvent)
      .filter(({ type }) => type !== 'ping');
  }

  named(name: string): { id: string | undefined; data: Record<string, unknown> }[] {
    return this.messages
      .filter(({ event }) => event === name)
      .map(({ id, data }) => ({ id, data: (data === '' ? {} : JSON.parse(data)) as Record<string, unknown> }));
  }

  /** Pings, named on the wire; where tRPC writes, an ordinary message of that type. */
  get pings(): { id: string | undefined; data: Record<string, unknown> }[] {
    const yielded = this.messages
      .filter(({ event, data }) => event === undefined && data.includes('"type":"ping"'))
      .map(({ id, data }) => ({ id, data: JSON.parse(data) as Record<string, unknown> }));
    return [...this.named('ping').filter(({ data }) => 'type' in data), ...yielded];
  }

  get hello(): (HelloEvent & { id: string | undefined }) | undefined {
    const message = this.messages.find(({ event, data }) => event === undefined && data.includes('"type":"hello"'));
    return message && { ...(JSON.parse(message.data) as HelloEvent), id: message.id };
  }

  get actions(): ActionEvent[] {
    return this.events.filter((event) => 'seq' in event) as unknown as ActionEvent[];
  }

  idOf(entityId: string): string | undefined {
    return this.messages.find(({ data }) => data.includes(`"entityId":"${entityId}"`))?.id;
  }

  /** Seqs told of; throws if one is told twice or out of order. */
  get covered(): number[] {
    return coveredSeqs(this.events as never);
  }

  async untilHello(): Promise<HelloEvent & { id: string | undefined }> {
    return await waitFor(() => this.hello, `hello; status ${this.status}, ${JSON.stringify(this.messages.slice(-2))}`);
  }

  async untilAction(entityId: string): Promise<ActionEvent> {
    return await waitFor(() => this.actions.find((action) => action.entityId === entityId), `the action ${entityId}`);
  }

  async untilEnd(): Promise<void> {
    await waitFor(() => this.ended, 'the end of the stream');
  }
}

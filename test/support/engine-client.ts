/** A client of one stream, as a test sees it: over an in-memory sink, or over a real loopback socket. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { ByteSink, Engine, MessageSink, SinkHandle, SinkMessage, StreamSpec } from '../../lib/internal/engine.js';
import type { ActionEvent, HelloEvent, InvalidateEvent, ResyncEvent, SyncEvent } from '../../lib/protocol/events.js';
import { Dechunker } from './chunks.js';
import { SseParser, type SseMessage } from './sse.js';
import { waitFor } from './wait.js';

export type Payload = SyncEvent;

export abstract class EngineClient {
  protected readonly parser = new SseParser();
  /** What the engine did that it must not; a test that ends with one fails. */
  readonly faults: string[] = [];
  /** The stream has ended, from whichever side. */
  ended = false;

  constructor(readonly spec: StreamSpec) {}

  abstract readonly connectionId: string;
  /** Takes nothing from now on. */
  abstract stall(): void;
  /** Takes again. */
  abstract resume(): void;
  /** Leaves, as a browser does. */
  abstract cut(): void;

  get everything(): readonly SseMessage[] {
    return this.parser.messages;
  }

  /** All but pings, which may come at any time. */
  get messages(): readonly SseMessage[] {
    return this.everything.filter(({ event }) => event !== 'ping');
  }

  get bytes(): number {
    return this.parser.bytes;
  }

  /** Payloads of messages without `event:`, out of the transformer's wrap. */
  get events(): SyncEvent[] {
    return this.messages.filter((message) => message.event === undefined).map((message) => this.payload(message));
  }

  get hello(): HelloEvent | undefined {
    return this.events.find((event): event is HelloEvent => event.type === 'hello');
  }

  get actions(): ActionEvent[] {
    return this.events.filter((event): event is ActionEvent => 'seq' in event);
  }

  get invalidates(): InvalidateEvent[] {
    return this.events.filter((event): event is InvalidateEvent => event.type === 'invalidate');
  }

  get resyncs(): ResyncEvent[] {
    return this.events.filter((event): event is ResyncEvent => event.type === 'resync');
  }

  get pings(): SseMessage[] {
    return this.everything.filter(({ event }) => event === 'ping');
  }

  /** What `server_close` said. */
  get farewell(): { reason: string; retryMs: number } | undefined {
    const message = this.messages.find(({ event }) => event === 'server_close');
    return message && (JSON.parse(message.data) as { reason: string; retryMs: number });
  }

  protected get wasToldOfTheEnd(): boolean {
    return this.everything.some(({ event }) => event === 'server_close' || event === 'serialized-error');
  }

  /** What `Last-Event-ID` would be. */
  get lastEventId(): string | undefined {
    return this.everything.findLast(({ id }) => id !== undefined)?.id;
  }

  /** What kind of thing came, in order, but for pings: `connected`, `hello`, `update:3`, … */
  get trace(): string[] {
    return this.messages.map((message) => this.kindOf(message));
  }

  /** With the pings. */
  get fullTrace(): string[] {
    return this.everything.map((message) => this.kindOf(message));
  }

  async untilHello(): Promise<HelloEvent> {
    return await waitFor(() => this.hello, 'hello');
  }

  /** Until an action with this id came. */
  async untilAction(id: string): Promise<void> {
    await waitFor(() => this.actions.some((action) => action.id === id), `action ${id} (got ${this.trace.slice(-5).join()})`);
  }

  async untilEnd(): Promise<void> {
    await waitFor(() => this.ended, 'the end of the stream');
  }

  private kindOf(message: SseMessage): string {
    if (message.event !== undefined) return message.event;
    const event = this.payload(message);
    return 'seq' in event ? `${event.type}:${event.seq}` : event.type;
  }

  private payload(message: SseMessage): SyncEvent {
    const parsed = JSON.parse(message.data) as SyncEvent & { json?: SyncEvent };
    return this.spec.transformed ? parsed.json! : parsed;
  }
}

/** A sink that says it is full while it stalls, and then wants nothing before `ready()`. */
abstract class InMemoryClient extends EngineClient {
  protected abstract readonly handle: SinkHandle;
  private stalled = false;
  private full = false;
  private closed = false;

  get connectionId(): string {
    return this.handle.connectionId;
  }

  /** `read` feeds the parser with what was written. */
  protected accept(read: () => void): boolean {
    if (this.ended) this.faults.push('a write after the end');
    if (this.full) this.faults.push('a write to a full sink');
    try {
      read();
      this.parser.finish();
    } catch (error) {
      this.faults.push(String(error));
    }
    this.full = this.stalled;
    return !this.full;
  }

  close(): void {
    if (this.closed) this.faults.push('a second close');
    if (this.ended && !this.closed) this.faults.push('a close after abort');
    this.closed = true;
    this.ended = true;
  }

  stall(): void {
    this.stalled = true;
  }

  resume(): void {
    this.stalled = false;
    if (!this.full) return;
    this.full = false;
    this.handle.ready();
  }

  cut(): void {
    if (this.ended) return;
    this.ended = true;
    this.handle.abort();
    this.handle.abort();
  }
}

/** Through `openSink`. */
export class SinkClient extends InMemoryClient implements ByteSink {
  protected readonly handle: SinkHandle;
  private readonly chunks: Dechunker | undefined;

  constructor(engine: Engine, spec: StreamSpec) {
    super(spec);
    this.chunks = spec.framing === 'chunked' ? new Dechunker() : undefined;
    this.handle = engine.openSink(spec, this);
  }

  write(bytes: Uint8Array): boolean {
    return this.accept(() => {
      this.parser.feed(this.chunks?.feed(bytes) ?? bytes);
      if (this.chunks?.atBoundary === false) throw new Error('A write ends within a chunk');
    });
  }

  override close(): void {
    super.close();
    if (this.chunks?.ended === false && this.wasToldOfTheEnd) this.faults.push('an ordered end without the last chunk');
  }
}

/** Through `openMessages`; read as the text that the messages stand for. */
export class MessagesClient extends InMemoryClient implements MessageSink {
  protected readonly handle: SinkHandle;

  constructor(engine: Engine, spec: StreamSpec) {
    super(spec);
    this.handle = engine.openMessages(spec, this);
  }

  write(messages: readonly SinkMessage[]): boolean {
    return this.accept(() => {
      if (messages.length === 0) throw new Error('A write of no message');
      this.parser.feed(Buffer.from(messages.map(sseText).join('')));
    });
  }
}

/** What a message in parts says on the wire (SPEC §3). */
export function sseText({ kind, id, data, retryMs }: SinkMessage): string {
  const fields = [
    ...(retryMs === undefined ? [] : [`retry: ${retryMs}`]),
    ...(kind === 'message' ? [] : [`event: ${kind}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    data === '' ? 'data:' : `data: ${data}`,
  ];
  return `${fields.join('\n')}\n\n`;
}

/** Through `openSocket`: the descriptor of an accepted loopback connection, and the browser's end of it. */
export class SocketClient extends EngineClient {
  private head = Buffer.alloc(0);
  private headSeen = false;
  private readonly chunks: Dechunker | undefined;
  readonly connectionId: string;

  private constructor(
    engine: Engine,
    spec: StreamSpec,
    private readonly browser: Socket,
    accepted: Socket,
  ) {
    super(spec);
    this.chunks = spec.framing === 'chunked' ? new Dechunker() : undefined;
    browser.on('data', (chunk) => this.take(chunk));
    browser.on('error', () => undefined);
    browser.on('close', () => this.end());
    const { fd } = (accepted as unknown as { _handle: { fd: number } })._handle;
    this.connectionId = engine.openSocket!(spec, fd);
    accepted.destroy();
  }

  static async open(engine: Engine, spec: StreamSpec): Promise<SocketClient> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepting = once(server, 'connection') as Promise<[Socket]>;
    const browser = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [accepted] = await accepting;
    server.close();
    return new SocketClient(engine, { ...spec, httpHead: spec.httpHead || 'HTTP/1.1 200 OK\r\n\r\n' }, browser, accepted);
  }

  stall(): void {
    this.browser.pause();
  }

  resume(): void {
    this.browser.resume();
  }

  cut(): void {
    this.ended = true;
    this.browser.destroy();
  }

  private take(chunk: Buffer): void {
    if (this.ended) return;
    try {
      const body = this.headSeen ? chunk : this.afterHead(chunk);
      this.parser.feed(this.chunks?.feed(body) ?? body);
    } catch (error) {
      this.faults.push(String(error));
    }
  }

  private afterHead(chunk: Buffer): Buffer {
    this.head = Buffer.concat([this.head, chunk]);
    const end = this.head.indexOf('\r\n\r\n');
    if (end < 0) return Buffer.alloc(0);
    this.headSeen = true;
    return this.head.subarray(end + 4);
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.chunks?.ended === false && this.wasToldOfTheEnd) this.faults.push('an ordered end without the last chunk');
    if (this.farewell && !this.parser.atBoundary) this.faults.push('the stream ends within a message after server_close');
  }
}

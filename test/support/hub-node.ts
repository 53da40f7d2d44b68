/** A node of the test's own: a hub and a plain server in this process, and streams of it as bytes. */
import { createServer } from 'node:http';
import { createHub, type Hub, type HubOptions } from '../../lib/index.js';
import type { HelloEvent, SyncEvent } from '../../lib/protocol/events.js';
import { closeServers, listen } from './listen.js';
import { GET, RawHttp } from './raw-http.js';
import { parseSse, type SseMessage } from './sse.js';
import { waitFor } from './wait.js';

const UNTIL = '/until/';
const started: Hub[] = [];

/** For `afterEach`. */
export async function endHubNodes(): Promise<void> {
  await Promise.all(started.splice(0).map((hub) => hub.close()));
  closeServers();
}

export class HubNode {
  private constructor(
    readonly hub: Hub,
    readonly port: number,
    /** Requests that the hub has been given so far. */
    readonly requests: () => number,
  ) {}

  /** Resolves when its Redis is there. All of its streams are of the company `acme`. */
  static async start(options: HubOptions): Promise<HubNode> {
    const node = await HubNode.begin(options);
    await node.hub.ready();
    return node;
  }

  /** Does not wait for its Redis. */
  static async begin(options: HubOptions): Promise<HubNode> {
    const hub = createHub(options);
    started.push(hub);
    const handler = hub.handler({
      identify: ({ url = '' }) => ({
        companyId: 'acme',
        userId: 'ann',
        ...(url === '/present' && { presence: { topics: ['list'] } }),
        ...(url.startsWith(UNTIL) && { expiresAt: Number(url.slice(UNTIL.length)) }),
      }),
    });
    let requests = 0;
    const server = createServer((request, response) => {
      handler(request, response);
      requests += 1;
    });
    return new HubNode(hub, await listen(server), () => requests);
  }

  /** One whose right ends at that time, Unix ms. Resolves before its verdict is there. */
  async askUntil(expiresAt: number, lastEventId: string): Promise<NodeStream> {
    return new NodeStream(await RawHttp.open(this.port, GET(`${UNTIL}${String(expiresAt)}`, { accept: 'text/event-stream', 'last-event-id': lastEventId })));
  }

  /** Resolves before its verdict is there. */
  async ask(lastEventId?: string): Promise<NodeStream> {
    const headers = { accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) };
    return new NodeStream(await RawHttp.open(this.port, GET('/', headers)));
  }

  /** One that shows its user as being there; resolves with its verdict. */
  async present(): Promise<NodeStream> {
    const stream = new NodeStream(await RawHttp.open(this.port, GET('/present', { accept: 'text/event-stream' })));
    await stream.hello();
    return stream;
  }

  /** Resolves with its verdict. */
  async stream(lastEventId?: string): Promise<NodeStream> {
    const stream = await this.ask(lastEventId);
    await stream.hello();
    return stream;
  }
}

export class NodeStream {
  constructor(readonly raw: RawHttp) {}

  /** Whole messages only, pings left out. */
  get messages(): SseMessage[] {
    const { text } = this.raw;
    const body = text.slice(text.indexOf('\r\n\r\n') + 4).replace(/(^|\r\n)[0-9a-f]+\r\n/g, '');
    return parseSse(body.slice(0, body.lastIndexOf('\n\n') + 2)).filter(({ event }) => event === undefined);
  }

  get events(): SyncEvent[] {
    return this.messages.map(({ data }) => JSON.parse(data) as SyncEvent);
  }

  /** Ids of the actions that came, in their order. */
  get actions(): string[] {
    return this.events.flatMap((event) => ('seq' in event ? [event.id] : []));
  }

  /** Paths of what was told without a place. */
  get told(): string[] {
    return this.events.flatMap((event) => (event.type === 'invalidate' && event.from === undefined ? event.queryPaths : []));
  }

  get resyncs(): string[] {
    return this.events.flatMap((event) => (event.type === 'resync' ? [event.reason] : []));
  }

  /** What a client would come back with. */
  get lastEventId(): string {
    return this.messages.findLast(({ id }) => id !== undefined)!.id!;
  }

  async hello(): Promise<HelloEvent> {
    const seen = (): HelloEvent | undefined => {
      const hello = this.events.find((event): event is HelloEvent => event.type === 'hello');
      if (!hello && (this.raw.closed || this.raw.socket.readableEnded)) throw new Error('it ended without a verdict');
      return hello;
    };
    return waitFor(seen, 'a verdict').catch((error: Error) => {
      throw new Error(`${error.message}; what came:\n${this.raw.text}`);
    });
  }

  async until(action: string): Promise<void> {
    await waitFor(() => this.actions.includes(action), `${action} to come, after ${this.actions.join()}`);
  }

  close(): void {
    this.raw.socket.destroy();
  }
}

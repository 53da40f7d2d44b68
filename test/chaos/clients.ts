/**
 * A browser's EventSource, and its memory: it comes back with the last id that it read, as late as the server asked it to, to whatever
 * node it is sent. It writes down all that came.
 */
import { request, type ClientRequest } from 'node:http';
import { SseParser, type SseMessage } from '../support/sse.js';
import type { ClientLog, Position, Step } from './history.js';
import { position } from './history.js';
import type { ChaosNode } from './nodes.js';
import { now } from './now.js';

/** Until a server has said how long. ms */
const FIRST_RETRY_MS = 300;
/** Without a byte for so long a client takes its stream for dead, as pathcast's own does. ms */
const SILENT_MS = 4_000;

export class ChaosClient implements ClientLog {
  readonly steps: Step[] = [];
  readonly client: string;
  readonly modules?: readonly string[];
  /** What no server may write. */
  readonly broken: string[] = [];
  #id: string | undefined;
  #retryMs = FIRST_RETRY_MS;
  #request: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #over = false;

  constructor(
    readonly company: string,
    index: number,
    modules: readonly string[] | undefined,
    readonly pickNode: () => ChaosNode,
  ) {
    this.client = `${company}/u${index}`;
    if (modules) this.modules = modules;
  }

  open(): void {
    const node = this.pickNode();
    if (node.port === undefined) return this.#again();
    const query = new URLSearchParams({ company: this.company, user: this.client, clientInstanceId: this.client.replace('/', '-') });
    if (this.modules) query.set('modules', this.modules.join());
    const headers = { accept: 'text/event-stream', ...(this.#id === undefined ? {} : { 'last-event-id': this.#id }) };
    const sent = request({ host: node.host, port: node.port, path: `/?${query.toString()}`, headers, agent: false });
    this.#request = sent;
    const parser = new SseParser();
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      clearTimeout(this.#silence);
      sent.destroy();
      this.steps.push({ kind: 'end', at: now() });
      this.#again();
    };
    this.steps.push({ kind: 'open', at: now(), node: node.name, from: position(this.#id) });
    this.#listen(end);
    sent.on('response', (response) => {
      response.on('data', (chunk: Buffer) => {
        if (ended) return;
        this.#listen(end);
        try {
          parser.feed(chunk);
          for (const message of parser.messages.splice(0)) this.#take(message);
        } catch (error) {
          this.broken.push(`${this.client}: ${String(error)}`);
          end();
        }
      });
      response.on('end', end);
      response.on('error', end);
    });
    sent.on('error', end);
    sent.on('close', end);
    sent.end();
  }

  #listen(end: () => void): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(end, SILENT_MS);
  }

  #again(): void {
    if (!this.#over) this.#timer = setTimeout(() => this.open(), this.#retryMs);
  }

  /** A network that breaks: whatever is on its way is lost. */
  cut(): void {
    this.#request?.destroy();
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
  }

  #take({ id, event, data, retry }: SseMessage): void {
    if (retry !== undefined) this.#retryMs = retry;
    if (id !== undefined) this.#id = id;
    const step = asStep(position(id), event, data);
    if (step) this.steps.push(step);
  }
}

function asStep(id: Position | undefined, event: string | undefined, data: string): Step | undefined {
  const at = now();
  if (event === 'ping' || event === 'server_close') return { kind: 'ping', at, id };
  const parsed = JSON.parse(data) as Record<string, never> & { type: string };
  switch (parsed.type) {
    case 'hello':
      return { kind: 'hello', at, recovered: parsed['recovered']!, reason: parsed['reason']!, cursor: position(parsed['cursor'])!, id };
    case 'resync':
      return { kind: 'resync', at, id: id!, reason: parsed['reason']! };
    case 'invalidate':
      if (parsed['from'] === undefined) return { kind: 'told', at, id, paths: parsed['queryPaths']! };
      return { kind: 'invalidate', at, id: id!, from: parsed['from'], to: parsed['to']!, count: parsed['count']!, paths: parsed['queryPaths']! };
    case 'ephemeral':
      return undefined;
    default:
      return { kind: 'action', at, id: id!, action: parsed['id']!, seq: parsed['seq']!, company: parsed['companyId']! };
  }
}

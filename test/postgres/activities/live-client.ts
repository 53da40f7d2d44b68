/** A client of the live endpoint: one request, and its events as they come. */
import { get as httpGet, type ClientRequest, type IncomingMessage } from 'node:http';
import { waitFor, within } from '../../support/wait.js';

export interface LiveEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: any;
}

export class LiveClient {
  readonly events: LiveEvent[] = [];
  /** Of blocks without data: what moves the offset alone. */
  readonly ids: string[] = [];
  retry: number | undefined;
  text = '';
  ended = false;
  #rest = '';

  private constructor(
    readonly request: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.#feed(chunk));
    response.on('error', () => undefined);
    response.on('close', () => (this.ended = true));
  }

  static async open(port: number, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<LiveClient> {
    const request = httpGet({ port, host: '127.0.0.1', path, headers, method, agent: false });
    request.on('error', () => undefined);
    const response = await within(new Promise<IncomingMessage>((resolve, reject) => request.once('response', resolve).once('error', reject)), 'an answer');
    return new LiveClient(request, response);
  }

  #feed(chunk: string): void {
    this.text += chunk;
    this.#rest += chunk;
    if (!String(this.response.headers['content-type']).startsWith('text/event-stream')) return;
    for (let end = this.#rest.indexOf('\n\n'); end >= 0; end = this.#rest.indexOf('\n\n')) {
      this.#block(this.#rest.slice(0, end));
      this.#rest = this.#rest.slice(end + 2);
    }
  }

  #block(text: string): void {
    const fields = new Map(text.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
    const retry = fields.get('retry');
    if (retry !== undefined) this.retry = Number(retry);
    const id = fields.get('id');
    const data = fields.get('data');
    if (data !== undefined) this.events.push({ event: fields.get('event') ?? 'message', id, data: JSON.parse(data) });
    else if (id !== undefined) this.ids.push(id);
  }

  /** `create p1`, … */
  get changes(): string[] {
    return this.events.filter(({ event }) => event === 'change').map(({ data }) => `${data.action} ${data.entityId}`);
  }

  get last(): string | undefined {
    return this.events.filter(({ id }) => id !== undefined).at(-1)?.id;
  }

  until(check: (client: LiveClient) => unknown, what: string): Promise<unknown> {
    return waitFor(() => check(this), `${what} (it has ${JSON.stringify(this.events.slice(-5))})`);
  }

  async body(): Promise<unknown> {
    await waitFor(() => this.response.readableEnded, 'the whole answer');
    return this.text === '' ? undefined : (JSON.parse(this.text) as unknown);
  }

  close(): void {
    this.request.destroy();
  }
}

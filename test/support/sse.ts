/** A strict reader of the bytes of lib/SPEC.md §3: what a lenient client would forgive is an error here. */

export interface SseMessage {
  /** Undefined: no `id:` line. */
  id: string | undefined;
  /** Undefined: no `event:` line, a plain message. */
  event: string | undefined;
  data: string;
  /** Undefined: no `retry:` line. */
  retry: number | undefined;
  /** The whole message, its empty line included. */
  raw: string;
}

/** Field order within a message. */
const ORDER = ['retry', 'event', 'id', 'data'];
const EVENTS = new Set(['connected', 'ping', 'server_close', 'serialized-error']);
const PING = /^{"type":"ping","timestamp":\d+,"queryPaths":\[\]}$/;
const CLOSE = /^{"type":"server_close","timestamp":\d+,"queryPaths":\[\],"reason":"[a-z_]+","retryMs":\d+}$/;
const ID = /^([0-9a-f]{12}\.(0|[1-9][0-9]*)|0\.0)$/;

export class SseParser {
  readonly messages: SseMessage[] = [];
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  private rest = '';
  /** Bytes fed so far. */
  bytes = 0;

  /** Throws on the first byte that is not as it must be. */
  feed(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    this.rest += this.decoder.decode(chunk, { stream: true });
    for (let end = this.rest.indexOf('\n\n'); end >= 0; end = this.rest.indexOf('\n\n')) {
      const raw = this.rest.slice(0, end + 2);
      this.rest = this.rest.slice(end + 2);
      this.messages.push(parseMessage(raw));
    }
  }

  /** True between messages. */
  get atBoundary(): boolean {
    return this.rest === '';
  }

  /** Throws if the stream ended within a message. */
  finish(): void {
    if (this.rest !== '') throw new Error(`The stream ends within a message: ${JSON.stringify(this.rest)}`);
  }
}

/** Throws unless `text` is a sequence of whole messages. */
export function parseSse(text: string | Uint8Array): SseMessage[] {
  const parser = new SseParser();
  parser.feed(typeof text === 'string' ? Buffer.from(text) : text);
  parser.finish();
  return parser.messages;
}

function parseMessage(raw: string): SseMessage {
  const fail = (why: string): never => {
    throw new Error(`${why} in ${JSON.stringify(raw)}`);
  };
  if (/[\r\0]/.test(raw)) fail('A CR or NUL');
  const fields = new Map<string, string>();
  let place = -1;
  for (const line of raw.slice(0, -2).split('\n')) {
    const match = /^([a-z]+):(?: (.*))?$/s.exec(line) ?? fail(`A line that is no field, ${JSON.stringify(line)},`);
    const [, name = '', value = ''] = match;
    const at = ORDER.indexOf(name);
    if (at < 0) fail(`An unknown field ${name}`);
    if (at <= place) fail(`The field ${name} twice or out of order`);
    place = at;
    fields.set(name, value);
  }
  const data = fields.get('data') ?? fail('No data line');
  const event = fields.get('event');
  const id = fields.get('id');
  const retry = fields.get('retry');
  if (event !== undefined && !EVENTS.has(event)) fail(`An unknown event ${event}`);
  if (id !== undefined && !ID.test(id)) fail(`An id that is no cursor, ${id},`);
  if (retry !== undefined && !/^[1-9][0-9]*$/.test(retry)) fail(`A retry that is no whole number, ${retry},`);
  try {
    JSON.parse(data);
  } catch {
    fail('Data that is not JSON');
  }
  const known = event === 'ping' ? PING : event === 'server_close' ? CLOSE : undefined;
  if (known && !known.test(data)) fail(`A ${event} whose data is none`);
  return { id, event, data, retry: retry === undefined ? undefined : Number(retry), raw };
}

/** What a client without ids stores: the timestamp of any event, `ping` and `server_close` too. */
export function timestampOf(message: SseMessage): number {
  const parsed = JSON.parse(message.data) as { timestamp: number; json?: { timestamp: number } };
  return (parsed.json ?? parsed).timestamp;
}

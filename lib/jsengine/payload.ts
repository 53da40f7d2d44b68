/** What a sink takes in one write, by the framing of its stream: text in bytes, the same in HTTP chunks, or messages in parts. */
import type { SinkMessage } from '../internal/engine.js';

export type Framing = 'raw' | 'chunked' | 'records';
/** Of one stream all are of one kind. */
export type Payload = Buffer | readonly SinkMessage[];

/** Where a stream's payloads go. */
export interface Outlet {
  write(payload: Payload): boolean;
  close(): void;
}

/** What a message in parts holds beside its text, bytes: an estimate. */
const PARTS_BYTES = 32;
const LAST_CHUNK = '0\r\n\r\n';

/** `before`: a response head. `last`: nothing follows. Text of one payload is one chunk. */
export function render(
  messages: readonly SinkMessage[],
  framing: Framing,
  { before = '', last = false }: { before?: string; last?: boolean } = {},
): Payload {
  if (framing === 'records') return messages;
  const text = messages.map(textOf).join('');
  const body = framing === 'raw' ? text : `${text === '' ? '' : chunk(text)}${last ? LAST_CHUNK : ''}`;
  // A head's bytes are its characters, as Node writes it.
  return before === '' ? Buffer.from(body) : Buffer.concat([Buffer.from(before, 'latin1'), Buffer.from(body)]);
}

export function join(payloads: readonly Payload[]): Payload {
  const [first] = payloads;
  if (first && payloads.length === 1) return first;
  return Buffer.isBuffer(first) ? Buffer.concat(payloads as Buffer[]) : (payloads as SinkMessage[][]).flat();
}

export function sizeOf(payload: Payload): number {
  if (Buffer.isBuffer(payload)) return payload.length;
  let size = 0;
  for (const { id = '', data } of payload) size += id.length + data.length + PARTS_BYTES;
  return size;
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** SSE text; it ends with its empty line. */
function textOf({ kind, id, data, retryMs }: SinkMessage): string {
  const retry = retryMs === undefined ? '' : `retry: ${retryMs}\n`;
  const event = kind === 'message' ? '' : `event: ${kind}\n`;
  const position = id === undefined ? '' : `id: ${id}\n`;
  return `${retry}${event}${position}data:${data === '' ? '' : ` ${data}`}\n\n`;
}

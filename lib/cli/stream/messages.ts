/** What comes on a stream, in both dialects, read as it is: nothing of it is believed to have its shape. */
import type { Readable } from 'node:stream';
import { createParser } from 'eventsource-parser';

/** Characters of one message; beyond it the stream is none of pathcast's, and reading it ends. An event is at most some 64 KiB. */
const MAX_MESSAGE = 4 << 20;

export type Payload = Readonly<Record<string, unknown>>;

export interface Message {
  /** `performance.now()`, and the wall clock. */
  at: number;
  wallAt: number;
  /** The name behind `event:`; `message` where there is none. */
  event: string;
  id: string | undefined;
  /** From `retry:`, ms; the last that came so far. */
  retry: number | undefined;
  data: string;
  /** `plain`: as it stands; `wrapped`: a transformer has put it into `json`; `unreadable`: neither, or no object at all. */
  form: 'plain' | 'wrapped' | 'unreadable';
  /** Empty where it cannot be read. */
  payload: Payload;
  /** Of the payload: `hello`, `insert`, …; the event's name where it has none. */
  type: string;
}

/** Rejects where the connection breaks, or where a message is too long; returns at an orderly end. */
export async function* messagesOf(body: Readable): AsyncGenerator<Message, void> {
  const decoder = new TextDecoder();
  let ready: Message[] = [];
  let retry: number | undefined;
  let tooLong = false;
  const parser = createParser({
    maxBufferSize: MAX_MESSAGE,
    onRetry: (ms) => (retry = ms),
    onError: ({ type }) => (tooLong ||= type === 'max-buffer-size-exceeded'),
    onEvent: ({ event, id, data }) => ready.push(messageOf(event, id, data, retry)),
  });
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    if (tooLong) throw new Error(`a message of more than ${MAX_MESSAGE} characters`);
    const now = ready;
    ready = [];
    yield* now;
  }
}

function messageOf(name: string | undefined, id: string | undefined, data: string, retry: number | undefined): Message {
  const event = name ?? 'message';
  const { form, payload } = read(data);
  const type = textOf(payload['type']) ?? event;
  return { at: performance.now(), wallAt: Date.now(), event, id, retry, data, form, payload, type };
}

/** superjson and its kin put the value into `json`; what else a transformer writes is not known here. */
export function read(data: string): Pick<Message, 'form' | 'payload'> {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return { form: 'unreadable', payload: {} };
  }
  if (!isObject(value)) return { form: 'unreadable', payload: {} };
  const inner = value['json'];
  return isObject(inner) && !('type' in value) ? { form: 'wrapped', payload: inner } : { form: 'plain', payload: value };
}

export function isObject(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

/** What a tRPC error says, in the stream or in the body of an answer. */
export function trpcError(payload: Payload): { code: string; message: string; status: number | undefined } | undefined {
  const { data, message } = payload;
  if (!isObject(data) || typeof message !== 'string') return undefined;
  return { code: textOf(data['code']) ?? '', message, status: numberIn(data['httpStatus']) };
}

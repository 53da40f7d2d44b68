/** The body of an answer that is no stream: what it says. */
import type { Readable } from 'node:stream';
import { isObject, textOf, trpcError, type Payload } from './messages.js';

/** Bytes of an answer that are read. */
const MAX_BODY = 64 << 10;

/** As much of a body as there is within bounds of size and time. Never rejects. */
export async function beginning(body: Readable, timeoutMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => body.destroy(), timeoutMs);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_BODY) break;
    }
  } catch {
    // What came is what there is.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY).toString('utf8');
}

/** The message of an error as JSON (ours, tRPC's, a framework's), the title of a page. */
export function saidIn(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (isObject(first)) return messageIn(first);
  } catch {
    // No JSON.
  }
  return /<title[^>]*>([^<]*)/i.exec(body)?.[1] ?? '';
}

function messageIn(value: Payload): string {
  const { error } = value;
  if (isObject(error)) {
    const inner = isObject(error['json']) ? error['json'] : error;
    return trpcError(inner)?.message ?? textOf(inner['message']) ?? '';
  }
  return textOf(value['message']) ?? textOf(error) ?? '';
}

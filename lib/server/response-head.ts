/** The HTTP head of a stream: what SSE needs, and what the app has set (CORS, cookies). */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import type { ErrorCode } from '../protocol/codes.js';
import { PathcastError } from '../protocol/error.js';
import { messageOf } from '../internal/describe.js';
import { checkObject } from './check.js';

export type HeaderList = [name: string, value: string][];

/** Ours wins: framing, caching and type of a stream are not the app's to choose. */
export const STREAM_OWN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cache-control',
  'date',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-accel-buffering',
]);

const SSE: HeaderList = [
  ['Content-Type', 'text/event-stream'],
  ['Cache-Control', 'no-cache, no-transform'],
  // nginx buffers a proxied response unless it is told not to.
  ['X-Accel-Buffering', 'no'],
];

/**
 * SSE headers first, then the app's. A header of the app that HTTP does not allow (a line break in a value)
 * is left out and reported; one of the `headers` option throws INVALID_FIELD.
 */
export function streamHeaders(
  app: OutgoingHttpHeaders,
  extra: Record<string, string | readonly string[]> | undefined,
  warn: (message: string) => void,
): HeaderList {
  const merged = new Map<string, HeaderList>();
  for (const [name, value] of Object.entries(app)) {
    try {
      add(merged, name, value);
    } catch (thrown) {
      warn(`response header left out: ${messageOf(thrown)}`);
    }
  }
  addAll(merged, extra, 'INVALID_FIELD');
  return [...SSE, ...[...merged.values()].flat()];
}

/** Throws with `code` for what no head can hold. */
export function checkHeaders(headers: unknown, code: ErrorCode): void {
  addAll(new Map(), headers, code);
}

function addAll(merged: Map<string, HeaderList>, headers: unknown, code: ErrorCode): void {
  if (headers === undefined || headers === null) return;
  for (const [name, value] of Object.entries(checkObject('headers', headers, code))) {
    try {
      add(merged, name, value);
    } catch (thrown) {
      throw new PathcastError(code, `headers: ${messageOf(thrown)}`, { cause: thrown });
    }
  }
}

function add(merged: Map<string, HeaderList>, name: string, value: unknown): void {
  const key = name.toLowerCase();
  if (STREAM_OWN_HEADERS.has(key) || value === undefined || value === null) return;
  validateHeaderName(name);
  const values = (Array.isArray(value) ? (value as unknown[]) : [value]).map((item) => {
    const text = String(item);
    validateHeaderValue(name, text);
    return text;
  });
  merged.set(
    key,
    values.map((text) => [name, text]),
  );
}

/** The head that goes out on a taken socket. The body ends with the connection. */
export function http1Head(headers: HeaderList, now: number): string {
  let head = 'HTTP/1.1 200 OK\r\n';
  for (const [name, value] of headers) head += `${name}: ${value}\r\n`;
  return `${head}Date: ${new Date(now).toUTCString()}\r\nConnection: close\r\n\r\n`;
}

/** For `writeHead`: a name that comes more than once becomes a list. */
export function headerRecord(headers: HeaderList): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const before = record[name];
    record[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return record;
}

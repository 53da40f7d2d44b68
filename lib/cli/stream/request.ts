/**
 * One request as a browser's EventSource makes it, with what a browser hides: the head as it came, redirects, the reason why
 * there is no answer.
 */
import { once } from 'node:events';
import { request as httpRequest, validateHeaderValue, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline, type Duplex, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, constants as zlib } from 'node:zlib';
import type { Target } from './target.js';

export type FailureKind =
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'certificate'
  | 'tls'
  | 'no-http'
  /** The connection stands, and no head of an answer came in time. */
  | 'silent'
  | 'stopped'
  | 'other';

/** There was no answer. `code` is the system's, OpenSSL's or Node's own word for it. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
  constructor(
    readonly kind: FailureKind,
    readonly code: string,
  ) {
    super(`${kind}: ${code}`);
  }
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** `1.1` */
  httpVersion: string;
  /** ms from the start of the request to its head. */
  headMs: number;
  /** The body, decoded where it came compressed. */
  body: Readable;
  /** Ends the connection. */
  close(): void;
}

export interface RequestOptions {
  url?: URL;
  method?: 'GET' | 'HEAD';
  lastEventId?: string | undefined;
  headers?: Readonly<Record<string, string>>;
  /** For the connection and the head of the answer, ms. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** What a browser says it takes, less what Node 20 cannot decode. */
const ENCODINGS = 'gzip, deflate, br';

/** Rejects with a `NoAnswer`. */
export async function ask(target: Target, options: RequestOptions): Promise<Answer> {
  const { url = target.url, method = 'GET', lastEventId, headers, timeoutMs, signal } = options;
  if (signal?.aborted) throw new NoAnswer('stopped', 'stopped');
  const began = performance.now();
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const sent = send(url, {
    method,
    // A connection of its own, as that of a new page.
    agent: false,
    headers: {
      accept: 'text/event-stream',
      'accept-encoding': ENCODINGS,
      'cache-control': 'no-cache',
      'user-agent': 'pathcast',
      ...(lastEventId === undefined ? {} : cursorHeader(lastEventId)),
      ...headers,
      ...sentHeaders(target.headers),
    },
  });
  let connected = false;
  let why: NoAnswer | undefined;
  const give = (failure: NoAnswer): void => {
    why ??= failure;
    sent.destroy();
  };
  const stop = (): void => give(new NoAnswer('stopped', 'stopped'));
  const timer = setTimeout(
    () => give(new NoAnswer(connected ? 'silent' : 'unreachable', connected ? 'no head' : 'ETIMEDOUT')),
    timeoutMs,
  );
  sent.once('socket', (socket) => socket.once('connect', () => (connected = true)));
  signal?.addEventListener('abort', stop, { once: true });
  // Behind the head too: what breaks then is the body's to tell.
  sent.on('error', () => undefined);
  try {
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const close = (): void => {
      signal?.removeEventListener('abort', close);
      response.destroy();
      sent.destroy();
    };
    signal?.addEventListener('abort', close, { once: true });
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      httpVersion: response.httpVersion,
      headMs: performance.now() - began,
      body: decoded(response),
      close,
    };
  } catch (error) {
    throw why ?? failureOf(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** Node takes some names, `host`, as a text alone. */
function sentHeaders(headers: Target['headers']): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values]),
  );
}

/** In the bytes of UTF-8, as an EventSource sends it; nothing where HTTP does not allow what the server gave as an id. */
function cursorHeader(id: string): Record<string, string> {
  const value = Buffer.from(id, 'utf8').toString('latin1');
  try {
    validateHeaderValue('last-event-id', value);
    return { 'last-event-id': value };
  } catch {
    return {};
  }
}

const FLUSH = { flush: zlib.Z_SYNC_FLUSH, finishFlush: zlib.Z_SYNC_FLUSH };
const DECODERS: ReadonlyMap<string, () => Duplex> = new Map([
  ['gzip', () => createGunzip(FLUSH)],
  ['x-gzip', () => createGunzip(FLUSH)],
  ['deflate', () => createInflate(FLUSH)],
  ['br', () => createBrotliDecompress()],
]);

function decoded(response: IncomingMessage): Readable {
  const decoder = DECODERS.get((response.headers['content-encoding'] ?? '').trim().toLowerCase())?.();
  if (decoder === undefined) return response;
  // The error comes out of the decoder too, where the body is read.
  pipeline(response, decoder, () => undefined);
  return decoder;
}

const CERTIFICATE =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/;
const KINDS: readonly (readonly [RegExp, FailureKind])[] = [
  [/^(ENOTFOUND|EAI_)/, 'dns'],
  [/^ECONNREFUSED$/, 'refused'],
  [/^(EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/, 'unreachable'],
  [/^(ECONNRESET|EPIPE)$/, 'reset'],
  [CERTIFICATE, 'certificate'],
  [/^(EPROTO|ERR_SSL_|ERR_TLS_)/, 'tls'],
  [/^HPE_/, 'no-http'],
];

export function failureOf(error: unknown): NoAnswer {
  if (error instanceof NoAnswer) return error;
  const code = codeOf(error);
  return new NoAnswer(KINDS.find(([pattern]) => pattern.test(code))?.[1] ?? 'other', code);
}

function codeOf(error: unknown): string {
  const { code, errors, message } = error as { code?: unknown; errors?: unknown; message?: unknown };
  if (typeof code === 'string') return code;
  // Several addresses of one name were tried.
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  return typeof message === 'string' && message !== '' ? message : 'unknown';
}

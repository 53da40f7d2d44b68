/** Node's own request and response under whatever a framework passes around, and what the hub reads from them. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { PathcastError } from '../protocol/error.js';
import { describe } from '../internal/describe.js';
import type { RequestLike, ResponseLike } from './options.js';

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Fastify keeps the request at `raw`, Hono's node environment at `incoming`. */
export function nodeRequest(request: RequestLike | null | undefined): NodeRequest | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  if ('raw' in request) return request.raw;
  if ('incoming' in request) return request.incoming;
  return request;
}

/** Fastify keeps the response at `raw`, Hono's node environment at `outgoing`. */
export function nodeResponse(response: ResponseLike | null | undefined): NodeResponse | undefined {
  if (typeof response !== 'object' || response === null) return undefined;
  if ('raw' in response) return response.raw;
  if ('outgoing' in response) return response.outgoing;
  return response;
}

/** Throws INVALID_FIELD for what can be asked for no header. A web Request can. */
export function checkRequest(value: unknown): void {
  if (value === undefined || value === null) return;
  const headers: unknown = (nodeRequest(value as RequestLike) as { headers?: unknown } | undefined)?.headers;
  if (typeof headers === 'object' && headers !== null) return;
  throw new PathcastError(
    'INVALID_FIELD',
    `req must be the request of Node, or of a framework that has it at raw or incoming, got ${describe(value)}`,
  );
}

/** Throws INVALID_FIELD for what no stream can be written to. */
export function checkResponse(value: unknown): void {
  if (value === undefined || value === null) return;
  const node = nodeResponse(value as ResponseLike) as unknown as Record<string, unknown> | undefined;
  if (node && WRITTEN_BY.every((name) => typeof node[name] === 'function')) return;
  throw new PathcastError(
    'INVALID_FIELD',
    `res must be the response of Node, or of a framework that has it at raw or outgoing, got ${describe(value)}`,
  );
}

const WRITTEN_BY = ['setHeader', 'writeHead', 'write', 'end', 'on'];

/** Headers that the app has set so far: on Node's response and on the framework's wrapper of it. */
export function appHeaders(response: ResponseLike | null | undefined): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  const raw = nodeResponse(response);
  for (const holder of [raw, response] as unknown[]) {
    if (
      typeof holder !== 'object' ||
      holder === null ||
      !('getHeaders' in holder) ||
      typeof holder.getHeaders !== 'function'
    )
      continue;
    Object.assign(headers, (holder as { getHeaders(): OutgoingHttpHeaders }).getHeaders());
  }
  return headers;
}

/** The URL as the client sent it: Express and Connect cut the mount path off `url`. */
export function originalUrl(request: NodeRequest | undefined): string {
  if (!request) return '';
  const original: unknown = (request as { originalUrl?: unknown }).originalUrl;
  return typeof original === 'string' ? original : (request.url ?? '');
}

export function queryOf(url: string): URLSearchParams {
  const mark = url.indexOf('?');
  const hash = url.indexOf('#');
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1, hash > mark ? hash : undefined));
}

/** The procedure's path as tRPC reads it: what follows the last slash, up to the query. */
export function procedurePath(url: string): string | undefined {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  const last = path.slice(path.lastIndexOf('/') + 1);
  if (last === '') return undefined;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

export function lastEventIdHeader(request: NodeRequest | undefined): string | undefined {
  const value = request?.headers['last-event-id'];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * The client's address as the framework's own rules (`trustProxy`) have it, where a proxy says one. Without a proxy's word it
 * is the peer's, which the engine knows.
 */
export function forwardedAddress(given: unknown, request: NodeRequest | undefined): string | undefined {
  if (request?.headers['x-forwarded-for'] === undefined) return undefined;
  const { ip } = given as { ip?: unknown };
  return typeof ip === 'string' && ip !== '' ? ip : undefined;
}

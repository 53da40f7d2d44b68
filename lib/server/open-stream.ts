/** The ways a stream opens: on the taken socket, as a generator, over a response, as a web stream. */
import { PathcastError } from '../protocol/error.js';
import type { SyncEvent } from '../protocol/events.js';
import type { Engine, StreamSpec } from '../internal/engine.js';
import { checkCompanyId } from './check.js';
import { isGone, watchClient } from './client-gone.js';
import { endedStream, EventStream, type EventStreamOptions } from './event-stream.js';
import type { PlainStreamOptions, StreamOptions } from './options.js';
import type { PathBinding } from './paths/binding.js';
import { appHeaders, nodeRequest, nodeResponse, type NodeResponse } from './request-parts.js';
import { headerRecord, http1Head, streamHeaders } from './response-head.js';
import { streamToResponse } from './response-sink.js';
import { endWhenVanished } from './vanished-peer.js';
import { streamSpec, type ForeignRequest } from './stream-spec.js';
import { takeableSocket } from './take-over.js';
import type { Codec } from './transformer.js';
import { streamToReadable } from './web-stream.js';

/** What `Hub.observe` yields. */
export interface Observed {
  event: SyncEvent;
  /** The cursor; absent for ephemeral events. */
  id: string | undefined;
}

/** What a stream needs of its hub. */
export interface StreamHost {
  engine: Engine;
  codec: Codec;
  /** The bound one. */
  router: () => PathBinding | undefined;
  isClosed: () => boolean;
  now: () => number;
  /** ms after which a peer that acknowledges nothing has vanished. */
  silenceMs: number;
  warn: (message: string) => void;
  report: (error: unknown) => void;
  taken: () => void;
}

/** See `Hub.stream`. */
export function openStream<T>(host: StreamHost, options: StreamOptions<T>): AsyncGenerator<T, undefined, undefined> {
  const spec = streamSpec(options, host);
  if (host.isClosed()) throw hubClosed();
  const request = nodeRequest(options.req);
  const response = nodeResponse(options.res);
  if (options.signal?.aborted || isGone(request, response) || takeSocket(host, options, spec)) return endedStream();

  setExtraHeaders(host, options, response);
  endWhenVanished(request, response, host.silenceMs);
  const decode = spec.transformed ? host.codec.decode : JSON.parse;
  const toError = options.toError ?? ((error: PathcastError) => error);
  const stream = openGenerator(host, spec, { decode, wrap: wrapper(options, spec), toError }, options.signal);
  stream.onFinish(
    watchClient(request, response, () => {
      stream.end();
    }),
  );
  return stream;
}

/** Where tRPC writes the head, the stream's own headers wait on the response for it. Throws INVALID_FIELD. */
function setExtraHeaders(
  host: StreamHost,
  options: Pick<StreamOptions, 'headers'>,
  response: NodeResponse | undefined,
): void {
  if (!options.headers) return;
  const extra = headerRecord(
    streamHeaders({}, options.headers, host.warn).filter(([name]) => name in (options.headers ?? {})),
  );
  if (!response || response.headersSent) return;
  for (const [name, value] of Object.entries(extra)) response.setHeader(name, value);
}

/** The event with its id where `tracked` is given and the stream has ids; else the event itself. */
function wrapper<T>(options: StreamOptions<T>, spec: StreamSpec): (event: SyncEvent, id: string | undefined) => T {
  const { tracked } = options;
  if (!tracked || !spec.ids) return (event) => event as T;
  return (event, id) => (id === undefined ? (event as T) : tracked(id, event));
}

/** See `Hub.serve`. */
export function openPlain(host: StreamHost, options: PlainStreamOptions): void {
  const spec = streamSpec({ ...options, dialect: 'plain' }, host);
  if (host.isClosed()) throw hubClosed();
  const request = nodeRequest(options.req);
  const response = nodeResponse(options.res);
  if (!response)
    throw new PathcastError('INVALID_FIELD', 'serve() needs res, the response of Node or of the framework');
  if (isGone(request, response) || takeSocket(host, options, spec)) return;
  const headers = streamHeaders(appHeaders(options.res), options.headers, host.warn);
  endWhenVanished(request, response, host.silenceMs);
  streamToResponse(request, response, headers, (sink) => host.engine.openSink(spec, sink));
}

/** See `Hub.readable`. */
export function openReadable(
  host: StreamHost,
  options: PlainStreamOptions,
  request: ForeignRequest,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const spec = streamSpec({ ...options, dialect: 'plain' }, host, request);
  if (host.isClosed()) throw hubClosed();
  return streamToReadable((sink) => host.engine.openSink(spec, sink), request.signal);
}

/** See `Hub.observe`. */
export function openObserver(
  host: StreamHost,
  companyId: string,
  from: string | number | undefined,
  signal: AbortSignal | undefined,
  userId = '',
): AsyncGenerator<Observed, undefined, undefined> {
  checkCompanyId(companyId);
  if (host.isClosed()) throw hubClosed();
  if (signal?.aborted) return endedStream();
  const spec: StreamSpec & { uncounted: true } = {
    companyId,
    userId,
    dialect: 'plain',
    ids: true,
    transformed: false,
    uncounted: true,
    httpHead: '',
    ...(typeof from === 'number'
      ? { lastSyncTimestamp: from }
      : from === undefined
        ? undefined
        : { lastEventId: from }),
  };
  return openGenerator<Observed>(
    host,
    spec,
    {
      decode: JSON.parse,
      wrap: (event, id) => ({ event, id }),
      toError: (error) => error,
    },
    signal,
  );
}

function openGenerator<T>(
  host: StreamHost,
  spec: StreamSpec,
  options: EventStreamOptions<T>,
  signal: AbortSignal | undefined,
): EventStream<T> {
  const stream = new EventStream<T>(options);
  const end = (): void => stream.end();
  signal?.addEventListener('abort', end, { once: true });
  stream.onFinish(() => {
    signal?.removeEventListener('abort', end);
  });
  stream.attach(host.engine.openMessages(spec, stream));
  return stream;
}

/**
 * Gives the connection to the engine, if that can hold sockets and this one may be taken. The engine works on a
 * duplicate of the descriptor; destroying Node's socket then closes nothing but Node's own view of it.
 */
function takeSocket(host: StreamHost, options: StreamOptions<never> | PlainStreamOptions, spec: StreamSpec): boolean {
  if (!host.engine.openSocket) return false;
  // Only tRPC can write payloads of a transformer that is not prefix + JSON + suffix.
  if (spec.transformed && host.codec.form === 'enveloped') return false;
  const taken = takeableSocket(nodeRequest(options.req), nodeResponse(options.res));
  if (!taken) return false;
  const headers = streamHeaders(appHeaders(options.res), options.headers, host.warn);
  try {
    host.engine.openSocket({ ...spec, httpHead: http1Head(headers, host.now()) }, taken.fd);
  } catch (thrown) {
    // No descriptor left, most likely. The JavaScript way needs none.
    host.report(thrown);
    return false;
  }
  host.taken();
  taken.socket.destroy();
  return true;
}

function hubClosed(): PathcastError {
  return new PathcastError('HUB_CLOSED', 'the hub is closed');
}

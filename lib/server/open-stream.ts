/** The ways a stream opens: on the taken socket, as a generator, over a response, as a web stream. */
import { PathcastError } from '../protocol/error.js';
import type { SyncEvent } from '../protocol/events.js';
import type { StreamSpec } from '../internal/engine.js';
import { endWithConnection } from './body-end.js';
import { checkCompanyId } from './check.js';
import { isGone, watchClient } from './client-gone.js';
import { endedStream, EventStream, type EventStreamOptions } from './event-stream.js';
import { fastifyReply, HandedBody, sendBody } from './hand-over/body.js';
import { HandedStream, type SyncStream } from './hand-over/generator.js';
import { Handle, type StreamHandle } from './hand-over/handle.js';
import { HeadWatch } from './hand-over/head.js';
import { canTakeLate, handOver } from './hand-over/hand-over.js';
import { withPeer, writeToResponse } from './hand-over/script.js';
import { serverOf } from './hand-over/servers.js';
import { catchHead } from './hand-over/internals.js';
import { takeUnsent } from './hand-over/unsent.js';
import type { PlainStreamOptions, StreamOptions } from './options.js';
import { appHeaders, nodeRequest, nodeResponse, type NodeResponse } from './request-parts.js';
import { headerRecord, streamHeaders } from './response-head.js';
import { sendHead, streamToResponse } from './response-sink.js';
import { endWhenVanished } from './vanished-peer.js';
import { streamSpec, type ForeignRequest } from './stream-spec.js';
import type { StreamHost } from './stream-host.js';
import { streamToReadable } from './web-stream.js';

/** What `Hub.observe` yields. */
export interface Observed {
  event: SyncEvent;
  /** The cursor; absent for ephemeral events. */
  id: string | undefined;
}

/** With the server that it comes through. */
function placedSpec(host: StreamHost, options: StreamOptions<unknown>): StreamSpec {
  const spec = streamSpec(options, host);
  const origin = host.servers.originOf(serverOf(options.req, nodeRequest(options.req)));
  return origin === undefined ? spec : { ...spec, origin };
}

/** See `Hub.stream`. */
export function openStream<T>(host: StreamHost, options: StreamOptions<T>): SyncStream<T> {
  const spec = placedSpec(host, options);
  if (host.isClosed()) throw hubClosed();
  const request = nodeRequest(options.req);
  const response = nodeResponse(options.res);
  const { signal } = options;
  const decode = spec.transformed ? host.codec.decode : JSON.parse;
  const toError = options.toError ?? ((error: PathcastError) => error);
  const events = (own: StreamSpec): AsyncGenerator<T, undefined, undefined> => {
    endWhenVanished(request, response, host.silenceMs);
    const stream = openGenerator(host, own, { decode, wrap: wrapper(options, spec), toError }, signal);
    stream.onFinish(watchClient(request, response, () => stream.end()));
    return stream;
  };
  const gone = signal?.aborted === true || isGone(request, response);
  const handle = new Handle(host);
  const handsOver = options.handOver ?? true;
  if (!gone && handsOver && takeUnsent(host, options, spec, handle)) return new HandedStream({ gone: true, handle });
  setExtraHeaders(host, options, response);
  // Only tRPC can write payloads of a transformer that is not prefix + JSON + suffix.
  const own = handsOver && !(spec.transformed && host.codec.form === 'enveloped') ? response : undefined;
  // What tRPC writes itself ends as all the others do.
  if (response && !own && !gone) new HeadWatch(response, (args) => endWithConnection(request, response, args));
  const hold = options.holdResponse ?? false;
  return new HandedStream({ host, request, response: own, spec, hold, signal, events, gone, handle });
}

/** Where tRPC writes the head, the stream's own headers wait on the response for it. Throws INVALID_FIELD. */
function setExtraHeaders(
  host: StreamHost,
  options: Pick<StreamOptions, 'headers'>,
  response: NodeResponse | undefined,
): void {
  if (options.headers === undefined) return;
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
export function openPlain(host: StreamHost, options: PlainStreamOptions): StreamHandle {
  const spec = placedSpec(host, { ...options, dialect: 'plain' });
  if (host.isClosed()) throw hubClosed();
  const request = nodeRequest(options.req);
  const response = nodeResponse(options.res);
  if (!response)
    throw new PathcastError('INVALID_FIELD', 'serve() needs res, the response of Node or of the framework');
  const handle = new Handle(host);
  const hold = options.holdResponse ?? false;
  if (isGone(request, response)) {
    handle.cancel();
    return handle;
  }
  if (takeUnsent(host, options, spec, handle)) return handle;
  const reply = fastifyReply(options.res);
  if (reply) {
    sendBody(reply, streamHeaders({}, options.headers, host.warn), new HandedBody({ reply, host, request, response, spec, handle, hold }));
    return handle;
  }
  const headers = streamHeaders(appHeaders(options.res), options.headers, host.warn);
  const late = response.headersSent ? undefined : canTakeLate(host, request, response);
  if (response.headersSent || late) {
    const send = (): void => sendHead(request, response, headers);
    const head = late ? catchHead(late, send) : undefined;
    const scripted = { host, request, response, spec, handle, preamble: '' };
    handOver({ ...scripted, head, hold, taken: () => undefined, script: () => writeToResponse(scripted), gone: () => undefined });
    return handle;
  }
  endWhenVanished(request, response, host.silenceMs);
  const own = { ...withPeer(spec, request), connectionId: handle.connectionId };
  streamToResponse(request, response, headers, (sink) => host.engine.openSink(own, sink));
  handle.opened();
  return handle;
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

function hubClosed(): PathcastError {
  return new PathcastError('HUB_CLOSED', 'the hub is closed');
}

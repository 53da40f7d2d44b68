/**
 * The body of a Fastify reply: Fastify sends its own head (onSend hooks, cookies, CORS) when it pipes the body into the
 * response, and the stream is handed over then. Where it is piped elsewhere (a plugin that encodes it) or the socket
 * cannot be taken, the body carries the bytes.
 */
import { Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import type { SinkHandle, StreamSpec } from '../../internal/engine.js';
import type { StreamHost } from '../stream-host.js';
import type { NodeRequest, NodeResponse } from '../request-parts.js';
import { endWithConnection } from '../body-end.js';
import { headerRecord, STREAM_OWN_HEADERS, type HeaderList } from '../response-head.js';
import { stopIdleTimeout } from '../response-sink.js';
import { endWhenVanished } from '../vanished-peer.js';
import type { Handle } from './handle.js';
import { handOver } from './hand-over.js';
import { catchHead, lateSocket } from './internals.js';
import { withPeer } from './script.js';

export interface BodyOptions {
  reply: Reply;
  host: StreamHost;
  request: NodeRequest | undefined;
  response: NodeResponse;
  spec: StreamSpec;
  handle: Handle;
  hold: boolean;
}

/** A Fastify reply, as far as it is used here. */
interface Reply {
  sent: boolean;
  code(status: number): unknown;
  header(name: string, value: unknown): unknown;
  removeHeader(name: string): unknown;
  hijack(): unknown;
  send(body: Readable): unknown;
}

/** Undefined for anything else, and for a reply that the app has hijacked: it writes its own head. */
export function fastifyReply(response: unknown): Reply | undefined {
  const reply = response as Partial<Reply> | null | undefined;
  const isReply = typeof reply?.send === 'function' && typeof reply.hijack === 'function' && 'raw' in reply;
  return isReply && reply.sent === false ? (reply as Reply) : undefined;
}

export function sendBody(reply: Reply, headers: HeaderList, body: Readable): void {
  for (const name of STREAM_OWN_HEADERS) reply.removeHeader(name);
  for (const [name, value] of Object.entries(headerRecord(headers))) reply.header(name, value);
  reply.code(200);
  reply.send(body);
}

export class HandedBody extends Readable {
  readonly #options: BodyOptions;
  #begun = false;
  #piped = false;
  #sink: SinkHandle | undefined;

  constructor(options: BodyOptions) {
    super();
    this.#options = options;
    options.handle.waits(options.spec, options.host.waiting, options.response);
    (options.response as ServerResponse).on('pipe', (source) => {
      if (source === this) this.#piped = true;
    });
  }

  override _read(): void {
    if (this.#begun) {
      this.#sink?.ready();
      return;
    }
    this.#begun = true;
    if (!this.#piped) {
      this.#carry();
      return;
    }
    const { host, request, response } = this.#options;
    endWithConnection(request, response);
    const late = host.engine.openSocket ? lateSocket(request, response) : undefined;
    const send = (): void => (response as ServerResponse).flushHeaders();
    if (!late) send();
    handOver({
      ...this.#options,
      head: late && catchHead(late, send),
      preamble: '',
      complete: () => void this.push(null),
      taken: () => undefined,
      script: () => this.#carry(),
      gone: () => this.destroy(),
    });
  }

  #carry(): void {
    if (this.destroyed) return;
    const { reply, host, request, response, spec, handle } = this.#options;
    // The head is out and the body lasts: a handlerTimeout would cut it as an answer that does not come.
    if (response.headersSent) reply.hijack();
    stopIdleTimeout(request);
    endWhenVanished(request, response, host.silenceMs);
    this.#sink = host.engine.openSink(
      handle.specOf(withPeer(spec, request)),
      {
        write: (chunk) => this.push(chunk),
        close: () => {
          this.#sink = undefined;
          this.push(null);
        },
      },
    );
    handle.opened();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#options.handle.cancel();
    this.#sink?.abort();
    done(error);
  }
}

/** A stream that other nodes' seats keep out: told as the engine tells its own refusals (SPEC §3), by the same hand. */
import type { ByteSink, EngineOptions, MessageSink, SinkHandle, SinkMessage, StreamSpec } from '../../internal/engine.js';
import { systemEnvironment } from '../../jsengine/environment.js';
import { Frames, variantOf, type Refusal } from '../../jsengine/frames.js';
import type { Framing, Outlet, Payload } from '../../jsengine/payload.js';
import { retryMsFor } from '../../jsengine/stream.js';
import { TurnedAway } from '../../jsengine/turn-away.js';
import { safeMsOfRefused } from '../../jsengine/verdict.js';

export class Refusals {
  readonly #frames: Frames;

  constructor(private readonly options: EngineOptions) {
    this.#frames = new Frames(options);
  }

  bytes(spec: StreamSpec, sink: ByteSink, connectionId: string, refusal: Refusal): SinkHandle {
    const outlet = { write: (payload: Payload) => sink.write(payload as Buffer), close: () => sink.close() };
    return this.#turnAway(spec, spec.framing ?? 'raw', outlet, connectionId, refusal);
  }

  messages(spec: StreamSpec, sink: MessageSink, connectionId: string, refusal: Refusal): SinkHandle {
    const outlet = { write: (payload: Payload) => sink.write(payload as SinkMessage[]), close: () => sink.close() };
    return this.#turnAway(spec, 'records', outlet, connectionId, refusal);
  }

  #turnAway(spec: StreamSpec, framing: Framing, sink: Outlet, connectionId: string, refusal: Refusal): SinkHandle {
    const env = systemEnvironment;
    const retryMs = retryMsFor('limit', { options: this.options, env });
    const payload = this.#frames.refusal(variantOf(spec, framing), spec, refusal, safeMsOfRefused(spec, env.wallMs()), retryMs);
    const turnedAway = new TurnedAway(connectionId, sink, payload);
    // Who opens it has its handle first.
    queueMicrotask(() => turnedAway.flush());
    return turnedAway;
  }
}

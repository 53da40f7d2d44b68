import type { ByteSink, Engine, MessageSink, SinkHandle, StreamSpec } from '../../internal/engine.js';
import { WrappedEngine } from '../seated/wrapped-engine.js';
import type { PresenceBoard } from './board.js';

/** ms after which a stream that waited for a seat has one, or was refused (SPEC §4). */
const ADMITTED_BY_MS = 1_100;
const MAX_STREAMS = 10_000;

/** Tells the board which streams are there: those that the app said so of, once they were let in. */
export class PresentEngine extends WrappedEngine {
  readonly #board: PresenceBoard;

  constructor(inner: Engine, board: PresenceBoard) {
    super(inner);
    this.#board = board;
    const { openSocket } = this;
    if (openSocket) this.openSocket = (spec, fd) => this.#noted(spec, (own) => openSocket(own, fd));
  }

  override openSink(spec: StreamSpec, sink: ByteSink): SinkHandle {
    return this.#noted(spec, (own) => this.inner.openSink(own, sink));
  }

  override openMessages(spec: StreamSpec, sink: MessageSink): SinkHandle {
    return this.#noted(spec, (own) => this.inner.openMessages(own, sink));
  }

  override close(): Promise<void> {
    this.#board.close();
    return super.close();
  }

  #noted<T>(spec: StreamSpec, open: (spec: StreamSpec) => T): T {
    if (!spec.presence || spec.endsWith !== undefined || spec.userId === '') return open(spec);
    const own = { ...spec, connectionId: spec.connectionId ?? this.inner.newConnectionId() };
    const opened = open(own);
    void this.#enter(own, own.connectionId);
    return opened;
  }

  async #enter({ companyId, userId, presence }: StreamSpec, id: string): Promise<void> {
    let over = false;
    void this.inner.watch(id).then(() => {
      over = true;
      this.#board.exit(id);
    });
    for (const ms of [0, ADMITTED_BY_MS]) {
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms).unref());
      if (over) return;
      const open = await this.inner.connections({ companyId, userId, limit: MAX_STREAMS });
      // What the engine answers in one turn is in order: an end that was before is known.
      if (open.some((each) => each.id === id)) {
        if (!over && presence) this.#board.enter(id, companyId, userId, presence);
        return;
      }
    }
  }
}

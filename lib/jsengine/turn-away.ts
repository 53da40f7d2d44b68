import type { ByteSink, SinkHandle } from '../internal/engine.js';
import type { Flushable } from './scheduler.js';
import { closeQuietly } from './stream.js';

/** A stream that was not let in: it is told so, and closed, when it is flushed. */
export class TurnedAway implements SinkHandle, Flushable {
  private left = false;

  constructor(
    readonly connectionId: string,
    private readonly sink: ByteSink,
    /** All it gets; empty: nothing. */
    private readonly bytes: Uint8Array,
  ) {}

  ready(): void {
    // One write, whatever the sink said to it.
  }

  abort(): void {
    this.left = true;
  }

  flush(): void {
    if (this.left) return;
    this.left = true;
    try {
      if (this.bytes.length > 0) this.sink.write(this.bytes);
    } catch {
      // It was on its way out.
    }
    closeQuietly(this.sink);
  }
}

import type { SinkHandle } from '../internal/engine.js';
import type { Outlet, Payload } from './payload.js';
import type { Flushable } from './scheduler.js';
import { closeQuietly } from './stream.js';

/** A stream that was not let in: it is told so, and closed, when it is flushed. */
export class TurnedAway implements SinkHandle, Flushable {
  private left = false;

  constructor(
    readonly connectionId: string,
    private readonly sink: Outlet,
    /** All it gets. */
    private readonly payload: Payload | undefined,
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
      if (this.payload) this.sink.write(this.payload);
    } catch {
      // It was on its way out.
    }
    closeQuietly(this.sink);
  }
}

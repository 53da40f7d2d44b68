import type { EngineNotice } from '../internal/engine.js';

/** Hands notices over in a microtask, in order, so that a listener never runs inside the engine's own work. */
export class Notices {
  private queue: EngineNotice[] = [];

  constructor(private readonly listener: (notice: EngineNotice) => void) {}

  readonly add = (notice: EngineNotice): void => {
    if (this.queue.push(notice) === 1) queueMicrotask(() => this.flush());
  };

  private flush(): void {
    const notices = this.queue;
    this.queue = [];
    for (const notice of notices) {
      try {
        this.listener(notice);
      } catch {
        // A listener that throws stops no other notice; the hub reports its own errors.
      }
    }
  }
}

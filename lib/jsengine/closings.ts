import type { CloseReason } from '../protocol/events.js';
import type { Scheduler, Sliced } from './scheduler.js';
import type { Stream } from './stream.js';

/** For closing streams before the rest of the turn goes on, µs. */
const SLICE_US = 500;

interface Job {
  readonly streams: readonly Stream[];
  readonly reason: CloseReason;
  next: number;
  done(count: number): void;
}

/**
 * Streams that were asked to end together, and end a few a turn, so that another tenant does not wait for thousands.
 * From the moment they are in here they are offered nothing more.
 */
export class Closings implements Sliced {
  private readonly jobs: Job[] = [];

  constructor(
    private readonly scheduler: Scheduler,
    private readonly monotonicUs: () => number,
    private readonly finish: (stream: Stream, reason: CloseReason) => void,
  ) {}

  /** Resolves to how many there were, when all have ended: a few end at once. */
  add(streams: readonly Stream[], reason: CloseReason): Promise<number> {
    for (const stream of streams) stream.leave();
    return new Promise((done) => {
      const isFirst = this.jobs.push({ streams, reason, next: 0, done }) === 1;
      if (!isFirst || this.runSlice()) this.scheduler.runSoon(this, 0);
    });
  }

  runSlice(): boolean {
    const until = this.monotonicUs() + SLICE_US;
    for (let job = this.jobs[0]; job; job = this.jobs[0]) {
      for (let stream = job.streams[job.next]; stream; stream = job.streams[job.next]) {
        job.next++;
        this.finish(stream, job.reason);
        if (this.monotonicUs() >= until) break;
      }
      if (job.next < job.streams.length) return true;
      this.jobs.shift();
      job.done(job.streams.length);
    }
    return false;
  }

  /** Whoever waits is let go; nothing is closed any more. */
  close(): void {
    for (const job of this.jobs.splice(0)) job.done(job.streams.length);
  }
}

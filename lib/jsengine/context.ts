import type { EngineNotice, EngineOptions } from '../internal/engine.js';
import type { Counters } from './counters.js';
import type { Environment, HubClock } from './environment.js';
import type { Frames } from './frames.js';
import type { Scheduler } from './scheduler.js';

/** What the parts of one engine share. */
export interface Context {
  readonly options: EngineOptions;
  readonly env: Environment;
  readonly clock: HubClock;
  readonly frames: Frames;
  readonly counters: Counters;
  readonly scheduler: Scheduler;
  /** An `invalidate` is at most this long, and so is the memory of a conflated backlog. */
  readonly invalidateBytes: number;
  /** That live, this one among them. */
  nodes: number;
  /** Counts what any log here gets, and each log that begins. */
  moment: number;
  /** The `queryPaths` of a `resync`. */
  resyncPaths: readonly string[];
  /** Tells the hub, in a microtask. */
  notify(notice: EngineNotice): void;
}


/**
 * The time of the world that runs: one at a time has it. The globals are put in place once and for all, for Jest keeps each global in whose place another one
 * comes, with all that it holds: of a world each, 100,000 were 4 GB.
 */
import type { Clock, Task } from '../../client/simulation/clock.js';

const { setTimeout, clearTimeout } = globalThis;
const now = Date.now;
const channel = typeof setImmediate === 'function' ? undefined : new MessageChannel();
let clock: Clock | undefined;

const isTask = (timer: unknown): timer is Task => typeof timer === 'object' && timer !== null && 'nth' in timer;

Object.assign(globalThis, {
  setTimeout: (run: () => void, ms = 0, ...given: unknown[]) => (clock ? clock.after(ms, run) : setTimeout(run, ms, ...given)),
  clearTimeout: (timer: unknown) => {
    if (isTask(timer)) timer.run = undefined;
    else clearTimeout(timer as undefined);
  },
});
Date.now = () => (clock ? clock.now : now());

/** Until what this gives back is called, time is what the clock says. */
export function keepTime(by: Clock): () => void {
  clock = by;
  return () => {
    if (clock === by) clock = undefined;
  };
}

/** All that promises lead to, in a task of the machine's own: in Node, and in a browser. */
export function turn(): Promise<unknown> {
  if (!channel) return new Promise(setImmediate);
  return new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(undefined);
  });
}

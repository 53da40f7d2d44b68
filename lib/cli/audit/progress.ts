/** How far the audit is, on the standard error: one line that is written over in a terminal, a line now and then elsewhere. */
import type { Output } from '../streams.js';
import { visible } from '../terminal/text.js';

export interface Progress {
  step: (done: number, total: number, what: string) => void;
  end: () => void;
}

/** Shortest time between two writes in a terminal, in ms. */
const EVERY = 80;
/** The same in a log: nothing at all of a run that is over before. */
const EVERY_IN_LOG = 5_000;

/** @param now ms of a clock that goes forward. */
export function progressOn(stderr: Output, wanted: boolean, now: () => number = () => performance.now()): Progress {
  if (!wanted) return { step: () => undefined, end: () => undefined };
  return stderr.isTTY === true ? inTerminal(stderr, now) : inLog(stderr, now);
}

// Whether it can be seen is all one to the audit.
const put = (stderr: Output, text: string): void => void stderr.print(text).catch(() => undefined);

function inTerminal(stderr: Output, now: () => number): Progress {
  let last = 0;
  let shown = false;
  return {
    step(done, total, what) {
      if (now() - last < EVERY) return;
      last = now();
      shown = true;
      put(stderr, `\r\u001b[2K${`${visible(what)} ${done}/${total}`.slice(0, (stderr.columns ?? 80) - 1)}`);
    },
    end() {
      if (shown) put(stderr, '\r\u001b[2K');
    },
  };
}

function inLog(stderr: Output, now: () => number): Progress {
  let last = now();
  return {
    step(done, total, what) {
      if (now() - last < EVERY_IN_LOG) return;
      last = now();
      put(stderr, `pathcast audit: ${visible(what)} ${done}/${total}\n`);
    },
    end: () => undefined,
  };
}

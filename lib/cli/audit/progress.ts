/** How far the audit is, on the standard error: one line that is written over, and only for somebody who watches. */
import type { Output } from '../streams.js';
import { visible } from '../terminal/text.js';

export interface Progress {
  step: (done: number, total: number, what: string) => void;
  end: () => void;
}

/** Shortest time between two writes, in ms. */
const EVERY = 80;

export function progressOn(stderr: Output, wanted: boolean): Progress {
  if (!wanted || stderr.isTTY !== true) return { step: () => undefined, end: () => undefined };
  let last = 0;
  let shown = false;
  const put = (text: string): void => {
    // Whether it can be seen is all one to the audit.
    stderr.print(`\r\u001b[2K${text}`).catch(() => undefined);
  };
  return {
    step(done, total, what) {
      const now = performance.now();
      if (now - last < EVERY) return;
      last = now;
      shown = true;
      put(`${visible(what)} ${done}/${total}`.slice(0, (stderr.columns ?? 80) - 1));
    },
    end() {
      if (shown) put('');
    },
  };
}

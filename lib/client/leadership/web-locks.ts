/**
 * The lead as a Web Lock: the browser gives it to one tab, and to the next when that one is gone, crashed or closed.
 *
 * What the specification says and browsers do: `signal` may not stand beside `steal`; a stolen lock rejects the holder's request while its
 * callback runs on, and so does one that Safari takes from a page which it keeps for later. So a rejection is a demotion.
 */
import type { LockManagerLike } from '../environment.js';
import type { Candidate, Election } from './election.js';

export function webLocks(locks: LockManagerLike, name: string, { elected, deposed, broken }: Candidate): Election {
  /** Ends the request of now, pending or held. */
  let end: (() => void) | undefined;

  function request(steal: boolean): void {
    end?.();
    const abort = new AbortController();
    let held = false;
    let over = false;
    let free = (): void => undefined;
    end = () => {
      over = true;
      free();
      abort.abort();
    };
    const hold = (): Promise<void> =>
      new Promise((resolve) => {
        // It may be granted in the moment in which nobody wants it any more.
        if (over) return resolve();
        held = true;
        free = resolve;
        elected();
      });
    locks.request(name, steal ? { steal } : { signal: abort.signal }, hold).catch(() => {
      if (over) return;
      over = true;
      if (held) deposed();
      else broken();
    });
  }

  return {
    queued: true,
    join: () => request(false),
    take: () => request(true),
    leave: () => end?.(),
  };
}

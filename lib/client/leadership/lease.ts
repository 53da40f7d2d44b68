/**
 * The lead as a line in localStorage, where there are no Web Locks (a page over plain HTTP). The storage of two tabs is not one memory: each
 * writes its own name, looks again a moment later, and leads if that still stands. Two that both think so find each other by their
 * generations, in their messages and at the server.
 */
import type { Environment, StorageLike } from '../environment.js';
import type { Candidate, Election } from './election.js';

/** ms between writing and looking again, and a random part on top. */
const SETTLE_MS = 100;
/** ms in which a name that another tab has written is left alone: many that write at once would overwrite each other for ever. */
const RESPECT_MS = 500;

export function lease(
  environment: Environment,
  storage: StorageLike,
  { name, tab }: { name: string; tab: string },
  { elected, broken }: Candidate,
): Election {
  let settling: unknown;
  const mine = (): boolean => {
    try {
      return storage.getItem(name)?.split(' ')[0] === tab;
    } catch {
      // Forbidden meanwhile.
      return false;
    }
  };
  const drop = (): void => environment.clearTimeout(settling);
  return {
    queued: false,
    join: () => undefined,
    take() {
      drop();
      try {
        const [other, at] = storage.getItem(name)?.split(' ') ?? [];
        if (other !== tab && Math.abs(environment.now() - Number(at)) < RESPECT_MS) return;
        storage.setItem(name, `${tab} ${environment.now()}`);
      } catch {
        return broken();
      }
      settling = environment.setTimeout(
        () => {
          if (mine()) elected();
        },
        SETTLE_MS * (1 + environment.random()),
      );
    },
    leave() {
      drop();
      if (mine()) storage.removeItem(name);
    },
  };
}

/**
 * The lead as a line in localStorage, where there are no Web Locks (a page over plain HTTP). The storage of two tabs is not one memory: each
 * writes its own name, looks again a moment later, and leads if that still stands. Two that both think so find each other by their
 * generations, in their messages and at the server.
 */
import type { Environment, StorageLike } from '../environment.js';
import type { Candidate, Election } from './election.js';

/** ms between writing and looking again, and a random part on top. */
const SETTLE_MS = 100;

export function lease(
  environment: Environment,
  storage: StorageLike,
  { name, tab }: { name: string; tab: string },
  { elected, broken }: Candidate,
): Election {
  let settling: unknown;
  const drop = (): void => environment.clearTimeout(settling);
  return {
    queued: false,
    join: () => undefined,
    take() {
      drop();
      try {
        storage.setItem(name, tab);
      } catch {
        return broken();
      }
      settling = environment.setTimeout(
        () => {
          let now: string | null = null;
          try {
            now = storage.getItem(name);
          } catch {
            // Forbidden meanwhile.
          }
          if (now === tab) elected();
        },
        SETTLE_MS * (1 + environment.random()),
      );
    },
    leave() {
      drop();
      try {
        if (storage.getItem(name) === tab) storage.removeItem(name);
      } catch {
        // Whoever asks next gets no answer, and takes it.
      }
    },
  };
}

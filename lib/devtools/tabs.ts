/**
 * How many tabs share this page's stream, as far as the browser says it: one tab holds the lock of the stream, the others queue for it. The
 * page's own name among the holders is found by a lock of its own.
 */

interface LockInfo {
  readonly name?: string;
  readonly clientId?: string;
}
interface Locks {
  query(): Promise<{ held?: readonly LockInfo[]; pending?: readonly LockInfo[] }>;
  request(name: string, run: () => Promise<unknown>): Promise<unknown>;
}

/** As `pathcast/client` names its locks, of whichever version of what tabs say (SPEC §15). */
const STREAM_LOCK = /^pathcast%2F\d+ /;

/** Undefined: nobody knows. */
export async function countTabs(): Promise<number | undefined> {
  const { navigator } = globalThis as { navigator?: { locks?: Locks } };
  const locks = navigator?.locks;
  if (typeof locks?.query !== 'function') return undefined;
  try {
    const own = `pathcast devtools ${Math.random().toString(36).slice(2)}`;
    let found: Awaited<ReturnType<Locks['query']>> = {};
    await locks.request(own, async () => {
      found = await locks.query();
    });
    const held = found.held ?? [];
    const all = [...held, ...(found.pending ?? [])].filter(({ name = '' }) => STREAM_LOCK.test(name));
    const page = held.find(({ name }) => name === own)?.clientId;
    const names = new Set(all.filter(({ clientId }) => clientId === page).map(({ name }) => name));
    // Of two streams in a page nobody knows which one is meant.
    if (page === undefined || names.size !== 1) return undefined;
    return new Set(all.filter(({ name }) => names.has(name)).map(({ clientId }) => clientId)).size;
  } catch {
    return undefined;
  }
}

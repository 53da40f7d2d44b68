/**
 * How many streams a browser has for the inputs of its subscriptions: three at most, for it has six connections to a server. A stream is
 * counted by a shared Web Lock of its name, which every tab that has part in it holds, so what is gone is not counted, however it went.
 */
export const MAX_STREAMS = 3;

const PREFIX = 'pathcast/1 stream ';
/** One tab at a time looks and takes. */
const GATE = 'pathcast/1 streams';

interface Locks {
  request<T>(name: string, options: { mode: 'exclusive' | 'shared' }, held: () => T | Promise<T>): Promise<T>;
  query(): Promise<{ held?: { name?: string | undefined }[] | undefined }>;
}

type Browser = typeof globalThis & {
  navigator?: { locks?: Locks };
} & Target;

interface Target {
  document?: Target;
  addEventListener?: (name: string, listener: (event: { persisted?: boolean }) => void) => void;
  removeEventListener?: (name: string, listener: (event: { persisted?: boolean }) => void) => void;
}

export interface Seat {
  release(): void;
}

/** Without Web Locks only this page is counted: each of its tabs has streams of its own there. */
const ofPage = new Map<string, number>();

function takeInPage(stream: string): Seat | null {
  if (!ofPage.has(stream) && ofPage.size >= MAX_STREAMS) return null;
  ofPage.set(stream, (ofPage.get(stream) ?? 0) + 1);
  return {
    release() {
      const left = (ofPage.get(stream) ?? 1) - 1;
      if (left > 0) ofPage.set(stream, left);
      else ofPage.delete(stream);
    },
  };
}

/** Null: there are as many other streams as there may be. */
function takeInBrowser(locks: Locks, stream: string): Promise<Seat | null> {
  const name = PREFIX + stream;
  return locks.request(GATE, { mode: 'exclusive' }, async () => {
    const { held = [] } = await locks.query();
    const streams = new Set(held.flatMap((lock) => (lock.name?.startsWith(PREFIX) ? [lock.name] : [])));
    if (!streams.has(name) && streams.size >= MAX_STREAMS) return null;
    return new Promise<Seat>((granted, refused) => {
      locks
        .request(name, { mode: 'shared' }, () => new Promise<void>((release) => granted({ release })))
        .catch((error: unknown) => refused(error instanceof Error ? error : new Error(String(error))));
    });
  });
}

async function take(stream: string): Promise<Seat | null> {
  const { locks } = (globalThis as Browser).navigator ?? {};
  if (!locks) return takeInPage(stream);
  // Where storage is blocked so are locks.
  return takeInBrowser(locks, stream).catch(() => takeInPage(stream));
}

/**
 * Calls `taken` when there is room, `full` when there is none. A page that waits in the back-forward cache, or is frozen, has no seat: its
 * stream has ended. One that is shown again asks anew. Gives back what ends it.
 */
export function takeSeat(stream: string, { taken, full }: { taken: () => void; full: () => void }): () => void {
  const browser = globalThis as Browser;
  let seat: Seat | null = null;
  let wanted = true;
  const release = (): void => {
    seat?.release();
    seat = null;
  };
  let asking = false;
  const ask = (then: () => void): void => {
    if (seat || asking) return;
    asking = true;
    void take(stream).then((got) => {
      asking = false;
      if (!wanted) got?.release();
      else if ((seat = got)) then();
      else full();
    });
  };
  const resume = (): void => ask(() => undefined);
  const shown = ({ persisted }: { persisted?: boolean }): void => {
    if (persisted) resume();
  };
  const all = [
    [browser, 'pagehide', release],
    [browser, 'pageshow', shown],
    [browser.document, 'freeze', release],
    [browser.document, 'resume', resume],
  ] as const;
  for (const [target, name, run] of all) target?.addEventListener?.(name, run);
  ask(taken);
  return () => {
    wanted = false;
    for (const [target, name, run] of all) target?.removeEventListener?.(name, run);
    release();
  };
}

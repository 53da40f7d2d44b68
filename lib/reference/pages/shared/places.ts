/**
 * The streams that this browser may have, of all people and companies together: over HTTP/1.1 it keeps six connections to a server, and each stream
 * holds one for good. This page shows three people at once, in every workspace that somebody has open, so at the bound a stream waits for a
 * place. A place is a Web Lock; without those (a page that was loaded over HTTP from another machine) nothing waits.
 */
const MAX_STREAMS = 4;

/** Held by the tab that leads, for as long as it does. */
export class Place {
  #over = new AbortController();
  #taken: Promise<void> | undefined;

  /** Resolves when there is one. `onWait` is called where there is none yet. */
  take(onWait: () => void): Promise<void> {
    return (this.#taken ??= this.#take(this.#over.signal, onWait));
  }

  /** Idempotent. */
  giveBack(): void {
    if (!this.#taken) return;
    this.#over.abort();
    this.#over = new AbortController();
    this.#taken = undefined;
  }

  async #take(over: AbortSignal, onWait: () => void): Promise<void> {
    if (!('locks' in navigator)) return;
    const names = Array.from({ length: MAX_STREAMS }, (_, index) => `pathcast stream ${index}`);
    const free = new Promise<void>((resolve) => over.addEventListener('abort', () => resolve(), { once: true }));
    // Asked one by one: a look at which are free would be out of date as soon as several streams look at once.
    for (const name of names) if (await takeIfFree(name, free)) return;
    if (over.aborted) return;
    onWait();
    await takeFirstFree(names, over, free);
  }
}

/** False: somebody has it. Else it is held until `free`. */
function takeIfFree(name: string, free: Promise<void>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const hold = (lock: Lock | null): Promise<void> | undefined => {
      resolve(lock !== null);
      return lock ? free : undefined;
    };
    navigator.locks.request(name, { ifAvailable: true }, hold).catch(reject);
  });
}

/** Whichever of the locks is free first. */
function takeFirstFree(names: readonly string[], over: AbortSignal, free: Promise<void>): Promise<void> {
  const settled = new AbortController();
  const signal = AbortSignal.any([over, settled.signal]);
  return new Promise((resolve) => {
    for (const name of names) {
      const hold = (): Promise<void> | undefined => {
        // Several may be granted at once; one is enough.
        if (signal.aborted) return undefined;
        resolve();
        settled.abort();
        return free;
      };
      navigator.locks.request(name, { signal }, hold).catch(() => undefined);
    }
  });
}

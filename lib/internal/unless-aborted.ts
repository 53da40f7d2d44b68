/**
 * What `work` gives, or undefined as soon as `signal` aborts: an app's function that never settles holds nobody who has left. What `work` does after that, its failure too, is
 * nobody's any more.
 */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const left = (): void => resolve(undefined);
    if (signal.aborted) left();
    else signal.addEventListener('abort', left, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', left));
  });
}

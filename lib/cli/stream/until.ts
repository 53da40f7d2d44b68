/** A wait that ends with a time or a signal, whichever is first. */
export type Limit = 'deadline' | 'stopped';

/** `deadline`: by `performance.now()`. A signal that was stopped already resolves at once. After `cancel` nothing of it keeps the process alive. */
export function until(deadline: number, signal: AbortSignal | undefined): { reached: Promise<Limit>; cancel: () => void } {
  let cancel = (): void => undefined;
  const reached = new Promise<Limit>((resolve) => {
    const stop = (): void => resolve('stopped');
    const timer = setTimeout(() => resolve('deadline'), Math.max(0, deadline - performance.now()));
    cancel = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
  return { reached, cancel };
}

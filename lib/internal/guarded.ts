/**
 * Runs what an app gave to be told something. What it throws goes to `failed`, and so does what it rejects with: an async
 * function that nobody awaits would end the process.
 */
export function guarded(call: () => unknown, failed: (thrown: unknown) => void): void {
  try {
    const made = call();
    if (typeof made === 'object' && made !== null && 'then' in made && typeof made.then === 'function')
      void Promise.resolve(made as PromiseLike<unknown>).catch(failed);
  } catch (thrown) {
    failed(thrown);
  }
}

/** Promises that an app's function gave where a value was asked for. Nobody waits for them, and one that fails unheard would end the process. */
import { types } from 'node:util';

/** Values that are looked at: what a function of the app's has made is small. */
const MAX_VALUES = 1_000;

/** Whether it is a promise. Listens to it, and to those in it, for their failure alone. Never throws. */
export function hush(given: unknown): boolean {
  let left = MAX_VALUES;
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || left-- <= 0) return;
    if (types.isPromise(value)) listen(value);
    else if (!ArrayBuffer.isView(value)) for (const key of Object.keys(value).slice(0, left)) look((value as Record<string, unknown>)[key]);
  };
  try {
    look(given);
  } catch {
    // It cannot be read: told by who reads it.
  }
  try {
    return typeof (given as { then?: unknown } | null | undefined)?.then === 'function';
  } catch {
    return false;
  }
}

/** By the class of all promises: the `then` of a lazy one (a query that runs when it is waited for) is its own. */
function listen(promise: Promise<unknown>): void {
  void Promise.prototype.then.call(promise, undefined, () => undefined);
}

/** A mutation that answers with an async generator, or with promises in its answer, is not over before those are. */
import { types } from 'node:util';

type Generator = AsyncGenerator<unknown, unknown, unknown>;

interface Ends {
  /** Read to its end, or left early: what was done until then is done. */
  succeeded(): void;
  failed(thrown: unknown): void;
}

/** A stream that is no generator (a `ReadableStream`, say) does its work by itself, read or not. */
export function isGenerator(value: unknown): value is Generator {
  if (typeof value !== 'object' || value === null) return false;
  const { next, [Symbol.asyncIterator]: iterate } = value as Partial<Generator>;
  return typeof next === 'function' && typeof iterate === 'function';
}

/** The same values; each step runs by `inside`, and the end is told, once. */
export function watchGenerator(source: Generator, inside: <T>(fn: () => T) => T, ends: Ends): Generator {
  let over = false;
  const end = (tell: () => void): void => {
    if (over) return;
    over = true;
    tell();
  };
  const step = async (take: () => Promise<IteratorResult<unknown, unknown>>, last: boolean) => {
    let taken: IteratorResult<unknown, unknown>;
    try {
      taken = await inside(take);
    } catch (thrown) {
      inside(() => end(() => ends.failed(thrown)));
      throw thrown;
    }
    if (taken.done || last) inside(() => end(() => ends.succeeded()));
    return taken;
  };
  const watched: Generator = {
    next: (value?: unknown) => step(() => source.next(value), false),
    return: (value) =>
      step(async () => (await source.return?.(await value)) ?? { done: true as const, value: await value }, true),
    throw: (thrown) => {
      const raise = async (): Promise<never> => {
        throw thrown;
      };
      return step(() => source.throw?.(thrown) ?? raise(), false);
    },
    [Symbol.asyncIterator]: () => watched,
    [Symbol.asyncDispose]: async () => void (await watched.return(undefined)),
  };
  return watched;
}

/** Values of an answer looked at, and how deep: an answer is data, its promises are near the top. */
const MAX_VISITED = 10_000;
const MAX_DEPTH = 5;

/** Promises in an answer, which a client that streams its batch (httpBatchStreamLink) waits for one by one. */
export function pendingIn(answer: unknown): Promise<unknown>[] {
  return foundIn(answer, (value) => types.isPromise(value)) as Promise<unknown>[];
}

/** An answer of which something is made only when it is read: a promise, a statement that nobody has run, a stream. */
export function isUnmade(answer: unknown): boolean {
  return foundIn(answer, (value) => typeof value === 'object' && value !== null && (isIterable(value) || isThenable(value))).length > 0;
}

function isIterable(value: object): boolean {
  return typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function';
}

function isThenable(value: object): boolean {
  return typeof (value as Partial<PromiseLike<unknown>>).then === 'function';
}

function foundIn(answer: unknown, isWanted: (value: unknown) => boolean): unknown[] {
  const found: unknown[] = [];
  const seen = new Set<unknown>();
  let level: unknown[] = [answer];
  for (let depth = 0; level.length > 0 && depth <= MAX_DEPTH; depth++) {
    const below: unknown[] = [];
    for (const value of level) {
      if (isWanted(value)) found.push(value);
      else if (isPlain(value) && !seen.has(value) && seen.size < MAX_VISITED) {
        seen.add(value);
        // One by one: a list may have more elements than a call may have arguments.
        for (const each of valuesOf(value)) below.push(each);
      }
    }
    level = below;
  }
  return found;
}

/** When all of them, and those in what they give, are over, well or not. Never rejects. */
export async function settledIn(open: readonly Promise<unknown>[]): Promise<void> {
  const known = new Set(open);
  for (let wait = open; wait.length > 0;) {
    const results = await Promise.allSettled(wait);
    const given = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
    wait = pendingIn(given).filter((promise) => !known.has(promise));
    for (const promise of wait) known.add(promise);
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Without running any getter: what one would give is nobody's yet. */
function valuesOf(value: object): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  return Object.values(Object.getOwnPropertyDescriptors(value)).map((own) => own.value as unknown);
}

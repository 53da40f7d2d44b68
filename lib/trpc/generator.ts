/** A mutation that answers with an async generator is not over before that is. */

type Generator = AsyncGenerator<unknown, unknown, unknown>;

interface Ends {
  /** Read to its end, or left early: what was done until then is done. */
  succeeded(): void;
  failed(): void;
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
  const end = (how: keyof Ends): void => {
    if (over) return;
    over = true;
    ends[how]();
  };
  const step = async (take: () => Promise<IteratorResult<unknown, unknown>>, last: boolean) => {
    let taken: IteratorResult<unknown, unknown>;
    try {
      taken = await inside(take);
    } catch (thrown) {
      inside(() => end('failed'));
      throw thrown;
    }
    if (taken.done || last) inside(() => end('succeeded'));
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

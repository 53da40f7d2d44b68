/** Which subscriptions are one stream: those of equal procedure and input. */

/** JSON with the keys of objects in order: equal inputs are equal texts. Undefined: JSON cannot hold it. */
export function canonical(value: unknown): string | undefined {
  try {
    return JSON.stringify(value ?? {}, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    );
  } catch {
    return undefined;
  }
}

/** True for what a position can be added to: an object, or nothing. */
export function isOpen(input: unknown): input is Record<string, unknown> | null | undefined {
  return input === null || input === undefined || Object.getPrototypeOf(input) === Object.prototype;
}

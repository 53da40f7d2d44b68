/** The library's one error without its class, which would be much of this entry: told by its brand (client/invalid.ts). */
const NUMBERS = { INVALID_FIELD: 1001, INVALID_OPTION: 1006, DISCARDED: 1014, STORAGE: 4002 } as const;

/** `retryable`: the same call may succeed later. */
export function offlineError(code: keyof typeof NUMBERS, message: string, cause?: unknown, retryable = false): Error {
  return Object.assign(new Error(message, { cause }), { name: 'PathcastError', code, number: NUMBERS[code], retryable, [Symbol.for('pathcast.error')]: true });
}

/** The library's one error without its class, which would be much of this entry: told by its brand (client/invalid.ts). */
const NUMBERS = { INVALID_FIELD: 1001, INVALID_OPTION: 1006, DISCARDED: 1014, STORAGE: 4002, CLOCK: 4003 } as const;

/** `retryable`: the same call may succeed later. */
export function offlineError(code: keyof typeof NUMBERS, message: string, cause?: unknown, retryable = false): Error {
  return Object.assign(new Error(message, { cause }), { name: 'PathcastError', code, number: NUMBERS[code], retryable, [Symbol.for('pathcast.error')]: true });
}

/** Throws where `right` is not so: `<field> must be <allowed>, got <value>`. */
export function demand(right: unknown, field: string, allowed: string, value: unknown, code: 'INVALID_OPTION' | 'INVALID_FIELD' = 'INVALID_OPTION', cause?: unknown): void {
  if (!right) throw offlineError(code, `${field} must be ${allowed}, got ${typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : typeof value}`, cause);
}

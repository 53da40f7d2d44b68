/**
 * What is wrong with an option, as the library's one error. It is told by its brand, so `isPathcastError` and `instanceof PathcastError` hold
 * for it; the class itself, with its registry of codes, would be a twentieth of the client.
 */
export function invalid(message: string): Error {
  return Object.assign(new Error(message), {
    name: 'PathcastError',
    code: 'INVALID_OPTION',
    number: 1006,
    retryable: false,
    [Symbol.for('pathcast.error')]: true,
  });
}

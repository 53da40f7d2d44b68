/** A command cannot do what it was asked to: the message says in one line what to change. It ends with exit code 2. */
export class CommandError extends Error {
  override name = 'CommandError';
}

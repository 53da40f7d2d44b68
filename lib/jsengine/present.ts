/** For what an invariant says is there and the compiler cannot know. Throws where the invariant is broken. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('An invariant of the TypeScript engine is broken');
  return value;
}

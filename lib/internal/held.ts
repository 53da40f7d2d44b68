/**
 * Objects that are found as long as somebody else holds them: what is asked of each of them costs none of them its end.
 */
export class Held<T extends object> {
  readonly #refs = new Set<WeakRef<T>>();
  readonly #gone = new FinalizationRegistry<WeakRef<T>>((ref) => this.#refs.delete(ref));

  /** The returned function takes it out. */
  add(value: T): () => void {
    const ref = new WeakRef(value);
    this.#refs.add(ref);
    this.#gone.register(value, ref, ref);
    return () => {
      this.#refs.delete(ref);
      this.#gone.unregister(ref);
    };
  }

  /** Those that are there now. */
  all(): T[] {
    return [...this.#refs].flatMap((ref) => ref.deref() ?? []);
  }
}

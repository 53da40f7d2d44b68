/** What functions do, as it was found once: remembered for the next call that gives them nothing that they ask for. */
import type { FunctionNode } from '../../model.js';
import type { Callable } from '../calls/callables.js';
import type { Activation, Env } from '../code/environment.js';
import type { Collected } from './collected.js';

type Known = Map<FunctionNode, Map<string, Collected>>;

export class Summaries {
  readonly #plain: Known = new Map();
  readonly #closures = new WeakMap<Activation, Map<Env['databases'], Known>>();

  get({ fn, outer }: Callable, key: string): Collected | undefined {
    return (outer === undefined ? this.#plain : this.#closures.get(outer.activation)?.get(outer.databases))?.get(fn)?.get(key);
  }

  set({ fn, outer }: Callable, key: string, found: Collected): void {
    const known = outer === undefined ? this.#plain : this.#of(outer);
    const own = known.get(fn) ?? new Map<string, Collected>();
    known.set(fn, own.set(key, found));
  }

  /** A closure's are kept with the run of the function that made it, and with the databases that were known there. */
  #of({ activation, databases }: Env): Known {
    const runs = this.#closures.get(activation) ?? new Map<Env['databases'], Known>();
    this.#closures.set(activation, runs);
    const known: Known = runs.get(databases) ?? new Map<FunctionNode, Map<string, Collected>>();
    runs.set(databases, known);
    return known;
  }
}

/** What functions do, as it was found once: remembered for the next call that gives them nothing that they ask for. */
import type ts from 'typescript';
import type { FunctionNode } from '../../model.js';
import type { Callable } from '../calls/callables.js';
import type { Activation, Env } from '../code/environment.js';
import type { Collected } from './collected.js';
import { decidedOrOpen } from './decided.js';

interface Summary {
  found: Collected;
  /** It holds where the arguments leave these open. */
  open: readonly ts.Expression[];
}

type Known = Map<FunctionNode, Map<string, Summary>>;

export class Summaries {
  readonly #plain: Known = new Map();
  readonly #closures = new WeakMap<Activation, Map<Env['databases'], Known>>();

  /** @param env As the function would run now. */
  get({ fn, outer }: Callable, key: string, env: Env): Collected | undefined {
    const known = (outer === undefined ? this.#plain : this.#closures.get(outer.activation)?.get(outer.databases))?.get(fn)?.get(key);
    if (known === undefined) return undefined;
    const isOpen = known.open.every((condition) => decidedOrOpen(condition, env) === undefined);
    return isOpen ? known.found : undefined;
  }

  /** @param env As it ran. */
  set({ fn, outer }: Callable, key: string, env: Env, found: Collected): void {
    const known = outer === undefined ? this.#plain : this.#of(outer);
    const own = known.get(fn) ?? new Map<string, Summary>();
    known.set(fn, own.set(key, { found, open: [...(env.activation.open ?? [])] }));
  }

  /** A closure's are kept with the run of the function that made it, and with the databases that were known there. */
  #of({ activation, databases }: Env): Known {
    const runs = this.#closures.get(activation) ?? new Map<Env['databases'], Known>();
    this.#closures.set(activation, runs);
    const known: Known = runs.get(databases) ?? new Map<FunctionNode, Map<string, Summary>>();
    runs.set(databases, known);
    return known;
  }
}

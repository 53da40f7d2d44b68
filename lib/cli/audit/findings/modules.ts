/** Which module a table belongs to: by a hint, by its name, or by who reads it. */
import type { Hints, ProcedureFacts } from './facts.js';
import { lastSegment, moduleOf } from './paths.js';
import { keyOf } from './words.js';

export type HowOwned = 'hint' | 'name' | 'reads';

export interface Owner {
  modules: readonly string[];
  how: HowOwned;
}

export class TableOwners {
  readonly #byHint = new Map<string, string[]>();
  readonly #byName = new Map<string, string[]>();
  readonly #byReads = new Map<string, Set<string>>();

  constructor(procedures: readonly ProcedureFacts[], hints: Hints) {
    for (const [module, tables] of hints.modules) {
      for (const table of tables) push(this.#byHint, table, module);
    }
    const modules = new Set<string>();
    for (const { procedure, reads } of procedures) {
      if (procedure.kind !== 'query') continue;
      const module = moduleOf(procedure.path);
      if (module === '') continue;
      modules.add(module);
      for (const { table, along } of reads ?? []) {
        // What is read along with another table says little of whose it is.
        if (along) continue;
        const readers = this.#byReads.get(keyOf(table)) ?? new Set();
        this.#byReads.set(keyOf(table), readers.add(module));
      }
    }
    for (const module of modules) push(this.#byName, keyOf(lastSegment(module)), module);
  }

  /** Undefined where nothing tells. With several modules any of them may be meant. */
  ownerOf(table: string): Owner | undefined {
    const hinted = this.#byHint.get(table);
    if (hinted) return { modules: hinted, how: 'hint' };
    const name = keyOf(table.slice(table.lastIndexOf('.') + 1));
    const named = this.#byName.get(name);
    if (named) return { modules: named, how: 'name' };
    const readers = this.#byReads.get(keyOf(table));
    return readers ? { modules: [...readers], how: 'reads' } : undefined;
  }
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

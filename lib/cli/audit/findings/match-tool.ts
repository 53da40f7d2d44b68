/** Finds the mutation that a chatbot's tool stands for, and says how it was found. Without a single best answer there is none. */
import type { RawTool } from '../effects/types.js';
import type { ToolReport } from '../report.js';
import type { TableOwners } from './modules.js';
import type { Judged } from './mutations.js';
import { lastSegment, moduleOf } from './paths.js';
import { distinct, keyOf, singular, wordsOf } from './words.js';

export interface Match {
  mutation: Judged;
  by: NonNullable<ToolReport['matchedBy']>;
}

/** Verbs that say the same; the first is the one that a plain procedure has. */
const VERBS: Readonly<Record<'insert' | 'update' | 'delete', readonly string[]>> = {
  insert: ['create', 'add', 'insert', 'new', 'register'],
  update: ['update', 'edit', 'modify', 'change', 'patch', 'set', 'save'],
  delete: ['delete', 'remove', 'destroy', 'drop'],
};
const FAMILY = new Map(
  Object.entries(VERBS).flatMap(([family, verbs]) => verbs.map((verb): [string, string] => [verb, family])),
);
const same = (word: string): string => FAMILY.get(word) ?? singular(word);

export class ToolMatcher {
  readonly #byPath: ReadonlyMap<string, Judged>;

  constructor(
    readonly mutations: readonly Judged[],
    readonly owners: TableOwners,
    readonly hints: ReadonlyMap<string, string>,
  ) {
    this.#byPath = new Map(mutations.map((mutation) => [mutation.report.path, mutation]));
  }

  find(tool: string, runs: readonly RawTool[]): Match | undefined {
    const hinted = this.hints.get(tool);
    if (hinted !== undefined) return this.#match(this.#byPath.get(hinted), 'config');
    const called = distinct(runs.flatMap((run) => run.calls)).flatMap((path) => this.#byPath.get(path) ?? []);
    if (called.length === 1) return this.#match(called[0], 'call');
    return (
      this.#match(this.#byWholeName(tool), 'name') ??
      this.#match(this.#byWrites(runs), 'writes') ??
      this.#match(this.#byLooseName(tool), 'name')
    );
  }

  #match(mutation: Judged | undefined, by: Match['by']): Match | undefined {
    return mutation && { mutation, by };
  }

  /** `update_guest_rsvp` is `guests.updateRSVP`: module and action use up the tool's words. */
  #byWholeName(tool: string): Judged | undefined {
    const words = keysOf(tool);
    return only(this.mutations.filter((mutation) => without(words, nameOf(mutation))?.length === 0));
  }

  /** `add_hotel_booking` is `hotels.create`: a word is left over. */
  #byLooseName(tool: string): Judged | undefined {
    const words = keysOf(tool);
    const fits = this.mutations
      .map((mutation) => ({ mutation, left: without(words, nameOf(mutation))?.length ?? Infinity }))
      .filter(({ left }) => left < words.length);
    const best = Math.min(...fits.map(({ left }) => left));
    return best === Infinity
      ? undefined
      : only(fits.filter(({ left }) => left === best).map(({ mutation }) => mutation));
  }

  /** The only mutation that writes the same; else the plain one (`create`, `update`, `delete`) of the module whose table it writes first. */
  #byWrites(runs: readonly RawTool[]): Judged | undefined {
    const writes = runs.flatMap((run) => run.effects.writes).filter((write) => write.table !== '?');
    const [first] = writes;
    if (!first) return undefined;
    const own = signature(writes);
    const equal = only(this.mutations.filter((mutation) => signature(mutation.report.writes) === own));
    if (equal) return equal;
    const modules = this.owners.ownerOf(first.table)?.modules ?? [];
    const wanted = `${keyOf(first.table)} ${first.operation}`;
    const candidates = this.mutations.filter(
      ({ report }) =>
        modules.includes(moduleOf(report.path)) &&
        report.writes.some((write) => `${keyOf(write.table)} ${write.operation}` === wanted),
    );
    if (candidates.length < 2) return candidates[0];
    const family = first.operation === 'upsert' || first.operation === 'execute' ? undefined : VERBS[first.operation];
    return only(candidates.filter(({ report }) => family?.includes(lastSegment(report.path).toLowerCase())));
  }
}

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);

const keysOf = (name: string): string[] => wordsOf(name).map(same);

/** Words of the module's own name, then of the action without those: `guests.createGuest` is `guest` and `insert`. */
function nameOf({ report: { path } }: Judged): string[] {
  const module = keysOf(lastSegment(moduleOf(path)));
  const action = keysOf(lastSegment(path)).filter((word) => !module.includes(word));
  return [...module, ...action];
}

/** What is left of `words` without each of `taken`; undefined where one of these is not among them. */
function without(words: readonly string[], taken: readonly string[]): string[] | undefined {
  const left = [...words];
  for (const word of taken) {
    const at = left.indexOf(word);
    if (at < 0) return undefined;
    left.splice(at, 1);
  }
  return left;
}

function signature(writes: readonly { table: string; operation: string }[]): string {
  return distinct(writes.map((write) => `${keyOf(write.table)} ${write.operation}`))
    .sort()
    .join();
}

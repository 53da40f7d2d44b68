/** What becomes of a conflicted entry when a person has decided. Pure; the outbox gives the id, renames what stands behind it, and keeps it all. */
import type { OutboxEntry, Resolution, SeenField } from '../types.js';

export interface Resolved {
  /** In its place, with its `seq`, under a new id: the old one may be taken at the server. Undefined: nothing of it is done (`theirs`). */
  readonly entry: OutboxEntry | undefined;
  /** By field, what the person has seen now: the base of what stood upon an entry that is gone. */
  readonly base: Readonly<Record<string, SeenField>>;
  /** By field, the version that the person has seen now. */
  readonly seen: Readonly<Record<string, string>>;
}

/** `merge`: of the mutation, where its input has its fields in another place than under their names. */
export function resolved(
  entry: OutboxEntry,
  how: Resolution,
  id: string,
  merge: (input: never, fields: Record<string, unknown>) => unknown = (input, fields) => ({ ...Object(input), ...fields }),
): Resolved {
  const { conflicts = [], error: _error, reason: _reason, answer: _answer, ackedAt: _ackedAt, ...rest } = entry;
  const seen: Record<string, string> = {};
  const base = { ...entry.base };
  for (const { field, version, ...sides } of conflicts) {
    seen[field] = version;
    base[field] = { ...('theirs' in sides && { value: sides.theirs }), version };
  }
  if (how === 'theirs') return { entry: undefined, base, seen };
  // What stands behind it, and the action of a try whose answer was lost, may still name the old ones.
  const next: OutboxEntry = { ...rest, id, squashed: [...entry.squashed, entry.id], state: 'queued', attempts: 0, failures: 0, notBefore: 0, base };
  if (how === 'mine') return { entry: next, base, seen };
  const { merged } = how;
  return { entry: { ...next, fields: { ...entry.fields, ...merged }, input: merge(entry.input as never, { ...merged }) }, base, seen };
}

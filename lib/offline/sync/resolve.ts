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

const mix = (input: unknown, fields: Readonly<Record<string, unknown>>): unknown => ({ ...Object(input), ...fields });

/** `merge`: of the mutation, where its input has its fields in another place than under their names. */
export function resolved(entry: OutboxEntry, how: Resolution, id: string, merge: (input: never, fields: Record<string, unknown>) => unknown = mix): Resolved {
  const conflicts = entry.conflicts ?? [];
  const decided = Object.fromEntries(conflicts.map((conflict): [string, SeenField] => [conflict.field, { ...('theirs' in conflict && { value: conflict.theirs }), version: conflict.version }]));
  const base = { ...entry.base, ...decided };
  const seen = Object.fromEntries(conflicts.map(({ field, version }) => [field, version]));
  if (how === 'theirs') return { entry: undefined, base, seen };
  const next: { -readonly [Key in keyof OutboxEntry]: OutboxEntry[Key] } = {
    ...entry,
    id,
    // What stands behind it, and the action of a try whose answer was lost, may still name the old ones.
    squashed: [...entry.squashed, entry.id],
    state: 'queued',
    attempts: 0,
    failures: 0,
    notBefore: 0,
    base,
  };
  if (how !== 'mine') {
    next.fields = { ...entry.fields, ...how.merged };
    next.input = merge(entry.input as never, { ...how.merged });
  }
  for (const part of ['conflicts', 'error', 'reason', 'answer', 'ackedAt'] as const) delete next[part];
  return { entry: next, base, seen };
}

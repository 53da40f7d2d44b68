/** What an entry's fields were when their user changed them, kept true while entries before it come and go. Pure. */
import type { OutboxEntry, SeenField } from '../types.js';

type Base = Readonly<Record<string, SeenField>>;

/** Those that have seen the change of `old`, with what they have seen `instead`; undefined: nothing is known. */
function reseen(entries: readonly OutboxEntry[], old: string, instead: (field: string, seen: SeenField) => SeenField | undefined): OutboxEntry[] {
  return entries.flatMap((entry) => {
    const base: Record<string, SeenField> = {};
    let changed = false;
    for (const [field, seen] of Object.entries(entry.base)) {
      const is = seen.version === old;
      const now = is ? instead(field, seen) : seen;
      if (now) base[field] = now;
      changed ||= is;
    }
    return changed ? [{ ...entry, base }] : [];
  });
}

/** `old` has a new name: those that have seen its change have seen it under that. Only what changed. */
export const renamed = (entries: readonly OutboxEntry[], old: string, version: string): OutboxEntry[] => reseen(entries, old, (_, seen) => ({ ...seen, version }));

/** `gone` went without effect: what had seen its change has seen what it had seen, or `base`. Only what changed. */
export const without = (entries: readonly OutboxEntry[], gone: OutboxEntry, base: Base = gone.base): OutboxEntry[] => reseen(entries, gone.id, (field) => base[field]);

/** The bases of two entries that become one: of what both set, what was seen first. What the first had not seen itself is not known. */
export function firstBase(first: OutboxEntry, then: Base): Record<string, SeenField> {
  const base = { ...then };
  for (const field in first.fields) delete base[field];
  return { ...base, ...first.base };
}

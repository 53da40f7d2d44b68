/** What an entry's fields were when their user changed them, kept true while entries before it come and go. Pure. */
import type { OutboxEntry, SeenField } from '../types.js';

type Base = Readonly<Record<string, SeenField>>;

const isOf = (entry: OutboxEntry, other: OutboxEntry): boolean => entry.id !== other.id && entry.lane === other.lane;

/** `entry` has a new name: those that have seen its change have seen it under that. Only what changed. */
export function renamed(entries: readonly OutboxEntry[], old: string, id: string): OutboxEntry[] {
  return moved(entries, (entry) => {
    const base = Object.entries(entry.base).map(([field, seen]) => [field, seen.version === old ? { ...seen, version: id } : seen] as const);
    return base.some(([field, seen]) => seen !== entry.base[field]) ? Object.fromEntries(base) : undefined;
  });
}

/** `gone` went without effect: what had seen its change has seen what it had seen, or `instead`. Only what changed. */
export function without(entries: readonly OutboxEntry[], gone: OutboxEntry, instead: Base = gone.base): OutboxEntry[] {
  return moved(entries.filter((entry) => isOf(entry, gone)), (entry) => {
    const base: Record<string, SeenField> = { ...entry.base };
    let changed = false;
    for (const [field, { version }] of Object.entries(entry.base)) {
      if (version !== gone.id) continue;
      changed = true;
      const seen = instead[field];
      if (seen) base[field] = seen;
      else delete base[field];
    }
    return changed ? base : undefined;
  });
}

function moved(entries: readonly OutboxEntry[], baseOf: (entry: OutboxEntry) => Base | undefined): OutboxEntry[] {
  return entries.flatMap((entry) => {
    const base = baseOf(entry);
    return base ? [{ ...entry, base }] : [];
  });
}

/** The bases of two entries that become one: of what both set, what was seen first. */
export function firstBase(first: OutboxEntry, then: Base): Record<string, SeenField> {
  const base: Record<string, SeenField> = { ...then };
  for (const field of Object.keys(first.fields)) {
    const seen = first.base[field];
    if (seen) base[field] = seen;
    // What it had not seen itself is not known.
    else delete base[field];
  }
  return { ...base, ...first.base };
}

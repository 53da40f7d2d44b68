/** Whether a field that two people had may be written: by versions, then by values. No I/O. */
import { createHash } from 'node:crypto';
import { canonical } from './canonical.js';
import type { FieldHistory, LockedEntity, Version } from './store.js';

/** Values as canonical text; undefined: there is none. */
export interface FieldCall {
  history: FieldHistory;
  deleted: LockedEntity['deleted'];
  /** What the row has now. */
  current: string | undefined;
  /** There is a row. */
  exists: boolean;
  /** Undefined: it is not compared. Null: no version is known. */
  expected: string | null | undefined;
  mine: string | undefined;
  /** The caller says that the user has changed it, so that it is a change even where the value is the old one. */
  named: boolean;
  /** The same value. */
  same: (a: string | undefined, b: string | undefined) => boolean;
}

/** What the field is now. */
export interface Present {
  version: string;
  /** Nobody has written it through `sync.transaction()` yet. */
  unwritten: boolean;
  /** Null where it was not written through `sync.transaction()`. */
  by: string | null;
  at: number | null;
}

/** `write`: goes. `leave`: the caller did not change it and somebody else did. */
export type Verdict = { kind: 'write' | 'leave' } | { kind: 'conflict'; base: Version | undefined };

/** Who wrote past `sync.transaction()` left no version: what is there then is told by its value. */
export function presentOf({ history: { newest }, deleted, current, exists, same }: Pick<FieldCall, 'deleted' | 'current' | 'exists' | 'same'> & { history: Pick<FieldHistory, 'newest'> }): Present {
  if (deleted && !exists) return { version: deleted.transactionId, unwritten: false, by: deleted.userId || null, at: deleted.at };
  if (newest && !newest.replaced && same(newest.value, current)) return { version: newest.version, unwritten: false, by: newest.userId || null, at: newest.at };
  return { version: nameOf(current), unwritten: !newest && !deleted, by: null, at: null };
}

/** A name for a value that has no version: equal for equal values. */
export function nameOf(value: string | undefined): string {
  const text = value === undefined ? '' : canonical(JSON.parse(value));
  return `~${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
}

/** The same value through the transformer, whatever the order of keys. */
export function isSame(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && canonical(JSON.parse(a)) === canonical(JSON.parse(b)));
}

export function verdictOf(call: FieldCall, present: Present): Verdict {
  const { history, expected, current, mine, named, same } = call;
  if (expected === undefined || expected === present.version || (expected === null && present.unwritten)) return { kind: 'write' };
  // A name by value needs no history to be compared.
  if (same(mine, current) || expected === nameOf(current)) return { kind: 'write' };
  if (!named && expected === nameOf(mine)) return { kind: 'leave' };
  // Who knows of no version has seen what was there before the first one.
  const base = expected === null ? history.origin : history.expected;
  if (base) {
    if (same(base.value, current)) return { kind: 'write' };
    if (!named && same(base.value, mine)) return { kind: 'leave' };
  }
  return { kind: 'conflict', base };
}

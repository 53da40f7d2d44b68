/**
 * Invalidation by input (SPEC §19): which inputs of a query a change concerns. Imports nothing: the browser reads it too.
 *
 * All of it errs to one side: what is not known to differ may be the same.
 */

export type WhereScalar = string | number | boolean;
/** What one path is narrowed to: each key to one value or to any of several. */
export type Restriction = Readonly<Record<string, WhereScalar | readonly WhereScalar[]>>;
/** By query path. As it travels: dates as ISO text, bigints as their digits. */
export type Where = Readonly<Record<string, Restriction>>;

/** Paths that one event narrows, keys of one restriction, and values of one key; what is more is not narrowed. */
export const WHERE_PATHS = 32;
export const WHERE_KEYS = 4;
export const WHERE_VALUES = 16;
/** Values of a list that are looked at, for some may stand there again and again; a longer one is not narrowed by. */
export const WHERE_LOOKED = 1_000;
/** Characters of a key and of a text. */
export const WHERE_TEXT = 128;
/** Of its JSON; beyond it nothing is narrowed. */
export const WHERE_BYTES = 2_048;

/**
 * Whether a query with this input is certainly not concerned: some key stands in both as an own property of plain objects, both scalar, and
 * they differ.
 */
export function contradicts(restriction: Readonly<Record<string, unknown>>, input: unknown): boolean {
  if (!isPlain(restriction) || !isPlain(input)) return false;
  return Object.keys(restriction).some((key) => {
    if (!Object.hasOwn(input, key)) return false;
    const wanted = restriction[key];
    const values: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted];
    return values.length > 0 && values.every((value) => differ(value, input[key]));
  });
}

/** As it travels; undefined: it is none that can be compared. */
export function scalarOf(value: unknown): WhereScalar | undefined {
  if (typeof value === 'string') return value.length <= WHERE_TEXT ? value : undefined;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'bigint') return scalarOf(String(value));
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : undefined;
}

/** What `one` or `other` concerns, or a little more; undefined: anything. */
export function joinRestrictions(one: Restriction, other: Restriction): Restriction | undefined {
  const joined: [string, WhereScalar | readonly WhereScalar[]][] = [];
  for (const [key, value] of Object.entries(one)) {
    if (!Object.hasOwn(other, key)) continue;
    const values = [...new Set([value, other[key] as typeof value].flat())];
    if (values.length <= WHERE_VALUES) joined.push([key, values.length === 1 ? (values[0] as WhereScalar) : values]);
  }
  return joined.length === 0 ? undefined : Object.fromEntries(joined);
}

/**
 * A restriction as it travels, of what an app gave: values that cannot be compared take their key with them, for then any input may be
 * concerned. Undefined: nothing is left.
 */
export function restrictionOf(given: unknown): Restriction | undefined {
  if (!isPlain(given)) return undefined;
  const kept: [string, WhereScalar | readonly WhereScalar[]][] = [];
  for (const [key, value] of Object.entries(given)) {
    if (kept.length === WHERE_KEYS) break;
    const all: readonly unknown[] = Array.isArray(value) ? value : [value];
    // Nobody looks whether so many are the same few.
    if (all.length > WHERE_LOOKED) continue;
    const values = [...new Set(all.map(scalarOf))];
    if (key.length > WHERE_TEXT || values.length === 0 || values.length > WHERE_VALUES || values.includes(undefined)) continue;
    kept.push([key, values.length === 1 ? (values[0] as WhereScalar) : (values as WhereScalar[])]);
  }
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** Undefined: the path concerns any input. */
export function restrictionAt(where: unknown, path: string): Restriction | undefined {
  if (!isPlain(where) || !Object.hasOwn(where, path)) return undefined;
  const restriction = where[path];
  return isPlain(restriction) ? (restriction as Restriction) : undefined;
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

const DATE = /^[+-]?\d{4,6}-\d\d(-\d\d)?/;
/** One number has one such text, however long. */
const PLAIN = /^(0|-?[1-9]\d*)$/;
const TWO_DAYS_MS = 172_800_000;

/** As databases compare texts that look at neither case nor accents. */
let collator: Intl.Collator | undefined;
/** Made when it is first needed: who only asks `isPlain` does not pay for it. */
const lettersOf = (): Intl.Collator => (collator ??= new Intl.Collator('und', { sensitivity: 'base', ignorePunctuation: false }));

/**
 * Both are scalars of one kind, and not the same. A server's parser may make a number of a text, trim it, change its case, complete a date, and its
 * database may find what has other accents: so texts that differ by no more than that are the same, and so is what is not of one kind.
 */
function differ(one: unknown, other: unknown): boolean {
  const a = folded(one);
  const b = folded(other);
  if (a === undefined || typeof a !== typeof b || a === b) return false;
  if (typeof a !== 'string' || typeof b !== 'string') return true;
  if (lettersOf().compare(a, b) === 0) return false;
  const dates = Number(DATE.test(a)) + Number(DATE.test(b));
  if (dates === 0) return !sameNumber(a, b);
  // A day, a time, a time somewhere else: of two texts only one is a date where the other is no time at all.
  return dates === 2 && Math.abs(Date.parse(a) - Date.parse(b)) > TWO_DAYS_MS;
}

/** Of two that are written as the other is not: `5`, `05`, `5.0`, `0x5`. */
function sameNumber(a: string, b: string): boolean {
  return Number(a) === Number(b) && !(PLAIN.test(a) && PLAIN.test(b));
}

/** A bigint travels as a text; where it does not travel, and in a text of digits, it is one too. */
function folded(value: unknown): WhereScalar | undefined {
  const scalar = scalarOf(value);
  if (typeof scalar !== 'string') return scalar;
  // Again, for what either gives may be changed by the other once more.
  return sameCase(sameCase(scalar)).normalize('NFKC').trim();
}

/** Both ways: one rule alone makes the same what the other does not (`ß` and `SS`, `ı` and `I`, the sigmas). */
function sameCase(text: string): string {
  return text.normalize('NFKC').toUpperCase().toLowerCase();
}

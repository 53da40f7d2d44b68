/** JSON that PostgreSQL takes: its texts have no NUL, and no half of a surrogate pair. */

/** Of one value; it is not changed. */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return clean(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one: unknown) => storable(one)) as T;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [clean(key), storable<unknown>(one)])) as T;
}

// A lone surrogate: of a pair both are matched together, and put back.
const UNFIT = /[\uD800-\uDBFF][\uDC00-\uDFFF]|[\0\uD800-\uDFFF]/g;

const clean = (text: string): string => text.replace(UNFIT, (found) => (found.length > 1 ? found : '\uFFFD'));

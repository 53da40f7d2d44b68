/** A short, safe text for any value inside an error message. Never throws, never runs the value's code. */
const MAX_TEXT = 60;

export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > MAX_TEXT
        ? `${JSON.stringify(value.slice(0, MAX_TEXT))}… (${value.length} characters)`
        : JSON.stringify(value);
    case 'bigint':
      return `${String(value).slice(0, MAX_TEXT)}n`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      return isArray(value) ? 'an array' : 'an object';
    default:
      return String(value);
  }
}

/** The same without a word of what a text says: an id, or what stands where one should, may be a secret. */
export function describeKind(value: unknown): string {
  if (typeof value === 'string') return value === '' ? "''" : `a string of ${value.length} characters`;
  return describe(value);
}

/** `Array.isArray` throws on a revoked proxy. */
export function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** The message of whatever was thrown. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    if (typeof thrown === 'object' && thrown !== null && 'message' in thrown && typeof thrown.message === 'string')
      return thrown.message;
    return describe(thrown);
  } catch {
    return 'an unreadable error';
  }
}

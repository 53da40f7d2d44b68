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

/** The same of any value: a number may be a secret too. */
export function describeType(value: unknown): string {
  return ['number', 'bigint', 'boolean'].includes(typeof value) ? `a ${typeof value}` : describeKind(value);
}

/** A name that a class may have; any other text may be made of anything. */
const CLASS_NAME = /^[A-Za-z_$][\w$]{0,59}$/;
/** Of a frame of a stack: file, line and column. */
const PLACE = /^ {4}at (?:.* \()?((?:file:|\/|[A-Za-z]:\\)[^\s()]*:\d+:\d+)\)?$/m;

/**
 * What was thrown, without a word of what it says: an error of the app's code over an input may quote it. Its class, and where
 * in that code it was thrown. Never throws.
 */
export function describeThrown(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return describeType(thrown);
    const { name } = thrown.constructor;
    const place = placeOf(thrown);
    return `${CLASS_NAME.test(name) ? name : 'Error'}${place === undefined ? '' : ` at ${place}`}`;
  } catch {
    return 'an unreadable error';
  }
}

/** Behind the message, which may look like a frame. */
function placeOf({ stack, message }: Error): string | undefined {
  const at = stack?.indexOf(message) ?? -1;
  return at < 0 ? undefined : PLACE.exec((stack as string).slice(at + message.length))?.[1];
}

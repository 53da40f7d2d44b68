/** Query keys as `@trpc/react-query` and `@trpc/tanstack-react-query` write them: `[['guests','getAll'], { input, type }]`, after a prefix or not. */

export interface TrpcKey {
  readonly path: string;
  readonly input: unknown;
  /** Its pages have a cursor and a direction each, which do not stand in the key. */
  readonly infinite: boolean;
}

const isWords = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((word) => typeof word === 'string');

/** Undefined: a key of another shape. The key of everything (`[]`, or a prefix alone with nothing after it) has the path `*`. */
export function readTrpcKey(key: unknown): TrpcKey | undefined {
  // Of a mutation's key the library demands no array.
  const [first, second, third] = (Array.isArray(key) ? key : []) as readonly unknown[];
  if (!isWords(first)) return undefined;
  const prefixed = isWords(second);
  const path = prefixed ? second : first;
  const { input, type } = Object(prefixed ? third : second) as { input?: unknown; type?: unknown };
  return { path: path.join('.') || '*', input, infinite: type === 'infinite' };
}

/** The query paths of a tRPC query key; undefined: it is none. What `pathsOf` is without an option of one's own. */
export const trpcPathsOf = (queryKey: readonly unknown[]): string | undefined => readTrpcKey(queryKey)?.path;

/** `guests.getById` and all that covers it, the widest first: `*`, `guests`, `guests.getById`. */
export function namesOf(path: string): string[] {
  const names = ['*'];
  if (path === '*') return names;
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) names.push(path.slice(0, dot));
  names.push(path);
  return names;
}

/** The same text for inputs that are the same; undefined: it cannot be written. */
export function textOf(input: unknown): string | undefined {
  try {
    return JSON.stringify(input, (_, value: unknown) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
    }) ?? '';
  } catch {
    return undefined;
  }
}

/** A longer input has no name, characters: its answers are as new as the beginning of their fetch. */
const MAX_INPUT = 2_000;

function nameText(input: unknown): string | undefined {
  const text = textOf(input);
  return text !== undefined && text.length <= MAX_INPUT ? text : undefined;
}

/** Under which names a call to `path` with `input` may be a query's: as it is, and as a page of an infinite one. */
export function callNames(path: string, input: unknown): string[] {
  const names: string[] = [];
  const whole = nameText(input);
  if (whole !== undefined) names.push(`query ${path} ${whole}`);
  // A page's cursor and direction are left out; where nothing else was given, so is the input.
  const { cursor: _cursor, direction: _direction, ...rest } = Object(input) as Record<string, unknown>;
  const page = nameText(rest);
  if (page !== undefined) names.push(`infinite ${path} ${page}`);
  return names;
}

/** The name under which the calls of a query are known. */
export function callName(queryKey: readonly unknown[]): string | undefined {
  const key = readTrpcKey(queryKey);
  if (!key) return undefined;
  const text = nameText(key.infinite ? Object(key.input) : key.input);
  return text === undefined ? undefined : `${key.infinite ? 'infinite' : 'query'} ${key.path} ${text}`;
}

/** Which subscriptions are one stream: those of equal procedure and input, wherever each of them begins and whosoever asks. */

/** What a subscription asks for: what is shared, and what is its own. */
export interface Shared {
  /** The part that every subscription of the stream has. */
  input: Record<string, unknown>;
  /** That part as text: equal parts are equal texts. */
  key: string;
  /** Where its page stands; undefined: from now. */
  since: string | number | undefined;
  /** Actions of this origin are not for it. */
  excluded: unknown;
}

/** The stream's own: the client gives it another for each attempt. */
const IDENTITY = ['clientInstanceId', 'clientGeneration'];
/** The first that is there counts, as at the server. */
const POSITIONS = ['lastEventId', 'since', 'lastSyncTimestamp'];

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

/**
 * JSON with the keys of objects in order. Throws for what JSON does not hold as it is, a Set, a Date, a number that is none: the app's
 * transformer may, and two that look equal as JSON need not be.
 */
function canonical(value: unknown): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isPlain(value)) throw new TypeError('not of JSON');
  const given = Object.keys(value).filter((name) => value[name] !== undefined);
  return `{${given.sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`;
}

const isPosition = (value: unknown): value is string | number => (typeof value === 'number' ? value >= 0 && value < Infinity : /^\w{1,32}\.\d+$/.test(String(value)));

/** Undefined: it cannot be shared, and goes its way alone. */
export function sharedPartOf(given: unknown): Shared | undefined {
  if (given !== null && given !== undefined && !isPlain(given)) return undefined;
  const { excludeSourceId: excluded, ...input } = given ?? {};
  const since = POSITIONS.map((name) => input[name]).find((value) => value !== undefined && value !== null);
  if (since !== undefined && !isPosition(since)) return undefined;
  for (const name of [...IDENTITY, ...POSITIONS]) delete input[name];
  try {
    return { input, key: canonical(input), since, excluded };
  } catch {
    return undefined;
  }
}

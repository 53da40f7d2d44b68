/** Words of the panel. Everything that comes from elsewhere is cut: a key may hold a whole input. */

const MAX_KEY = 160;
const MAX_PATH = 120;
const MAX_MESSAGE = 200;

/** Without half of a character at its end. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** A query key as it is read: `guests.getById {"id":"g1"}` where it is one of tRPC's, else its JSON. */
export function keyText(queryKey: readonly unknown[]): string {
  const [path, options] = queryKey;
  try {
    if (Array.isArray(path) && path.every((word) => typeof word === 'string')) {
      const { input, type } = Object(options) as { input?: unknown; type?: unknown };
      const rest = [input === undefined ? '' : JSON.stringify(input), type === 'infinite' ? 'infinite' : ''].filter(Boolean);
      return cut([path.join('.') || '*', ...rest].join(' '), MAX_KEY);
    }
    return cut(JSON.stringify(queryKey), MAX_KEY);
  } catch {
    return 'a key that cannot be written';
  }
}

export const pathText = (path: string): string => cut(path, MAX_PATH);

export function messageText(error: unknown): string {
  try {
    return cut(error instanceof Error ? error.message || error.name : String(error), MAX_MESSAGE);
  } catch {
    return 'an error that cannot be written';
  }
}

export function msText(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : agoText(ms);
}

/** How long ago, roughly. */
export function agoText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** `1 query`, `2 queries`. */
export const countText = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;

/** Names as words: `guest_transport`, `guestTransport` and `GuestTransports` say the same. */

const CASE_BORDER = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/;

/** `updateRSVP` → `update`, `rsvp`. */
export function wordsOf(name: string): string[] {
  return name
    .split(/[^\p{L}\p{N}]+/u)
    .flatMap((part) => part.split(CASE_BORDER))
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

/** Without the plural: `categories` → `category`, `guests` → `guest`; `status` stays. */
export function singular(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (word.length > 4 && /(?:ch|sh|x|ss)es$/.test(word)) return word.slice(0, -2);
  if (word.length > 2 && word.endsWith('s') && !/(?:ss|us|is)$/.test(word)) return word.slice(0, -1);
  return word;
}

/** Equal for names that mean the same thing, whatever their case, plural and separators. */
export function keyOf(name: string): string {
  return wordsOf(name).map(singular).join('');
}

/** `a`, `a and b`, `a, b and c`; beyond `most` the rest is a number. */
export function listed(items: readonly string[], most = 6): string {
  const shown = items.length > most ? [...items.slice(0, most), `${items.length - most} more`] : items;
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

export const distinct = <T>(items: Iterable<T>): T[] => [...new Set(items)];

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** How people name modules and procedures: what is one name in two spellings, and what means the same by convention. */

/** `guests.getAll` → `['guests', 'getAll']`; a path of one segment has the module `''`. */
export function splitPath(path: string): [module: string, last: string] {
  const dot = path.lastIndexOf('.');
  return dot < 0 ? ['', path] : [path.slice(0, dot), path.slice(dot + 1)];
}

/** Equal for names that differ in case, a plural `s`, `-` or `_` alone: `Guest-Transports`, `guestTransport`. */
export function spelling(path: string): string {
  return path
    .toLowerCase()
    .replace(/[-_]/g, '')
    .split('.')
    .map((segment) => (segment.length > 1 && segment.endsWith('s') ? segment.slice(0, -1) : segment))
    .join('.');
}

/** What a procedure gives, where its name follows a convention. */
export type Meaning = 'many' | 'one' | 'summary' | 'count';

const VERBS = ['get', 'find', 'fetch', 'load', 'read', 'query', 'retrieve', 'list', 'show', 'view', 'select'];

const NOUNS: Record<Meaning, readonly string[]> = {
  many: ['list', 'all', 'many', 'items', 'entries', 'everything'],
  one: ['byid', 'one', 'id', 'detail', 'details', 'single', 'item', 'unique', 'first'],
  summary: ['summary', 'overview', 'stats', 'stat', 'statistics', 'totals', 'metrics', 'aggregate', 'aggregates'],
  count: ['count', 'counts', 'total'],
};

const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ...(Object.keys(NOUNS) as Meaning[]).flatMap((meaning) =>
    NOUNS[meaning].flatMap((noun) => ['', ...VERBS].map((verb): [string, Meaning] => [verb + noun, meaning])),
  ),
  // A verb alone, and what no noun makes.
  ...['get', 'find', 'fetch', 'load', 'read', 'retrieve', 'show', 'view'].map((verb): [string, Meaning] => [
    verb,
    'one',
  ]),
  ['index', 'many'],
  ['browse', 'many'],
]);

/**
 * By the last segment of a path; the module's own name in it says nothing (`guests.getAllGuests`), but that one or many
 * are meant (`guests.getGuest`, `guests.getGuests`). Undefined without a convention.
 */
export function meaningOf(module: string, last: string): Meaning | undefined {
  const plain = MEANINGS.get(joined(last));
  if (plain) return plain;
  const own = module.slice(module.lastIndexOf('.') + 1);
  if (own.length < MIN_MODULE) return undefined;
  const text = joined(last);
  const singular = spelling(own);
  const at = text.indexOf(singular);
  if (at < 0) return undefined;
  const before = text.slice(0, at);
  let after = text.slice(at + singular.length);
  const plural = after.startsWith('s');
  if (plural) after = after.slice(1);
  const rest = before + after;
  if (MEANINGS.has(rest) && !(VERBS.includes(rest) && after === '')) return MEANINGS.get(rest);
  // `getGuests`, `guests`; a name that is its own plural (`budget`) tells nothing.
  if ((rest === '' || VERBS.includes(rest)) && after === '') {
    if (plural || rest === 'list') return 'many';
    return rest !== '' && joined(own) !== singular ? 'one' : undefined;
  }
  return undefined;
}

/** Characters of a module's name that is looked for in the names of its procedures; shorter ones are in any word. */
const MIN_MODULE = 3;

function joined(segment: string): string {
  return segment.toLowerCase().replace(/[-_]/g, '');
}

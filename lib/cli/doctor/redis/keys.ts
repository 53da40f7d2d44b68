/** What stands under our prefix: how many companies, of which format, and whether somebody else writes there. */
import { FORMAT } from '../../../redis/keys.js';
import { patternOf } from '../../../redis/rights.js';
import type { RedisConnection } from '../../redis/connection.js';
import { listIn, Refusal, textIn } from '../../redis/resp.js';
import type { Ward } from './ward.js';

/** ms of looking: a large Redis has more keys than a person waits for. */
const LOOK_MS = 3_000;
const PAGE = 2_000;
/** Types of keys, for that many of each. */
const TYPES_LOOKED_AT = 200;
const TYPES: Readonly<Record<string, string>> = { head: 'hash', log: 'stream', ids: 'hash', forgotten: 'string', seats: 'zset', here: 'zset', nodes: 'zset', ends: 'stream' };

interface Seen {
  keys: number;
  /** By format. */
  companies: Map<number, number>;
  foreign: string[];
  wrong: string[];
  whole: boolean;
}

export async function judgeKeys(connection: RedisConnection, { prefix, visit, quote }: Ward): Promise<void> {
  const seen: Seen = { keys: 0, companies: new Map(), foreign: [], wrong: [], whole: true };
  const refusal = await scan(connection, prefix, seen);
  if (refusal !== undefined) {
    visit.notChecked(`Keys under ${patternOf(prefix)} at ${connection.where}: this user may not run SCAN (a node need not).`);
    return;
  }
  const newer = [...seen.companies].filter(([format]) => format > FORMAT);
  if (newer.length > 0) {
    visit.found('redis-newer-format', `At ${connection.where} stand ${newer.map(([format, count]) => `${count} companies of format ${format}`).join(', ')}; this pathcast writes format ${FORMAT}.`);
  }
  const strange = [...seen.foreign, ...seen.wrong];
  if (strange.length > 0) {
    const some = strange.slice(0, 3).map((key) => quote(key));
    visit.found('redis-foreign-keys', `At ${connection.where} somebody else writes under ${patternOf(prefix)}: ${some.join(', ')}${strange.length > some.length ? ` and ${strange.length - some.length} more` : ''}.`);
  }
  const formats = [...seen.companies].map(([format, count]) => `${count} companies of format ${format}`).join(', ');
  visit.checked(`Keys at ${connection.where}: ${seen.keys} under ${patternOf(prefix)}${formats === '' ? '' : `, ${formats}`}${seen.whole ? '' : `; not all were looked at in ${LOOK_MS / 1_000} s`}.`);
}

/** The refusal, if there is one. */
async function scan(connection: RedisConnection, prefix: string, seen: Seen): Promise<string | undefined> {
  const until = performance.now() + LOOK_MS;
  const typed = new Map<string, number>();
  let cursor = '0';
  do {
    const reply = await connection.ask('SCAN', cursor, 'MATCH', patternOf(prefix), 'COUNT', PAGE);
    if (reply instanceof Refusal) return reply.text;
    const [next, page] = listIn(reply);
    cursor = textIn(next);
    for (const key of listIn(page).map(textIn)) {
      seen.keys++;
      await look(connection, key.slice(prefix.length + 1), key, seen, typed);
    }
    if (performance.now() > until) {
      seen.whole = cursor === '0';
      return undefined;
    }
  } while (cursor !== '0');
  return undefined;
}

async function look(connection: RedisConnection, name: string, key: string, seen: Seen, typed: Map<string, number>): Promise<void> {
  const [, format, kind = ''] = /^(\d{1,4}):(?:\{[^{}]*\}:)?([\w-]+(?:$|:))/.exec(name) ?? [];
  if (format === undefined) {
    seen.foreign.push(key);
    return;
  }
  if (kind === 'head') seen.companies.set(Number(format), (seen.companies.get(Number(format)) ?? 0) + 1);
  const wanted = Number(format) === FORMAT ? TYPES[kind] : undefined;
  const before = typed.get(kind) ?? 0;
  if (wanted === undefined || before >= TYPES_LOOKED_AT) return;
  typed.set(kind, before + 1);
  const type = await connection.ask('TYPE', key);
  const told = type instanceof Refusal ? '' : textIn(type);
  if (told !== '' && told !== 'none' && told !== wanted) seen.wrong.push(`${key} (${told}, not ${wanted})`);
}

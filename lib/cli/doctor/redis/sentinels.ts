/** The sentinels of a URL: do they answer, agree, and outvote one that is cut off. */
import type { RedisUrl } from '../../../redis/url.js';
import { NoRedis, RedisConnection } from '../../redis/connection.js';
import { listIn, pairsIn, Refusal, textIn } from '../../redis/resp.js';
import type { Visit } from '../report.js';

/** Sentinels with which one may be cut off. */
const ENOUGH = 3;

/** False where no master is known. */
export async function judgeSentinels(
  url: RedisUrl,
  { timeoutMs }: { timeoutMs: number },
  quote: (text: string) => string,
  visit: Visit,
): Promise<boolean> {
  const { master } = url;
  const named = quote(master);
  const masters = new Map<string, string[]>();
  const strangers: string[] = [];
  let known = 0;
  let asked = false;
  for (const endpoint of url.endpoints) {
    let sentinel: RedisConnection | undefined;
    try {
      sentinel = await RedisConnection.open(endpoint, { credentials: url.sentinelCredentials, timeoutMs });
      const address = await sentinel.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', master);
      if (address instanceof Refusal) {
        visit.found('sentinel-no-answer', `The sentinel ${sentinel.where} refused: ${quote(address.text)}.`);
        continue;
      }
      const place = listIn(address).map(textIn).join(':');
      if (place === '') strangers.push(sentinel.where);
      else masters.set(place, [...(masters.get(place) ?? []), sentinel.where]);
      if (place === '' || asked) continue;
      asked = true;
      known = await judgeQuorum(sentinel, master, named, quote, visit);
    } catch (error) {
      if (!(error instanceof NoRedis)) throw error;
      visit.found('sentinel-no-answer', `The sentinel ${error.where} cannot be used: ${quote(error.code)}.`);
    } finally {
      sentinel?.close();
    }
  }
  if (strangers.length > 0) visit.found('sentinel-no-master', `${strangers.join(', ')} ${strangers.length === 1 ? 'knows' : 'know'} no master '${named}'.`);
  if (masters.size > 1) {
    visit.found('sentinel-disagree', `The sentinels name ${[...masters].map(([place, by]) => `${quote(place)} (${by.join(', ')})`).join(' and ')} as the master.`);
  }
  if (masters.size === 0) {
    if (strangers.length === 0) visit.found('redis-no-answer', 'No sentinel of the URL answers.');
    return false;
  }
  if (known < ENOUGH) visit.found('sentinel-few', `There ${known === 1 ? 'is one sentinel' : `are ${known} sentinels`} of '${named}'.`);
  return true;
}

/** How many sentinels know of each other. */
async function judgeQuorum(sentinel: RedisConnection, master: string, named: string, quote: (text: string) => string, visit: Visit): Promise<number> {
  const fields = pairsIn(await sentinel.ask('SENTINEL', 'MASTER', master));
  const known = Number(fields.get('num-other-sentinels') ?? 0) + 1;
  const vote = await sentinel.ask('SENTINEL', 'CKQUORUM', master);
  if (vote instanceof Refusal) visit.found('sentinel-no-quorum', `The sentinels cannot fail over '${named}': ${quote(vote.text)}.`);
  else {
    const downAfter = Number(fields.get('down-after-milliseconds') ?? 0) / 1_000;
    visit.checked(`Sentinels: ${known} of '${named}', quorum ${fields.get('quorum') ?? '?'}; it fails over when the master was away for ${downAfter} s.`);
  }
  return known;
}

/** A Redis through `--redis`: can it be used, does it keep what it is given, may this user do what a node does, how fast is it. */
import { secretsOf, shownRedisUrl, type RedisUrl } from '../../../redis/url.js';
import { NoRedis, Refused, type NoRedisKind } from '../../redis/connection.js';
import { RedisClient } from '../../redis/client.js';
import { quoteWithout } from '../../stream/target.js';
import type { FindingId } from '../findings.js';
import type { Visit } from '../report.js';
import { lookAtServer, type Server } from './facts.js';
import { judgeKeys } from './keys.js';
import { judgePersistence, judgeReplication } from './keeping.js';
import { judgeMemory, judgeClients } from './memory.js';
import { judgeRights } from './rights.js';
import { judgeSentinels } from './sentinels.js';
import { judgeClock, judgePings, judgeScripts } from './speed.js';
import { judgeCluster, judgeVersion } from './version.js';
import type { RedisOptions, Ward } from './ward.js';

export type { RedisOptions } from './ward.js';

const FAILURES: Partial<Record<NoRedisKind, FindingId>> = {
  certificate: 'redis-tls',
  tls: 'redis-tls',
  'no-redis': 'redis-no-redis',
  password: 'redis-password',
  database: 'redis-no-database',
};

export async function judgeRedis(url: RedisUrl, options: RedisOptions, visit: Visit): Promise<void> {
  const quote = quoteWithout(secretsOf(url));
  const shown = shownRedisUrl(url);
  if (url.kind === 'sentinel' && !(await judgeSentinels(url, options, quote, visit))) return;
  let client: RedisClient;
  try {
    client = await RedisClient.open(url, options.timeoutMs);
  } catch (error) {
    judgeFailure(error, shown, quote, visit);
    return;
  }
  try {
    await judgeOpen({ ...options, client, url, visit, quote });
  } catch (error) {
    // It was there a moment ago.
    judgeFailure(error, shown, quote, visit);
  } finally {
    client.close();
  }
}

async function judgeOpen(ward: Ward): Promise<void> {
  const { client, visit, url } = ward;
  const first = await lookAtServer(client.main);
  visit.checked(`Redis: ${shownRedisUrl(url)} answers, at ${client.main.where}.`);
  if (!judgeVersion(first, ward)) return;
  const nodes: Server[] = [];
  for (const connection of await client.masters()) nodes.push(connection === client.main ? first : await lookAtServer(connection));
  if (url.kind === 'cluster') await judgeCluster(ward);
  for (const server of nodes) {
    if (!judgeReplication(server, ward, nodes.length)) return;
    judgePersistence(server, ward);
    judgeMemory(server, ward);
    judgeClients(server, ward);
  }
  await judgePings(ward);
  await judgeClock(ward);
  if (await judgeRights(ward)) await judgeScripts(ward);
  else visit.notChecked('How long the scripts take: this user may not run them.');
  for (const { connection } of nodes) await judgeKeys(connection, ward);
}

function judgeFailure(error: unknown, shown: string, quote: (text: string) => string, visit: Visit): void {
  if (error instanceof Refused) {
    visit.found('redis-no-right', `${shown} refused a command: ${quote(error.message)}.`);
    return;
  }
  if (!(error instanceof NoRedis)) throw error;
  const id = FAILURES[error.kind] ?? 'redis-no-answer';
  const said = quote(error.code).replace(/\.$/, '');
  const what: Partial<Record<FindingId, string>> = {
    'redis-tls': `TLS with ${error.where} failed: ${said}.`,
    'redis-no-redis': `What answers at ${error.where} is no Redis: ${said}.`,
    'redis-password': `${error.where} does not let this user in: ${said}.`,
    'redis-no-database': `${error.where} does not have that database: ${said}.`,
  };
  visit.found(id, what[id] ?? `${shown} cannot be used: ${error.where}: ${said}.`);
}

/** Which Redis it is, and whether the URL fits it. */
import { pairsIn, Refusal, textIn } from '../../redis/resp.js';
import type { Server } from './facts.js';
import type { Ward } from './ward.js';

const OLDEST = [6, 2] as const;
const OLDEST_CLUSTER = [7, 0] as const;

/** False where nothing else can be learnt. */
export function judgeVersion({ info, where }: Server, { url, visit, quote }: Ward): boolean {
  const version = info.get('redis_version');
  if (version === undefined) {
    visit.notChecked(`Version, memory, persistence and replication of ${where}: this user may not run INFO.`);
    return true;
  }
  const clustered = info.get('cluster_enabled') === '1';
  const least = clustered ? OLDEST_CLUSTER : OLDEST;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const name = info.get('redis_mode') === 'sentinel' ? 'a sentinel' : `Redis ${quote(version)}`;
  if (name === 'a sentinel') {
    visit.found('redis-no-redis', `${where} is a sentinel, and the URL names a Redis.`, 'Use redis+sentinel://host:26379/mymaster.');
    return false;
  }
  if (major < least[0] || (major === least[0] && minor < least[1])) {
    visit.found('redis-too-old', `${where} is ${name}${clustered ? ' in a cluster' : ''}; pathcast needs ${least.join('.')}.`);
  } else visit.checked(`Version: ${name} at ${where}${clustered ? ', in a cluster' : ''}; pathcast needs ${least.join('.')}.`);
  if (clustered && url.kind !== 'cluster') {
    visit.found('redis-is-cluster', `${where} is a node of a cluster.`);
    return false;
  }
  if (!clustered && url.kind === 'cluster') {
    visit.found('redis-no-cluster', `${where} is no node of a cluster.`);
    return false;
  }
  return true;
}

export async function judgeCluster({ client, visit, quote }: Ward): Promise<void> {
  const reply = await client.main.ask('CLUSTER', 'INFO');
  if (reply instanceof Refusal) {
    visit.notChecked(`The state of the cluster: ${quote(reply.text)}.`);
    return;
  }
  const info = pairsIn(textIn(reply).split(/\r?\n/).flatMap((line) => (line.includes(':') ? line.split(':', 2).map((part) => Buffer.from(part)) : [])));
  const state = info.get('cluster_state') ?? '?';
  const covered = Number(info.get('cluster_slots_ok') ?? 0);
  if (state !== 'ok' || covered < 16_384) {
    visit.found('redis-cluster-fails', `The cluster says ${quote(state)}: ${covered} of 16384 slots are served.`);
  } else visit.checked(`Cluster: ${info.get('cluster_size') ?? '?'} masters serve all slots.`);
}

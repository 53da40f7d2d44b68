/** Memory of a Redis, and of its clients: what it does when there is not enough. */
import { mebibytes, numberAt, type Server } from './facts.js';
import type { Ward } from './ward.js';

/** Of `maxmemory`. */
const SHORT = 0.85;
/** A doorbell has up to 64 KiB, twice that with a transformer, and a node that collects garbage for a moment misses some hundred. */
const LEAST_HARD = 8 << 20;
const LEAST_SOFT = 1 << 20;
/** s; a node says something each seven (`probeMs`). */
const LEAST_TIMEOUT = 30;
const FEW_CLIENTS = 0.9;

export function judgeMemory({ info, config, where }: Server, { visit, quote }: Ward): void {
  const bound = numberAt(info, 'maxmemory');
  const policy = config.get('maxmemory-policy') ?? info.get('maxmemory_policy');
  if (bound === undefined || policy === undefined) {
    if (info.size > 0) visit.notChecked(`Memory of ${where}: INFO does not tell maxmemory and its policy.`);
    return;
  }
  const used = numberAt(info, 'used_memory') ?? 0;
  if (bound === 0) {
    const evicts = policy === 'noeviction' ? '' : ` Its policy ${quote(policy)} would evict if it had a bound.`;
    visit.found('redis-unbounded', `${where} has no maxmemory; it uses ${mebibytes(used)}.${evicts}`);
    return;
  }
  if (policy !== 'noeviction') visit.found('redis-evicts', `${where} has maxmemory ${mebibytes(bound)} and evicts keys at the bound (${quote(policy)}).`);
  else if (used > SHORT * bound) visit.found('redis-memory-short', `${where} uses ${mebibytes(used)} of ${mebibytes(bound)}.`);
  else visit.checked(`Memory of ${where}: ${mebibytes(used)} of ${mebibytes(bound)}, nothing is evicted.`);
}

export function judgeClients({ info, config, where }: Server, { visit }: Ward): void {
  const [, hard, soft, seconds] = /\bpubsub (\d+) (\d+) (\d+)/.exec(config.get('client-output-buffer-limit') ?? '') ?? [];
  if (hard === undefined) visit.notChecked(`client-output-buffer-limit of ${where}: this user may not run CONFIG GET. pathcast wants pubsub 32mb 8mb 60.`);
  else {
    const [most, long] = [Number(hard), Number(soft)];
    const told = `${most === 0 ? 'no bound' : mebibytes(most)}, ${long === 0 ? 'no bound' : `${mebibytes(long)} for ${seconds ?? '?'} s`}`;
    if (most === 0 && long === 0) visit.found('redis-pubsub-unbounded', `${where} keeps whatever a subscriber has not read (client-output-buffer-limit pubsub 0 0 0).`);
    else if ((most > 0 && most < LEAST_HARD) || (long > 0 && long < LEAST_SOFT)) visit.found('redis-pubsub-buffer', `${where} cuts a subscriber early (client-output-buffer-limit pubsub: ${told}).`);
    else visit.checked(`Subscribers of ${where} are cut at ${told}.`);
  }
  const timeout = numberAt(config, 'timeout');
  if (timeout !== undefined && timeout > 0 && timeout < LEAST_TIMEOUT) visit.found('redis-cuts-idle', `${where} ends connections that are quiet for ${timeout} s (timeout).`);
  const most = numberAt(config, 'maxclients') ?? numberAt(info, 'maxclients');
  const now = numberAt(info, 'connected_clients');
  if (most === undefined || now === undefined) return;
  if (now > FEW_CLIENTS * most) visit.found('redis-few-clients', `${where} has ${now} connections and lets ${most} in (maxclients).`);
  else visit.checked(`Connections of ${where}: ${now} of ${most}.`);
}

/** What a Redis keeps when it crashes, restarts, or gives its place to a replica. */
import { numberAt, type Server } from './facts.js';
import type { Ward } from './ward.js';

/** s since a replica has said how far it is. */
const LATE_S = 10;
/** Bytes that a replica has not got yet. */
const LATE_BYTES = 16 << 20;

interface Replica {
  online: boolean;
  lag: number;
  behind: number;
}

function replicasOf({ info }: Server): Replica[] {
  const master = numberAt(info, 'master_repl_offset') ?? 0;
  return [...info]
    .filter(([name]) => /^slave\d+$/.test(name))
    .map(([, value]) => {
      const fields = new Map(value.split(',').map((pair) => pair.split('=', 2) as [string, string]));
      return { online: fields.get('state') === 'online', lag: Number(fields.get('lag') ?? 0), behind: master - Number(fields.get('offset') ?? 0) };
    });
}

/** False where nothing else matters. `masters`: of the same cluster. */
export function judgeReplication(server: Server, { url, visit }: Ward, masters: number): boolean {
  const { info, config, where } = server;
  const role = info.get('role');
  if (role === undefined) return true;
  if (role !== 'master') {
    visit.found('redis-is-replica', `${where} is a replica${info.has('master_host') ? ` of ${info.get('master_host') ?? ''}:${info.get('master_port') ?? ''}` : ''}.`);
    return false;
  }
  const replicas = replicasOf(server);
  const failsOver = url.kind === 'sentinel' || masters > 1;
  if (replicas.length === 0) {
    if (failsOver) visit.found('redis-no-replica', `${where} has no replica.`);
    else visit.checked(`Replication of ${where}: it stands alone. While it is away nodes tell their own browsers, and keep what is published up to outboxBytes.`);
    return true;
  }
  const late = replicas.filter(({ online, lag, behind }) => !online || lag > LATE_S || behind > LATE_BYTES);
  if (late.length > 0) visit.found('redis-replica-late', `${late.length} of ${replicas.length} replicas of ${where} do not keep up.`);
  const needed = numberAt(config, 'min-replicas-to-write');
  if (needed === undefined) visit.notChecked(`min-replicas-to-write of ${where}: this user may not run CONFIG GET.`);
  else if (needed === 0) visit.found('redis-split-brain', `${where} has ${replicas.length} ${replicas.length === 1 ? 'replica' : 'replicas'} and takes writes without any (min-replicas-to-write 0).`);
  else if (late.length === 0) visit.checked(`Replication of ${where}: ${replicas.length} replicas, ${needed} must be there for a write.`);
  return true;
}

export function judgePersistence(server: Server, { visit, quote }: Ward): void {
  const { info, config, where } = server;
  const append = info.get('aof_enabled');
  if (append === undefined) return;
  const failing = [
    ...(info.get('rdb_last_bgsave_status') === 'err' ? ['the last snapshot failed'] : []),
    ...(append === '1' && info.get('aof_last_write_status') === 'err' ? ['the last write of the append-only file failed'] : []),
  ];
  if (failing.length > 0) visit.found('redis-save-fails', `At ${where} ${failing.join(', and ')}.`);
  if (append === '1') {
    const sync = config.get('appendfsync');
    const lost = sync === undefined ? '' : sync === 'always' ? ': a crash loses nothing' : sync === 'no' ? ': a crash loses what the kernel has not written, some 30 s' : ': a crash loses a second';
    visit.checked(`Persistence of ${where}: append-only file${sync === undefined ? '' : `, appendfsync ${quote(sync)}`}${lost}.`);
    return;
  }
  const snapshots = config.get('save');
  if (snapshots === undefined) {
    visit.notChecked(`Whether ${where} writes snapshots: this user may not run CONFIG GET. It has no append-only file.`);
    return;
  }
  if (snapshots !== '') {
    const shortest = Math.min(...snapshots.split(' ').filter((_text, n) => n % 2 === 0).map(Number));
    visit.found('redis-snapshots-only', `${where} writes snapshots alone: a crash loses what came since the last one, ${shortest} s or more.`);
  } else if (replicasOf(server).length > 0) visit.found('redis-empty-master', `${where} writes nothing to disk, and has replicas.`);
  else visit.found('redis-no-persistence', `${where} writes nothing to disk: a restart forgets everything.`);
}

/** Which writes of a mutation can happen in one call without a transaction around them. */
import type { Arms, RawWrite } from '../effects/types.js';
import type { MutationReport } from '../report.js';
import { placeKey } from './fingerprint.js';

/** `partly` only where one call can write both inside and outside: of ways that exclude each other the worse one counts. */
export function transactionOf(writes: readonly Pick<RawWrite, 'inTransaction' | 'arms'>[]): MutationReport['transaction'] {
  if (writes.length === 0) return 'no-writes';
  const inside = writes.filter((write) => write.inTransaction);
  const outside = writes.filter((write) => !write.inTransaction);
  if (outside.length === 0) return 'inside';
  return inside.some((a) => outside.some((b) => canBothRun(a.arms, b.arms))) ? 'partly' : 'outside';
}

/** False for two arms of one branch: one call runs one of them. */
export function canBothRun(a: Arms, b: Arms): boolean {
  // Where the two ways part; a branch inside a function that both call later is met twice.
  const apart = a.findIndex((arm, index) => arm !== b[index]);
  const [mine, other] = [a[apart], b[apart]];
  return mine === undefined || other === undefined || split(mine)[0] !== split(other)[0];
}

function split(arm: string): [branch: string, arm: string] {
  const slash = arm.lastIndexOf('/');
  return [arm.slice(0, slash), arm.slice(slash + 1)];
}

export interface NonAtomic {
  /** Writes outside a transaction of which a failure may leave a part done. */
  writes: RawWrite[];
  loop: boolean;
}

/** Undefined where at most one write can happen outside a transaction. */
export function nonAtomic(writes: readonly RawWrite[]): NonAtomic | undefined {
  const bare = writes.filter((write) => !write.inTransaction && write.nested !== true);
  const looped = bare.filter((write) => write.inLoop);
  const together = new Set(looped);
  for (const [index, a] of bare.entries()) {
    for (const b of bare.slice(index + 1)) {
      if (sameStatement(a, b) || !canBothRun(a.arms, b.arms)) continue;
      together.add(a).add(b);
    }
  }
  if (together.size === 0) return undefined;
  return { writes: bare.filter((write) => together.has(write)), loop: looped.length > 0 };
}

function sameStatement(a: RawWrite, b: RawWrite): boolean {
  return (
    placeKey(a) === placeKey(b) &&
    a.table === b.table &&
    a.via.join() === b.via.join() &&
    a.arms.join() === b.arms.join()
  );
}

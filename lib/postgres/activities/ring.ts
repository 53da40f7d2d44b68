/**
 * The doorbell of activities: an action in the hub's log of a company of its own, which says whose tables have grown. The worker's action of a commit would not do: where the
 * app has broadcast it before under the same id it is a duplicate, and rings nobody.
 */
import { isPlain } from '../../protocol/where.js';
import type { SyncActionInput } from '../../protocol/events.js';
import { ANY } from '../changes/tenant-changes.js';

/** No app has a company of this name. */
export const RING_COMPANY = 'pathcast:activities';
/** Of one ring; beyond it everybody looks. */
const MAX_COMPANIES = 200;

/** By company the newest seq that is there to be read. */
export type Heads = ReadonlyMap<string, number>;

/** `id`: of no other ring, so that none is a duplicate. */
export function ringOf(heads: Heads, id: string): SyncActionInput {
  const data = heads.size <= MAX_COMPANIES ? { heads: Object.fromEntries(heads) } : undefined;
  return { id, type: 'update', module: ANY, entityId: ANY, companyId: RING_COMPANY, userId: RING_COMPANY, queryPaths: [ANY], ...(data && { data }) };
}

/** Undefined: anybody's may have grown. */
export function headsOf(event: object): Heads | undefined {
  const { data } = event as { data?: unknown };
  if (!isPlain(data) || !isPlain(data['heads'])) return undefined;
  return new Map(Object.entries(data['heads']).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

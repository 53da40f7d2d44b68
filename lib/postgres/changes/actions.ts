/** What a transaction announces: one action for each tenant that it concerns. */
import type { SyncActionInput } from '../../protocol/events.js';
import type { Collected } from './collector.js';
import { hexOfLsn } from '../stream/lsn.js';
import { ANY, DETAIL, TenantChanges } from './tenant-changes.js';

/** Of a change whose transaction does not say who made it: psql, a cron job, a trigger. */
export const EXTERNAL_USER = 'external';

export interface Announced {
  readonly action: SyncActionInput;
  /** A broadcast of the app itself may have had this id. */
  readonly isShared: boolean;
  /** One that nobody else gives. */
  readonly ownId: string;
}

/** `epoch-lsn`: the same for each reading of one commit, and of no other one. */
export const actionId = (epoch: string, endLsn: bigint): string => `${epoch}-${hexOfLsn(endLsn)}`;

/** `companies`: who is concerned by what is stale for all; those of `collected` are anyway. `now`: Unix ms; PostgreSQL's clock may be ahead. */
export function* announce(collected: Collected, epoch: string, companies: readonly string[], now: number): Generator<Announced, undefined, undefined> {
  const { tenants, forAll } = collected;
  const id = actionId(epoch, collected.endLsn);
  for (const [companyId, changes] of tenants) yield announceOne(collected, companyId, forAll.size > 0 ? withAll(changes, forAll) : changes, id, now);
  if (forAll.size === 0) return;
  for (const companyId of companies) if (!tenants.has(companyId)) yield announceOne(collected, companyId, withAll(undefined, forAll), id, now);
}

function withAll(own: TenantChanges | undefined, forAll: ReadonlySet<string>): TenantChanges {
  const changes = new TenantChanges();
  changes.type = 'update';
  changes.module = ANY;
  changes.entityId = ANY;
  changes.rows = 2;
  if (own?.everything === true) changes.coarsen(DETAIL.nothing);
  for (const path of forAll) changes.add(path, undefined);
  for (const [path, restriction] of own?.paths ?? []) changes.add(path, restriction ?? undefined);
  return changes;
}

function announceOne({ metadata, committedAt }: Collected, companyId: string, changes: TenantChanges, ownId: string, now: number): Announced {
  // What a transaction says of itself is for the company that it names.
  const said = metadata && (metadata.companyId === undefined || metadata.companyId === companyId) ? metadata : undefined;
  const queryPaths = changes.queryPaths();
  const where = changes.where();
  const { type = 'update', module = ANY, entityId = ANY, data } = changes;
  const action: SyncActionInput = {
    id: said?.id ?? ownId,
    type,
    module,
    entityId,
    companyId,
    userId: said?.userId ?? EXTERNAL_USER,
    timestamp: Math.min(committedAt, now),
    queryPaths,
    ...(data && { data }),
    ...(said?.sourceId !== undefined && { sourceId: said.sourceId }),
    ...(said?.tx && { tx: said.tx }),
    ...(where && { where }),
  };
  return { action, isShared: said?.id !== undefined && said.id !== ownId, ownId };
}

/** Everything, or all of `queryPaths`, may be stale: what a company is told of which nobody knows what it missed. */
export function resyncAction(companyId: string, id: string, now: number, queryPaths: readonly string[] = [ANY]): SyncActionInput {
  return { id, type: 'update', module: ANY, entityId: ANY, companyId, userId: EXTERNAL_USER, timestamp: now, queryPaths: [...queryPaths] };
}

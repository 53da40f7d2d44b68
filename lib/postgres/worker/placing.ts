/**
 * Actions into the hub's log, until each has its place there. A broadcast that waits for Redis has none yet: it would be gone with this process, and PostgreSQL
 * must not forget it. Each action has an id of its own, so that one may be asked for again.
 */
import type { SyncActionInput } from '../../protocol/events.js';
import type { Hub } from '../../server/hub.js';
import type { HubInternals } from '../../server/internals.js';
import type { BroadcastResult } from '../../server/results.js';
import { resyncAction, type Announced } from '../changes/actions.js';
import { sleep, waitOf } from '../../internal/backoff.js';
import { coveredRest, entryOf } from '../../server/shared-id.js';

export interface PlacingHost {
  readonly hub: Hub;
  readonly internals: HubInternals;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
  /** Redis refuses this company's actions: it is owed a resync. */
  owed(companyId: string, why: string): void;
  /** No action can be made for this company: its id is none. */
  lost(companyId: string, why: string): void;
  random(): number;
}

/** How long actions that wait for Redis are waited for before they are asked for again, ms. */
const SETTLE_MS = 1_000;
const AGAIN = { firstMs: 50, maxMs: 2_000 };
/** An app's own broadcast of the same transaction came so shortly before, ms. */
const SHARED_WITHIN_MS = 120_000;

/** Worker has stopped, or its hub is closed: nothing of it may be acknowledged. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

type Verdict = 'placed' | 'waits' | 'again' | 'owed' | 'unfit';

/** In order, as far as the hub takes them. Rejects with Stopped. */
export async function place(announced: readonly Announced[], host: PlacingHost): Promise<void> {
  let left = announced;
  for (let attempt = 0; left.length > 0; attempt++) {
    if (attempt > 0) await sleep(waitOf(AGAIN, attempt, host.random()), host.signal);
    if (host.signal.aborted || host.hub.closed) throw new Stopped('the worker stops');
    const results = await host.hub.broadcastMany(left.map(({ action }) => action));
    const next: Announced[] = [];
    let waits = false;
    for (const [i, one] of left.entries()) {
      const result = results[i] as BroadcastResult;
      const verdict = verdictOf(result);
      if (verdict === 'placed') next.push(...(await beyondShared(one, result, host)));
      else if (verdict === 'owed') host.owed(one.action.companyId, messageIn(result));
      else if (verdict === 'unfit') next.push(...instead(one, result, host));
      else next.push(one);
      waits ||= verdict === 'waits';
    }
    left = next;
    while (waits && (await host.internals.settle(SETTLE_MS)) > 0) if (host.signal.aborted) throw new Stopped('the worker stops');
  }
}

function verdictOf(result: BroadcastResult): Verdict {
  const where = result.ok ? result : result.sent;
  if (where) return where.queued ? 'waits' : 'placed';
  switch ((result as { code: string }).code) {
    case 'OVERLOADED':
    case 'OUTBOX_FULL':
    case 'HUB_CLOSED':
      return 'again';
    case 'BROKER':
      return 'owed';
    default:
      return 'unfit';
  }
}

const messageIn = (result: BroadcastResult): string => (result.ok ? '' : result.message);

/** Too many paths, nothing but phantoms: everything may be stale. */
function instead({ action, ...more }: Announced, result: BroadcastResult, host: PlacingHost): Announced[] {
  if (isResync(action)) {
    host.lost(action.companyId, messageIn(result));
    return [];
  }
  return [{ ...more, action: { ...resyncAction(action.companyId, action.id as string, Date.now()), timestamp: action.timestamp } }];
}

const isResync = ({ queryPaths, module }: SyncActionInput): boolean => module === '*' && queryPaths.length === 1 && queryPaths[0] === '*';

/** The app has broadcast under this id itself: what it did not tell goes out under an id of our own. */
async function beyondShared(one: Announced, result: BroadcastResult, { hub }: PlacingHost): Promise<Announced[]> {
  if (!one.isShared || !result.ok || result.duplicate !== true) return [];
  const { action, ownId } = one;
  const { actions } = await hub.readLog(action.companyId, Math.max(0, Date.now() - SHARED_WITHIN_MS));
  const rest = coveredRest(action, entryOf(actions, action.id as string));
  return rest ? [{ action: { ...rest, id: ownId }, ownId, isShared: false }] : [];
}

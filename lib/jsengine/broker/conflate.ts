/** Actions that wait too long become one that covers them. */
import { randomUUID } from 'node:crypto';
import type { EncodedAction } from '../../internal/engine.js';
import type { SyncAction } from '../../protocol/events.js';

/** Paths of one action; more of them are `*`. */
const MAX_PATHS = 100;

/** REQUIRES: at least one, all of one company. It has no data, a new id, and passes each filter that one of them passes. */
export function conflateActions(actions: readonly SyncAction[]): EncodedAction {
  const paths = new Set(actions.flatMap(({ queryPaths }) => queryPaths));
  const first = actions[0] as SyncAction;
  const shared = <T>(field: (action: SyncAction) => T): T | undefined => {
    const value = field(first);
    return actions.every((action) => field(action) === value) ? value : undefined;
  };
  const clientId = shared((action) => action.clientId);
  const sourceId = shared((action) => action.sourceId);
  const action: SyncAction = {
    id: randomUUID(),
    type: 'update',
    module: shared((each) => each.module) ?? '*',
    entityId: shared((each) => each.entityId) ?? '*',
    companyId: first.companyId,
    ...(clientId !== undefined && { clientId }),
    userId: shared((each) => each.userId) ?? '',
    ...(sourceId !== undefined && { sourceId }),
    timestamp: actions.reduce((latest, each) => Math.max(latest, each.timestamp), 0),
    queryPaths: paths.size > MAX_PATHS || paths.has('*') ? ['*'] : [...paths],
  };
  return { companyId: action.companyId, head: `${JSON.stringify(action).slice(0, -1)},"seq":`, tail: '}', action };
}

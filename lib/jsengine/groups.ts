import type { EncodedAction } from '../internal/engine.js';

/** The actions of one tenant in a publish call, and their places in it. */
export interface Group {
  actions: EncodedAction[];
  places: number[];
}

export function byTenant(actions: readonly EncodedAction[]): Map<string, Group> {
  const groups = new Map<string, Group>();
  actions.forEach((action, place) => {
    let group = groups.get(action.companyId);
    if (!group) groups.set(action.companyId, (group = { actions: [], places: [] }));
    group.actions.push(action);
    group.places.push(place);
  });
  return groups;
}

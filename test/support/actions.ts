import type { EncodedAction, EncodedEphemeral } from '../../lib/internal/engine.js';
import type { SyncAction } from '../../lib/protocol/events.js';

let made = 0;

/** A checked and stamped action, as the facade makes it. */
export function action(fields: Partial<SyncAction> = {}): SyncAction {
  return {
    id: `a${++made}`,
    type: 'update',
    module: 'guests',
    entityId: 'g1',
    companyId: 'acme',
    userId: 'u1',
    timestamp: Date.now(),
    queryPaths: ['guests.getAll'],
    ...fields,
  };
}

/** As the facade encodes it. */
export function encode(fields: Partial<SyncAction> = {}, extra: Pick<EncodedAction, 'transformed'> = {}): EncodedAction {
  const whole = action(fields);
  return { companyId: whole.companyId, head: `${JSON.stringify(whole).slice(0, -1)},"seq":`, tail: '}', action: whole, ...extra };
}

/** `count` actions of one company, ids `<prefix>1`, `<prefix>2`, … */
export function encodeMany(count: number, prefix: string, fields: Partial<SyncAction> = {}): EncodedAction[] {
  return Array.from({ length: count }, (_, i) => encode({ ...fields, id: `${prefix}${i + 1}` }));
}

export function encodeEphemeral(companyId: string, topic: string, data: unknown = {}): EncodedEphemeral {
  return { companyId, json: JSON.stringify({ type: 'ephemeral', timestamp: Date.now(), queryPaths: [], topic, data }) };
}

/** What an app broadcasts. */
export const change = {
  type: 'update',
  module: 'guests',
  entityId: 'g1',
  companyId: 'acme',
  userId: 'w',
  queryPaths: ['guests.getAll'],
} as const;

/** Who asks for a stream, for an `identify` that asks nobody. */
export const ann = (): { companyId: string; userId: string } => ({ companyId: 'acme', userId: 'ann' });

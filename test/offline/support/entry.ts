/** An entry of the outbox: an update of the page `p1` that was never sent, but for what a test says. */
import type { OutboxEntry } from '../../../lib/offline/types.js';

export function entryOf(parts: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    id: 'id',
    squashed: [],
    seq: 1,
    path: 'pages.update',
    input: { id: 'p1', ...parts.fields },
    kind: 'update',
    entity: 'pages',
    entityId: 'p1',
    lane: 'pages\0p1',
    after: [],
    fields: {},
    base: {},
    state: 'queued',
    attempts: 0,
    failures: 0,
    notBefore: 0,
    createdAt: 0,
    version: 1,
    ...parts,
  };
}

/** `useConflicts`: what waits for a person's decision, without a look of its own. */
import { useMemo } from 'react';
import type { FieldConflict } from '../protocol/conflict.js';
import type { OutboxEntry, Resolution } from '../offline/types.js';
import { useAllEntries, useOffline } from './context.js';
import { withOutbox } from './use-outbox.js';

export interface Conflict {
  readonly entry: OutboxEntry;
  /** By field: base, mine, theirs, by whom and when. Empty where the server named none: then it is about the whole of it (`entry.error`). */
  readonly fields: readonly FieldConflict[];
  /** Rejects where it is not conflicted any more. */
  readonly resolve: (how: Resolution) => Promise<void>;
}

export interface Conflicts {
  /** By the order in which the person did them. */
  readonly conflicts: readonly Conflict[];
}

export function useConflicts(): Conflicts {
  const offline = useOffline('useConflicts');
  const entries = useAllEntries(offline);
  return useMemo(
    () => ({
      conflicts: entries
        .filter(({ state }) => state === 'conflicted')
        .map((entry) => ({ entry, fields: entry.conflicts ?? [], resolve: (how: Resolution) => withOutbox(offline, (one) => one.resolve(entry.id, how)) })),
    }),
    [offline, entries],
  );
}

/** `usePending`: which rows show what the server does not have yet. */
import { useRef } from 'react';
import type { OutboxEntry } from '../offline/types.js';
import { useEntries, useOffline } from './context.js';

/** What is refused for good is not shown, and so not pending; what waits for a decision is. */
const isPending = ({ state }: OutboxEntry): boolean => state === 'queued' || state === 'sending' || state === 'conflicted';

const NONE: ReadonlySet<string> = new Set();

/** The ids of this entity's rows that are changed here and not yet on the server. The same set until it is another one; renders anew only then. */
export function usePending(entity: string): ReadonlySet<string>;
/** Whether this row is. Renders anew only when that changes. */
export function usePending(entity: string, id: string | number): boolean;
export function usePending(entity: string, id?: string | number): boolean | ReadonlySet<string> {
  const offline = useOffline('usePending');
  const last = useRef(NONE);
  return useEntries<boolean | ReadonlySet<string>>(offline, (entries) => {
    const ids = new Set<string>();
    for (const entry of entries) if (entry.entity === entity && entry.entityId !== undefined && isPending(entry)) ids.add(entry.entityId);
    if (id !== undefined) return ids.has(String(id));
    if (ids.size !== last.current.size || ![...ids].every((one) => last.current.has(one))) last.current = ids;
    return last.current;
  });
}

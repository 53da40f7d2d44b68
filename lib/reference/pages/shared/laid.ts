/**
 * What this person did, over what the server has answered: this page's cache is its own, so it lays for itself what `bindOffline` lays over TanStack Query's.
 * Pure; what is there already is laid again without effect.
 */
import type { OutboxEntry } from '../../../offline/index.js';

/** Shown until the server's answer has it: what waits, and what was done after the data began to be read. */
export const isLaid = ({ state, ackedAt = 0 }: OutboxEntry, began: number): boolean => state === 'queued' || state === 'sending' || state === 'conflicted' || (state === 'acked' && ackedAt >= began);

/** The person waits for the server, or the server for the person. */
export const isPending = ({ state }: OutboxEntry): boolean => state === 'queued' || state === 'sending' || state === 'conflicted';

interface Row {
  id: string;
}

/** `make`: the row that a create makes; undefined: of another list. */
export function laidOver<R extends Row>(rows: readonly R[], entity: string, entries: readonly OutboxEntry[], began: number, make: (entry: OutboxEntry) => R | undefined): readonly R[] {
  return entries.reduce((now, entry) => {
    if (entry.entity !== entity || entry.entityId === undefined || !isLaid(entry, began)) return now;
    const at = now.findIndex(({ id }) => id === entry.entityId);
    if (entry.kind === 'create') {
      const made = at < 0 ? make(entry) : undefined;
      return made ? [made, ...now] : now;
    }
    if (at < 0) return now;
    return entry.kind === 'delete' ? now.filter((_, index) => index !== at) : now.map((row, index) => (index === at ? { ...row, ...only(entry.fields, row) } : row));
  }, rows);
}

/** Of one row; null: there is none. */
export const laidOverOne = <R extends Row>(row: R | null, entity: string, id: string, entries: readonly OutboxEntry[], began: number, make: (entry: OutboxEntry) => R | undefined): R | null =>
  laidOver(row ? [row] : [], entity, entries.filter(({ entityId }) => entityId === id), began, make)[0] ?? null;

/** A list shows some of a row's fields. */
const only = (fields: Readonly<Record<string, unknown>>, row: object): object => Object.fromEntries(Object.entries(fields).filter(([field]) => field in row));

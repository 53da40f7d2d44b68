/**
 * What somebody else's action means for what waits here to be sent. Pure: nothing is decided that the server would decide otherwise, and what cannot be told
 * here is left to it (it compares by `tx.expected`).
 */
import type { FieldConflict } from '../../protocol/conflict.js';
import type { ActionEvent } from '../../protocol/events.js';
import type { EntityKey, OfflineMutation, OutboxEntry, SeenField } from '../types.js';

/** What an action says of one row's fields. */
export interface Written {
  readonly key: EntityKey;
  readonly fields: readonly string[];
  /** The version of all of them. */
  readonly version: string;
  readonly action: ActionEvent;
}

/** What an entry is to be told: that it is conflicted, or that it has seen these. Undefined: nothing. */
export interface Told {
  readonly conflicts: readonly FieldConflict[];
  readonly base: Readonly<Record<string, SeenField>>;
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {});

/** The rows and fields that an action names in `tx.versions` (SPEC §22), nothing of it believed. */
export function writtenOf(action: ActionEvent): Written[] {
  const { transactionId: version, versions } = objectOf(action.tx);
  if (typeof version !== 'string' || !Array.isArray(versions)) return [];
  return versions.flatMap((given: unknown) => {
    const { entity, entityId, fields } = objectOf(given);
    if (typeof entity !== 'string' || (typeof entityId !== 'string' && typeof entityId !== 'number') || !Array.isArray(fields)) return [];
    return [{ key: { entity, id: `${entityId}` }, fields: fields.filter((field) => typeof field === 'string'), version, action }];
  });
}

/** Only of such is sure that nobody has heard of them. */
export const isUnsent = ({ state, attempts }: OutboxEntry): boolean => state === 'queued' && attempts === 0;

/** The ids under which a change is this browser's own. */
export const isOwn = (entries: readonly OutboxEntry[], version: string): boolean => entries.some(({ id, squashed }) => id === version || squashed.includes(version));

/** As JSON is the same. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [mine, theirs] = [objectOf(a), objectOf(b)];
  const keys = Object.keys(mine);
  return keys.length === Object.keys(theirs).length && keys.every((key) => Object.hasOwn(theirs, key) && same(mine[key], theirs[key]));
}

/** What JSON holds as it is. Of anything else (a date, bytes) nobody here can tell whether it is what came as text. */
function isJson(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint' && value !== undefined;
  const { constructor } = value;
  return (constructor === Object || Array.isArray(value)) && Object.values(value).every(isJson);
}

/** What the field is now, where the action says so. */
function valueOf({ action, key }: Written, field: string, mutation: OfflineMutation | undefined): { value: unknown } | undefined {
  if (action.entityId !== key.id || action.row?.dates?.some((path) => path.at(-1) === field)) return undefined;
  const { shows } = mutation ?? {};
  let row: unknown = action.data;
  try {
    // Of an answer that has the row inside of it.
    if (shows?.row && action.row?.query === shows.query) row = shows.row(action.data);
  } catch {
    return undefined;
  }
  const has = objectOf(row);
  return Object.hasOwn(has, field) ? { value: has[field] } : undefined;
}

/**
 * What `written` means for an entry. `fields`: of an earlier look only those that no later action has written again. Of a row that was deleted: a conflict
 * of each of its fields, without `theirs`.
 */
export function tell(entry: OutboxEntry, written: Written, mutation: OfflineMutation | undefined): Told | undefined {
  const { key, version, action } = written;
  if (!isUnsent(entry) || entry.entity !== key.entity || entry.entityId !== key.id || entry.kind === 'create' || entry.kind === 'other') return undefined;
  const conflicts: FieldConflict[] = [];
  const base: Record<string, SeenField> = {};
  const deleted = action.type === 'delete';
  // Two that delete one row want the same.
  if (deleted && entry.kind === 'delete') return undefined;
  const compared = Object.keys(entry.kind === 'delete' ? entry.base : entry.fields);
  for (const field of compared) {
    const seen = entry.base[field];
    if ((!deleted && !written.fields.includes(field)) || seen?.version === version) continue;
    const mine = entry.fields[field];
    const theirs = deleted ? undefined : valueOf(written, field, mutation);
    if (!deleted && (!theirs || !isJson(theirs.value) || (entry.kind === 'update' && !isJson(mine)))) continue;
    // The same wish is none; nor is what the person has seen there all the while.
    if (theirs && (same(theirs.value, mine) || (seen && 'value' in seen && same(theirs.value, seen.value)))) {
      base[field] = { value: theirs.value, version };
      continue;
    }
    conflicts.push({
      field,
      ...(seen && 'value' in seen && { base: seen.value }),
      ...(entry.kind === 'update' && { mine }),
      ...(theirs && { theirs: theirs.value }),
      by: action.userId || null,
      at: action.timestamp,
      version,
    });
  }
  return conflicts.length > 0 || Object.keys(base).length > 0 ? { conflicts, base } : undefined;
}

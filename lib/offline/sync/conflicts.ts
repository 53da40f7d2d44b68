/**
 * What somebody else's action means for what waits here to be sent. Pure: nothing is decided that the server would decide otherwise, and what cannot be told
 * here is left to it (it compares by `tx.expected`).
 */
import type { FieldConflict } from '../../protocol/conflict.js';
import type { ActionEvent } from '../../protocol/events.js';
import { isUntouched, keyOf } from '../outbox/entry.js';
import { isSame } from '../overlay/lay.js';
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

type Plain = Readonly<Record<string, unknown>>;

/** The rows and fields that an action names in `tx.versions` (SPEC §22), nothing of it believed. */
export function writtenOf(action: ActionEvent): Written[] {
  const { transactionId: version, versions } = Object(action.tx) as Plain;
  if (typeof version !== 'string' || !Array.isArray(versions)) return [];
  return versions.flatMap((given: unknown) => {
    const { entity, entityId, fields } = Object(given) as Plain;
    if (typeof entity !== 'string' || !/^(string|number)$/.test(typeof entityId) || !Array.isArray(fields)) return [];
    return { key: { entity, id: `${entityId as string}` }, fields: fields.filter((field) => typeof field === 'string'), version, action };
  });
}

/** What JSON holds as it is. Of anything else (a date, bytes) nobody here can tell whether it is what came as text. */
function isJson(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint' && value !== undefined;
  return (value.constructor === Object || Array.isArray(value)) && Object.values(value).every(isJson);
}

/** What the field is now, where the action says so. */
function valueOf({ action, key }: Written, field: string, shows: OfflineMutation['shows']): { value?: unknown } {
  const { entityId, row, data } = action;
  if (entityId !== key.id || row?.dates?.some((path) => path.at(-1) === field)) return {};
  try {
    // Of an answer that has the row inside of it.
    const has = Object(shows?.row && row?.query === shows.query ? shows.row(data) : data) as Plain;
    return Object.hasOwn(has, field) ? { value: has[field] } : {};
  } catch {
    return {};
  }
}

/**
 * What `written` means for an entry. `fields`: of an earlier look only those that no later action has written again. Of a row that was deleted: a conflict
 * of each of its fields, without `theirs`.
 */
export function tell(entry: OutboxEntry, written: Written, mutation: OfflineMutation | undefined): Told | undefined {
  const { key, version, action } = written;
  const isUpdate = entry.kind === 'update';
  const deleted = action.type === 'delete';
  // Two that delete one row want the same.
  if (!isUntouched(entry) || entry.lane !== keyOf(key) || !(isUpdate || (entry.kind === 'delete' && !deleted))) return undefined;
  const conflicts: FieldConflict[] = [];
  const base: Record<string, SeenField> = {};
  for (const field in isUpdate ? entry.fields : entry.base) {
    const { version: known, ...seen } = entry.base[field] ?? {};
    if (known === version || (!deleted && !written.fields.includes(field))) continue;
    const mine = entry.fields[field];
    const theirs = deleted ? {} : valueOf(written, field, mutation?.shows);
    if (!deleted && (!isJson(theirs.value) || (isUpdate && !isJson(mine)))) continue;
    // The same wish is none; nor is what the person has seen there all the while.
    if (!deleted && (isSame(theirs.value, mine) || ('value' in seen && isSame(theirs.value, seen.value)))) base[field] = { ...theirs, version };
    else {
      conflicts.push({
        field,
        ...('value' in seen && { base: seen.value }),
        ...(isUpdate && { mine }),
        ...(!deleted && { theirs: theirs.value }),
        by: action.userId || null,
        at: action.timestamp,
        version,
      });
    }
  }
  return conflicts[0] || Object.keys(base)[0] ? { conflicts, base } : undefined;
}

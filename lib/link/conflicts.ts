/** What a mutation's error says of fields that somebody else has changed (SPEC §22). */
import type { FieldConflict } from '../protocol/conflict.js';

/**
 * The fields of a FIELD_CONFLICT, where the server's `errorFormatter` is `conflictFormatter`; undefined for any other error. Nothing of the mutation was
 * done: it may be sent again, `expected` with the `version` of what the user has decided about. Never throws.
 */
export function fieldConflicts<Row extends object = Record<string, unknown>>(error: unknown): FieldConflict<Row>[] | undefined {
  const pathcast = part(part(error, 'data'), 'pathcast');
  const conflicts = part(pathcast, 'conflicts');
  return part(pathcast, 'code') === 'FIELD_CONFLICT' && Array.isArray(conflicts) ? (conflicts as FieldConflict<Row>[]) : undefined;
}

function part(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

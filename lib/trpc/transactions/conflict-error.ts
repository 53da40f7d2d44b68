/** The error of two people who changed one field, and its way into tRPC's error shape. */
import type { FieldConflict } from '../../protocol/conflict.js';
import { isPathcastError, PathcastError } from '../../protocol/error.js';

/** FIELD_CONFLICT. Nothing of the mutation was done. */
export class FieldConflictError extends PathcastError {
  readonly conflicts: readonly FieldConflict[];

  constructor(conflicts: readonly FieldConflict[]) {
    const what = conflicts.length === 1 ? 'a field' : `${conflicts.length} fields`;
    super('FIELD_CONFLICT', `somebody else has changed ${what} since this caller read ${conflicts.length === 1 ? 'it' : 'them'}`);
    this.conflicts = conflicts;
  }
}

/** What stands in `error.data.pathcast` at the client. */
export interface ErrorData {
  code: string;
  /** The same call may succeed later. */
  retryable: boolean;
  /** Of FIELD_CONFLICT. */
  conflicts?: readonly FieldConflict[];
}

/**
 * `initTRPC.create({ errorFormatter: conflictFormatter })`, or inside your own: `({ shape, error }) => ({ ...conflictFormatter({ shape, error }), … })`.
 * `error.data.pathcast` says which of pathcast's errors it was; of a conflict, the fields. `fieldConflicts(error)` of `pathcast/client/trpc` reads it.
 */
export function conflictFormatter<Shape extends { data: object }>({ shape, error }: { shape: Shape; error: { cause?: unknown } }): Shape & { data: { pathcast?: ErrorData } } {
  const cause = own(error);
  if (!cause) return shape;
  const { code, retryable } = cause;
  // Of another copy of the package too: told by its code.
  const { conflicts } = cause as Partial<FieldConflictError>;
  const pathcast: ErrorData = { code, retryable, ...(code === 'FIELD_CONFLICT' && conflicts && { conflicts }) };
  return { ...shape, data: { ...shape.data, pathcast } };
}

/** Errors around an error: of an app's middleware, of a mutation that called another one. */
const MAX_DEPTH = 8;

function own({ cause }: { cause?: unknown }): PathcastError | undefined {
  let found = cause;
  for (let depth = 0; depth < MAX_DEPTH && typeof found === 'object' && found !== null; depth++) {
    if (isPathcastError(found)) return found;
    found = (found as { cause?: unknown }).cause;
  }
  return undefined;
}

import { PathcastError } from '../../protocol/error.js';

/** What an app sees of a changed row. */
export interface Activity {
  /** The offset after it. */
  readonly activityId: string;
  /** 1, 2, 3, … of the company. */
  readonly seq: number;
  readonly companyId: string;
  /** The module of the worker's map; `*`: any. */
  readonly entityType: string;
  /** `*`: many rows, or all: what is shown of this type is to be read again. */
  readonly entityId: string;
  readonly action: 'create' | 'update' | 'delete';
  /** Columns that an update has changed; null where PostgreSQL did not say (it does with REPLICA IDENTITY FULL). */
  readonly changedKeys: readonly string[] | null;
  /** Who said in the transaction that it is theirs; null: nobody did. */
  readonly userId: string | null;
  /** What the transaction says of itself: `transactionId`, `sourceId`, …; null: nothing. */
  readonly tx: Readonly<Record<string, unknown>> | null;
  /** When it was committed, ISO 8601. */
  readonly createdAt: string;
  /** The row as it is now; null: it is not there (any more), or see `fetch`. */
  readonly data: Readonly<Record<string, unknown>> | null;
  /** There may be a row, and `data` has none: it is too large, its type has no `entities`, or the id is `*`. */
  readonly fetch: boolean;
}

/** Why everything may have changed since an offset. */
export type ResyncReason =
  /** It is no offset. */
  | 'unknown_offset'
  /** What follows it is no longer kept. */
  | 'trimmed'
  /** It is of a former life: changes were lost, or the database is an older copy of itself. */
  | 'life_changed'
  /** There is none so high. */
  | 'ahead_of_log';

/**
 * Who may see which: an answer for each change, in their order. Asked anew for each delivery. What throws, rejects, or gives another number of answers lets nothing through.
 */
export type IsAllowed<U> = (user: U, changes: readonly Activity[]) => readonly boolean[] | Promise<readonly boolean[]>;

/** Throws what `isAllowed` throws, and INVALID_OPTION where it gives something else than one boolean for each. */
export async function allowed<U>(isAllowed: IsAllowed<U>, user: U, changes: readonly Activity[]): Promise<readonly Activity[]> {
  if (changes.length === 0) return changes;
  // A list of its own: what it does with it changes nothing here.
  const answers: unknown = await isAllowed(user, [...changes]);
  if (!Array.isArray(answers) || answers.length !== changes.length || answers.some((answer) => typeof answer !== 'boolean'))
    throw new PathcastError('INVALID_OPTION', `isAllowed must give an array of ${changes.length} booleans, one for each change; nothing was sent`);
  return changes.filter((_, i) => answers[i] === true);
}

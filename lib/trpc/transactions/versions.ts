/** `sync.fieldVersions()`: what a page says in `expected` of the rows that a query gives it. */
import { PathcastError } from '../../protocol/error.js';
import { describe, describeType, isArray } from '../../internal/describe.js';
import { checkCompanyId, checkIdentifier, checkKeys, checkObject } from '../../server/check.js';
import { textOf, type FieldsHost } from './fields.js';
import { isStore, type TransactionStore } from './store.js';
import { openOf } from './transaction.js';
import { isSame, presentOf } from './three-way.js';

export interface FieldVersionsOptions<Tx> {
  store: TransactionStore<Tx>;
  companyId: string;
  /** As in `fields()`. */
  entity: string;
  /** As `read` of `fields()` gives them. At most 1,000. */
  rows: readonly object[];
  /** The rows' own; default `id`. */
  idKey?: string | undefined;
}

const MAX_ROWS = 1_000;

/**
 * A version is that of the value that the row has: rows that were read before a change of them never look newer than they are. Inside of a transaction of
 * the store it is asked in that. Throws PathcastError INVALID_OPTION, INVALID_FIELD, NOT_SERIALIZABLE.
 */
export async function versionsOf<Tx>(options: FieldVersionsOptions<Tx>, host: Pick<FieldsHost, 'form' | 'encode'>): Promise<Record<string, Record<string, string>>> {
  checkKeys('fieldVersions()', checkObject('fieldVersions() options', options, 'INVALID_OPTION'), ['store', 'companyId', 'entity', 'rows', 'idKey']);
  const { store, companyId, entity, rows, idKey = 'id' } = options;
  if (!isStore(store)) throw new PathcastError('INVALID_OPTION', `fieldVersions() needs the store of sync.transaction(), got ${describeType(store)}`);
  if (!isArray(rows) || rows.length > MAX_ROWS) throw new PathcastError('INVALID_FIELD', `rows must be a list of at most ${MAX_ROWS} rows, got ${describe(rows)}`);
  const byId = new Map(rows.map((row) => [idOf(row, idKey), row]));
  const known = await store.newest(checkCompanyId(companyId), checkIdentifier('entity', entity), [...byId.keys()], openOf(store)?.tx as Tx | undefined);
  const found = [...byId].map(([id, row]): [string, Record<string, string>] => {
    const { deleted, fields } = known.get(id) ?? { deleted: undefined, fields: new Map<string, never>() };
    const versions = Object.keys(row).map((field): [string, string] => {
      const { version } = presentOf({ history: { newest: fields.get(field) }, deleted, current: textOf(row, field, host), exists: true, same: isSame });
      return [field, version];
    });
    return [id, Object.fromEntries(versions)];
  });
  return Object.fromEntries(found);
}

function idOf(row: unknown, key: string): string {
  const id: unknown = checkObject('a row', row)[key];
  return checkIdentifier(`the row's ${key}`, typeof id === 'number' || typeof id === 'bigint' ? String(id) : id);
}

/** The fields that one mutation changes: compared with what others have made of them, and written down with the transaction. */
import { PathcastError } from '../../protocol/error.js';
import type { FieldConflict } from '../../protocol/conflict.js';
import { describe, isArray } from '../../internal/describe.js';
import { MAX_FIELDS } from '../../protocol/limits.js';
import { isWellFormed } from '../../internal/text.js';
import { checkIdentifier, checkKeys, checkObject } from '../../server/check.js';
import { whyUnserialisable } from '../../server/unserialisable.js';
import { FieldConflictError } from './conflict-error.js';
import { canonical, inOrder } from './canonical.js';
import type { Author, EntityKey, FieldHistory, FieldWrite, LockedEntity, TransactionStore } from './store.js';
import { isSame, presentOf, verdictOf, type FieldCall, type Present } from './three-way.js';
import type { TxRequest } from './tx-input.js';

type Row = object;

export interface FieldsCall<Changes extends object> {
  /** The kind of thing: a table's name. */
  entity: string;
  id: string | number | bigint;
  /** What the user wants: the parsed input's fields, those with `undefined` left out. Null: it is to be deleted. */
  changes: Changes | null;
  /**
   * Of a delete, and needed there: the fields that are compared where the client says in `expected` what it has seen. Their values are shown to it in a
   * conflict, so name none that its user may not read. At most 256.
   */
  compare?: readonly string[] | undefined;
  /**
   * The row as it is, with all fields of `changes` or `compare`, read by `ctx.tx`; nothing, or an empty list, where there is none. Called before and after
   * the mutation has written.
   */
  read: () => Promise<Row | readonly Row[] | null | undefined>;
  /** Whether two values of a field are the same. Default: as they are through the transformer, whatever the order of keys. */
  equal?: ((field: string, a: unknown, b: unknown) => boolean) | undefined;
}

export interface FieldsHost {
  /** `enveloped`: of its texts equal values need not have equal ones, whatever is done to the keys afterwards. */
  form: 'none' | 'wrapped' | 'enveloped';
  encode: (value: unknown) => string;
  restore: (text: string) => unknown;
}

/** What was compared, and is written down when the resolver is done. */
interface Touched {
  key: EntityKey;
  entity: LockedEntity;
  read: FieldsCall<Row>['read'];
  /** By field, what was there before without a version. */
  fields: Map<string, FieldWrite['before']>;
  /** There was a row. */
  existed: boolean;
  erased: boolean;
}

export class Fields<Tx> {
  readonly #store: TransactionStore<Tx>;
  readonly #tx: Tx;
  readonly #author: Author;
  readonly #companyId: string;
  readonly #request: TxRequest | undefined;
  readonly #host: FieldsHost;
  readonly #touched = new Map<string, Touched>();
  /** One call after the other: each knows what those before it have passed. */
  #turn: Promise<unknown> = Promise.resolve();
  #over = false;

  constructor(store: TransactionStore<Tx>, tx: Tx, companyId: string, author: Author, request: TxRequest | undefined, host: FieldsHost) {
    this.#store = store;
    this.#tx = tx;
    this.#companyId = companyId;
    this.#author = author;
    this.#request = request;
    this.#host = host;
  }

  /** Resolves to what is to be written of `changes`. Throws PathcastError FIELD_CONFLICT, INVALID_FIELD, INVALID_OPTION. */
  check<Changes extends object>(call: FieldsCall<Changes>): Promise<Partial<Changes>> {
    const own = this.#turn.then(() => this.#check(call));
    this.#turn = own.catch(() => undefined);
    return own;
  }

  async #check<Changes extends object>(call: FieldsCall<Changes>): Promise<Partial<Changes>> {
    if (this.#over) throw new PathcastError('INVALID_OPTION', 'fields() was called after the end of its mutation: await it before the mutation answers');
    const { key, changes, compare, read, equal } = this.#checked(call);
    const touched = this.#touched.get(canonical([key.entity, key.id]));
    const entity = await this.#store.lock(this.#tx, key);
    const row = rowOf(await read());
    const fields = this.#fieldsOf(changes, compare);
    checkRow(row, fields.keys());
    const history = await this.#store.history(this.#tx, key, fields);
    const writes: string[] = [];
    const conflicts: FieldConflict[] = [];
    const before = touched?.fields ?? new Map<string, FieldWrite['before']>();
    for (const [field, expected] of fields) {
      // What this transaction has written is the caller's own.
      const own = before.has(field) || touched?.erased === true;
      const found = this.#fieldOf(field, changes, row, entity, history.get(field) ?? NOTHING, own ? undefined : expected, equal);
      const present = presentOf(found);
      const verdict = verdictOf(found, present);
      if (verdict.kind === 'conflict') conflicts.push(this.#conflict(field, changes, row, present, verdict.base));
      else if (verdict.kind === 'write') {
        writes.push(field);
        if (!own) before.set(field, unversioned(found, present, textOf(row, field, this.#host)));
      }
    }
    if (conflicts.length > 0) throw new FieldConflictError(conflicts);
    this.#touched.set(canonical([key.entity, key.id]), {
      key,
      entity,
      read,
      fields: before,
      existed: row !== undefined || touched?.existed === true,
      erased: changes === null || touched?.erased === true,
    });
    return Object.fromEntries(writes.map((field) => [field, (changes as Record<string, unknown> | null)?.[field]])) as Partial<Changes>;
  }

  /** After the resolver: what its fields are now. `passed`: mutations inside of this one may have written the same since. */
  async write(passed: boolean): Promise<void> {
    await this.#turn;
    this.#over = true;
    for (const { key, entity, read, fields, existed, erased } of this.#touched.values()) {
      const { turn } = passed ? await this.#store.lock(this.#tx, key) : entity;
      const row = rowOf(await read());
      if (!erased) checkRow(row, fields.keys());
      const writes = [...fields].map(([field, before]): FieldWrite => ({ field, value: textOf(row, field, this.#host), before }));
      if (!row) {
        // Who removes what is gone already has not removed it.
        if (existed || (erased && !entity.deleted)) await this.#store.erase(this.#tx, key, turn, this.#author, writes);
      } else if (writes.length > 0) await this.#store.write(this.#tx, key, turn, this.#author, writes);
    }
  }

  /** What goes out with the action: a client that hears of it knows what to expect next. */
  get told(): { entity: string; entityId: string; fields: string[] }[] {
    return [...this.#touched.values()].map(({ key, fields, erased }) => ({ entity: key.entity, entityId: key.id, fields: erased ? [] : [...fields.keys()] }));
  }

  #checked<Changes extends object>(call: FieldsCall<Changes>): { key: EntityKey; changes: Changes | null; compare: readonly string[] } & Pick<FieldsCall<Changes>, 'read' | 'equal'> {
    checkKeys('fields()', checkObject('the call of fields()', call), ['entity', 'id', 'changes', 'compare', 'read', 'equal']);
    const { entity, id, changes, compare, read, equal } = call;
    if (typeof read !== 'function' || (equal !== undefined && typeof equal !== 'function'))
      throw new PathcastError('INVALID_FIELD', `fields(): read must be a function that reads the row, and equal one or nothing, got ${describe(read)} and ${describe(equal)}`);
    if (changes !== null) checkObject('changes', changes);
    if (changes === null ? !isNames(compare) : compare !== undefined)
      throw new PathcastError(
        'INVALID_OPTION',
        `fields() of a delete (changes: null), and of nothing else, needs compare: the names of at most ${MAX_FIELDS} fields that its client may see; got ${describe(compare)}`,
      );
    const key = {
      companyId: this.#companyId,
      entity: checkIdentifier('entity', entity),
      id: checkIdentifier('id', typeof id === 'number' || typeof id === 'bigint' ? String(id) : id),
    };
    checkStorable('entity', key.entity);
    checkStorable('id', key.id);
    return { key, changes, compare: compare ?? [], read, equal };
  }

  /** By field the version that the caller expects. Of a delete those that it names are compared; what the others were is kept. */
  #fieldsOf(changes: object | null, compare: readonly string[]): Map<string, string | null | undefined> {
    const { changedFields, expected } = this.#request ?? {};
    const seen = (field: string): string | null | undefined => (expected && Object.hasOwn(expected, field) ? expected[field] : undefined);
    // What a client names may be what its user may not see: the app's word is needed, and a conflict that is not there tells of a value, too.
    if (changes === null) return new Map(compare.map((field) => [field, seen(field)]));
    const named = changedFields && new Set(changedFields);
    const fields = Object.entries(changes).flatMap(([field, value]) => (value !== undefined && (!named || named.has(field)) ? [field] : []));
    if (fields.length > MAX_FIELDS) throw new PathcastError('INVALID_FIELD', `changes has ${fields.length} fields; at most ${MAX_FIELDS}`);
    for (const field of fields) checkField(field);
    return new Map(fields.map((field) => [field, expected ? (seen(field) ?? null) : undefined]));
  }

  #fieldOf(
    field: string,
    changes: object | null,
    row: object | undefined,
    { deleted }: LockedEntity,
    history: FieldHistory,
    expected: string | null | undefined,
    equal: FieldsCall<Row>['equal'],
  ): FieldCall {
    const { restore } = this.#host;
    const same: FieldCall['same'] = (a, b) => isSame(a, b) || (equal !== undefined && a !== undefined && b !== undefined && equal(field, restore(a), restore(b)));
    return {
      history,
      deleted,
      current: textOf(row, field, this.#host),
      exists: row !== undefined,
      expected,
      mine: textOf(changes ?? undefined, field, this.#host),
      named: changes === null || this.#request?.changedFields !== undefined,
      same,
    };
  }

  #conflict(field: string, changes: object | null, row: object | undefined, present: Present, base: FieldHistory['newest']): FieldConflict {
    const of = (name: 'mine' | 'theirs', holder: object | null | undefined): object =>
      holder && Object.hasOwn(holder, field) ? { [name]: (holder as Record<string, unknown>)[field] } : {};
    const { by, at, version } = present;
    return {
      field,
      ...this.#base(base),
      ...of('mine', changes),
      ...of('theirs', row),
      by,
      at,
      version,
    };
  }

  /** Not there where the transformer cannot read what it wrote (superjson: bytes of Node's). */
  #base(base: FieldHistory['newest']): { base?: unknown } {
    if (base?.value === undefined) return {};
    try {
      return { base: this.#host.restore(base.value) };
    } catch {
      return {};
    }
  }
}

const NOTHING: FieldHistory = { newest: undefined, expected: undefined, origin: undefined };

/** Drizzle answers with a list, others with a row. */
function rowOf(read: unknown): object | undefined {
  const row: unknown = Array.isArray(read) ? read[0] : read;
  if (row === undefined || row === null) return undefined;
  if (typeof row !== 'object') throw new PathcastError('INVALID_FIELD', `read of fields() must give the row, an object, got ${describe(row)}`);
  return row;
}

function isNames(value: unknown): value is readonly string[] {
  return isArray(value) && value.length <= MAX_FIELDS && value.every((name) => typeof name === 'string');
}

/** PostgreSQL's texts hold everything but this. */
export function checkStorable(name: string, text: string | undefined): void {
  if (text?.includes('\0')) throw new PathcastError('INVALID_FIELD', `${name} holds a NUL, which PostgreSQL does not keep`);
}

function checkField(field: string): void {
  if (field.includes('\0') || !isWellFormed(field)) throw new PathcastError('INVALID_FIELD', 'a field of changes has a name that PostgreSQL does not keep: it holds a NUL or half of a character');
}

/** A field that is not read looks as if nobody had ever changed it. */
function checkRow(row: object | undefined, fields: Iterable<string>): void {
  if (!row) return;
  const missing = [...fields].filter((field) => !Object.hasOwn(row, field));
  if (missing.length > 0)
    throw new PathcastError('INVALID_OPTION', `read of fields() gives no ${missing.slice(0, 8).map((field) => describe(field)).join(', ')}: give the row each field of changes and compare under the same name, null where there is nothing`);
}

/** What is there and has no version gets one, so that it is known to whoever has seen it. */
function unversioned({ history, deleted, exists }: FieldCall, { version, unwritten }: Present, value: string | undefined): FieldWrite['before'] {
  if (version === history.newest?.version || (deleted && !exists)) return undefined;
  return { version, value, origin: unwritten };
}

/** A field as text; undefined: it is not there. Throws NOT_SERIALIZABLE. */
export function textOf(holder: object | undefined, field: string, { form, encode }: Pick<FieldsHost, 'form' | 'encode'>): string | undefined {
  if (!holder || !Object.hasOwn(holder, field)) return undefined;
  const value = (holder as Record<string, unknown>)[field];
  try {
    return value === undefined ? undefined : encode(form === 'enveloped' ? inOrder(value) : value);
  } catch (thrown) {
    throw new PathcastError('NOT_SERIALIZABLE', `the field ${describe(field)} cannot be compared: ${whyUnserialisable(field, value, thrown)}; a transformer of the router, or a text in its place, can hold it`);
  }
}

/** From a call to an entry, and from an entry to what is sent. Pure. */
import { isPlain } from '../../protocol/where.js';
import { demand } from '../error.js';
import type { EntityKey, OfflineMutation, OutboxEntry, SeenField } from '../types.js';
import { isCompared, isSeen, keyOf, rowOf } from './entry.js';

/** As the server takes them (SPEC §22); what sets more is not compared. */
const MAX_FIELDS = 256;
const ID = /^[!-}][!-~]{0,63}$/;

export type Mutations = Readonly<Record<string, OfflineMutation>>;

/** What is known where an entry is made. */
export interface Known {
  version: (key: EntityKey, field: string) => string | null | undefined;
  row: (key: EntityKey) => Readonly<Record<string, string | null>> | undefined;
  value: (key: EntityKey, field: string) => { value: unknown } | undefined;
}

type Fields = Record<string, unknown>;


/** Without what only its place among the others can say: `seq`, `base`, and `id` where the app has not given one. */
export type Making = Omit<OutboxEntry, 'id' | 'seq' | 'base'> & { id: string | undefined };

export function make(path: string, given: unknown, mutations: Mutations, version: number, now: number): Making {
  demand(Object.hasOwn(mutations, path), 'path', 'one of mutations', path, 'INVALID_FIELD');
  const { kind, entity, id: idOf, idKey = 'id', fields: fieldsOf, dependsOn } = mutations[path] as OfflineMutation;
  let input: unknown;
  try {
    input = structuredClone(given);
  } catch (cause) {
    demand(false, `the input of ${path}`, 'what structuredClone can copy', given, 'INVALID_FIELD', cause);
  }
  let tx: Fields | undefined;
  let id: string | undefined;
  if (isPlain(input) && isPlain(input['tx'])) {
    ({ tx, ...input } = input as { tx: Fields });
    ({ transactionId: id, ...tx } = tx as { transactionId?: string });
    demand(id === undefined || ID.test(id), 'tx.transactionId', '1 to 64 of "!" to "~", the first no "~"', id, 'INVALID_FIELD');
  }
  const own = isPlain(input) ? input : {};
  const row = idOf ? idOf(input) : (own[idKey] as string | number | undefined);
  const named = { ...(entity !== undefined && { entity }), ...(row !== undefined && { entityId: `${row}` }) };
  const key = rowOf(named);
  const lane = key ? keyOf(key) : path;
  const all = kind === 'delete' || kind === 'other' ? {} : (fieldsOf?.(input) ?? own);
  return {
    id,
    squashed: [],
    path,
    input,
    kind,
    ...named,
    lane,
    after: [...new Set(dependsOn?.(input).map(keyOf))].filter((other) => other !== lane),
    fields: Object.fromEntries(Object.entries(all).filter(([field, value]) => value !== undefined && (fieldsOf || field !== idKey))),
    state: 'queued',
    attempts: 0,
    failures: 0,
    notBefore: 0,
    ...(tx && { tx }),
    createdAt: now,
    version,
  };
}

/** What its user has seen of the fields that it sets, or deletes. `own`: those of its lane that stand before it. A field of which nothing is known is absent. */
export function baseOf(made: Making, own: readonly OutboxEntry[], { row, version, value }: Known): Record<string, SeenField> {
  const { kind, fields } = made;
  const base: Record<string, SeenField> = {};
  const key = rowOf(made);
  if (!key || !isCompared(kind)) return base;
  for (const field of Object.keys(kind === 'update' ? fields : Object.assign({}, row(key), ...own.map((entry) => entry.fields)) as Fields)) {
    const last = own.findLast((entry) => field in entry.fields);
    // A row that its user has just made is nobody else's yet, and a create rarely leaves versions.
    if (last?.kind === 'create') continue;
    const known = last ? last.id : version(key, field);
    if (known !== undefined) base[field] = { version: known, ...(last ? { value: last.fields[field] } : value(key, field)) };
  }
  return base;
}

/** It was declared by another version of the app, and this one does not know what it is. */
export const isForeign = ({ path }: OutboxEntry, mutations: Mutations): boolean => !Object.hasOwn(mutations, path);

/** Sent twice, it may be done twice: the server is not asked, or cannot, to do it once. */
export const isBare = ({ path, input }: OutboxEntry, mutations: Mutations): boolean => mutations[path]?.once === 'none' || !isPlain(input);

/** With `tx`, as the server takes it. */
export function inputOf(entry: OutboxEntry, mutations: Mutations, sourceId: string | undefined): unknown {
  const { id, kind, input, fields, base, tx, path } = entry;
  if (!isPlain(input)) return input;
  const { compare = isCompared(kind) } = mutations[path] ?? {};
  const expected = Object.fromEntries(Object.entries(base).map(([field, { version }]) => [field, version]));
  const changedFields = Object.keys(fields);
  const seen = Object.keys(base);
  const fits = Math.max(seen.length, changedFields.length) <= MAX_FIELDS;
  return {
    ...input,
    tx: {
      ...(sourceId !== undefined && { sourceId }),
      ...(kind === 'update' && fits && changedFields[0] !== undefined && { changedFields }),
      // A field that is not named would count as one that nobody has written: all of them are known, or none is compared.
      ...(compare && fits && seen[0] && isSeen(entry) && { expected }),
      ...tx,
      transactionId: id,
    },
  };
}

/** From a call to an entry, and from an entry to what is sent. Pure. */
import { offlineError } from '../error.js';
import { isSeen } from './squash.js';
import type { EntityKey, OfflineMutation, OutboxEntry, SeenField } from '../types.js';

/** As the server takes them (SPEC §22); what sets more is not compared. */
const MAX_FIELDS = 256;
const ID = /^[!-}][!-~]{0,63}$/;

export type Mutations = Readonly<Record<string, OfflineMutation>>;

/** What is known where an entry is made. */
export interface Known {
  version(key: EntityKey, field: string): string | null | undefined;
  row(key: EntityKey): Readonly<Record<string, string | null>> | undefined;
  value(key: EntityKey, field: string): { value: unknown } | undefined;
}

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields => /t Object\]$/.test({}.toString.call(value));

const laneOf = (entity: string | undefined, id: string | undefined, path: string): string => (entity !== undefined && id !== undefined ? `${entity}\0${id}` : path);

/** Without what only its place among the others can say: `seq`, `base`, and `id` where the app has not given one. */
export type Making = Omit<OutboxEntry, 'id' | 'seq' | 'base'> & { id: string | undefined };

export function make(path: string, given: unknown, mutations: Mutations, version: number, now: number): Making {
  const mutation = mutations[path];
  if (!mutation || !Object.hasOwn(mutations, path)) throw offlineError('INVALID_FIELD', `path must be one of mutations, got ${JSON.stringify(path)}`);
  let copy: unknown;
  try {
    copy = structuredClone(given);
  } catch (cause) {
    throw offlineError('INVALID_FIELD', `the input of ${path} must be what structuredClone can copy, to be kept`, cause);
  }
  const { kind, entity, idKey = 'id', dependsOn } = mutation;
  let input = copy;
  let tx: Fields | undefined;
  let id: string | undefined;
  if (isObject(copy) && isObject(copy['tx'])) {
    const { tx: own, ...rest } = copy as { tx: Fields };
    const { transactionId, ...others } = own;
    input = rest;
    tx = others;
    if (transactionId !== undefined) id = transactionId as string;
    if (id !== undefined && !ID.test(id)) throw offlineError('INVALID_FIELD', 'tx.transactionId must be 1 to 64 of "!" to "~", the first no "~"');
  }
  const row = mutation.id ? mutation.id(input) : isObject(input) ? (input[idKey] as string | number | undefined) : undefined;
  const entityId = row === undefined ? undefined : String(row);
  const lane = laneOf(entity, entityId, path);
  const all = kind === 'delete' || kind === 'other' ? {} : (mutation.fields?.(input) ?? (isObject(input) ? input : {}));
  const fields = Object.fromEntries(Object.entries(all).filter(([field, value]) => value !== undefined && (mutation.fields || field !== idKey)));
  const after = (dependsOn?.(input) ?? []).map((key) => laneOf(key.entity, String(key.id), '')).filter((other) => other !== lane);
  return {
    id,
    squashed: [],
    path,
    input,
    kind,
    ...(entity !== undefined && { entity }),
    ...(entityId !== undefined && { entityId }),
    lane,
    after: [...new Set(after)],
    fields,
    state: 'queued',
    attempts: 0,
    failures: 0,
    notBefore: 0,
    ...(tx && { tx }),
    createdAt: now,
    version,
  };
}

/** What its user has seen of the fields that it sets, or deletes. `entries`: those that stand before it. A field of which nothing is known is absent. */
export function baseOf(made: Making, entries: readonly OutboxEntry[], known: Known): Record<string, SeenField> {
  const { kind, entity, entityId, lane } = made;
  const base: Record<string, SeenField> = {};
  if (entity === undefined || entityId === undefined || (kind !== 'update' && kind !== 'delete')) return base;
  const key = { entity, id: entityId };
  const own = entries.filter((entry) => entry.lane === lane && entry.state !== 'acked');
  const fields = kind === 'update' ? Object.keys(made.fields) : [...new Set([...Object.keys(known.row(key) ?? {}), ...own.flatMap((entry) => Object.keys(entry.fields))])];
  for (const field of fields) {
    const last = own.findLast((entry) => field in entry.fields);
    // A row that its user has just made is nobody else's yet, and a create rarely leaves versions.
    if (last?.kind === 'create') continue;
    const version = last ? last.id : known.version(key, field);
    if (version === undefined) continue;
    const seen = last ? { value: last.fields[field] } : known.value(key, field);
    base[field] = { version, ...seen };
  }
  return base;
}

/** Sent twice, it may be done twice: the server is not asked, or cannot, to do it once. */
export const isBare = ({ path, input }: OutboxEntry, mutations: Mutations): boolean => mutations[path]?.once === 'none' || !isObject(input);

/** With `tx`, as the server takes it. */
export function inputOf(entry: OutboxEntry, mutations: Mutations, sourceId: string | undefined): unknown {
  const { id, kind, input, fields, base, tx, path } = entry;
  if (!isObject(input)) return input;
  const { compare = kind === 'update' || kind === 'delete' } = mutations[path] ?? {};
  const seen = Object.entries(base);
  const changed = Object.keys(fields);
  const fits = seen.length <= MAX_FIELDS && changed.length <= MAX_FIELDS;
  return {
    ...input,
    tx: {
      ...(sourceId !== undefined && { sourceId }),
      ...(kind === 'update' && fits && changed[0] !== undefined && { changedFields: changed }),
      // A field that is not named would count as one that nobody has written: all of them are known, or none is compared.
      ...(compare && fits && seen[0] && isSeen(entry) && { expected: Object.fromEntries(seen.map(([field, { version }]) => [field, version])) }),
      ...tx,
      transactionId: id,
    },
  };
}

/**
 * What the map's functions say of one row. They are asked of the row as it is now; where an update has changed what they looked at, of the row as it was too: a list that the row
 * has left is as stale as the one that it is in now. Where PostgreSQL did not say what it was, nothing is narrowed.
 */
import { isPlain } from '../../protocol/where.js';
import { MapFault, type RelationMap } from './mapping.js';
import type { RowKind, RowMessage } from '../stream/pgoutput.js';

export interface Answer {
  readonly paths: readonly string[];
  /** By path; absent: nothing is narrowed. */
  readonly where: Readonly<Record<string, unknown>> | undefined;
}

export interface Answers {
  /** One, or one for now and one for before. */
  readonly all: readonly Answer[];
  /** A column that `paths` looked at in an update, and of which nobody knows what it was. */
  readonly unknown: string | undefined;
}

/** Throws MapFault, and what the functions throw. */
export function answersOf(map: RelationMap, message: RowMessage, op: RowKind, { tenant, entityId, formerId }: { tenant: string; entityId: string; formerId: string }): Answers {
  const { paths, where } = map.table;
  if (typeof paths !== 'function' && !where) return { all: [{ paths, where: undefined }], unknown: undefined };
  const seen = { paths: new Set<number>(), where: new Set<number>() };
  const now = ask(map, message, op, { tenant, entityId, view: 'now' }, seen);
  if (op !== 'update') return { all: [now], unknown: undefined };
  const changed = (at: number): boolean | undefined => map.changed(message, op, at);
  const mayNarrow = ![...seen.where].some((at) => changed(at) === undefined);
  const unknown = [...seen.paths].find((at) => changed(at) === undefined);
  const wasOther = [...seen.paths, ...seen.where].some((at) => changed(at) === true);
  const all = wasOther ? [now, ask(map, message, op, { tenant, entityId: formerId, view: 'before' }, seen)] : [now];
  return {
    all: mayNarrow ? all : all.map((answer) => ({ paths: answer.paths, where: undefined })),
    unknown: unknown === undefined ? undefined : map.relation.columns[unknown]?.name,
  };
}

function ask(
  map: RelationMap,
  message: RowMessage,
  op: RowKind,
  row: { tenant: string; entityId: string; view: 'now' | 'before' },
  seen: { paths: Set<number>; where: Set<number> },
): Answer {
  const { paths: given, where } = map.table;
  const paths: unknown = typeof given === 'function' ? asked(map, message, op, row, seen.paths, given) : given;
  const narrowed: unknown = where && asked(map, message, op, row, seen.where, where);
  hush(paths);
  hush(narrowed);
  if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string' && path !== '')) throw new MapFault('paths must give an array of query paths, and not a promise');
  if (narrowed !== undefined && narrowed !== null && !isPlain(narrowed)) throw new MapFault('where must give { path: { key: value } }, and not a promise');
  return { paths: paths as string[], where: narrowed ?? undefined };
}

function asked<T>(
  map: RelationMap,
  message: RowMessage,
  op: RowKind,
  row: { tenant: string; entityId: string; view: 'now' | 'before' },
  seen: Set<number>,
  question: (change: ReturnType<RelationMap['change']>) => T,
): T {
  const change = map.change(message, op, row, seen);
  try {
    return question(change);
  } finally {
    change.end();
  }
}

/** A promise that fails ends no process: that there is one is told already. */
function hush(value: unknown): void {
  if (value instanceof Promise) value.catch(() => undefined);
}

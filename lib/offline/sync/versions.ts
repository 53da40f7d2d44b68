/**
 * The versions of fields as this browser has seen them last, by row. They are what a mutation says in `tx.expected`; the server compares.
 *
 * Kept with the position up to which the stream was learnt from, in one transaction: whoever begins there again misses no version.
 */
import { idle } from '../environment.js';
import type { Inside, Versions } from '../inside.js';
import { keyOf, rowOf } from '../outbox/entry.js';
import type { EntityKey } from '../types.js';

/** Rows; beyond it the one that was not asked for, nor heard of, for longest is forgotten. */
const MAX_ROWS = 10_000;
/** ms that what was learnt waits before it is kept. */
const KEEP_MS = 5_000;

type Row = Record<string, string | null>;

/** One version of several fields. */
export const versionOf = (fields: readonly string[], version: string): Row => Object.fromEntries(fields.map((field) => [field, version]));

/** `maxRows`: for tests. */
export function createVersions({ environment: { setTimeout, clearTimeout, listen }, storage, onClose }: Pick<Inside, 'environment' | 'storage' | 'onClose'>, maxRows = MAX_ROWS): Versions {
  /** The one that was touched last stands last. */
  const rows = new Map<string, Row>();
  /** What is not kept as it is: also what is gone. */
  const dirty = new Set<string>();
  /** What was forgotten before `load` has read it. */
  let all = false;
  let loaded = false;
  let cursor: string | undefined;
  let moved = false;
  let timer: unknown;
  let closed = false;

  function touch(name: string, row = rows.get(name)): Row | undefined {
    if (!row) return undefined;
    rows.delete(name);
    rows.set(name, row);
    for (const oldest of rows.keys()) if (rows.size > maxRows) drop(oldest);
    return row;
  }

  function drop(name: string): void {
    if (rows.delete(name)) changed(name);
  }

  function changed(name?: string): void {
    if (name !== undefined) dirty.add(name);
    if (!closed) timer ??= idle(setTimeout(() => void keep(), KEEP_MS));
  }

  function learn(key: EntityKey, fields: Readonly<Record<string, string | null>>): void {
    const name = keyOf(key);
    const row = rows.get(name) ?? {};
    const isNew = Object.entries(fields).some(([field, version]) => row[field] !== version);
    touch(name, isNew ? { ...row, ...fields } : row);
    if (isNew) changed(name);
  }

  function forget(key?: EntityKey): void {
    if (key) return drop(keyOf(key));
    all ||= !loaded;
    for (const name of [...rows.keys()]) drop(name);
  }

  async function keep(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (closed || (!dirty.size && !moved)) return;
    const names = [...dirty];
    const position = cursor;
    dirty.clear();
    moved = false;
    try {
      await storage.change(
        (draft) => {
          for (const name of names) draft.version(name, rows.get(name));
          if (position !== undefined) draft.meta.cursor = position;
        },
        { relaxed: true },
      );
    } catch {
      // The storage has told it. What is not kept is read again by whoever needs it: the position has not moved either.
      for (const name of names) dirty.add(name);
      moved = true;
    }
  }

  const unlisten = listen((what) => {
    if (what === 'hide') void keep();
  });
  onClose(() => {
    closed = true;
    clearTimeout(timer);
    unlisten();
  });

  return {
    async load() {
      const kept = await storage.versions();
      if (closed) return;
      const learnt = new Map(rows);
      rows.clear();
      for (const [name, row] of kept) {
        // What has been forgotten meanwhile is not what was kept.
        if (all || (dirty.has(name) && !learnt.has(name))) dirty.add(name);
        else touch(name, { ...(Object(row) as Row) });
      }
      for (const [name, row] of learnt) touch(name, { ...rows.get(name), ...row });
      loaded = true;
      cursor ??= storage.meta?.cursor;
      if (dirty.size) changed();
    },
    of(key, field) {
      const row = touch(keyOf(key)) ?? {};
      return Object.hasOwn(row, field) ? row[field] : undefined;
    },
    row: (key) => touch(keyOf(key)),
    learn,
    acked(entry) {
      const key = rowOf(entry);
      if (key && entry.kind === 'delete') forget(key);
      else if (key) learn(key, versionOf(Object.keys(entry.fields), entry.id));
    },
    forget,
    moved(to) {
      if (to === undefined || to === cursor) return;
      cursor = to;
      moved = true;
      changed();
    },
    keep,
    get cursor() {
      return cursor;
    },
  };
}

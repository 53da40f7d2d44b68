/**
 * The versions of fields as this browser has seen them last, by row. They are what a mutation says in `tx.expected`; the server compares.
 *
 * Kept with the position up to which the stream was learnt from, in one transaction: whoever begins there again misses no version.
 */
import type { Inside, Versions } from '../inside.js';
import type { EntityKey, OutboxEntry } from '../types.js';

/** Rows; beyond it the one that was not asked for, nor heard of, for longest is forgotten. */
const MAX_ROWS = 10_000;
/** ms that what was learnt waits before it is kept. */
const KEEP_MS = 5_000;

type Row = Record<string, string | null>;

const keyOf = ({ entity, id }: EntityKey): string => `${entity}\0${id}`;

/** `maxRows`: for tests. */
export function createVersions({ environment, storage, onClose }: Pick<Inside, 'environment' | 'storage' | 'onClose'>, maxRows = MAX_ROWS): Versions {
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

  function touch(key: string, row: Row): void {
    rows.delete(key);
    rows.set(key, row);
    while (rows.size > maxRows) drop(rows.keys().next().value as string);
  }

  function drop(key: string): void {
    if (rows.delete(key)) changed(key);
  }

  function changed(key?: string): void {
    if (key !== undefined) dirty.add(key);
    if (!closed) timer ??= environment.setTimeout(() => void keep(), KEEP_MS);
  }

  function learn(key: EntityKey, fields: Readonly<Record<string, string | null>>): void {
    const name = keyOf(key);
    const row = rows.get(name) ?? {};
    const news = Object.entries(fields).filter(([field, version]) => row[field] !== version);
    touch(name, news.length > 0 ? { ...row, ...fields } : row);
    if (news.length > 0) changed(name);
  }

  async function keep(): Promise<void> {
    environment.clearTimeout(timer);
    timer = undefined;
    if (closed || (dirty.size === 0 && !moved)) return;
    const keys = [...dirty];
    const position = cursor;
    dirty.clear();
    moved = false;
    try {
      await storage.change(
        (draft) => {
          for (const key of keys) draft.version(key, rows.get(key));
          if (position !== undefined) draft.meta.cursor = position;
        },
        { relaxed: true },
      );
    } catch {
      // The storage has told it. What is not kept is read again by whoever needs it: the position has not moved either.
      for (const key of keys) dirty.add(key);
      moved = true;
    }
  }

  const unlisten = environment.listen((what) => {
    if (what === 'hide') void keep();
  });
  onClose(() => {
    closed = true;
    environment.clearTimeout(timer);
    unlisten();
  });

  return {
    async load() {
      const kept = await storage.versions();
      if (closed) return;
      const learnt = [...rows];
      rows.clear();
      for (const [key, row] of kept) {
        // What has been forgotten meanwhile is not what was kept.
        if (all || (dirty.has(key) && !learnt.some(([name]) => name === key))) dirty.add(key);
        else touch(key, { ...(Object(row) as Row) });
      }
      for (const [key, row] of learnt) touch(key, { ...rows.get(key), ...row });
      loaded = true;
      cursor ??= storage.meta?.cursor;
      if (dirty.size > 0) changed();
    },
    of(key, field) {
      const name = keyOf(key);
      const row = rows.get(name);
      if (!row) return undefined;
      touch(name, row);
      return Object.hasOwn(row, field) ? row[field] : undefined;
    },
    row(key) {
      const name = keyOf(key);
      const row = rows.get(name);
      if (row) touch(name, row);
      return row;
    },
    learn,
    acked({ kind, entity, entityId: id, fields, id: version }: OutboxEntry) {
      if (entity === undefined || id === undefined) return;
      if (kind === 'delete') drop(keyOf({ entity, id }));
      else learn({ entity, id }, Object.fromEntries(Object.keys(fields).map((field) => [field, version])));
    },
    forget(key) {
      if (key) return drop(keyOf(key));
      all ||= !loaded;
      for (const name of [...rows.keys()]) drop(name);
    },
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

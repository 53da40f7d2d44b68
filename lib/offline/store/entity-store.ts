/**
 * `createEntityStore`: the rows of an entity, with what a person does to them shown at once, taken back where it fails, and held against what others did. For pages
 * without TanStack Query: a snapshot and a subscription, which every framework's signals take.
 */
import { browserEnvironment } from '../../client/environment.js';
import { invalid } from '../../client/invalid.js';
import type { SyncClient } from '../../client/types.js';
import type { FieldConflict } from '../../protocol/conflict.js';
import { idOf } from '../../tanstack/patch.js';
import { INSIDE, type Offline } from '../inside.js';
import { lay, type Layer, type Place } from '../overlay/lay.js';
import { overlayOf, type Holder } from '../overlay/overlay.js';
import type { EntityKey, Resolution } from '../types.js';

type Id = string | number;
type Kind = 'create' | 'update' | 'delete';
type Fields = Readonly<Record<string, unknown>>;

/** What two people have made of one row. */
export interface StoreConflict {
  /** For `resolve`. */
  readonly id: string;
  readonly rowId: string;
  /** Empty where the server named none. */
  readonly fields: readonly FieldConflict[];
}

export interface StoreOperation {
  readonly id: string;
  readonly kind: Kind;
  readonly rowId: string;
  readonly fields: Fields;
}

/** The same object until something changed. */
export interface StoreSnapshot<Row> {
  readonly items: readonly Row[];
  /** Ids of rows that are not settled with the server. */
  readonly pending: ReadonlySet<string>;
  readonly conflicts: readonly StoreConflict[];
  /** The first answer has not come, or a further one is on its way. */
  readonly isLoading: boolean;
  /** Of the last `load`, or of what a person did last. */
  readonly error: unknown;
}

/** `expected`: by field the version of what the person has decided about; after a conflict only. */
interface How {
  readonly expected?: Readonly<Record<string, string>> | undefined;
}

export interface EntityStoreOptions<Row extends object> {
  /** As the outbox's mutations name it, and the actions' `module` unless `modules` says otherwise. */
  entity: string;
  /** All rows, as the server has them. */
  load: () => Promise<readonly Row[]>;
  /** Default `id`. */
  idKey?: string | undefined;
  /** What is done is kept in it, and sent when it can be. Without it: by `create`, `update` and `delete`. */
  offline?: Offline | undefined;
  /** Of the outbox's mutations. Default: `<entity>.create`, `.update`, `.delete`. */
  paths?: Partial<Record<Kind, string>> | undefined;
  create?: ((row: Row) => Promise<unknown>) | undefined;
  update?: ((id: string, changes: Partial<Row>, how: How) => Promise<unknown>) | undefined;
  delete?: ((id: string, how: How) => Promise<unknown>) | undefined;
  /** Its events of the entity load the rows again. Default: the one that `offline` was started with. */
  sync?: Pick<SyncClient, 'subscribe'> | undefined;
  modules?: readonly string[] | undefined;
}

export interface EntityStore<Row extends object> {
  getSnapshot(): StoreSnapshot<Row>;
  /** Calls `listener` after each change of the snapshot. Gives back what ends that. */
  subscribe(listener: () => void): () => void;
  /** Shown at once, or once it is kept. Resolves with the server's answer; rejects where it is refused, and then it is taken back, but for a conflict, which waits for `resolve`. */
  optimisticCreate(row: Row): Promise<unknown>;
  optimisticUpdate(id: Id, changes: Partial<Row>): Promise<unknown>;
  optimisticDelete(id: Id): Promise<unknown>;
  conflicts(): readonly StoreConflict[];
  hasConflicts(): boolean;
  /** What is not settled with the server, in the order in which it was done. */
  pendingOperations(): readonly StoreOperation[];
  /** Rejects for what is no conflict of now. */
  resolve(conflictId: string, how: Resolution): Promise<void>;
  /** Loads the rows. Rejects as `load` does. */
  sync(): Promise<void>;
  close(): void;
}

interface Operation extends StoreOperation {
  readonly layer: Layer;
  readonly state: string;
  readonly conflicts?: readonly FieldConflict[] | undefined;
  /** It is done: loads up to this one had begun before. */
  readonly done?: number | undefined;
}

/** A load that does not answer is waited for so long before the next one begins, ms. */
const LOAD_MS = 30_000;

const LIST: Place = { list: true, input: undefined };

/** As `conflictFormatter` writes them; of any other 409 nothing is known. */
function conflictsIn(error: unknown): readonly FieldConflict[] | undefined {
  const { data } = Object(error) as { data?: { httpStatus?: unknown; pathcast?: { conflicts?: FieldConflict[] } } };
  return data?.pathcast?.conflicts ?? (data?.httpStatus === 409 ? [] : undefined);
}

/** Loads at once. Throws INVALID_OPTION for what is not of its kind. */
export function createEntityStore<Row extends object>(options: EntityStoreOptions<Row>): EntityStore<Row> {
  const { entity, load, idKey = 'id', offline, paths = {}, modules = [entity] } = options;
  if (typeof entity !== 'string' || typeof load !== 'function') throw invalid('entity must be a text, load a function that gives all rows');
  const inside = offline?.[INSIDE];
  const overlay = inside && overlayOf(inside);
  const { report, setTimeout, clearTimeout } = inside?.environment ?? browserEnvironment();
  const listeners = new Set<() => void>();
  let base: readonly Row[] = [];
  let snapshot: StoreSnapshot<Row> = { items: base, pending: new Set(), conflicts: [], isLoading: true, error: undefined };
  /** Loads that have begun, the one that the base is of (0: none), and how many are on their way. */
  let begun = 0;
  let shown = 0;
  let flying = 0;
  let error: unknown;
  /** Without an outbox. */
  let own: readonly Operation[] = [];
  let made = 0;
  /** By what is laid: loads that had begun when its ack was heard of. */
  const acks = new WeakMap<object, number>();

  const operations = (): readonly Operation[] =>
    overlay?.items
      .filter(({ entry }) => entry.entity === entity)
      .map((item) => {
        const { entry: { id, kind, fields, state, conflicts }, layer } = item;
        return { id, kind: kind as Kind, rowId: layer.id, fields, state, conflicts, layer: { ...layer, idKey }, done: item.acked ? (acks.get(item) ?? begun) : undefined };
      }) ?? own;
  const isOpen = ({ done }: Operation): boolean => done === undefined;
  const isLaid = ({ done = Infinity }: Operation): boolean => shown <= done;

  function draw(): void {
    const all = operations();
    snapshot = {
      items: all.filter(isLaid).reduce<unknown>((rows, { layer }) => lay(rows, layer, LIST), base) as readonly Row[],
      pending: new Set(all.filter(isOpen).map(({ rowId }) => rowId)),
      conflicts: all.filter(({ state }) => state === 'conflicted').map(({ id, rowId, conflicts = [] }) => ({ id, rowId, fields: conflicts })),
      isLoading: shown === 0 || flying > 0,
      error,
    };
    for (const listener of [...listeners]) {
      try {
        listener();
      } catch (thrown) {
        report(thrown);
      }
    }
  }

  let last: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  /** One that is on its way may lack what happened since it began; one that is still to begin lacks nothing: however many ask, it is one. */
  function sync(): Promise<void> {
    if (flying === 0) return (last = read());
    return (next ??= waited(last).then(() => {
      next = undefined;
      return (last = read());
    }));
  }

  async function waited(load?: Promise<void>): Promise<void> {
    let timer: unknown;
    await Promise.race([load?.catch(() => undefined), new Promise<void>((done) => (timer = setTimeout(done, LOAD_MS)))]);
    clearTimeout(timer);
  }

  async function read(): Promise<void> {
    const nth = (begun += 1);
    flying += 1;
    draw();
    try {
      const rows = await load();
      // One that began earlier, and comes later, has less.
      if (nth > shown) [base, shown] = [rows, nth];
      own = own.filter(isLaid);
      error = undefined;
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      flying -= 1;
      draw();
      overlay?.look();
    }
  }

  const readAgain = (): void => void sync().catch(() => undefined);

  const holder: Holder = {
    changed() {
      for (const item of overlay?.items ?? []) {
        if (item.entry.entity !== entity || !item.acked || acks.has(item)) continue;
        acks.set(item, begun);
        readAgain();
      }
      draw();
    },
    needs: (item) => item.entry.entity === entity && shown <= (acks.get(item) ?? Infinity) && begun > 0,
    expired(item, again) {
      if (!holder.needs(item)) return;
      if (!again || flying > 0) return readAgain();
      // It cannot be read again now: the rows have it for good.
      base = lay(base, { ...item.layer, idKey }, LIST) as readonly Row[];
      acks.set(item, -1);
      draw();
    },
  };

  function settle(id: string, to: Partial<Operation> | undefined): void {
    own = own.flatMap((one) => (one.id !== id ? [one] : to ? [{ ...one, ...to }] : []));
    draw();
  }

  async function run({ id, kind, rowId, fields }: Operation, how: How): Promise<unknown> {
    try {
      const answer = await (kind === 'create' ? options.create?.(fields as Row) : kind === 'update' ? options.update?.(rowId, fields as Partial<Row>, how) : options.delete?.(rowId, how));
      settle(id, { done: begun, state: 'acked' });
      readAgain();
      return answer;
    } catch (thrown) {
      const conflicts = kind === 'create' ? undefined : conflictsIn(thrown);
      error = thrown;
      settle(id, conflicts && { state: 'conflicted', conflicts });
      throw thrown;
    }
  }

  /** As the row has it: an id that is a number stays one. */
  const idIn = (rowId: string): unknown => (snapshot.items.find((row) => idOf(row, idKey) === rowId) as Fields | undefined)?.[idKey] ?? rowId;

  async function act(kind: Kind, rowId: string, fields: Fields): Promise<unknown> {
    error = undefined;
    if (!offline) {
      if (!options[kind]) throw invalid(`${kind} must be a function, or offline be given`);
      const operation: Operation = { id: `${(made += 1)}`, kind, rowId, fields, layer: { kind, id: rowId, idKey, fields }, state: 'sending' };
      own = [...own, operation];
      draw();
      return run(operation, {});
    }
    const { answer } = await offline.add(paths[kind] ?? `${entity}.${kind}`, kind === 'create' ? fields : { [idKey]: idIn(rowId), ...fields });
    return answer.catch((thrown: unknown) => {
      error = thrown;
      draw();
      throw thrown;
    });
  }

  async function resolve(id: string, how: Resolution): Promise<void> {
    if (offline) return offline.resolve(id, how);
    const operation = own.find((one) => one.id === id && one.state === 'conflicted');
    if (!operation) throw invalid(`${id} must be the id of a conflict of now`);
    if (how === 'theirs') {
      settle(id, undefined);
      return sync();
    }
    const fields = how === 'mine' ? operation.fields : { ...operation.fields, ...how.merged };
    const next = { ...operation, fields, layer: { ...operation.layer, fields }, state: 'sending', conflicts: undefined };
    settle(id, next);
    await run(next, { expected: Object.fromEntries((operation.conflicts ?? []).map(({ field, version }) => [field, version])) });
  }

  const seen = (key: EntityKey, field: string): { value: unknown } | undefined => {
    const row = key.entity === entity ? (base.find((each) => idOf(each, idKey) === key.id) as Fields | undefined) : undefined;
    return row && field in row ? { value: row[field] } : undefined;
  };

  const ends: (() => void)[] = [];
  let over = false;
  const listen = (stream: Pick<SyncClient, 'subscribe'>): void => {
    if (!over) ends.push(stream.subscribe((event) => void (event.type === 'ephemeral' || readAgain()), { modules }));
  };
  if (options.sync) listen(options.sync);
  else inside?.onSync(listen);
  if (inside && overlay) {
    inside.seen.add(seen);
    ends.push(overlay.hold(holder), () => void inside.seen.delete(seen));
  }
  readAgain();

  return {
    getSnapshot: () => snapshot,
    subscribe(listener) {
      const one = (): void => listener();
      listeners.add(one);
      return () => void listeners.delete(one);
    },
    optimisticCreate(row) {
      const id = idOf(row, idKey);
      return id === undefined ? Promise.reject(invalid(`row.${idKey} must be a text or a number: the page makes it`)) : act('create', id, row as Fields);
    },
    optimisticUpdate: (id, changes) => act('update', String(id), changes),
    optimisticDelete: (id) => act('delete', String(id), {}),
    conflicts: () => snapshot.conflicts,
    hasConflicts: () => snapshot.conflicts.length > 0,
    pendingOperations: () => operations().filter(isOpen).map(({ id, kind, rowId, fields }) => ({ id, kind, rowId, fields })),
    resolve,
    sync,
    close() {
      over = true;
      for (const end of ends.splice(0)) end();
      listeners.clear();
    },
  };
}

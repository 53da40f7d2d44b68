/**
 * Which changes lie over the data of this tab. One for each outbox.
 *
 * Invariants (SPEC §24, test/offline/overlay*):
 * 1. What is kept and not refused is laid over every answer that does not contain it. What went without effect is laid over none.
 * 2. After its ack a change stays until nothing that is held lacks it: an answer contains it that reached its place in the log, or, where one of the
 *    two is not known, that began to be read after the ack was heard of here.
 * 3. 10 s after the ack what lacks it still is read again, and the answer is believed; what is not read then has it put in for good.
 */
import { idOf } from '../../tanstack/patch.js';
import { isPlain } from '../../protocol/where.js';
import type { SyncClient } from '../../client/types.js';
import type { Inside } from '../inside.js';
import type { OfflineMutation, OutboxEntry } from '../types.js';
import type { Layer, Place } from './lay.js';

/** A change that is laid, or was. The same object for as long as it is the same change, whatever became of its entry. */
export interface Item {
  entry: OutboxEntry;
  layer: Layer;
  declared: OfflineMutation;
  /** This tab has heard that it is done. */
  acked: boolean;
  /** Where it stands in the log, `"<epoch>.<seq>"`. */
  position: string | undefined;
  /** It went without effect. */
  undone: boolean;
}

/** What shows data with changes laid over it. */
export interface Holder {
  /** Something is laid that was not, or the other way round. `undone`: what has just gone without effect. */
  changed(undone: readonly Item[]): void;
  /** Something here lacks this change, which is done. */
  needs(item: Item): boolean;
  /** What lacks it is read again; `again`: it was, and does not have it put in for good. */
  expired(item: Item, again: boolean): void;
}

export interface Overlay {
  /** By the order in which a person did them. The same array until it changes. */
  readonly items: readonly Item[];
  /** Query caches that lay for themselves. */
  caches: number;
  /** Gives back what ends it. */
  hold(holder: Holder): () => void;
  /** What was needed may not be any more. */
  look(): void;
}

/** After its ack a change is waited for so long in what shows it, ms. */
const PASSED_MS = 10_000;
const LAID: ReadonlySet<string> = new Set(['queued', 'sending', 'conflicted', 'acked']);

const OVERLAY = Symbol.for('pathcast.overlay.1');

export function overlayOf(inside: Inside): Overlay {
  return ((inside as { [OVERLAY]?: Overlay })[OVERLAY] ??= createOverlay(inside));
}

/** How a query of this path and input shows the row that such a mutation changes; undefined: it does not. */
export function placeOf({ shows, idKey = 'id' }: OfflineMutation, id: string, path: string, input: unknown): Place | undefined {
  if (shows?.list?.includes(path)) return { list: true, input, first: shows.place === 'first' };
  if (shows?.query !== path) return undefined;
  const asked = idOf({ id: isPlain(input) ? input[idKey] : input }, 'id');
  return asked === undefined || asked === id ? { list: false, input, named: asked === id, row: shows.row } : undefined;
}

function layerOf({ kind, entityId, input, fields }: OutboxEntry, { idKey = 'id' }: OfflineMutation): Layer {
  const id = entityId as string;
  // An id that is a number stays one.
  const own = kind === 'create' && isPlain(input) && idOf(input, idKey) === id ? { [idKey]: input[idKey] } : {};
  return { kind, id, idKey, fields: { ...own, ...fields } };
}

function createOverlay(inside: Inside): Overlay {
  const { outbox, mutations, environment } = inside;
  const { setTimeout, clearTimeout } = environment;
  const all = new Map<number, Item>();
  /** Acked ones that nothing needs, as long as the outbox names them. */
  let released = new Set<number>();
  const timers = new Map<Item, unknown>();
  const holders = new Set<Holder>();
  let items: readonly Item[] = [];
  let looking = false;

  const itemOf = ({ seq, squashed }: OutboxEntry): Item | undefined => all.get(seq) ?? [...all.values()].find(({ entry }) => squashed.includes(entry.id));

  function tell(undone: readonly Item[] = []): void {
    items = [...all.values()].sort((a, b) => a.entry.seq - b.entry.seq);
    for (const holder of [...holders]) inside.say(() => holder.changed(undone), undefined);
    look();
  }

  function ack(item: Item | undefined): boolean {
    if (!item || item.acked) return false;
    item.acked = true;
    wait(item, false);
    return true;
  }

  function wait(item: Item, again: boolean): void {
    timers.set(item, setTimeout(() => {
      const { sync, network } = inside;
      // Nothing could be read now that is newer.
      if (!network.status.verified || (sync && sync.status.state !== 'live')) return wait(item, again);
      if (!again) inside.problem({ code: 'overlay_timeout', message: `${item.entry.path} is done, and what shows it has not shown so for ${PASSED_MS} ms: it is read again`, entry: item.entry });
      for (const holder of [...holders]) inside.say(() => holder.expired(item, again), undefined);
      wait(item, true);
      look();
    }, PASSED_MS));
  }

  function release(): void {
    looking = false;
    const before = all.size;
    for (const [seq, item] of all) {
      if (!item.acked || [...holders].some((holder) => holder.needs(item))) continue;
      all.delete(seq);
      released.add(seq);
      clearTimeout(timers.get(item));
      timers.delete(item);
    }
    if (all.size !== before) items = items.filter((item) => all.has(item.entry.seq));
  }

  function look(): void {
    if (looking) return;
    looking = true;
    queueMicrotask(release);
  }

  function read(entries: readonly OutboxEntry[]): void {
    const kept = new Set<Item>();
    const squashed = new Set(entries.flatMap((entry) => entry.squashed));
    let changed = false;
    released = new Set([...released].filter((seq) => entries.some((entry) => entry.seq === seq)));
    for (const entry of entries) {
      const declared = mutations[entry.path];
      if (!declared || entry.entityId === undefined || entry.kind === 'other' || !LAID.has(entry.state) || released.has(entry.seq)) continue;
      let item = itemOf(entry);
      if (item?.entry !== entry) {
        const layer = layerOf(entry, declared);
        if (!item) item = { entry, layer, declared, acked: false, position: undefined, undone: false };
        else all.delete(item.entry.seq);
        all.set(entry.seq, Object.assign(item, { entry, layer, declared }));
        changed = true;
      }
      kept.add(item);
      if (entry.state === 'acked') ack(item);
    }
    const gone = [...all.values()].filter((item) => !kept.has(item) && !item.acked);
    for (const { entry } of gone) all.delete(entry.seq);
    // What was squashed goes on in another one.
    const undone = gone.filter(({ entry }) => !squashed.has(entry.id));
    for (const item of undone) item.undone = true;
    if (changed || gone.length > 0) tell(undone);
  }

  function hear(sync: SyncClient): void {
    const end = sync.subscribe((event) => {
      const { id, seq } = event as { id?: unknown; seq?: unknown };
      if (typeof id !== 'string' || !id.startsWith('tx:') || typeof seq !== 'number') return;
      const item = [...all.values()].find(({ entry }) => `tx:${entry.id}` === id);
      if (!item) return;
      // What comes late is of a life of the log that may have ended: no place is past where the stream is.
      item.position = sync.status.cursor?.replace(/\d+$/, (head) => String(Math.min(seq, Number(head))));
      tell();
    });
    inside.onClose(end);
  }

  inside.onSync(hear);
  const ends = [
    outbox.onAck((entry) => void (ack(itemOf(entry)) && tell())),
    outbox.onGone((entry, gone) => void (gone === 'acked' && ack(itemOf(entry)) && tell())),
    outbox.subscribe(read),
  ];
  inside.onClose(() => {
    for (const end of ends) end();
    for (const timer of timers.values()) clearTimeout(timer);
    timers.clear();
  });
  read(outbox.entries);

  return {
    get items() {
      return items;
    },
    caches: 0,
    hold(holder) {
      holders.add(holder);
      return () => {
        holders.delete(holder);
        look();
      };
    },
    look,
  };
}

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
import type { Inside } from '../inside.js';
import type { Change } from '../storage/types.js';
import type { OfflineMutation, OutboxEntry } from '../types.js';
import type { Layer, Place } from './lay.js';

/** A change that is laid, or was. The same object for as long as it is the same change, whatever became of its entry. */
export interface Item {
  entry: OutboxEntry;
  layer: Layer;
  declared: OfflineMutation;
  /** This tab has heard that it is done, by its answer or by the stream. */
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
  /** The stream has told of it: it is done, and what stands before it in its lane, though their answers may be lost and they be sent again. */
  done(item: Item): void;
  /** What was needed may not be any more. */
  look(): void;
}

/** After its ack a change is waited for so long in what shows it, ms. */
const PASSED_MS = 10_000;
const LAID = /^(queued|sending|conflicted|acked)$/;
const isLaid = ({ entityId, kind, state }: OutboxEntry): boolean => entityId !== undefined && kind !== 'other' && LAID.test(state);

interface Laid extends Item {
  /** Nothing needs it any more. */
  released?: boolean;
  /** For what lacks it `PASSED_MS` after its ack. */
  timer?: unknown;
}

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
  const { outbox, mutations, environment: { setTimeout, clearTimeout }, say, problem, onClose } = inside;
  /** By `seq`, for as long as the outbox names them or something needs them. */
  const all = new Map<number, Laid>();
  const holders = new Set<Holder>();
  let items: readonly Item[] = [];
  let looking = false;

  const itemOf = ({ seq, squashed }: OutboxEntry): Laid | undefined => all.get(seq) ?? (squashed[0] ? [...all.values()].find(({ entry }) => squashed.includes(entry.id)) : undefined);

  function each(run: (holder: Holder) => void): void {
    for (const holder of [...holders]) say(run, holder);
  }

  function tell(undone: readonly Item[] = []): void {
    items = [...all.values()].filter(({ released }) => !released).sort((a, b) => a.entry.seq - b.entry.seq);
    each((holder) => holder.changed(undone));
    look();
  }

  function ack(item: Laid | undefined): boolean {
    if (!item || item.acked) return false;
    item.acked = true;
    wait(item);
    return true;
  }

  function wait(item: Laid, again = false): void {
    item.timer = setTimeout(() => {
      const { sync, network } = inside;
      // Nothing could be read now that is newer.
      if (!network.status.verified || (sync && sync.status.state !== 'live')) return wait(item, again);
      const { entry } = item;
      if (!again) problem({ code: 'overlay_timeout', message: `${entry.path} is done, but not shown: it is read again`, entry });
      each((holder) => holder.expired(item, again));
      wait(item, true);
      look();
    }, PASSED_MS);
  }

  function release(): void {
    looking = false;
    const lanes = new Set<string>();
    for (const item of items as readonly Laid[]) {
      const { lane } = item.entry;
      // What has a later one has those before it: it stays as long as one of them.
      if (!item.acked || lanes.has(lane) || [...holders].some((holder) => holder.needs(item))) {
        lanes.add(lane);
        continue;
      }
      item.released = true;
      if (!outbox.book.at(item.entry.seq)) all.delete(item.entry.seq);
      clearTimeout(item.timer);
      items = items.filter((one) => one !== item);
    }
  }

  function look(): void {
    if (!looking) queueMicrotask(release);
    looking = true;
  }

  function read(changes: readonly Change[]): void {
    const gone = new Map(changes.flatMap(([before, now]) => (before && before.id !== now?.id ? [[before.id, before]] : [])));
    let changed = false;
    for (const [, entry] of changes) {
      const declared = entry && mutations[entry.path];
      if (!declared || !isLaid(entry)) continue;
      const { seq, squashed } = entry;
      // What was squashed goes on in another one.
      const item = all.get(seq) ?? squashed.map((id) => all.get(gone.get(id)?.seq ?? 0)).find(Boolean) ?? { entry, acked: false, position: undefined, undone: false };
      if (all.get(seq)?.entry !== entry) {
        all.delete(item.entry.seq);
        all.set(seq, Object.assign(item, { entry, layer: layerOf(entry, declared), declared }));
        changed = true;
      }
      if (entry.state === 'acked') ack(item as Laid);
    }
    const undone: Item[] = [];
    for (const [before, now] of changes) {
      const item = before && !(now && mutations[now.path] && isLaid(now)) ? all.get(before.seq) : undefined;
      if (!item || (item.acked && !item.released)) continue;
      all.delete(item.entry.seq);
      if (item.acked) continue;
      changed = true;
      const { id } = item.entry;
      item.undone = (outbox.book.named(id)?.id ?? id) === id;
      if (item.undone) undone.push(item);
    }
    if (changed) tell(undone);
  }

  const acked = (entry: OutboxEntry): void => {
    if (ack(itemOf(entry))) tell();
  };
  const ends = [
    outbox.onAck(acked),
    outbox.onGone((entry, gone) => {
      if (gone === 'acked') acked(entry);
    }),
    outbox.onChanges(read),
  ];
  onClose(() => {
    for (const end of ends) end();
    for (const { timer } of all.values()) clearTimeout(timer);
  });
  read(outbox.entries.map((entry): Change => [undefined, entry]));

  return {
    get items() {
      return items;
    },
    caches: 0,
    done({ entry: { lane, seq } }) {
      for (const item of all.values()) if (item.entry.lane === lane && item.entry.seq <= seq) ack(item);
    },
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

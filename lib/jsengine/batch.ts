import type { EncodedEphemeral } from '../internal/engine.js';
import type { Reason } from '../protocol/events.js';
import type { LogEntry } from './action-log.js';
import type { Context } from './context.js';
import type { Filter } from './filter.js';
import { pack, VARIANTS, type Chunk, type Message, type Variant } from './frames.js';
import { PathUnion } from './path-union.js';
import { present } from './present.js';

interface ItemBase {
  /** Order of hand-over within the tenant; a stream takes no item from before it joined. */
  readonly ordinal: number;
  /** Head of the log after it. */
  readonly seq: number;
  /** When the engine got it: its hub's clock, Unix ms. Never less than that of the item before. */
  readonly arrivedAt: number;
  /** Monotonic µs. */
  readonly publishedUs: number;
}

/** One thing to send to a tenant's streams. */
export type Item =
  | (ItemBase & { readonly kind: 'action'; readonly entry: LogEntry })
  /** Actions of one big publish call: one `invalidate` stands for them. */
  | (ItemBase & { readonly kind: 'import'; readonly entries: readonly LogEntry[] })
  | (ItemBase & { readonly kind: 'ephemeral'; readonly event: EncodedEphemeral })
  /** Actions that have no place in the log yet: the broker is away. */
  | (ItemBase & { readonly kind: 'told'; readonly entries: readonly LogEntry[] })
  /** What streams had of the log counts no more. `safeMs`: a time that makes the resync come again. */
  | (ItemBase & { readonly kind: 'resync'; readonly reason: Reason; readonly safeMs: number });

/** What is the same for all filters that let it through. */
type Single = Exclude<Item, { kind: 'import' | 'told' }>;

/** What the streams of one filter and variant get, ready to write. */
export interface Compiled {
  readonly messages: readonly Message[];
  readonly chunks: readonly Chunk[];
}

const NOTHING: Compiled = { messages: [], chunks: [] };

/**
 * The items of one round of fan-out, encoded once per variant and packed once per (filter, variant); all
 * streams share the bytes. Lives as long as the round.
 */
export class Batch {
  readonly firstOrdinal: number;
  readonly lastOrdinal: number;
  readonly lastSeq: number;
  /** Of the last `resync` in it; -1 without one. */
  readonly resyncOrdinal: number;
  private readonly encoded: (Message | undefined)[];
  private readonly everything = new Array<Compiled | undefined>(VARIANTS);
  private readonly filtered = new Map<Filter, (Compiled | undefined)[]>();

  /** REQUIRES: at least one item. */
  constructor(
    private readonly context: Context,
    readonly epoch: string,
    readonly items: readonly Item[],
    private readonly spread: number,
  ) {
    this.firstOrdinal = present(items[0]).ordinal;
    const last = present(items.at(-1));
    this.lastOrdinal = last.ordinal;
    this.lastSeq = last.seq;
    this.resyncOrdinal = items.findLast((item) => item.kind === 'resync')?.ordinal ?? -1;
    this.encoded = new Array<Message | undefined>(items.length * VARIANTS);
  }

  /** For a stream that joined at `joined` (an ordinal). */
  for(filter: Filter, variant: Variant, joined: number): Compiled {
    if (joined > this.lastOrdinal) return NOTHING;
    if (joined > this.firstOrdinal) return this.compile(filter, variant, joined);
    if (filter.passesAll) return (this.everything[variant] ??= this.compile(filter, variant, joined));
    let variants = this.filtered.get(filter);
    if (!variants) this.filtered.set(filter, (variants = new Array<Compiled | undefined>(VARIANTS)));
    return (variants[variant] ??= this.compile(filter, variant, joined));
  }

  private compile(filter: Filter, variant: Variant, joined: number): Compiled {
    const messages: Message[] = [];
    this.items.forEach((item, index) => {
      if (item.ordinal < joined) return;
      const message =
        item.kind === 'import' || item.kind === 'told'
          ? this.unionMessage(item, filter, variant)
          : this.single(item, index, filter, variant);
      if (message) messages.push(message);
    });
    if (messages.length === 0) return NOTHING;
    return { messages, chunks: pack(messages, this.context.options.connectionCapBytes) };
  }

  private single(item: Single, index: number, filter: Filter, variant: Variant): Message | null {
    if (item.kind === 'action' && !filter.matches(item.entry)) return null;
    return (this.encoded[index * VARIANTS + variant] ??= this.message(item, variant));
  }

  private message(item: Single, variant: Variant): Message {
    const { frames, resyncPaths } = this.context;
    switch (item.kind) {
      case 'action':
        return frames.action(variant, this.epoch, item.entry);
      case 'ephemeral':
        return frames.ephemeral(variant, this.epoch, item.seq, item.event);
      case 'resync':
        return { ...frames.resync(variant, this.epoch, item.seq, item.reason, resyncPaths, item.arrivedAt, this.spread), safeMs: item.safeMs };
    }
  }

  private unionMessage(item: Exclude<Item, Single>, filter: Filter, variant: Variant): Message | null {
    const union = new PathUnion(this.context.invalidateBytes);
    for (const entry of item.entries) {
      if (!filter.matches(entry)) continue;
      if (item.kind === 'import') union.add(entry);
      else union.tell(entry, item.arrivedAt);
    }
    if (union.count === 0 && !union.told) return null;
    const message = conflated(this.context, variant, this.epoch, item.seq, union, this.spread);
    return message.union && item.kind === 'import' ? { ...message, compaction: true } : message;
  }
}

/** What says `union`: an `invalidate`, or a `resync` at `headSeq` where that cannot. REQUIRES: `union.count > 0` or `union.told`. */
export function conflated(context: Context, variant: Variant, epoch: string, headSeq: number, union: PathUnion, spread: number): Message {
  if (!union.overflowed) return context.frames.invalidate(variant, epoch, union, spread, union.count === 0 ? headSeq : union.to);
  const resync = context.frames.resync(variant, epoch, headSeq, 'overflow', context.resyncPaths, union.lastMs, spread);
  return { ...resync, safeMs: union.firstMs };
}

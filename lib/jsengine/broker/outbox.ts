/**
 * What is published and has no place in the log yet: a queue for each company, first in, first out. An item leaves on Redis's answer.
 *
 * Bound: `outboxBytes`. At the bound the company that holds most of what was never sent has it made one action.
 */
import type { EncodedAction, PublishOutcome } from '../../internal/engine.js';
import { storedBytes } from '../../redis/stored.js';
import { conflateActions } from './conflate.js';

/** What an item holds beyond its text, bytes: an estimate. */
const ITEM_BYTES = 512;

export interface Item {
  readonly encoded: EncodedAction;
  /** For the log, and for the doorbell where that is more. */
  readonly stored: Buffer;
  readonly rung: Buffer | '';
  readonly bytes: number;
  /** Monotonic µs. */
  readonly handedUs: number;
  /** Once; undefined when its caller has its answer. */
  answer: ((outcome: PublishOutcome) => void) | undefined;
  /** Sent at least once: Redis may have carried it out. */
  wasSent: boolean;
  /** Redis wants to know how old it is. */
  saysAge: boolean;
  /** Local streams have been told. */
  wasTold: boolean;
  done: boolean;
  /** The import that it is of. */
  group: ImportGroup | undefined;
}

/** Actions of one company that are told together: until the last has its place, or has to wait. */
export interface ImportGroup {
  left: number;
  end(): void;
}

export interface Queue {
  readonly companyId: string;
  readonly items: Item[];
  /** The first one that is to be sent. */
  next: number;
  /** Sent and not answered. */
  flying: number;
  flyingBytes: number;
  /** One has failed: nothing more is sent before all that fly are answered, and some time has passed. */
  troubled: boolean;
  /** Nothing but the order was wrong: what was sent is sent again at once. */
  early: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
  /** Since when nobody vouches for the log, monotonic ms. */
  vouchSinceMs: number | undefined;
}

export function itemOf(encoded: EncodedAction, handedUs: number, answer: Item['answer']): Item {
  const whole = storedBytes(encoded);
  const stored = encoded.stored ? storedBytes(encoded.stored) : whole;
  const rung = encoded.stored ? whole : '';
  const bytes = stored.length + rung.length + encoded.head.length + ITEM_BYTES;
  return { encoded, stored, rung, bytes, handedUs, answer, wasSent: false, saysAge: false, wasTold: false, done: false, group: undefined };
}

export class Outbox {
  private readonly queues = new Map<string, Queue>();
  actions = 0;
  bytes = 0;

  constructor(private readonly maxBytes: number) {}

  get all(): Iterable<Queue> {
    return this.queues.values();
  }

  hasRoom(bytes: number): boolean {
    return this.bytes + bytes <= this.maxBytes;
  }

  add(item: Item): Queue {
    const { companyId } = item.encoded;
    let queue = this.queues.get(companyId);
    if (!queue) {
      queue = { companyId, items: [], next: 0, flying: 0, flyingBytes: 0, troubled: false, early: false, failures: 0, timer: undefined, vouchSinceMs: undefined };
      this.queues.set(companyId, queue);
    }
    queue.items.push(item);
    this.actions++;
    this.bytes += item.bytes;
    return queue;
  }

  /** Redis has answered it, or it is given up. */
  remove(queue: Queue, item: Item): void {
    item.done = true;
    this.actions--;
    this.bytes -= item.bytes;
    let gone = 0;
    while (queue.items[gone]?.done) gone++;
    if (gone === 0) return;
    queue.items.splice(0, gone);
    queue.next = Math.max(0, queue.next - gone);
    if (queue.items.length > 0) return;
    clearTimeout(queue.timer);
    this.queues.delete(queue.companyId);
  }

  /** Sent again from the first on that is not answered. */
  rewind(queue: Queue): void {
    queue.troubled = false;
    queue.early = false;
    queue.next = 0;
  }

  /** Makes room: of the company that holds most of it, what was never sent becomes one. Gives how many did; 0: none can. */
  conflate(): { count: number; items: readonly Item[] } {
    let most: { queue: Queue; items: Item[]; bytes: number } | undefined;
    for (const queue of this.queues.values()) {
      // Behind all that Redis may have: the one goes to the end, and must pass none of it.
      // What an outage sent back unsent is in the line again.
      const from = Math.max(queue.flying > 0 ? queue.next : 0, queue.items.findLastIndex(({ wasSent }) => wasSent) + 1);
      const items = queue.items.slice(from).filter(({ done }) => !done);
      const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
      if (items.length > 1 && bytes > (most?.bytes ?? 0)) most = { queue, items, bytes };
    }
    if (!most) return { count: 0, items: [] };
    const { queue, items } = most;
    // It is as old as its newest part.
    const one = itemOf(conflateActions(items.map(({ encoded }) => encoded.action)), items.at(-1)?.handedUs ?? 0, undefined);
    one.wasTold = true;
    const gone = new Set(items);
    const kept = queue.items.filter((item) => !gone.has(item));
    queue.items.splice(0, queue.items.length, ...kept, one);
    queue.next = Math.min(queue.next, kept.length);
    this.actions -= items.length - 1;
    this.bytes -= items.reduce((sum, item) => sum + item.bytes, 0) - one.bytes;
    return { count: items.length, items };
  }

  clear(): Item[] {
    const left = [...this.queues.values()].flatMap(({ items, timer }) => {
      clearTimeout(timer);
      return items.filter(({ done }) => !done);
    });
    this.queues.clear();
    this.actions = 0;
    this.bytes = 0;
    return left;
  }
}

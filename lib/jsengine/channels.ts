import { Channel } from './channel.js';
import type { Context } from './context.js';

/** Logs looked at for old entries in one sweep; a quiet tenant's entries go within minutes of their time. */
const SWEEP_LOGS = 256;
/** Tenants looked at to find one that can be forgotten; the rest of the search waits for the next newcomer. */
const FORGET_SEARCH = 64;
/** Tenants looked at for what is over their share, for each call that publishes while all logs are over their bound. */
const RELIEVED = 64;

/**
 * Comes by each tenant again and again, some in each call. By their ids: an iterator of the map that stands still keeps
 * every table that the map has outgrown since, and each use of a tenant is a change of the map.
 */
class Rounds {
  private left: string[] = [];

  constructor(private readonly byTenant: ReadonlyMap<string, Channel>) {}

  /** undefined: a round has ended, and the next one begins. */
  next(): Channel | undefined {
    for (;;) {
      const companyId = this.left.pop();
      if (companyId === undefined) break;
      const channel = this.byTenant.get(companyId);
      if (channel) return channel;
    }
    this.left = [...this.byTenant.keys()].reverse();
    return undefined;
  }
}

/** The tenants of a hub, least recently used first. Beyond `maxCompanies` the first that has no stream is forgotten. */
export class Channels {
  private readonly byTenant = new Map<string, Channel>();
  private readonly sweeping = new Rounds(this.byTenant);
  private readonly relieving = new Rounds(this.byTenant);

  /**
   * Since when a tenant's log that begins now would have seen every action, Unix ms: one that was forgotten may have had some.
   * Ahead of the clock where one of those was stamped so: who was given that time has missed what came after it.
   */
  private allSeenSince: number;

  constructor(private readonly context: Context) {
    this.allSeenSince = context.clock.now();
  }

  get size(): number {
    return this.byTenant.size;
  }

  get(companyId: string): Channel | undefined {
    return this.byTenant.get(companyId);
  }

  companies(): string[] {
    return [...this.byTenant.keys()];
  }

  /** Its channel, made if need be; now the most recently used one. */
  use(companyId: string): Channel {
    const known = this.byTenant.get(companyId);
    const channel = known ?? new Channel(companyId, this.context, this.allSeenSince);
    this.touch(channel);
    if (!known) this.forgetSurplus(channel);
    return channel;
  }

  touch(channel: Channel): void {
    this.byTenant.delete(channel.companyId);
    this.byTenant.set(channel.companyId, channel);
  }

  /** Lets some of the tenants drop what is too old; to be called again and again. */
  sweep(): void {
    for (let swept = 0; swept < SWEEP_LOGS; swept++) {
      const channel = this.sweeping.next();
      if (!channel) return;
      channel.sweep();
    }
  }

  /**
   * Holds all logs together to their bound: `newest`, which has just got actions, and some others lose the oldest of what
   * is more than their share. Somebody is over its share where the sum is over the bound, so a round finds one.
   */
  relieve(newest: Channel): void {
    if (this.surplus <= 0) return;
    this.shrink(newest);
    for (let looked = 0; looked < RELIEVED && this.surplus > 0; looked++) {
      const channel = this.relieving.next();
      if (channel) this.shrink(channel);
    }
  }

  private get surplus(): number {
    return this.context.counters.logBytes - this.context.options.logTotalBytes;
  }

  private shrink({ log }: Channel): void {
    const share = Math.floor(this.context.options.logTotalBytes / this.byTenant.size);
    const over = Math.min(log.size - share, this.surplus);
    if (over > 0) log.shrinkTo(log.size - over);
  }

  clear(): void {
    for (const channel of this.byTenant.values()) channel.forget();
    this.byTenant.clear();
  }

  /** What is remembered of the tenant, unless somebody is there again. */
  forget(companyId: string): void {
    const channel = this.byTenant.get(companyId);
    if (channel?.isIdle) this.drop(channel);
  }

  private drop(channel: Channel): void {
    this.byTenant.delete(channel.companyId);
    channel.forget();
    // An action of the same millisecond may be among what is forgotten, or one that was stamped ahead of the clock.
    this.allSeenSince = Math.max(this.allSeenSince, this.context.clock.now() + 1, channel.log.lostStamp + 1);
  }

  /** `newest` is always kept: its caller holds it. */
  private forgetSurplus(newest: Channel): void {
    let searched = 0;
    for (const channel of this.byTenant.values()) {
      if (this.byTenant.size <= this.context.options.maxCompanies || ++searched > FORGET_SEARCH) return;
      if (channel === newest) {
        // All before it have streams.
        this.touch(newest);
        return;
      }
      if (channel.isIdle) {
        this.drop(channel);
      } else {
        this.touch(channel);
      }
    }
  }
}

import { Channel } from './channel.js';
import type { Context } from './context.js';

/** Logs looked at for old entries in one sweep; a quiet company's entries go within minutes of their time. */
const SWEEP_LOGS = 256;
/** Companies looked at to find one that can be forgotten; the rest of the search waits for the next newcomer. */
const FORGET_SEARCH = 64;

/** The companies of a hub, least recently used first. Beyond `maxCompanies` the first that has no stream is forgotten. */
export class Channels {
  private readonly byCompany = new Map<string, Channel>();
  private sweeping: IterableIterator<Channel> = this.byCompany.values();

  constructor(private readonly context: Context) {}

  get size(): number {
    return this.byCompany.size;
  }

  get(companyId: string): Channel | undefined {
    return this.byCompany.get(companyId);
  }

  /** Its channel, made if need be; now the most recently used one. */
  use(companyId: string): Channel {
    const known = this.byCompany.get(companyId);
    const channel = known ?? new Channel(companyId, this.context);
    this.touch(channel);
    if (!known) this.forgetSurplus();
    return channel;
  }

  touch(channel: Channel): void {
    this.byCompany.delete(channel.companyId);
    this.byCompany.set(channel.companyId, channel);
  }

  /** Lets some of the logs drop what is too old; to be called again and again. */
  sweep(now: number): void {
    for (let swept = 0; swept < SWEEP_LOGS; swept++) {
      const next = this.sweeping.next();
      if (next.done) {
        this.sweeping = this.byCompany.values();
        return;
      }
      next.value.log.expire(now);
    }
  }

  clear(): void {
    for (const channel of this.byCompany.values()) channel.forget();
    this.byCompany.clear();
  }

  private forgetSurplus(): void {
    let searched = 0;
    for (const channel of this.byCompany.values()) {
      if (this.byCompany.size <= this.context.options.maxCompanies || ++searched > FORGET_SEARCH) return;
      if (channel.isIdle) {
        this.byCompany.delete(channel.companyId);
        channel.forget();
      } else {
        this.touch(channel);
      }
    }
  }
}

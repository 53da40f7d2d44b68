import type { Broker, BrokerLogOptions } from '../../internal/broker.js';
import type { Channel } from '../channel.js';
import type { Context } from '../context.js';
import type { BrokerCounters } from './counters.js';
import type { KnownLogs } from './known-logs.js';
import type { ReadReply } from './replies.js';

/** What mirrors ask of the rest. */
export interface MirrorHost {
  readonly broker: Broker;
  readonly options: BrokerLogOptions;
  readonly context: Context;
  readonly counters: BrokerCounters;
  readonly known: KnownLogs;
  /** Nothing of Redis's may reach a stream yet: who is to end is not known. */
  readonly isHeld: boolean;
  /** For what is waited for: never jumps. */
  steadyMs(): number;
  redisNow(): number;
  /** Redis's time up to which a probe has shown that the subscription is whole, if it was sent after `us`; else 0. */
  probedSince(us: number): number;
  /** Reads a company's log from a seq on. Rejects with BrokerError. */
  read(companyId: string, from: number, force: boolean): Promise<ReadReply>;
  /** The log is known, as of the reading of this number: those who wait for that one, or one before, go on. */
  opened(channel: Channel, reading: number): void;
  /** The log cannot be read at all, by this version or by any: nobody of this company is let in. */
  refused(channel: Channel): void;
  /** The log has more than before. */
  grown(channel: Channel): void;
  /** Something that nobody of ours wrote. */
  foreign(companyId: string): void;
  odd(kind: string, message: string, companyId?: string): void;
}

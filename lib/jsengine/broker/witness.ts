/**
 * What this node knows of companies' logs, told to a Redis that has become another one. A node that only publishes would keep to itself what
 * Redis has lost, and those who stream would go on without it.
 */
import type { KnownLogs } from './known-logs.js';
import type { ReadReply } from './replies.js';

/** Redis has other things to do after a failover. */
const ASKS_AT_ONCE = 16;

export interface WitnessHost {
  readonly known: KnownLogs;
  /** Reads one action of a company's log, from a seq on. Rejects with BrokerError. */
  look(companyId: string, from: number): Promise<ReadReply>;
  /** A log goes by another name than this node knew, or is another one. */
  other(companyId: string): void;
}

export class Witness {
  private readonly line = new Set<string>();
  /** Those that are still the ones that were known. */
  private readonly there = new Set<string>();
  private asking = 0;
  /** One of them is not. */
  private changed = false;

  constructor(private readonly host: WitnessHost) {}

  /** There is a new connection. */
  linked(): void {
    this.there.clear();
    this.changed = false;
    for (const [companyId] of this.host.known.all) this.line.add(companyId);
    this.askSome();
  }

  ask(companyId: string): void {
    this.line.add(companyId);
    this.askSome();
  }

  close(): void {
    this.line.clear();
  }

  private askSome(): void {
    for (const companyId of this.line) {
      // Where it is the same Redis, as after a cut, one answer says so.
      if (this.asking >= (this.changed ? ASKS_AT_ONCE : 1)) return;
      this.line.delete(companyId);
      const { run, epoch, seq } = this.host.known.of(companyId);
      if (epoch === '' || this.there.has(run)) continue;
      this.asking++;
      this.host
        .look(companyId, seq + 1)
        .then(
          (reply) => this.answered(companyId, run, epoch, reply),
          // What it refuses now it is told with the next publish.
          () => undefined,
        )
        .finally(() => {
          this.asking--;
          this.askSome();
        });
    }
  }

  private answered(companyId: string, run: string, epoch: string, reply: ReadReply): void {
    if (reply.status !== 'OK') return;
    if (reply.run === run) this.there.add(run);
    else this.changed = true;
    if (reply.epoch !== epoch) this.host.other(companyId);
  }
}

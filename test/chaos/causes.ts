/** Whether what was done to the system excuses a `resync`. */
import type { Reason } from '../../lib/protocol/events.js';
import { isNowhere, type Excuse, type Fault, type History, type Position } from './history.js';
import type { Places } from './places.js';

/** How long nodes take to notice that a Redis is not what it was, and to agree. ms */
const SETTLE_MS = 8_000;

export interface Asked {
  reason: Reason;
  /** Where the client was, and since when; absent: nowhere yet. */
  was?: Position | undefined;
  wasAt: number;
  /** Where it is from now on. */
  now: Position;
  at: number;
  node: string;
  /** When it asked for this stream. */
  openedAt: number;
}

export class Causes {
  constructor(
    readonly history: History,
    readonly company: string,
    readonly places: Places,
    readonly nodes: readonly string[],
  ) {}

  /** Undefined: it is excused. Else why it is not. */
  blame(asked: Asked): string | undefined {
    const { reason, was, now, at } = asked;
    const { slackMs, logActions } = this.history.settings;
    switch (reason) {
      case 'fresh':
      case 'resumed':
        return `${reason} is no reason for a resync`;
      case 'unknown_cursor':
        return was === undefined || isNowhere(was) ? undefined : 'its position was a good one';
      case 'epoch_changed': {
        if (was === undefined || isNowhere(was)) return undefined;
        if (was.epoch === now.epoch) return `the epoch is the same, ${now.epoch}`;
        if (this.places.extent(was.epoch, now.epoch) >= was.seq) return `${now.epoch} goes on with ${was.epoch} beyond ${was.seq}`;
        return this.#broke(now.epoch) ? undefined : `nothing was lost that made ${now.epoch} begin`;
      }
      case 'trimmed': {
        if (was && now.seq - was.seq > logActions) return undefined;
        const lost = this.#faults('trimmed', 'loss').some((fault) => fault.until + slackMs >= asked.wasAt && fault.at <= at);
        return lost ? undefined : 'all that it missed was kept';
      }
      case 'ahead_of_log':
        return this.#faults('loss').some((fault) => fault.until + slackMs >= asked.wasAt && fault.at <= at) ? undefined : 'the log had not gone back';
      case 'broker_lost':
        return this.#wasAway(asked) ? undefined : 'the broker was not away for so long';
      case 'overflow':
        return 'nothing was too long';
    }
  }

  #faults(...excuses: Excuse[]): Fault[] {
    return this.history.faults.filter(
      (fault) => excuses.some((excuse) => fault.excuses.includes(excuse)) && (fault.companies?.includes(this.company) ?? true),
    );
  }

  /** An epoch that goes on with none needs a loss of its own; an idle company may notice it late. */
  #broke(epoch: string): boolean {
    const { slackMs, reconnectMs } = this.history.settings;
    const at = this.places.firstSeen(epoch);
    const causes = [...this.#faults('loss'), ...this.#faults('another-redis').filter((fault) => this.#nobodyVouches(fault))];
    return causes.some((fault) => {
      if (fault.at > at + slackMs) return false;
      if (at <= fault.until + reconnectMs + SETTLE_MS + slackMs) return true;
      return !this.places.breaks.some((other) => other.at >= fault.at && other.at < at);
    });
  }

  /** Each node was away, dead or without its memory when Redis came back as another one. */
  #nobodyVouches(redis: Fault): boolean {
    const { reconnectMs, slackMs } = this.history.settings;
    const impaired = this.#faults('node-died', 'node-stood', 'outage').filter((fault) => fault !== redis && fault.nodes !== undefined);
    return this.nodes.every((node) =>
      impaired.some(({ nodes, at, until }) => nodes!.includes(node) && until + slackMs >= redis.at && at <= redis.until + reconnectMs + slackMs),
    );
  }

  /** The stream waited for its log as long as it must, and could not have it. */
  #wasAway({ openedAt, at, node }: Asked): boolean {
    const { openWaitMs, reconnectMs, slackMs } = this.history.settings;
    if (at - openedAt < openWaitMs * 0.9) return false;
    return this.#faults('outage', 'node-stood').some(
      (fault) =>
        (fault.nodes?.includes(node) ?? true) &&
        fault.at <= at &&
        fault.until + reconnectMs + slackMs >= openedAt &&
        fault.until + reconnectMs + slackMs - fault.at >= openWaitMs,
    );
  }
}

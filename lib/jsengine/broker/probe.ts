/** A node talks to itself through Redis: what it does not hear shows that its subscription is dead, whatever the connection says. */
import type { Broker, BrokerLogOptions } from '../../internal/broker.js';
import { FORMAT } from '../../redis/keys.js';
import { textOf } from '../../redis/stored.js';
import type { BrokerCounters } from './counters.js';
import type { RedisClock } from './redis-clock.js';

/** From a message to its coming back. ms */
const BACK_WITHIN_MS = 3_000;

export interface ProbeHost {
  readonly broker: Broker;
  readonly options: BrokerLogOptions;
  readonly counters: BrokerCounters;
  readonly clock: RedisClock;
  monotonicUs(): number;
}

export class Probe {
  /** The last one that came back: Redis's time when it was sent, and monotonic µs. */
  last = { redisMs: 0, sentUs: -1 };
  private sent = 0;
  private open: { readonly number: number; readonly redisMs: number; readonly sentUs: number } | undefined;
  private readonly channel: string;
  private readonly every: NodeJS.Timeout;
  private overdue: NodeJS.Timeout | undefined;
  private listening = false;
  private readonly stop: () => void;

  constructor(private readonly host: ProbeHost) {
    const { prefix, nodeId, probeMs } = host.options;
    this.channel = `${prefix}:${String(FORMAT)}:probe:${nodeId}`;
    this.every = setInterval(() => this.send(), probeMs).unref();
    this.stop = host.broker.subscribe(this.channel, {
      subscribed: () => {
        this.listening = true;
        this.send();
      },
      message: (payload) => this.heard(Number(payload.toString())),
    });
  }

  /** The link is there again. */
  linked(): void {
    this.askTime();
    this.send();
  }

  close(): void {
    clearInterval(this.every);
    clearTimeout(this.overdue);
    this.stop();
  }

  private send(): void {
    const { broker, clock, counters } = this.host;
    // One that is on its way is waited for.
    if (!this.listening || this.overdue || broker.state.link !== 'ready') return;
    const number = ++this.sent;
    this.open = { number, redisMs: clock.now(), sentUs: this.host.monotonicUs() };
    this.askTime();
    counters.probes++;
    this.overdue = setTimeout(() => {
      this.overdue = undefined;
      this.missed();
    }, BACK_WITHIN_MS).unref();
    broker.command([broker.ring, this.channel, String(number)]).catch(() => this.forget());
  }

  private heard(number: number): void {
    if (this.open?.number !== number) return;
    this.last = this.open;
    this.forget();
  }

  private forget(): void {
    this.open = undefined;
    clearTimeout(this.overdue);
    this.overdue = undefined;
  }

  private missed(): void {
    const { broker, counters } = this.host;
    this.open = undefined;
    // A link that is away has said so itself.
    if (broker.state.link !== 'ready') return;
    counters.probesLost++;
    counters.resubscribes++;
    this.listening = false;
    broker.resubscribe();
  }

  private askTime(): void {
    this.host.broker.command(['TIME']).then(
      (reply) => {
        const [seconds, micros] = Array.isArray(reply) ? (reply as readonly Buffer[]).map((part) => Number(textOf(part))) : [];
        if (seconds !== undefined && micros !== undefined) this.host.clock.hear(seconds, micros);
      },
      () => undefined,
    );
  }
}

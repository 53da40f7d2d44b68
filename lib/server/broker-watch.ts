/** What a hub says of its broker: ready, away and back, or of no use as it is. */
import { PathcastError } from '../protocol/error.js';
import { BrokerError, type Broker, type BrokerState } from '../internal/broker.js';
import { rightsKey } from '../redis/keys.js';
import { RIGHTS } from '../redis/scripts/rights.js';
import { linkFault, rightsFault, serverFault } from '../redis/server-check.js';
import type { PublishOutcome } from '../internal/engine.js';
import type { HubHealth } from './results.js';

export interface BrokerWatchHost {
  readonly warn: (message: string, kind: string) => void;
  readonly report: (error: PathcastError) => void;
  /** Told once, when it was found good. */
  readonly advice?: string | undefined;
}

/** After a look that got no answer, while the link still says that it is there. ms */
const LOOK_AGAIN_MS = 250;
/** After one that found what people have to mend. ms */
const MENDED_AGAIN_MS = 1_000;
/** Words of Redis with which it will refuse INFO again. */
const LASTING = /^(ERR|NOPERM|NOAUTH|WRONGPASS|DENIED)\b/;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: PathcastError) => void;
}

export class BrokerWatch {
  /** It was looked at, and found good, at least once. */
  #wasReady = false;
  #isGood = false;
  /** What people have to mend; told once as long as it stays the same. */
  #fault: string | undefined;
  /** Since when it is away, monotonic ms. */
  #awaySince: number | undefined;
  /** A broadcast has waited longer than `publishWaitMs`, and none has had its place since. */
  #waits = false;
  /** Redis's words where it refuses to write; undefined while it does not. */
  #refusal: string | undefined;
  #looks = 0;
  #again: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #waiters: Waiter[] = [];
  readonly #stop: () => void;

  constructor(
    private readonly broker: Broker,
    private readonly host: BrokerWatchHost,
    private readonly prefix: string,
  ) {
    this.#stop = broker.onState((state) => this.#heard(state));
    this.#heard(broker.state);
  }

  /**
   * Resolves when the broker is there and fit for use; rejects with BROKER where waiting does not mend it. Keeps the process meanwhile: who awaits it at the top of
   * a module has nothing else yet that does, and a link of the native engine never does.
   */
  ready(): Promise<void> {
    if (this.#isGood) return Promise.resolve();
    if (this.#closed) return Promise.reject(new PathcastError('HUB_CLOSED', 'the hub is closed'));
    if (this.#fault !== undefined) return Promise.reject(this.#error(this.#fault));
    const alive = setInterval(() => undefined, 60_000);
    return new Promise<void>((resolve, reject) => this.#waiters.push({ resolve, reject })).finally(() => clearInterval(alive));
  }

  /** `actionsThatWait`: for their place in the log; asked only where some may. */
  health(actionsThatWait: () => number): HubHealth {
    if (this.#isGood) {
      const waiting = this.#waits ? actionsThatWait() : 0;
      if (waiting === 0) return { status: 'ok' };
      const reason = this.#refusal ?? 'it does not carry out what is published';
      return { status: 'degraded', reason: `Redis (${this.broker.url}): ${reason}; actions that wait here: ${String(waiting)}` };
    }
    const { trouble } = this.broker.state;
    const reason = this.#fault ?? (trouble || 'it is being connected to');
    return { status: this.#wasReady ? 'degraded' : 'starting', reason: `Redis (${this.broker.url}): ${reason}` };
  }

  /** The link may stand while Redis refuses to write, or carries nothing out. */
  published(outcome: PublishOutcome): void {
    if (!outcome.ok) return;
    this.#waits = outcome.queued === true;
    if (this.#waits || this.#refusal === undefined) return;
    this.#refusal = undefined;
    this.host.warn(`Redis (${this.broker.url}) takes what is published again; what waited for it goes out now, in order`, 'broker-back');
  }

  /** A warning of the engine's log; those of one company are that company's. */
  warned({ kind, message, companyId }: { kind: string; message: string; companyId?: string }): void {
    if (companyId === undefined && (kind === 'broker-server' || kind.startsWith('broker-refused '))) this.#refusal = message;
  }

  close(): void {
    this.#closed = true;
    this.#isGood = false;
    this.#stop();
    clearTimeout(this.#again);
    const error = new PathcastError('HUB_CLOSED', 'the hub was closed before its broker was ready');
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  #heard({ link, trouble }: BrokerState): void {
    this.#looks++;
    clearTimeout(this.#again);
    if (link === 'ready') {
      void this.#look(this.#looks);
      return;
    }
    const wasGood = this.#isGood;
    this.#isGood = false;
    if (link !== 'lost') return;
    const fault = linkFault(trouble, this.prefix, this.#isSharded);
    if (fault !== undefined) this.#useless(fault);
    else if (wasGood || this.#awaySince === undefined) this.#away(trouble);
  }

  /** Each Redis that a link comes to is looked at: after a failover it may be another one. */
  async #look(look: number): Promise<void> {
    let fault: string | undefined;
    try {
      fault = serverFault(String(await this.broker.command(['INFO', 'server'])), this.#isSharded) ?? (await this.#rightsFault());
    } catch (thrown) {
      // Lost again: the next state says so. One of a cluster's many connections may be lost without one, and a word like BUSY passes: then it is looked at again.
      if (!(thrown instanceof BrokerError) || thrown.failure !== 'refused' || !LASTING.test(thrown.message)) {
        if (look === this.#looks && !this.#closed) this.#again = setTimeout(() => void this.#look(look), LOOK_AGAIN_MS).unref();
        return;
      }
      fault = linkFault(thrown.message, this.prefix, this.#isSharded) ?? `it does not answer INFO (${thrown.message})`;
    }
    if (look !== this.#looks || this.#closed) return;
    if (fault === undefined) {
      this.#good();
      return;
    }
    this.#useless(fault);
    // It may be mended without a new link: an ACL.
    this.#again = setTimeout(() => void this.#look(look), MENDED_AGAIN_MS).unref();
  }

  get #isSharded(): boolean {
    return this.broker.ring === 'SPUBLISH';
  }

  async #rightsFault(): Promise<string | undefined> {
    const refused = await this.broker.eval(RIGHTS, [rightsKey(this.prefix)], [this.broker.ring]);
    return Array.isArray(refused) && refused.length > 0 ? rightsFault(refused.map(String), this.prefix, this.#isSharded) : undefined;
  }

  #good(): void {
    const { url } = this.broker;
    if (this.#awaySince !== undefined || this.#fault !== undefined) {
      const seconds = this.#awaySince === undefined ? '' : ` after ${((performance.now() - this.#awaySince) / 1000).toFixed(1)} s`;
      this.host.warn(`Redis (${url}) is back${seconds}; what waited for it goes out now, in order`, 'broker-back');
    }
    this.#fault = undefined;
    this.#awaySince = undefined;
    this.#isGood = true;
    if (!this.#wasReady && this.host.advice !== undefined) this.host.warn(this.host.advice, 'database');
    this.#wasReady = true;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  #away(trouble: string): void {
    this.#awaySince = performance.now();
    this.host.warn(
      `Redis (${this.broker.url}) is away: ${trouble}; broadcasts wait in this process's memory and reach its own streams, the other nodes' when it is back`,
      'broker',
    );
  }

  #useless(fault: string): void {
    this.#isGood = false;
    if (fault === this.#fault) return;
    this.#fault = fault;
    const error = this.#error(fault);
    this.host.report(error);
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  #error(fault: string): PathcastError {
    return new PathcastError('BROKER', `Redis (${this.broker.url}) cannot be used: ${fault}`);
  }
}

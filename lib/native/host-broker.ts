/** A client of the app's own under the native engine: its questions are carried out here, and what comes of them is told. */
import { messageOf } from '../internal/describe.js';
import { BrokerError, type Broker, type BrokerLogOptions, type BrokerReply, type BrokerState, type Script } from '../internal/broker.js';
import type { NativeHub, Reply } from './binding.js';
import { BROKER_LINKS } from './broker.js';

/** In the order of `NativeHub.brokerAnswered`. */
const FAILURES = [undefined, 'unsent', 'lost', 'refused'] as const;

type Question = Extract<Reply, { 0: 10 }>;

export class HostBroker {
  readonly #scripts: ReadonlyMap<string, Script>;
  readonly #channels = new Map<string, () => void>();
  readonly #stopHearing: () => void;
  #ended = false;

  constructor(
    private readonly broker: Broker,
    { scripts }: Pick<BrokerLogOptions, 'scripts'>,
    private readonly hub: NativeHub,
  ) {
    // The very objects: who seals what goes to Redis tells the scripts by them.
    this.#scripts = new Map([scripts.publish, scripts.read].map((script) => [script.body, script]));
    this.#stopHearing = broker.onState((state) => this.#hear(state));
    this.#hear(broker.state);
  }

  /** Before the hub stops. */
  end(): void {
    this.#ended = true;
    this.#stopHearing();
    for (const leave of this.#channels.values()) leave();
    this.#channels.clear();
  }

  asked([, question, ticket, name, keys, args]: Question): void {
    if (this.#ended) return;
    if (question === 0) this.#answer(ticket, this.broker.eval(this.#scripts.get(name) ?? { name: 'script', body: name }, keys, args));
    else if (question === 1) this.#answer(ticket, this.broker.command(args));
    else if (question === 2) this.#listen(name);
    else if (question === 3) this.#leave(name);
    else this.broker.resubscribe();
  }

  #hear({ link, trouble }: BrokerState): void {
    if (!this.#ended) this.hub.brokerTold(0, BROKER_LINKS.indexOf(link), trouble, undefined);
  }

  #listen(channel: string): void {
    const leave = this.broker.subscribe(channel, {
      subscribed: () => {
        if (!this.#ended) this.hub.brokerTold(1, 0, channel, undefined);
      },
      message: (payload) => {
        if (!this.#ended) this.hub.brokerTold(2, 0, channel, payload);
      },
    });
    this.#channels.set(channel, leave);
  }

  #leave(channel: string): void {
    this.#channels.get(channel)?.();
    this.#channels.delete(channel);
  }

  #answer(ticket: number, answer: Promise<BrokerReply>): void {
    answer.then(
      (reply) => {
        if (!this.#ended) this.hub.brokerAnswered(ticket, 0, reply);
      },
      (thrown: unknown) => {
        const failure = thrown instanceof BrokerError ? FAILURES.indexOf(thrown.failure) : 2;
        if (!this.#ended) this.hub.brokerAnswered(ticket, failure, messageOf(thrown));
      },
    );
  }
}

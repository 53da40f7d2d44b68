/** A connection that is made again whenever it is lost, with full jitter. One that owes an answer and is silent is given up. */
import { BrokerError, type BrokerReply, type BrokerState } from '../../internal/broker.js';
import { messageOf } from '../../internal/describe.js';
import { asArgument, toBrokerError, type Connection, type ConnectionEvents, type Dial } from './connection.js';

/** From the dial to the first command, and from a command to any answer; as the native link has it. ms */
const OPEN_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 3_000;
/** How often that is looked at. ms */
const LOOK_MS = 250;
/** Between attempts: full jitter below a bound that doubles, and is back at the first once a connection lasted the second. ms */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;

export interface LineEvents extends Omit<ConnectionEvents, 'lost'> {
  /** A new connection is open. */
  up(connection: Connection): void;
  /** `state` has changed. */
  changed(): void;
}

/** What one connection owes. */
class Life {
  owed = 0;
  /** When it last had nothing to answer, or answered. */
  heardAt = 0;
  openedAt = 0;
  /** Where they are not answered in order: those that are not answered, the oldest first. */
  readonly open = new Set<{ readonly at: number }>();

  constructor(readonly connection: Connection) {}
}

export class Line {
  state: BrokerState = { link: 'connecting', trouble: '' };
  #life: Life | undefined;
  #attempts = 0;
  #retry: NodeJS.Timeout | undefined;
  readonly #watch: NodeJS.Timeout;

  constructor(
    private readonly dial: Dial,
    private readonly events: LineEvents,
    /** False: each command is answered by whom it went to, and one that is silent is given up whatever the others say. */
    private readonly options: { readonly inOrder: boolean } = { inOrder: true },
  ) {
    this.#watch = setInterval(() => this.#look(), LOOK_MS).unref();
    this.#open();
  }

  get isReady(): boolean {
    return this.state.link === 'ready';
  }

  /** Carries `work` out on the open connection. Rejects with BrokerError. */
  async run<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const life = this.#life;
    if (!life || !this.isReady) throw new BrokerError('unsent', this.state.trouble || 'the link is not ready');
    if (life.owed++ === 0) life.heardAt = performance.now();
    const asked = { at: performance.now() };
    if (!this.options.inOrder) life.open.add(asked);
    try {
      return await work(life.connection);
    } catch (thrown) {
      const error = toBrokerError(thrown);
      // A master that is one no more: whoever knows the new one is asked again.
      if (error.failure === 'refused' && error.message.startsWith('READONLY')) this.#lose(life, error.message);
      throw error;
    } finally {
      life.owed--;
      life.open.delete(asked);
      life.heardAt = performance.now();
    }
  }

  send(args: readonly (string | number | Buffer)[]): Promise<BrokerReply> {
    return this.run((connection) => connection.send(args.map(asArgument)));
  }

  /** Gives the connection up and makes a new one. */
  renew(why: string): void {
    if (this.#life) this.#lose(this.#life, why);
  }

  close(): void {
    if (this.state.link === 'closed') return;
    clearInterval(this.#watch);
    clearTimeout(this.#retry);
    const life = this.#life;
    this.#life = undefined;
    this.#become('closed', 'the link is closed');
    life?.connection.destroy();
  }

  #open(): void {
    const events: ConnectionEvents = {
      lost: (why) => this.#lose(life, messageOf(why)),
      message: (channel, payload) => {
        if (this.#life === life) this.events.message(channel, payload);
      },
      dropped: (channel) => {
        if (this.#life === life) this.events.dropped(channel);
      },
    };
    let connection: Connection;
    try {
      connection = this.dial(events);
    } catch (thrown) {
      this.#again(messageOf(thrown));
      return;
    }
    const life = new Life(connection);
    this.#life = life;
    life.openedAt = performance.now();
    life.connection.open().then(
      () => {
        if (this.#life !== life) return;
        life.openedAt = performance.now();
        this.#become('ready', '');
        this.events.up(life.connection);
      },
      (thrown: unknown) => this.#lose(life, messageOf(thrown)),
    );
  }

  #lose(life: Life, why: string): void {
    if (this.#life !== life) return;
    this.#life = undefined;
    const lasted = this.isReady ? performance.now() - life.openedAt : 0;
    if (lasted >= RETRY_MAX_MS) this.#attempts = 0;
    this.#again(why);
    life.connection.destroy();
  }

  #again(why: string): void {
    const bound = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(this.#attempts++, 30));
    this.#retry = setTimeout(() => this.#open(), 1 + Math.random() * bound).unref();
    this.#become('lost', why);
  }

  #look(): void {
    const life = this.#life;
    if (!life) return;
    const now = performance.now();
    if (!this.isReady) {
      if (now - life.openedAt > OPEN_WITHIN_MS) this.#lose(life, `no answer within ${String(OPEN_WITHIN_MS)} ms of connecting`);
    } else if (life.owed > 0 && now - this.#silentSince(life) > ANSWER_WITHIN_MS) {
      this.#lose(life, `it owes an answer and was silent for ${String(ANSWER_WITHIN_MS)} ms`);
    }
  }

  #silentSince({ open, heardAt }: Life): number {
    for (const { at } of open) return at;
    return heardAt;
  }

  #become(link: BrokerState['link'], trouble: string): void {
    this.state = { link, trouble };
    this.events.changed();
  }
}

/**
 * The seam between what needs a broker (an engine's log, `lib/redis`) and a connection to one: Redis through the native link, or
 * through a client of the app's own. What it says of order holds for each connection, and is all that its users lean on.
 */

/** A script of `lib/redis/scripts`; carried out by its SHA, and sent whole only where it is not known. */
export interface Script {
  /** For errors and metrics. */
  readonly name: string;
  readonly body: string;
}

/** As RESP2 gives it; texts are bytes, for they may be anybody's. */
export type BrokerReply = Buffer | number | null | readonly BrokerReply[];

export type BrokerFailure =
  /** Redis has not carried it out: it was never sent. */
  | 'unsent'
  /** It was sent, and no answer came: Redis may have carried it out. */
  | 'lost'
  /** Redis refused it; `text` begins with its word (`OOM`, `READONLY`, `WRONGTYPE`, …). */
  | 'refused';

/** A command without an answer of Redis, or with a refusal. `message` never holds a password. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';

  constructor(
    readonly failure: BrokerFailure,
    message: string,
  ) {
    super(message);
  }
}

export interface BrokerState {
  readonly link: 'connecting' | 'ready' | 'lost' | 'closed';
  /** Why it is not ready; for people, without a password. Empty while it is. */
  readonly trouble: string;
}

export interface ChannelListener {
  /** Redis has confirmed the channel on a new connection: every message from now on comes. What came before may be missed. */
  subscribed(): void;
  /** The bytes are good for the call. */
  message(payload: Buffer): void;
}

/** One Redis, standalone, behind sentinels or a cluster. JavaScript thread. */
export interface Broker {
  readonly kind: 'native' | 'ioredis' | 'node-redis';
  /** What a doorbell rings with: SPUBLISH in a cluster. */
  readonly ring: 'PUBLISH' | 'SPUBLISH';
  /** Where it is, for people: without a password. */
  readonly url: string;
  readonly state: BrokerState;
  /**
   * Commands are sent in the order of the calls. Rejects with BrokerError; nothing is tried a second time, but a script that Redis
   * does not know. In a cluster all keys are of one slot.
   */
  eval(script: Script, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<BrokerReply>;
  /** A plain command: `['PUBLISH', channel, payload]`, `['INFO', 'server']`. In a cluster by its first key. */
  command(args: readonly (string | number | Buffer)[]): Promise<BrokerReply>;
  /** Until it is taken back; several may listen to one channel. In a cluster by SSUBSCRIBE. */
  subscribe(channel: string, listener: ChannelListener): () => void;
  /** Hears each change of `state`; the returned function stops it. */
  onState(listener: (state: BrokerState) => void): () => void;
  /** What was published came back on no subscription: gives up its connections, both of them where there are two, and makes new ones. */
  resubscribe(): void;
  /** Ends its own connections; those of the app stay. Idempotent. */
  close(): Promise<void>;
}

/** How an engine's log lives in a broker. */
export interface BrokerLogOptions {
  /** Names of keys and channels begin with it. */
  prefix: string;
  /** This life of this node: no other one ever has it. */
  nodeId: string;
  /** ms that a publish waits for its place in the log before it is answered with `queued`. */
  publishWaitMs: number;
  /** Bytes of actions that wait for the broker. */
  outboxBytes: number;
  /** ms between two messages of a node to itself. */
  probeMs: number;
  /** ms that the first stream of a company waits for its log while the broker is away. */
  openWaitMs: number;
  scripts: { readonly publish: Script; readonly read: Script };
  /**
   * Asked each time the link is ready, the first time too: carries out what nobody told this node while it heard nothing (streams that were to end). Until
   * it resolves nothing that comes from the broker reaches a stream; what it calls the engine for comes before. Never rejects. Where the link is
   * lost and ready again it is asked anew, and only the last answer counts. Absent: nothing is waited for.
   */
  revocations?: () => Promise<void>;
  /** Native engine only: it makes the link itself. */
  url?: string;
  /** Else this one. */
  broker?: Broker;
}

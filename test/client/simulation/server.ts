/**
 * A server as SPEC §2 to §4 and §6 have it, as far as one browser sees it: a log, verdicts, a place for each instance, heartbeats, drains,
 * limits, restarts. One that says each stream what it missed, so that what gets lost is the client's fault.
 */
import type { ActionEvent } from '../../../lib/protocol/events.js';
import type { Clock } from './clock.js';

export const HEARTBEAT_MS = 2_000;

export interface Connection {
  /** What of it is a message reaches the page a little later, in order. */
  deliver(name: string, id: string | undefined, data: object): void;
  /** The server ended it. */
  ended(): void;
  readonly tab: string;
}

export class Stream {
  open = true;
  constructor(
    readonly connection: Connection,
    readonly instance: string,
    readonly generation: number,
  ) {}
}

export interface Published {
  readonly id: string;
  readonly epoch: string;
  readonly seq: number;
  readonly at: number;
}

export class ModelServer {
  readonly streams = new Set<Stream>();
  /** Of all lives of the log. */
  readonly published: Published[] = [];
  #epoch = 'e1';
  #lives = 1;
  #log: ActionEvent[] = [];
  /** The newest stream counts, as without Redis; or the higher generation, as with it. */
  readonly #fenced: boolean;
  mode: 'up' | 'down' | 'bad_gateway' | 'limit' | 'revoked' = 'up';
  /** Streams that were asked for. */
  asked = 0;

  constructor(
    readonly clock: Clock,
    fenced: boolean,
  ) {
    this.#fenced = fenced;
    this.#beat();
  }

  get head(): string {
    return `${this.#epoch}.${this.#log.length}`;
  }

  publish(): void {
    const seq = this.#log.length + 1;
    const id = `a${this.published.length + 1}`;
    const event = { id, type: 'update', module: 'guests', entityId: 'g1', companyId: 'acme', userId: 'w', timestamp: this.clock.now, queryPaths: ['guests'], seq } as const;
    this.#log.push({ ...event, queryPaths: [...event.queryPaths] });
    this.published.push({ id, epoch: this.#epoch, seq, at: this.clock.now });
    for (const { connection } of this.streams) connection.deliver('message', `${this.#epoch}.${seq}`, event);
  }

  open(query: URLSearchParams, connection: Connection): Stream {
    const stream = new Stream(connection, query.get('clientInstanceId') ?? '', Number(query.get('clientGeneration') ?? 0));
    this.asked += 1;
    if (this.mode === 'limit' || this.mode === 'revoked') {
      this.#close(stream, this.mode, 500);
      return stream;
    }
    const living = [...this.streams].find(({ instance }) => instance === stream.instance);
    const stale = living !== undefined && this.#fenced && stream.generation < living.generation;
    if (living && !stale) this.#close(living, 'replaced', 500);
    this.#verdict(query.get('lastEventId') ?? this.#placeOf(query.get('since')), connection);
    if (stale) this.#close(stream, 'replaced', 500);
    else this.streams.add(stream);
    return stream;
  }

  /** By time: behind everything that came before it, in this life of the log. */
  #placeOf(since: string | null): string | null {
    if (since === null) return null;
    const first = this.#log.findIndex(({ timestamp }) => timestamp >= Number(since));
    return `${this.#epoch}.${first < 0 ? this.#log.length : first}`;
  }

  #verdict(cursor: string | null, connection: Connection): void {
    const [epoch = '', seq = ''] = cursor?.split('.') ?? [];
    const known = epoch === this.#epoch && Number(seq) <= this.#log.length;
    const recovered = cursor !== null && known;
    const reason = cursor === null ? 'fresh' : known ? 'resumed' : 'epoch_changed';
    const id = cursor === null ? this.head : recovered ? cursor : '0.0';
    const now = this.clock.now;
    connection.deliver('message', id, {
      type: 'hello', timestamp: now, queryPaths: [], recovered, reason, cursor: this.head, epoch: this.#epoch, serverTime: now, heartbeatMs: HEARTBEAT_MS, connectionId: 'c',
    });
    if (recovered) {
      for (const event of this.#log.slice(Number(seq))) connection.deliver('message', `${this.#epoch}.${event.seq}`, event);
    } else if (cursor !== null) {
      connection.deliver('message', this.head, { type: 'resync', timestamp: now, queryPaths: ['*'], reason });
    }
  }

  #close(stream: Stream, reason: string, retryMs: number): void {
    this.streams.delete(stream);
    stream.open = false;
    const id = this.mode === reason ? undefined : this.head;
    stream.connection.deliver('server_close', id, { type: 'server_close', timestamp: this.clock.now, queryPaths: [], reason, retryMs });
    stream.connection.ended();
  }

  /** The client has left; noticed now. */
  gone(stream: Stream): void {
    this.streams.delete(stream);
    stream.open = false;
  }

  drain(): void {
    this.refuse('drain');
  }

  /** Ends each stream with a word. */
  refuse(reason: 'drain' | 'revoked' | 'evicted'): void {
    for (const stream of [...this.streams]) this.#close(stream, reason, 300);
  }

  /** Its sockets break without a word. `lost`: and its log is a new one. */
  restart(lost: boolean): void {
    for (const stream of [...this.streams]) {
      this.gone(stream);
      stream.connection.ended();
    }
    if (!lost) return;
    this.#lives += 1;
    this.#epoch = `e${this.#lives}`;
    this.#log = [];
  }

  #beat(): void {
    for (const { connection } of this.streams) connection.deliver('ping', this.head, { type: 'ping', timestamp: this.clock.now, queryPaths: [] });
    this.clock.after(HEARTBEAT_MS, () => this.#beat());
  }
}

/** A hub as one of many nodes: what it asks of the others, and what they ask of it. */
import type { Broker } from '../internal/broker.js';
import { connectionNumber } from '../internal/connection-id.js';
import { messageOf } from '../internal/describe.js';
import type { ConnectionInfo, ConnectionQuery, DisconnectMatch } from '../internal/engine.js';
import type { PresenceNews } from '../internal/presence.js';
import type { CloseReason } from '../protocol/events.js';
import { forgottenKey, keysOf, presenceKey, seatsKey } from './keys.js';
import { endOf, Ends, type End } from './nodes/ends.js';
import { Life } from './nodes/life.js';
import { Peers } from './nodes/peers.js';
import { RedisPresence } from './presence/store.js';
import { Rates } from './rates.js';
import { FORGET } from './scripts/forget.js';
import type { EndedReason } from './seats/book.js';
import { Seats, type SeatLimits } from './seats/seats.js';

/** A node, for people. */
export interface NodeInfo {
  id: string;
  hubId: string;
  /** Unix ms. */
  startedAt: number;
  pid: number;
  host: string;
  engine: string;
  connections: number;
}

/** What the others' questions come to, here. */
export interface NodeHost {
  readonly hubId: string;
  readonly presence: PresenceNews;
  /** A stream has lost its seat. */
  ended(companyId: string, id: string, reason: EndedReason): void;
  disconnect(match: DisconnectMatch, reason: CloseReason): Promise<number>;
  connections(query: ConnectionQuery): Promise<ConnectionInfo[]>;
  forget(companyId: string): Promise<void>;
  ping(companyId: string, userId: string): void;
  info(): Omit<NodeInfo, 'id'>;
  /** Nodes that live did not answer what was asked. */
  silent(what: string, nodes: readonly string[]): void;
  /** Who was told to end while this node heard nothing cannot be read: any of its streams may be one of those. */
  unread(why: string): void;
  /** A disconnect cannot be written down for nodes that hear nothing now. */
  unwritten(why: string): void;
  /** Redis refuses something for good: a key of ours is of another type. */
  refused(why: string): void;
  /** Redis is well, and refuses the seats of a company. */
  uncounted(companyId: string, why: string): void;
  /** So many nodes live, this one among them. */
  counted(nodes: number): void;
}

export interface NodeOptions {
  readonly prefix: string;
  readonly nodeId: string;
  readonly limits: SeatLimits;
  /** ms that a stream may live; 0: for ever. */
  readonly lifetimeMs: number;
  /** ms that streams wait for who was told to end, while Redis answers other things. */
  readonly openWaitMs: number;
}

const DAY = 86_400_000;
/** A node that is cut off for longer may put back what it had published of a company that was erased. ms */
const FORGOTTEN_MS = 7 * DAY;
/** After Redis was away nobody new is let in for so long, until those that lived before have said what they hold. ms */
const SETTLE_MS = 3_000;
/** How often who was told to end is asked for, where that fails. ms */
const REVOCATIONS_EVERY_MS = 250;
/** Streams that an engine is asked for at once. */
const PAGE = 10_000;

export class HubNode {
  readonly life: Life;
  readonly seats: Seats;
  readonly rates: Rates;
  readonly presence: RedisPresence;
  readonly #peers: Peers;
  readonly #ends: Ends;
  readonly #host: NodeHost;
  readonly #openWaitMs: number;
  #asked = 0;

  constructor(broker: Broker, { prefix, nodeId, limits, lifetimeMs, openWaitMs }: NodeOptions, host: NodeHost) {
    this.#host = host;
    this.#openWaitMs = openWaitMs;
    this.life = new Life({ broker, prefix, nodeId });
    this.life.onRefused((why) => host.refused(why));
    this.life.onCount((nodes) => host.counted(nodes));
    this.seats = new Seats(
      this.life,
      limits,
      (companyId, id, reason) => host.ended(companyId, id, reason),
      (companyId, why) => host.uncounted(companyId, why),
    );
    this.rates = new Rates(this.life);
    this.presence = new RedisPresence(this.life, host.presence, () => this.#watched());
    const livesMs = lifetimeMs === 0 ? DAY : lifetimeMs;
    this.#ends = new Ends(this.life, livesMs, {
      carryOut: ({ match, reason }) => void host.disconnect(match, reason),
      tell: (end, id) => void this.#askEnd(end, id),
      unwritten: (why) => host.unwritten(why),
    });
    this.#peers = new Peers(this.life, {
      ended: (id, reason) => this.seats.ended(id, reason),
      own: (ask, body) => {
        const { id } = (body ?? {}) as { id?: unknown };
        if (ask === 'disconnect' && typeof id === 'string') this.#ends.heard(id);
      },
      subscribed: (anew) => {
        if (anew) this.life.compare();
        void this.#ends.subscribed();
      },
      answers: {
        disconnect: (body) => this.#disconnected(body),
        connections: (body) => this.#connections(body as ConnectionQuery),
        forget: async (body) => {
          await host.forget(String(body));
          return true;
        },
        ping: (body) => {
          const [companyId, userId] = body as [string, string];
          host.ping(companyId, userId);
          return true;
        },
        info: () => this.info(),
        settle: async () => {
          await this.life.renewed();
          return true;
        },
      },
    });
    this.life.onReturn((before) => this.#peers.gather('settle', before, SETTLE_MS));
  }

  info(): NodeInfo {
    return { id: this.life.nodeId, ...this.#host.info() };
  }

  /** At the other nodes, those too that are cut off now. Resolves to how many answered to have ended. */
  async disconnect(match: End['match'], reason: CloseReason): Promise<number> {
    const end = { match, reason };
    return this.#askEnd(end, await this.#ends.add(end));
  }

  /** What an engine waits for before its streams hear anything of Redis (`BrokerLogOptions`). */
  async revocations(): Promise<void> {
    const asked = ++this.#asked;
    let carries = false;
    let why = 'the channel of all nodes carries nothing';
    /** Since when Redis answers other things. */
    let answersSince: number | undefined;
    // Where the link is lost the engine asks anew.
    while (asked === this.#asked && this.life.broker.state.link !== 'closed') {
      try {
        // What is said from then on is heard; what was said before is read.
        carries ||= await this.#peers.carries();
        if (carries) return await this.#ends.read();
      } catch (thrown) {
        why = messageOf(thrown);
      }
      const now = performance.now();
      answersSince = (await this.#answers()) ? (answersSince ?? now) : undefined;
      if (asked === this.#asked && answersSince !== undefined && now - answersSince >= this.#openWaitMs) {
        this.#host.unread(why);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, REVOCATIONS_EVERY_MS).unref());
    }
  }

  /** Whether Redis answers anything: if not, streams hear nothing of it anyway. */
  async #answers(): Promise<boolean> {
    return this.life.patiently(this.life.broker.command(['TIME'])).then(
      () => true,
      () => false,
    );
  }

  async #askEnd(end: End, id: string | undefined): Promise<number> {
    const { answers, silent, asked } = await this.#peers.ask<number>('disconnect', { ...end, id });
    if (!asked && id !== undefined) this.#ends.untold(end, id);
    if (silent.length > 0) this.#host.silent('disconnect', silent);
    return answers.reduce((sum, count) => sum + (Number(count) || 0), 0);
  }

  async #disconnected(body: unknown): Promise<number> {
    const { id, ...rest } = body as { id?: unknown };
    const end = endOf(rest);
    if (!end) throw new Error('it is no end of streams');
    if (typeof id === 'string') this.#ends.heard(id);
    return this.#host.disconnect(end.match, end.reason);
  }

  /** This node's and the others', by node and then by id; at most `limit`. */
  async connections(query: ConnectionQuery): Promise<ConnectionInfo[]> {
    const [own, others] = await Promise.all([
      this.#connections(query),
      this.#ask<ConnectionInfo[]>('connections', query),
    ]);
    const all = [own, ...others].flat();
    return all.sort(byId).slice(0, query.limit);
  }

  /** Companies with a stream at this node. */
  async #watched(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    let after: string | undefined;
    for (;;) {
      const page = await this.#host.connections({ limit: PAGE, ...(after !== undefined && { after }) });
      for (const { companyId } of page) found.add(companyId);
      if (page.length < PAGE) return found;
      after = page.at(-1)?.id;
    }
  }

  /** This node's part of a page: pages go by node, and in a node by the numbers of its ids. */
  async #connections(query: ConnectionQuery): Promise<ConnectionInfo[]> {
    const { after, ...rest } = query;
    const { hubId } = this.#host;
    const node = after === undefined ? '' : hubOf(after);
    if (node === hubId) return this.#host.connections(query);
    return node < hubId ? this.#host.connections(rest) : [];
  }

  async forget(companyId: string): Promise<void> {
    // A node that is cut off ends its streams when it is back.
    const end: End = { match: { companyId }, reason: 'revoked' };
    await this.#askEnd(end, await this.#ends.add(end));
    await this.#ask('forget', companyId);
    const { broker, prefix } = this.life;
    const { head, log, ids } = keysOf(prefix, companyId);
    // Seats and who is there are of the nodes that live, and go with the streams; what a dead one left goes here.
    for (const room of [seatsKey(prefix, companyId), presenceKey(prefix, companyId)]) {
      const nodes = await broker.command(['ZRANGE', room, 0, -1]);
      for (const node of new Set([...(Array.isArray(nodes) ? nodes.map(String) : []), ...this.life.alive])) {
        const own = `${room}:${node}`;
        await broker.command(['UNLINK', own, `${own}:users`, `${own}:tabs`, `${own}:ended`, `${own}:era`]);
      }
      await broker.command(['UNLINK', room]);
    }
    await broker.eval({ name: 'forget', body: FORGET }, [head, log, ids, forgottenKey(prefix, companyId)], [FORGOTTEN_MS]);
  }

  ping(companyId: string, userId: string): void {
    this.#peers.tell('ping', [companyId, userId]);
  }

  async nodes(): Promise<NodeInfo[]> {
    const others = await this.#ask<NodeInfo>('info', null);
    return [this.info(), ...others].sort((a, b) => a.startedAt - b.startedAt);
  }

  /** Nothing of it counts from now on. Never rejects. */
  async leave(): Promise<void> {
    this.#peers.close();
    await this.life.leave();
  }

  async #ask<T>(what: string, body: unknown): Promise<readonly T[]> {
    const { answers, silent } = await this.#peers.ask<T>(what, body);
    if (silent.length > 0) this.#host.silent(what, silent);
    return answers;
  }
}

function hubOf(connectionId: string): string {
  return connectionId.slice(0, connectionId.lastIndexOf('-'));
}

function byId(a: ConnectionInfo, b: ConnectionInfo): number {
  const [hubA, hubB] = [hubOf(a.id), hubOf(b.id)];
  if (hubA !== hubB) return hubA < hubB ? -1 : 1;
  return (connectionNumber(hubA, a.id) ?? 0) - (connectionNumber(hubB, b.id) ?? 0);
}

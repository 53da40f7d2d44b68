/**
 * The limits over all nodes: one script an admission (`scripts/seats.ts`). While Redis is away the limits hold for this node alone,
 * and what was let in meanwhile is told to Redis as soon as it is back, before anybody else is let in.
 */
import { BrokerError } from '../../internal/broker.js';
import { nodeChannel, nodesKey, seatsKey } from '../keys.js';
import { FLAPS_MS, LIFE_MS, LINK_PATIENCE_MS, SOON_MS, texts, type Holder, type Life, type RestoreMode } from '../nodes/life.js';
import { SEATS } from '../scripts/seats.js';
import { Book, type Company, type EndedReason, type Held, type SeatRequest } from './book.js';

export interface SeatLimits {
  /** 0: any number. */
  readonly perUser: number;
  readonly perCompany: number;
  readonly policy: 'reject' | 'evict-oldest';
}

export type SeatAnswer =
  /** `fate`: it is to end as soon as it has begun. */
  | { readonly ok: true; readonly fate?: EndedReason }
  | { readonly ok: false; readonly code: 'USER_LIMIT' | 'COMPANY_LIMIT'; readonly limit: number; readonly current: number }
  /** A younger life of its instance is there; or Redis is not away, and cannot be asked: it is to come back. */
  | { readonly ok: false; readonly code: 'REPLACED' | 'UNSETTLED' };

export interface SeatMetrics {
  /** Seats of this node that stand in Redis, and those that it has let in by itself. */
  held: number;
  local: number;
  /** Counters: let in by Redis and by this node alone, refused in the same way. */
  admitted: number;
  refused: number;
  admittedLocally: number;
  refusedLocally: number;
  /** Streams that gave way, of any node, to a newcomer here. */
  evicted: number;
  replaced: number;
  /** Times that Redis had counted this node as dead, and that what it holds was told anew. */
  fenced: number;
  restored: number;
}

/** ms that the keys of a company live after the last word about them; each company is told anew long before. */
const KEYS_LIVE_MS = 86_400_000;
const TELL_AGAIN_MS = KEYS_LIVE_MS / 3;
/** Seats in one script that gives them back. */
const RETURNED_AT_ONCE = 500;
/** ms; where Redis refuses a company's seats, and nothing else, it is asked so often whether it still does. */
const REFUSED_AGAIN_MS = 1_000;
/** An admission is given up where the node is fenced again and again, as one that is stopped each time, or the answer is lost so often. */
const MAX_TRIES = 5;

const SCRIPT = { name: 'seats', body: SEATS };

export class Seats implements Holder {
  readonly #life: Life;
  readonly #limits: SeatLimits;
  readonly #end: (companyId: string, id: string, reason: EndedReason) => void;
  readonly #refuses: (companyId: string, why: string) => void;
  readonly #book: Book;
  /** Companies whose seats Redis refuses, though it is well; when it was asked last, ms. */
  readonly #refusing = new Map<string, number>();
  /** Companies with seats to give back in this turn. */
  readonly #returning = new Set<Company>();
  readonly #counters = { admitted: 0, refused: 0, admittedLocally: 0, refusedLocally: 0, evicted: 0, replaced: 0, restored: 0 };

  /** `end`: a stream of this node is to end; it is given back when it has. `refuses`: the seats of this company, and perhaps of others, are counted by each node alone. */
  constructor(
    life: Life,
    limits: SeatLimits,
    end: (companyId: string, id: string, reason: EndedReason) => void,
    refuses: (companyId: string, why: string) => void = () => undefined,
  ) {
    this.#life = life;
    this.#limits = limits;
    this.#end = end;
    this.#refuses = refuses;
    this.#book = new Book((companyId) => seatsKey(life.prefix, companyId));
    life.hold(this);
    // What Redis refused while it was well.
    life.onRenewal(() => {
      for (const company of this.#book.companies()) if (company.dirty) void this.#restore(company, 'keep');
    });
  }

  /** Never rejects. A seat that was given is given back by `release`, also where nobody wants it any more. */
  async admit(request: SeatRequest): Promise<SeatAnswer> {
    const seat = this.#book.ask(request);
    const answer = await this.#decide(seat);
    // The answer that was lost may have given it one.
    if (!answer.ok && answer.code === 'UNSETTLED') this.#giveBack(seat);
    else if (!answer.ok) this.#forget(seat);
    else if (seat.abandoned) this.#giveBack(seat);
    else if (seat.fate !== undefined) return { ok: true, fate: seat.fate };
    return answer;
  }

  /** Idempotent. */
  release(id: string): void {
    const seat = this.#book.get(id);
    if (!seat) return;
    if (seat.state === 'asked') seat.abandoned = true;
    else this.#giveBack(seat);
  }

  /** A stream of this node has lost its seat to another one. */
  ended(id: string, reason: EndedReason): void {
    const seat = this.#book.get(id);
    if (!seat || seat.state === 'ended') return;
    seat.fate = reason;
    if (seat.state === 'asked') return;
    this.#book.become(seat, 'ended');
    this.#end(seat.request.companyId, id, reason);
  }

  /** Ids of everything that is held here. */
  ids(): Iterable<string> {
    return this.#book.ids();
  }

  get size(): number {
    return this.#book.size;
  }

  metrics(): SeatMetrics {
    const { held, local } = this.#book;
    return { held, local, ...this.#counters, fenced: this.#life.fences };
  }

  // --- Holder ---

  *keys(): Iterable<string> {
    for (const company of this.#book.companies()) if (company.held > 0) yield company.key;
  }

  fenced(key: string, mode: RestoreMode): void {
    for (const company of this.#book.companies()) if (company.key === key) void this.#restore(company, mode);
  }

  restore(mode: RestoreMode): Promise<unknown> {
    return Promise.all([...this.#book.companies()].map((company) => this.#restore(company, mode)));
  }

  // --- inside ---

  async #decide(seat: Held): Promise<SeatAnswer> {
    const { company } = seat;
    const until = performance.now() + FLAPS_MS;
    const refusedMs = this.#refusing.get(company.id);
    if (refusedMs !== undefined && performance.now() - refusedMs < REFUSED_AGAIN_MS) return this.#decideHere(seat);
    let isAlone = false;
    let refused: { readonly why: string; readonly sinceMs: number } | undefined;
    for (let left = MAX_TRIES; left > 0 && (await this.#life.settled(until)); left -= 1) {
      this.#sendReturned(company);
      if (company.dirty || performance.now() - company.toldMs > TELL_AGAIN_MS) void this.#restore(company, 'keep');
      const { held } = company;
      let reply: string[];
      try {
        reply = texts(await this.#life.patiently(this.#ask(seat)));
      } catch (thrown) {
        isAlone = this.#life.failed(thrown) === 'never';
        if (isAlone) break;
        if (!isRefusal(thrown)) {
          refused = undefined;
          continue;
        }
        refused = { why: thrown.message, sinceMs: refused?.sinceMs ?? performance.now() };
        await this.#life.verified();
        if (this.#life.isUsable && (refusedMs !== undefined || performance.now() - refused.sinceMs >= LINK_PATIENCE_MS)) break;
        // Not one of those that were lost: two seconds are longer than all of them.
        left += 1;
        await new Promise((resolve) => setTimeout(resolve, SOON_MS));
        continue;
      }
      this.#refusing.delete(company.id);
      refused = undefined;
      const [word = '', figure, since, ...gaveWay] = reply;
      if (word === 'FENCED') {
        await this.#life.fenced();
        continue;
      }
      if (word === 'LATE') continue;
      this.#tell(gaveWay);
      if (word === 'OK') {
        this.#counters.admitted += 1;
        seat.since = Number(since);
        this.#book.become(seat, 'held');
        // Redis has lost some of what stood there.
        if (Number(figure) < held) void this.#restore(company, 'keep');
        return { ok: true };
      }
      this.#counters.refused += 1;
      if (word === 'REPLACED') return { ok: false, code: word };
      const code = word as 'USER_LIMIT' | 'COMPANY_LIMIT';
      return { ok: false, code, limit: this.#limit(code), current: Number(figure) };
    }
    const { perUser, perCompany } = this.#limits;
    if (refused && !this.#life.isAway && this.#life.broker.state.link === 'ready') {
      isAlone = true;
      this.#refused(company, refused.why);
    }
    // A limit that opened where a link flaps would be none. One that Redis refuses is no flap.
    if (isAlone || this.#life.isAway || perUser + perCompany === 0) return this.#decideHere(seat);
    return { ok: false, code: 'UNSETTLED' };
  }

  /** It is decided here, and Redis is told when it takes it. */
  #refused(company: Company, why: string): void {
    if (this.#refusing.size === 0) this.#refuses(company.id, why);
    this.#refusing.set(company.id, performance.now());
  }

  #ask({ request, company, user, tab, generation }: Held): ReturnType<Life['broker']['eval']> {
    const { broker, nodeId, prefix, clustered, era } = this.#life;
    const { perUser, perCompany, policy } = this.#limits;
    // Elsewhere than in a cluster each node is in the list, whatever it holds: one that is not has been forgotten, and perhaps others with it.
    const holds = !clustered || company.held > 0;
    return broker.eval(SCRIPT, this.#keys(company), [
      'admit',
      era,
      nodeId,
      holds ? '1' : '0',
      LIFE_MS,
      KEYS_LIVE_MS,
      perUser,
      perCompany,
      policy === 'evict-oldest' ? '1' : '0',
      user,
      tab,
      request.id,
      generation,
      request.kind === 'lease' ? '1' : '0',
      clustered ? '' : nodeChannel(prefix, ''),
    ]);
  }

  /** Of triples: node, id, why. */
  #tell(gaveWay: readonly string[]): void {
    const { broker, nodeId, prefix, clustered } = this.#life;
    for (let at = 0; at + 2 < gaveWay.length; at += 3) {
      const [node = '', id = '', reason] = gaveWay.slice(at, at + 3) as [string, string, EndedReason];
      this.#counters[reason] += 1;
      if (node === nodeId) this.ended(id, reason);
      else if (clustered) {
        // Its node learns of it in any case, at the latest when it puts back what it holds.
        broker.command([broker.ring, nodeChannel(prefix, node), `1 ${JSON.stringify({ ended: id, reason })}`]).catch(() => undefined);
      }
    }
  }

  /** By what this node knows. */
  #decideHere(seat: Held): SeatAnswer {
    const { company, user, request } = seat;
    const former = this.#book.sameInstance(seat);
    if (former) {
      const theirs = former.request.generation;
      if (request.generation !== undefined && theirs !== undefined && request.generation < theirs) {
        this.#counters.refusedLocally += 1;
        return { ok: false, code: 'REPLACED' };
      }
      this.#counters.replaced += 1;
      this.ended(former.request.id, 'replaced');
    }
    for (;;) {
      const obstacle = this.#obstacleHere(company, user);
      if (!obstacle) break;
      const evicts = this.#limits.policy === 'evict-oldest';
      const oldest = evicts ? this.#book.oldest(company, obstacle.code === 'USER_LIMIT' ? user : undefined) : undefined;
      if (!oldest) {
        this.#counters.refusedLocally += 1;
        return obstacle;
      }
      this.#counters.evicted += 1;
      this.ended(oldest.request.id, 'evicted');
    }
    this.#counters.admittedLocally += 1;
    company.dirty = true;
    this.#book.become(seat, 'local');
    return { ok: true };
  }

  #obstacleHere(company: Company, user: string): Extract<SeatAnswer, { limit: number }> | undefined {
    const { perUser, perCompany } = this.#limits;
    const ofUser = this.#book.ofUser(company, user);
    if (perUser > 0 && ofUser >= perUser) return { ok: false, code: 'USER_LIMIT', limit: perUser, current: ofUser };
    if (perCompany > 0 && company.count >= perCompany) {
      return { ok: false, code: 'COMPANY_LIMIT', limit: perCompany, current: company.count };
    }
    return undefined;
  }

  #limit(code: 'USER_LIMIT' | 'COMPANY_LIMIT'): number {
    return code === 'USER_LIMIT' ? this.#limits.perUser : this.#limits.perCompany;
  }

  #forget(seat: Held): void {
    this.#book.remove(seat);
    this.#book.tidy(seat.company);
  }

  #giveBack(seat: Held): void {
    const { company } = seat;
    this.#book.remove(seat);
    company.returned.push(seat);
    if (this.#returning.size === 0) setImmediate(() => this.#sendAllReturned());
    this.#returning.add(company);
  }

  #sendAllReturned(): void {
    const companies = [...this.#returning];
    this.#returning.clear();
    for (const company of companies) this.#sendReturned(company);
  }

  #sendReturned(company: Company): void {
    while (company.returned.length > 0) {
      const some = company.returned.splice(0, RETURNED_AT_ONCE);
      if (!this.#life.isUsable) {
        company.dirty = true;
        continue;
      }
      const args = some.flatMap(({ user, tab, request }) => [user, tab, request.id]);
      const { broker, nodeId, era } = this.#life;
      broker.eval(SCRIPT, this.#keys(company), ['release', era, nodeId, ...args]).then(
        // The node has come back meanwhile.
        (reply) => void (Array.isArray(reply) && this.#restore(this.#book.soil(company), 'keep')),
        (thrown: unknown) => {
          // The company may be gone from the book: it held nothing else.
          this.#book.soil(company);
          this.#life.failed(thrown);
        },
      );
    }
    this.#book.tidy(company);
  }

  /** Redis gets what is held here of this company, and says what has no seat any more. */
  async #restore(company: Company, mode: RestoreMode): Promise<void> {
    if (!this.#life.isUsable) {
      company.dirty = true;
      return;
    }
    company.returned.length = 0;
    company.dirty = false;
    company.toldMs = performance.now();
    const { perUser, perCompany } = this.#limits;
    const told = [...company.seats.values()].filter(({ state }) => state !== 'ended');
    const seats = told.flatMap(({ user, tab, request, generation, since, state }) => [
      user,
      tab,
      request.id,
      generation,
      since,
      state === 'asked' ? 'asked' : request.kind === 'lease' ? 'lease' : 'held',
    ]);
    try {
      const head = ['restore', this.#life.era, this.#life.nodeId, LIFE_MS, KEYS_LIVE_MS, perUser, perCompany, mode === 'keep' ? '1' : '0'];
      const reply = texts(await this.#life.patiently(this.#life.broker.eval(SCRIPT, this.#keys(company), [...head, ...seats]), 10_000));
      // The node has come back once more: all is told again.
      if (reply[0] === 'LATE') return;
      this.#counters.restored += 1;
      this.#refusing.delete(company.id);
      for (let at = 0; at + 1 < reply.length; at += 2) this.ended(reply[at] as string, reply[at + 1] as EndedReason);
      for (const seat of told) if (seat.state === 'local') this.#book.become(seat, 'held');
    } catch (thrown) {
      company.dirty = true;
      this.#life.failed(thrown);
    }
    this.#book.tidy(company);
  }

  #keys(company: Company): [string, string] {
    return [company.key, this.#life.clustered ? company.key : nodesKey(this.#life.prefix)];
  }
}

function isRefusal(thrown: unknown): thrown is BrokerError {
  return thrown instanceof BrokerError && thrown.failure === 'refused';
}

/** What a node holds, as it knows it itself: for the limits while Redis is away, and for putting it back. */
import { encodeCompany } from '../keys.js';

export interface SeatRequest {
  readonly companyId: string;
  readonly userId: string;
  /** Unique over all nodes; letters, digits and `-`. */
  readonly id: string;
  /** A browser instance: a younger one takes the place of an older one. */
  readonly instanceId?: string | undefined;
  /** Of the instance; a lower one is turned away by the living one. */
  readonly generation?: number | undefined;
  /** A lease is never evicted. */
  readonly kind: 'stream' | 'lease';
}

export type EndedReason = 'evicted' | 'replaced';

/** `asked`: Redis is asked. `held`: it stands in Redis. `local`: this node alone has let it in. `ended`: it is to end, and counts no more. */
export type SeatState = 'asked' | 'held' | 'local' | 'ended';

export class Held {
  state: SeatState = 'asked';
  /** Its client has left while Redis was asked. */
  abandoned = false;
  /** It was ended while Redis was asked. */
  fate: EndedReason | undefined;
  /** ms, by Redis's clock; 0: it does not know. */
  since = 0;

  constructor(
    readonly request: SeatRequest,
    readonly company: Company,
    readonly user: string,
    readonly tab: string,
  ) {}

  get generation(): string {
    return this.request.generation === undefined ? '' : String(this.request.generation);
  }

  get counts(): boolean {
    return this.state === 'held' || this.state === 'local';
  }
}

export class Company {
  /** By id; in the order in which they came. */
  readonly seats = new Map<string, Held>();
  readonly byUser = new Map<string, Set<Held>>();
  /** Seats that count. */
  count = 0;
  /** Of these, those that stand in Redis. */
  held = 0;
  /** Redis is to be told what is held here, before anything else about this company. */
  dirty = false;
  /** Given back, and Redis was not told yet. */
  readonly returned: Held[] = [];
  /** When all of it was last told, ms. */
  toldMs = 0;

  constructor(
    readonly id: string,
    readonly key: string,
  ) {}

  get isEmpty(): boolean {
    return this.seats.size === 0 && !this.dirty && this.returned.length === 0;
  }
}

export class Book {
  readonly #companies = new Map<string, Company>();
  readonly #seats = new Map<string, Held>();
  readonly #keyOf: (companyId: string) => string;
  /** Seats that stand in Redis. */
  held = 0;
  local = 0;

  constructor(keyOf: (companyId: string) => string) {
    this.#keyOf = keyOf;
  }

  get(id: string): Held | undefined {
    return this.#seats.get(id);
  }

  get size(): number {
    return this.#seats.size;
  }

  ids(): Iterable<string> {
    return this.#seats.keys();
  }

  companies(): Iterable<Company> {
    return this.#companies.values();
  }

  company(companyId: string): Company | undefined {
    return this.#companies.get(companyId);
  }

  ask(request: SeatRequest): Held {
    const { companyId, userId, instanceId, id } = request;
    let company = this.#companies.get(companyId);
    if (!company) this.#companies.set(companyId, (company = new Company(companyId, this.#keyOf(companyId))));
    const seat = new Held(request, company, encodeCompany(userId), instanceId === undefined ? '' : encodeCompany(instanceId));
    company.seats.set(id, seat);
    this.#seats.set(id, seat);
    return seat;
  }

  become(seat: Held, state: SeatState): void {
    this.#count(seat, -1);
    seat.state = state;
    this.#count(seat, 1);
  }

  remove(seat: Held): void {
    if (this.#seats.get(seat.request.id) !== seat) return;
    this.#count(seat, -1);
    this.#seats.delete(seat.request.id);
    seat.company.seats.delete(seat.request.id);
  }

  /** Redis is to be told what is held of it, though that may be nothing any more. */
  soil(company: Company): Company {
    const known = this.#companies.get(company.id) ?? company;
    this.#companies.set(company.id, known);
    known.dirty = true;
    return known;
  }

  /** Nothing is kept of a company that holds nothing. */
  tidy(company: Company): void {
    if (company.isEmpty) this.#companies.delete(company.id);
  }

  ofUser(company: Company, user: string): number {
    return company.byUser.get(user)?.size ?? 0;
  }

  /** The living seat of the same instance. */
  sameInstance({ company, user, tab }: Held): Held | undefined {
    if (tab === '') return undefined;
    for (const other of company.byUser.get(user) ?? []) if (other.tab === tab) return other;
    return undefined;
  }

  /** The stream that came first, of one user or of all. */
  oldest(company: Company, user: string | undefined): Held | undefined {
    for (const seat of user === undefined ? company.seats.values() : (company.byUser.get(user) ?? [])) {
      if (seat.counts && seat.request.kind === 'stream') return seat;
    }
    return undefined;
  }

  #count(seat: Held, by: 1 | -1): void {
    if (!seat.counts) return;
    const { company, user } = seat;
    company.count += by;
    if (seat.state === 'held') {
      company.held += by;
      this.held += by;
    } else this.local += by;
    const seats = company.byUser.get(user);
    if (by > 0) {
      if (seats) seats.add(seat);
      else company.byUser.set(user, new Set([seat]));
    } else if (seats?.delete(seat) && seats.size === 0) company.byUser.delete(user);
  }
}

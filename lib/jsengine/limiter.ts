import { present } from './present.js';

/** Seats of one tenant. */
interface Seats {
  taken: number;
  readonly byUser: Map<string, number>;
}

export type SeatOutcome = { ok: true } | { ok: false; code: 'USER_LIMIT' | 'COMPANY_LIMIT'; limit: number; current: number };

/**
 * Counts who holds a connection: streams and leases alike, per (tenant, user) and per tenant (SPEC §4).
 * Check and count are one call. Nothing is kept for a tenant that holds none.
 */
export class Limiter {
  private readonly tenants = new Map<string, Seats>();
  private held = 0;

  constructor(
    /** 0: no limit. */
    private readonly maxPerUser: number,
    private readonly maxPerCompany: number,
  ) {}

  get total(): number {
    return this.held;
  }

  count(companyId: string, userId: string): { user: number; tenant: number } {
    const seats = this.tenants.get(companyId);
    return { user: seats?.byUser.get(userId) ?? 0, tenant: seats?.taken ?? 0 };
  }

  /** The limit that stands in the way of one more; null when there is none. The user's comes first. */
  obstacle(companyId: string, userId: string): Extract<SeatOutcome, { ok: false }> | null {
    const { user, tenant } = this.count(companyId, userId);
    if (this.maxPerUser > 0 && user >= this.maxPerUser) {
      return { ok: false, code: 'USER_LIMIT', limit: this.maxPerUser, current: user };
    }
    if (this.maxPerCompany > 0 && tenant >= this.maxPerCompany) {
      return { ok: false, code: 'COMPANY_LIMIT', limit: this.maxPerCompany, current: tenant };
    }
    return null;
  }

  take(companyId: string, userId: string): SeatOutcome {
    const obstacle = this.obstacle(companyId, userId);
    if (obstacle) return obstacle;
    let seats = this.tenants.get(companyId);
    if (!seats) this.tenants.set(companyId, (seats = { taken: 0, byUser: new Map() }));
    seats.taken++;
    seats.byUser.set(userId, (seats.byUser.get(userId) ?? 0) + 1);
    this.held++;
    return { ok: true };
  }

  /** REQUIRES: a `take` of the same pair that was not given back yet. */
  give(companyId: string, userId: string): void {
    const seats = present(this.tenants.get(companyId));
    const left = present(seats.byUser.get(userId)) - 1;
    if (left > 0) seats.byUser.set(userId, left);
    else seats.byUser.delete(userId);
    if (--seats.taken === 0) this.tenants.delete(companyId);
    this.held--;
  }
}

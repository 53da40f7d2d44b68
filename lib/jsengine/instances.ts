/** Browser instances remembered of one user; at the bound the one that was seen longest ago goes. */
const MAX_PER_USER = 100;

/**
 * The browser instances of one tenant that had a stream (SPEC §2): one that comes back without a position has missed
 * something. By the steady clock, so that a clock that is set makes nobody forgotten.
 */
export class Instances {
  /** By user, then by instance, the longest unseen first: when it was last seen, ms. */
  private readonly byUser = new Map<string, Map<string, number>>();

  constructor(private readonly ttlMs: number) {}

  knows(userId: string, instanceId: string, nowMs: number): boolean {
    const seenMs = this.byUser.get(userId)?.get(instanceId);
    return seenMs !== undefined && seenMs + this.ttlMs > nowMs;
  }

  note(userId: string, instanceId: string, nowMs: number): void {
    let seen = this.byUser.get(userId);
    if (!seen) this.byUser.set(userId, (seen = new Map<string, number>()));
    seen.delete(instanceId);
    seen.set(instanceId, nowMs);
    for (const oldest of seen.keys()) {
      if (seen.size <= MAX_PER_USER) break;
      seen.delete(oldest);
    }
  }

  /** Lets go of those that were not seen for too long. */
  expire(nowMs: number): void {
    for (const [userId, seen] of this.byUser) {
      for (const [instanceId, seenMs] of seen) {
        if (seenMs + this.ttlMs > nowMs) break;
        seen.delete(instanceId);
      }
      if (seen.size === 0) this.byUser.delete(userId);
    }
  }
}

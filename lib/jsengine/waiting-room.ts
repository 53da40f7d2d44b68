import type { SinkHandle, StreamSpec } from '../internal/engine.js';
import type { Variant } from './frames.js';
import type { Outlet } from './payload.js';
import { present } from './present.js';

/** How long a newcomer waits for a seat of its user, ms, and how often that user's streams are written to meanwhile. */
const WAIT_MS = 1_000;
const PING_MS = 250;
/** Newcomers of one user that may wait; one more is refused at once. */
const MAX_PER_USER = 8;

/** A stream that asks to be let in. */
export interface Newcomer {
  readonly connectionId: string;
  readonly spec: StreamSpec;
  readonly variant: Variant;
  readonly sink: Outlet;
}

/** One that has no seat yet. */
class Waiter implements SinkHandle {
  /** The stream that it became, or what tells it that it is refused. */
  outcome: SinkHandle | null = null;
  /** It is in no line any more, or is just being let in. */
  isOut = false;

  constructor(
    readonly newcomer: Newcomer,
    readonly sinceMs: number,
    private readonly room: WaitingRoom,
  ) {}

  get connectionId(): string {
    return this.newcomer.connectionId;
  }

  ready(): void {
    this.outcome?.ready();
  }

  abort(): void {
    if (this.outcome) this.outcome.abort();
    else this.room.abandon(this);
  }
}

/**
 * At the limit of a user a newcomer waits for up to a second before it is refused (SPEC §4). A page that was reloaded
 * behind a proxy leaves streams whose client is gone, which only a write shows: the room asks for such writes, and a seat
 * that gets free goes to who waits longest.
 */
export class WaitingRoom {
  private readonly byUser = new Map<string, Waiter[]>();
  /** Lines whose user has got a seat back. */
  private readonly freed = new Set<string>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly nowMs: () => number,
    /** Writes to the quietest streams of the user. */
    private readonly ping: (companyId: string, userId: string) => void,
    /** Opens it; null where there is no seat for it yet. */
    private readonly admit: (newcomer: Newcomer) => SinkHandle | null,
    /** `moves`: it is to come back, to this hub's successor or another server of it, whatever the limits say. */
    private readonly refuse: (newcomer: Newcomer, moves: boolean) => SinkHandle,
    /** It left while it waited. */
    private readonly left: (connectionId: string) => void,
  ) {}

  /** Null where too many wait already. */
  enter(newcomer: Newcomer): SinkHandle | null {
    const { companyId, userId } = newcomer.spec;
    const key = keyOf(companyId, userId);
    const line = this.byUser.get(key) ?? [];
    if (line.length >= MAX_PER_USER) return null;
    const waiter = new Waiter(newcomer, this.nowMs(), this);
    line.push(waiter);
    this.byUser.set(key, line);
    this.timer ??= setInterval(() => this.tick(), PING_MS).unref();
    this.ping(companyId, userId);
    return waiter;
  }

  abandon(waiter: Waiter): void {
    this.leave(waiter);
    this.left(waiter.connectionId);
  }

  has(connectionId: string): boolean {
    for (const line of this.byUser.values()) if (line.some((waiter) => waiter.connectionId === connectionId)) return true;
    return false;
  }

  private leave(waiter: Waiter): void {
    waiter.isOut = true;
    const { companyId, userId } = waiter.newcomer.spec;
    const key = keyOf(companyId, userId);
    const line = this.byUser.get(key)?.filter((other) => other !== waiter) ?? [];
    if (line.length > 0) this.byUser.set(key, line);
    else this.byUser.delete(key);
    if (this.byUser.size > 0 || !this.timer) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private awaits(companyId: string, userId: string): boolean {
    return this.byUser.has(keyOf(companyId, userId));
  }

  /** A seat of the user was given back. True: somebody waits for it, and `settle` is to be called. */
  seatFreed(companyId: string, userId: string): boolean {
    const key = keyOf(companyId, userId);
    if (!this.byUser.has(key)) return false;
    this.freed.add(key);
    return true;
  }

  /**
   * Lets in who waits for seats that were given back. Nobody else is let in before: a newcomer could take the seat, of the
   * user or of the company.
   */
  settle(): void {
    for (const key of this.freed) {
      for (const waiter of this.byUser.get(key) ?? []) {
        if (waiter.isOut) continue;
        // Before it is let in: a sink that is closed for it may open another stream from within.
        waiter.isOut = true;
        waiter.outcome = this.admit(waiter.newcomer);
        if (!waiter.outcome) {
          waiter.isOut = false;
          break;
        }
        this.leave(waiter);
      }
      this.freed.delete(key);
    }
  }

  /** Those that match are refused now. */
  dismiss(matches: (newcomer: Newcomer) => boolean, moves: boolean): void {
    for (const line of [...this.byUser.values()])
      for (const waiter of line) if (matches(waiter.newcomer)) this.turnAway(waiter, moves);
  }

  private tick(): void {
    const now = this.nowMs();
    for (const line of [...this.byUser.values()]) {
      for (const waiter of line) if (now - waiter.sinceMs >= WAIT_MS) this.turnAway(waiter, false);
      const { companyId, userId } = present(line[0]).newcomer.spec;
      if (this.awaits(companyId, userId)) this.ping(companyId, userId);
    }
  }

  private turnAway(waiter: Waiter, moves: boolean): void {
    this.leave(waiter);
    waiter.outcome = this.refuse(waiter.newcomer, moves);
  }
}

/** JSON keeps hostile parts apart. */
function keyOf(companyId: string, userId: string): string {
  return JSON.stringify([companyId, userId]);
}

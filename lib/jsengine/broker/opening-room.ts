import type { SinkHandle } from '../../internal/engine.js';
import type { CloseReason } from '../../protocol/events.js';
import type { Newcomer } from '../waiting-room.js';

/** The log of one whose right is over is waited for so long, so that it hears where it stands. ms */
const OVER_MS = 500;

/** One that has its seat, and waits for its company's log. */
class Pending implements SinkHandle {
  /** The stream that it became. */
  outcome: SinkHandle | undefined;

  constructor(
    readonly newcomer: Newcomer,
    readonly end: CloseReason | undefined,
    readonly untilMs: number,
    /** The reading of the log that it needs. */
    readonly reading: number,
    private readonly room: OpeningRoom,
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
 * Newcomers whose company's log is not known yet (SPEC §13). They open in the order in which they came: when it is read, or, where
 * that takes too long, without it.
 */
export class OpeningRoom {
  private readonly byCompany = new Map<string, Pending[]>();

  constructor(
    /** Opens it; `end`: it ends at once. `seated`: it has a seat, if it is one that takes any. `read`: what it waited for has come. */
    private readonly open: (newcomer: Newcomer, end: CloseReason | undefined, seated: boolean, read: boolean) => SinkHandle,
    /** It left while it waited. */
    private readonly left: (newcomer: Newcomer, seated: boolean) => void,
  ) {}

  enter(newcomer: Newcomer, end: CloseReason | undefined, nowMs: number, openWaitMs: number, reading: number): SinkHandle {
    const untilMs = nowMs + (end === 'auth_expired' ? Math.min(OVER_MS, openWaitMs) : openWaitMs);
    const pending = new Pending(newcomer, end, untilMs, reading, this);
    const { companyId } = newcomer.spec;
    const line = this.byCompany.get(companyId);
    if (line) line.push(pending);
    else this.byCompany.set(companyId, [pending]);
    return pending;
  }

  abandon(pending: Pending): void {
    if (this.take(pending)) this.left(pending.newcomer, pending.end === undefined);
  }

  has(connectionId: string): boolean {
    for (const line of this.byCompany.values()) if (line.some((pending) => pending.connectionId === connectionId)) return true;
    return false;
  }

  /** The log is there, as of the reading of this number. */
  opened(companyId: string, reading: number): void {
    for (const pending of [...(this.byCompany.get(companyId) ?? [])]) {
      if (pending.reading <= reading && this.take(pending)) this.go(pending, pending.end, true);
    }
  }

  /** Those that have waited long enough open without it, and so do those whose right has ended meanwhile: to be told so. */
  keepUp(nowMs: number, isOver: (newcomer: Newcomer) => boolean): void {
    this.release(({ newcomer, end, untilMs }) => untilMs <= nowMs || (end === undefined && isOver(newcomer)));
  }

  /** Those that match open without it, and end with `reason`. Gives how many. */
  dismiss(matches: (newcomer: Newcomer) => boolean, reason: CloseReason): number {
    return this.release(({ newcomer }) => matches(newcomer), reason);
  }

  private release(matches: (pending: Pending) => boolean, reason?: CloseReason): number {
    let count = 0;
    for (const line of [...this.byCompany.values()]) {
      for (const pending of [...line]) {
        if (!matches(pending) || !this.take(pending)) continue;
        this.go(pending, pending.end ?? reason, false);
        count++;
      }
    }
    return count;
  }

  private go(pending: Pending, end: CloseReason | undefined, read: boolean): void {
    pending.outcome = this.open(pending.newcomer, end, pending.end === undefined, read);
  }

  private take(pending: Pending): boolean {
    const { companyId } = pending.newcomer.spec;
    const line = this.byCompany.get(companyId) ?? [];
    const at = line.indexOf(pending);
    if (at < 0) return false;
    line.splice(at, 1);
    if (line.length === 0) this.byCompany.delete(companyId);
    return true;
  }
}

import type { LogSlice } from '../internal/engine.js';

/** Logs that are on their way from the hub thread at the same time: a log may be `log.maxBytes` long. */
const MAX_UNDER_WAY = 4;
/** Companies whose log is remembered, weakly, between two reads. */
const MAX_REMEMBERED = 64;

/** A part of a log, without a gap. */
export interface KnownLog {
  readonly epoch: string;
  readonly firstSeq: number;
  readonly actions: readonly string[];
}

/** What the hub thread answers: `actions` goes around what was known, `beforeKnown` of them before it; -1: it is everything. */
export interface LogAnswer {
  readonly epoch: string;
  readonly headSeq: number;
  readonly firstSeq: number;
  readonly beforeKnown: number;
  readonly actions: readonly string[];
}

export type AskForLog = (companyId: string, sinceMs: number | undefined, known: KnownLog) => Promise<LogAnswer>;

const NOTHING: KnownLog = { epoch: '', firstSeq: 1, actions: [] };

/**
 * Reads logs without carrying an action over twice. After a deploy hundreds of clients ask for the same log at once: the
 * reads of a company go one after the other, each asks only for what the one before did not bring, and all share the
 * same strings. What nobody holds any more is forgotten by the collector.
 */
export class LogReader {
  /** Of each company the last read; the longest unread one first. */
  private readonly remembered = new Map<string, WeakRef<KnownLog>>();
  private readonly lines = new Map<string, Promise<KnownLog>>();
  private underWay = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly ask: AskForLog) {}

  async read(companyId: string, sinceMs: number | undefined): Promise<LogSlice> {
    let slice: LogSlice = { epoch: '', headSeq: 0, actions: [] };
    const before = this.lines.get(companyId) ?? Promise.resolve(this.remembered.get(companyId)?.deref() ?? NOTHING);
    const mine = before.then(async (known) => {
      const answer = await this.oneOfFew(() => this.ask(companyId, sinceMs, known));
      const now = merge(known, answer);
      const actions = now.actions.slice(answer.firstSeq - now.firstSeq);
      slice = { epoch: answer.epoch, headSeq: answer.headSeq, actions };
      return now;
    });
    this.lines.set(companyId, mine);
    const known = await mine;
    if (this.lines.get(companyId) === mine) {
      this.lines.delete(companyId);
      this.remember(companyId, known);
    }
    return slice;
  }

  private remember(companyId: string, known: KnownLog): void {
    this.remembered.delete(companyId);
    this.remembered.set(companyId, new WeakRef(known));
    for (const longestUnread of this.remembered.keys()) {
      if (this.remembered.size <= MAX_REMEMBERED) break;
      this.remembered.delete(longestUnread);
    }
  }

  private async oneOfFew(ask: () => Promise<LogAnswer>): Promise<LogAnswer> {
    if (this.underWay < MAX_UNDER_WAY) this.underWay++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await ask();
    } finally {
      // Its place goes to the next one, if somebody waits.
      const next = this.waiting.shift();
      if (next) next();
      else this.underWay--;
    }
  }
}

function merge(known: KnownLog, { epoch, firstSeq, beforeKnown, actions }: LogAnswer): KnownLog {
  if (beforeKnown < 0) return { epoch, firstSeq, actions };
  if (actions.length === 0) return known;
  return {
    epoch,
    firstSeq: known.firstSeq - beforeKnown,
    actions: [...actions.slice(0, beforeKnown), ...known.actions, ...actions.slice(beforeKnown)],
  };
}

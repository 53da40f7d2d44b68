/** What Redis itself said of each company's log: with it a script judges whether that Redis has gone back in time. */
import type { FormerName } from '../action-log.js';

export interface Known {
  readonly run: string;
  readonly epoch: string;
  readonly seq: number;
  /** Of the action at `seq`; '' where it was not told. */
  readonly id: string;
  /** When that was placed, by the clock of the Redis that did. ms */
  readonly at: number;
}

const NOTHING: Known = { run: '', epoch: '', seq: 0, id: '', at: 0 };

/** Bounded; the company that was heard of longest ago is forgotten first, and is then one of which nothing is known. */
export class KnownLogs {
  private readonly byCompany = new Map<string, Known>();

  constructor(private readonly max: number) {}

  of(companyId: string): Known {
    return this.byCompany.get(companyId) ?? NOTHING;
  }

  /**
   * A script said it; `former` as it said it too. False: this node knows a place of a former epoch that the log does not have. That stays
   * known, and the log is to be asked with it.
   */
  note(companyId: string, said: Known, former: readonly FormerName[]): boolean {
    const known = this.byCompany.get(companyId);
    // Replies may come in another order than the doorbells.
    if (known?.epoch === said.epoch && known.seq > said.seq) return true;
    const name = former.find(({ epoch }) => epoch === known?.epoch);
    if (known && name && name.last < known.seq) return false;
    const isSame = known?.seq === said.seq && (known.epoch === said.epoch || name !== undefined);
    this.byCompany.delete(companyId);
    this.byCompany.set(companyId, said.id === '' && isSame ? { ...said, id: known.id } : said);
    if (this.byCompany.size > this.max) this.byCompany.delete(this.byCompany.keys().next().value as string);
    return true;
  }

  /** All of which something is known, and what. */
  get all(): Iterable<readonly [companyId: string, known: Known]> {
    return this.byCompany;
  }

  /** A doorbell said it: of the same epoch, and so of the same Redis, or it is not believed. */
  rung(companyId: string, epoch: string, seq: number, id: string, at: number): void {
    const known = this.byCompany.get(companyId);
    if (known?.epoch === epoch && seq > known.seq) this.byCompany.set(companyId, { ...known, seq, id, at });
  }

  forget(companyId: string): void {
    this.byCompany.delete(companyId);
  }
}

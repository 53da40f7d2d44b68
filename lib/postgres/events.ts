/** What a worker tells, and where it stands. */

/**
 * `connecting`: PostgreSQL is not there. `checking`: it is looked at, or somebody has to mend it. `standby`: another worker has the slot. `streaming`: it reads. `stopped`: by
 * `close()`, by the hub's end, or because the first look found faults.
 */
export type CdcState = (typeof CDC_STATES)[number];

export const CDC_STATES = ['idle', 'connecting', 'checking', 'standby', 'streaming', 'stopped'] as const;

export interface CdcEvents {
  /** `reason`: why it is not streaming, for people. */
  state: { state: CdcState; reason?: string };
  /** In the log, with all before it: the end of a commit as `16/B374D848`, and what it was. */
  written: { lsn: string; committedAt: number; commits: number; actions: number };
  /** Every company was told that everything may be stale: changes may be missing. */
  resync: { reason: string; companies: number };
  /** A change of which the map could make nothing; its tenant was told that everything may be stale. */
  poison: { table: string; op: string; tenant: string | undefined; entityId: string; lsn: string; reason: string; count: number };
}

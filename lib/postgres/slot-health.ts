/** How it stands with the slot: what PostgreSQL keeps for it, and how long it will. */
export interface SlotHealth {
  /** Bytes of WAL between what was acknowledged and what was written last. */
  readonly lagBytes: number;
  /** Bytes of WAL that PostgreSQL keeps for the slot. */
  readonly retainedBytes: number;
  /** `reserved` and `extended` are well, `unreserved` may be lost at the next checkpoint, `lost` is. */
  readonly walStatus: string;
  /** Bytes that may still be written before the slot is in danger; null: without end, until the disk is full. */
  readonly safeBytes: number | null;
  /** Until then, if no more is acknowledged and WAL is written as fast as between the last two looks; null: it is not known, or never. */
  readonly secondsUntilLost: number | null;
}

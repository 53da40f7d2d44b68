/** What PostgreSQL's walsender and its client say to each other inside of COPY: protocol-replication in its manual. */
import { Buffer } from 'node:buffer';

/** A piece of the WAL as the plugin has written it. `payload` is a view: good until the next piece is read. */
export interface WalData {
  readonly kind: 'data';
  /** Of the piece. Never to be compared with the end of a commit: it may lie in the middle of another transaction. */
  readonly start: bigint;
  readonly payload: Buffer;
}

/** Up to where the server has sent everything. It comes in the midst of a transaction too. */
export interface Keepalive {
  readonly kind: 'keepalive';
  readonly walEnd: bigint;
  /** The server gives up unless it is answered. */
  readonly replyNow: boolean;
}

const DATA = 0x77; // w
const KEEPALIVE = 0x6b; // k
const DATA_HEAD_BYTES = 25;
const KEEPALIVE_BYTES = 18;
const STATUS = 0x72; // r
const STATUS_BYTES = 34;
/** PostgreSQL's time begins in 2000. */
const EPOCH_MS = 946_684_800_000;

/** Undefined: neither of both; later versions may say more. Throws RangeError for one that is cut short. */
export function readStreamMessage(bytes: Buffer): WalData | Keepalive | undefined {
  switch (bytes[0]) {
    case DATA:
      if (bytes.length < DATA_HEAD_BYTES) throw new RangeError('XLogData is cut short');
      return { kind: 'data', start: bytes.readBigUInt64BE(1), payload: bytes.subarray(DATA_HEAD_BYTES) };
    case KEEPALIVE:
      if (bytes.length < KEEPALIVE_BYTES) throw new RangeError('a keepalive is cut short');
      return { kind: 'keepalive', walEnd: bytes.readBigUInt64BE(1), replyNow: bytes[17] === 1 };
    default:
      return undefined;
  }
}

/**
 * A status: written, flushed and applied up to `lsn`, for what is in the log is all of these. `now`: Unix ms. `replyNow`: asks for a keepalive.
 */
export function statusMessage(lsn: bigint, now: number, replyNow: boolean): Buffer {
  const bytes = Buffer.alloc(STATUS_BYTES);
  bytes[0] = STATUS;
  for (const at of [1, 9, 17]) bytes.writeBigUInt64BE(lsn, at);
  bytes.writeBigInt64BE(BigInt(Math.round(now - EPOCH_MS)) * 1_000n, 25);
  bytes[33] = replyNow ? 1 : 0;
  return bytes;
}

/** Of a time in a message, µs since 2000. Unix ms. */
export function unixMs(micros: bigint): number {
  return Number(micros / 1_000n) + EPOCH_MS;
}

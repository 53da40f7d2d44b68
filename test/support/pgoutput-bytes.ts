/** Messages of a walsender, made by hand: what `lib/postgres` reads. */
import { Buffer } from 'node:buffer';

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
};
const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt.asIntN(64, value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.from(`${value}\0`);
const letter = (value: string): Buffer => Buffer.from(value);

/** µs since 2000, of Unix ms. */
const micros = (ms: number): Buffer => int64(BigInt(ms - 946_684_800_000) * 1_000n);

export type Value = string | null | undefined;

function tuple(values: readonly Value[]): Buffer {
  const columns = values.map((value) => {
    if (value === undefined) return letter('u');
    if (value === null) return letter('n');
    const bytes = Buffer.from(value);
    return Buffer.concat([letter('t'), int32(bytes.length), bytes]);
  });
  return Buffer.concat([int16(values.length), ...columns]);
}

export interface TestColumn {
  name: string;
  isKey?: boolean;
  type?: number;
}

export const pgoutput = {
  begin: (commitLsn: bigint, at = 0, xid = 1): Buffer => Buffer.concat([letter('B'), int64(commitLsn), micros(at), int32(xid)]),
  commit: (commitLsn: bigint, endLsn: bigint, at = 0): Buffer => Buffer.concat([letter('C'), Buffer.from([0]), int64(commitLsn), int64(endLsn), micros(at)]),
  relation: (oid: number, name: string, columns: readonly TestColumn[], { schema = 'public', identity = 'd' } = {}): Buffer =>
    Buffer.concat([
      letter('R'), int32(oid), text(schema), text(name), letter(identity), int16(columns.length),
      ...columns.map(({ name: column, isKey = false, type = 25 }) => Buffer.concat([Buffer.from([isKey ? 1 : 0]), text(column), int32(type), int32(-1)])),
    ]),
  insert: (oid: number, values: readonly Value[]): Buffer => Buffer.concat([letter('I'), int32(oid), letter('N'), tuple(values)]),
  /** `before`: of all columns (`O`), or of the key alone (`K`). */
  update: (oid: number, values: readonly Value[], before?: { kind: 'K' | 'O'; values: readonly Value[] }): Buffer =>
    Buffer.concat([letter('U'), int32(oid), ...(before ? [letter(before.kind), tuple(before.values)] : []), letter('N'), tuple(values)]),
  delete: (oid: number, kind: 'K' | 'O', values: readonly Value[]): Buffer => Buffer.concat([letter('D'), int32(oid), letter(kind), tuple(values)]),
  truncate: (oids: readonly number[]): Buffer => Buffer.concat([letter('T'), int32(oids.length), Buffer.from([0]), ...oids.map(int32)]),
  message: (prefix: string, content: string | Buffer, transactional = true): Buffer => {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    return Buffer.concat([letter('M'), Buffer.from([transactional ? 1 : 0]), int64(0n), text(prefix), int32(bytes.length), bytes]);
  },
};

/** XLogData around it. */
export const walData = (start: bigint, payload: Buffer): Buffer => Buffer.concat([letter('w'), int64(start), int64(start), int64(0n), payload]);

export const walKeepalive = (walEnd: bigint, replyNow = false): Buffer => Buffer.concat([letter('k'), int64(walEnd), int64(0n), Buffer.from([replyNow ? 1 : 0])]);

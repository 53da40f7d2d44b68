/**
 * The messages of `pgoutput`, version 1 of its protocol (protocol-logicalrep-message-formats in PostgreSQL's manual), with text for values.
 *
 * Every read is checked against the end of the message: bytes from nowhere give a PgoutputError, never a wrong value. A row is not decoded: its columns
 * are found, and their text is made where somebody asks for it. So a million rows whose tenant alone is asked for cost a million short texts.
 *
 * Invariants:
 * 1. What `decode` gives of a row is one object that the next row overwrites, and its tuples are views of the bytes that were given.
 * 2. A row's tuples have as many columns as its relation, or it is an error.
 */
import type { Buffer } from 'node:buffer';
import { unixMs } from './stream-messages.js';

/** The bytes are no message of pgoutput's, or one of a version that was not asked for. */
export class PgoutputError extends Error {
  override readonly name = 'PgoutputError';
}

export interface Column {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  /** It belongs to the replica identity. */
  readonly isKey: boolean;
}

export interface Relation {
  readonly kind: 'relation';
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly identity: 'default' | 'nothing' | 'full' | 'index';
  readonly columns: readonly Column[];
}

export interface Begin {
  readonly kind: 'begin';
  /** Where the commit stands: below the end that `commit` tells. */
  readonly commitLsn: bigint;
  /** Unix ms, by the server's clock. */
  readonly committedAt: number;
  /** The lower 32 bits of `pg_current_xact_id()`. */
  readonly xid: number;
}

export interface Commit {
  readonly kind: 'commit';
  readonly commitLsn: bigint;
  /** The only LSN of a transaction that may be acknowledged, and compared. */
  readonly endLsn: bigint;
  readonly committedAt: number;
}

export type RowKind = 'insert' | 'update' | 'delete';

export interface RowMessage {
  readonly kind: RowKind;
  readonly relation: Relation;
  /** Of a delete, and of an update: all columns (`full`), or those of the replica identity, where one of them has changed (`key`). */
  readonly before: Tuple;
  readonly beforeKind: 'none' | 'key' | 'full';
  /** Empty in a delete. */
  readonly after: Tuple;
}

export interface Truncate {
  readonly kind: 'truncate';
  readonly relations: readonly Relation[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
}

/** Of `pg_logical_emit_message`. */
export interface EmittedMessage {
  readonly kind: 'message';
  /** False: it was written at once, whatever became of its transaction. */
  readonly transactional: boolean;
  readonly lsn: bigint;
  readonly prefix: string;
  readonly content: Buffer;
}

export interface TypeMessage {
  readonly kind: 'type';
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

export interface Origin {
  readonly kind: 'origin';
  readonly lsn: bigint;
  readonly name: string;
}

export type PgoutputMessage = Begin | Commit | Relation | RowMessage | Truncate | EmittedMessage | TypeMessage | Origin;

/** `null`: NULL. `undefined`: not sent: a TOAST value that did not change, or no such column. */
export type ColumnText = string | null | undefined;

const N_NULL = 0x6e; // n
const U_UNCHANGED = 0x75; // u
const T_TEXT = 0x74; // t
/** Where a column's text would begin. */
const IS_NULL = -1;
const IS_UNCHANGED = -2;

/** The columns of one row, as places in a message. */
export class Tuple {
  #bytes: Buffer | undefined;
  #starts = new Int32Array(16);
  #ends = new Int32Array(16);
  #count = 0;

  /** 0: there is none. */
  get count(): number {
    return this.#count;
  }

  /** Of the column's number, from 0. Only while the message is the newest one. */
  text(column: number): ColumnText {
    if (column < 0 || column >= this.#count) return undefined;
    const start = this.#starts[column] as number;
    if (start === IS_NULL) return null;
    if (start === IS_UNCHANGED) return undefined;
    return (this.#bytes as Buffer).toString('utf8', start, this.#ends[column]);
  }

  /** Whether both say the same of this column; false where one of them does not say it. */
  same(other: Tuple, column: number): boolean {
    if (column >= this.#count || column >= other.#count) return false;
    const [a, b] = [this.#starts[column] as number, other.#starts[column] as number];
    if (a < 0 || b < 0) return a === b && a === IS_NULL;
    const [aEnd, bEnd] = [this.#ends[column] as number, other.#ends[column] as number];
    return (this.#bytes as Buffer).compare(other.#bytes as Buffer, b, bEnd, a, aEnd) === 0;
  }

  clear(): void {
    this.#bytes = undefined;
    this.#count = 0;
  }

  /** Finds the columns. */
  read(reader: Reader, relation: Relation): void {
    const count = reader.int16();
    if (count !== relation.columns.length) {
      throw new PgoutputError(`a row of ${relation.schema}.${relation.name} has ${String(count)} columns, its relation ${String(relation.columns.length)}`);
    }
    if (count > this.#starts.length) {
      this.#starts = new Int32Array(count * 2);
      this.#ends = new Int32Array(count * 2);
    }
    this.#bytes = reader.bytes;
    this.#count = count;
    for (let i = 0; i < count; i++) {
      const kind = reader.byte();
      if (kind === T_TEXT) {
        const length = reader.length();
        this.#starts[i] = reader.at;
        reader.skip(length);
        this.#ends[i] = reader.at;
      } else if (kind === N_NULL) this.#starts[i] = IS_NULL;
      else if (kind === U_UNCHANGED) this.#starts[i] = IS_UNCHANGED;
      else throw new PgoutputError(`a column of the kind ${String(kind)}, which was not asked for`);
    }
  }
}

class Reader {
  at = 0;

  constructor(readonly bytes: Buffer) {}

  skip(length: number): void {
    if (length > this.bytes.length - this.at) throw new PgoutputError('the message is cut short');
    this.at += length;
  }

  byte(): number {
    const { at } = this;
    this.skip(1);
    return this.bytes[at] as number;
  }

  int16(): number {
    const { at } = this;
    this.skip(2);
    return this.bytes.readUInt16BE(at);
  }

  int32(): number {
    const { at } = this;
    this.skip(4);
    return this.bytes.readInt32BE(at);
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  /** Of bytes that follow. */
  length(): number {
    const value = this.int32();
    if (value < 0) throw new PgoutputError(`a length of ${String(value)}`);
    return value;
  }

  int64(): bigint {
    const { at } = this;
    this.skip(8);
    return this.bytes.readBigInt64BE(at);
  }

  uint64(): bigint {
    return BigInt.asUintN(64, this.int64());
  }

  text(): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) throw new PgoutputError('a text without its end');
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  take(length: number): Buffer {
    const { at } = this;
    this.skip(length);
    return this.bytes.subarray(at, this.at);
  }

  end(): void {
    if (this.at !== this.bytes.length) throw new PgoutputError(`${String(this.bytes.length - this.at)} bytes more than the message has`);
  }
}

const IDENTITIES: Readonly<Record<string, Relation['identity']>> = { d: 'default', n: 'nothing', f: 'full', i: 'index' };

/** Of one connection: the server tells a relation once, before its first row. */
export class PgoutputDecoder {
  readonly #relations = new Map<number, Relation>();
  readonly #before = new Tuple();
  readonly #after = new Tuple();
  readonly #row: { -readonly [K in keyof RowMessage]: RowMessage[K] } = {
    kind: 'insert', relation: { kind: 'relation', oid: 0, schema: '', name: '', identity: 'default', columns: [] },
    before: this.#before, beforeKind: 'none', after: this.#after,
  };

  /** Throws PgoutputError. */
  decode(bytes: Buffer): PgoutputMessage {
    const reader = new Reader(bytes);
    const message = this.#message(reader);
    reader.end();
    return message;
  }

  #message(reader: Reader): PgoutputMessage {
    const kind = String.fromCharCode(reader.byte());
    switch (kind) {
      case 'I':
      case 'U':
      case 'D':
        return this.#rowMessage(kind, reader);
      case 'B':
        return { kind: 'begin', commitLsn: reader.uint64(), committedAt: unixMs(reader.int64()), xid: reader.uint32() };
      case 'C':
        reader.byte();
        return { kind: 'commit', commitLsn: reader.uint64(), endLsn: reader.uint64(), committedAt: unixMs(reader.int64()) };
      case 'R':
        return this.#relation(reader);
      case 'T':
        return this.#truncate(reader);
      case 'M': {
        const transactional = (reader.byte() & 1) === 1;
        return { kind: 'message', transactional, lsn: reader.uint64(), prefix: reader.text(), content: reader.take(reader.length()) };
      }
      case 'Y':
        return { kind: 'type', oid: reader.uint32(), schema: schemaOf(reader), name: reader.text() };
      case 'O':
        return { kind: 'origin', lsn: reader.uint64(), name: reader.text() };
      default:
        throw new PgoutputError(`a message of the kind ${JSON.stringify(kind)}, which was not asked for`);
    }
  }

  #rowMessage(kind: 'I' | 'U' | 'D', reader: Reader): RowMessage {
    const row = this.#row;
    row.relation = this.#relationOf(reader.uint32());
    row.kind = kind === 'I' ? 'insert' : kind === 'U' ? 'update' : 'delete';
    row.beforeKind = 'none';
    this.#before.clear();
    this.#after.clear();
    let part = String.fromCharCode(reader.byte());
    if (kind !== 'I' && (part === 'K' || part === 'O')) {
      row.beforeKind = part === 'K' ? 'key' : 'full';
      this.#before.read(reader, row.relation);
      if (kind === 'D') return row;
      part = String.fromCharCode(reader.byte());
    }
    if (part !== 'N' || kind === 'D') throw new PgoutputError(`a row's part of the kind ${JSON.stringify(part)}`);
    this.#after.read(reader, row.relation);
    return row;
  }

  #relation(reader: Reader): Relation {
    const oid = reader.uint32();
    const schema = schemaOf(reader);
    const name = reader.text();
    const letter = String.fromCharCode(reader.byte());
    const identity = IDENTITIES[letter];
    if (identity === undefined) throw new PgoutputError(`a replica identity of the kind ${JSON.stringify(letter)}`);
    const columns: Column[] = [];
    for (let left = reader.int16(); left > 0; left--) {
      const isKey = (reader.byte() & 1) === 1;
      columns.push({ isKey, name: reader.text(), typeOid: reader.uint32(), typeModifier: reader.int32() });
    }
    const relation: Relation = { kind: 'relation', oid, schema, name, identity, columns };
    this.#relations.set(oid, relation);
    return relation;
  }

  #truncate(reader: Reader): Truncate {
    const count = reader.length();
    const options = reader.byte();
    const relations: Relation[] = [];
    for (let left = count; left > 0; left--) relations.push(this.#relationOf(reader.uint32()));
    return { kind: 'truncate', relations, cascade: (options & 1) === 1, restartIdentity: (options & 2) === 2 };
  }

  #relationOf(oid: number): Relation {
    const relation = this.#relations.get(oid);
    if (!relation) throw new PgoutputError(`a row of the relation ${String(oid)}, which was not told`);
    return relation;
  }
}

/** Empty stands for `pg_catalog`. */
function schemaOf(reader: Reader): string {
  return reader.text() || 'pg_catalog';
}

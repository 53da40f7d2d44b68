/**
 * The parser of pgoutput against a real server's bytes: it says what pg-logical-replication's parser says of the same messages, and bytes that are cut or
 * changed are an error or another message, never a read beyond their end.
 */
import { PgoutputParser } from 'pg-logical-replication/dist/output-plugins/pgoutput/pgoutput-parser.js';
import type { Pgoutput } from 'pg-logical-replication';
import { pgConnections } from '../../lib/postgres/server/pg.js';
import { formatLsn, hexOfLsn, lsnOfHex, parseLsn } from '../../lib/postgres/stream/lsn.js';
import type { Tuple} from '../../lib/postgres/stream/pgoutput.js';
import { PgoutputDecoder, PgoutputError, type PgoutputMessage, type Relation } from '../../lib/postgres/stream/pgoutput.js';
import { readStreamMessage, statusMessage, unixMs } from '../../lib/postgres/stream/stream-messages.js';
import { PostgresServer } from '../support/postgres.js';
import { makeRandom, runSeed, withSeed } from '../support/random.js';
import { waitFor } from '../support/wait.js';

let server: PostgresServer;
/** What came inside of XLogData, copied. */
const messages: Buffer[] = [];
const keepalives: bigint[] = [];

/** Of columns: name to text, null, or `unchanged`. */
type Columns = Record<string, string | null>;
interface Plain {
  kind: string;
  [more: string]: unknown;
}

const EVERY_TYPE = `
CREATE TYPE mood AS ENUM ('fine', 'so so');
CREATE DOMAIN digits AS text CHECK (VALUE ~ '^[0-9]*$');
CREATE TYPE pair AS (a int, b text);
CREATE TABLE every (id serial PRIMARY KEY, company_id text NOT NULL DEFAULT 'c1', b bool, i2 int2, i8 int8, f8 float8, n numeric, t text, c char(3), v varchar(10),
  d date, ts timestamptz, iv interval, u uuid, j json, jb jsonb, by bytea, arr int[], ta text[], m mood, dg digits, p pair, r int4range, ip inet, bt bit(3), x xml);
CREATE TABLE whole (id int, note text, big text);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE by_index (id int NOT NULL, company_id text NOT NULL, note text, big text);
CREATE UNIQUE INDEX by_index_identity ON by_index (company_id, id);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_identity;
ALTER TABLE by_index ALTER COLUMN big SET STORAGE EXTERNAL;
CREATE TABLE nothing (id int, note text);
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE SCHEMA "Other ""one""";
CREATE TABLE "Other ""one"""."Ein Tisch ☂" ("Sp alte" int PRIMARY KEY, "ü" text);
`;

const CHANGES = [
  `INSERT INTO every (b, i2, i8, f8, n, t, c, v, d, ts, iv, u, j, jb, by, arr, ta, m, dg, p, r, ip, bt) VALUES
   (true, -5, 9007199254740993, 1.5e300, 12.340, E'ü\\n☂ ''x''', 'ab', '', '2026-01-01', '2026-01-01 00:00:00.000001+00', '1 day 2 hours', gen_random_uuid(),
    '{"a": 1}', '{"b": [1, null]}', '\\x00ff', '{1,NULL,3}', '{"a,b","c"}', 'so so', '0123', '(1,two)', '[1,5)', '10.0.0.1', '101')`,
  `INSERT INTO every (t) SELECT NULL FROM generate_series(1, 5)`,
  `UPDATE every SET t = 'changed' WHERE id > 1`,
  `UPDATE every SET id = id + 100 WHERE id = 2`,
  `DELETE FROM every WHERE id > 3`,
  `INSERT INTO whole VALUES (1, 'one', NULL), (2, NULL, repeat('x', 50))`,
  `UPDATE whole SET note = 'eins'`,
  `DELETE FROM whole WHERE id = 1`,
  `INSERT INTO by_index VALUES (1, 'c1', 'n', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i))`,
  `UPDATE by_index SET note = 'the big one does not change'`,
  `UPDATE by_index SET company_id = 'c2'`,
  `DELETE FROM by_index`,
  `INSERT INTO nothing VALUES (1, 'no identity')`,
  `INSERT INTO "Other ""one"""."Ein Tisch ☂" VALUES (1, ''), (2, NULL)`,
  `BEGIN; INSERT INTO whole VALUES (3); SAVEPOINT a; INSERT INTO whole VALUES (4); ROLLBACK TO a; INSERT INTO whole VALUES (5); COMMIT`,
  `BEGIN; INSERT INTO whole VALUES (6); ROLLBACK`,
  `BEGIN; INSERT INTO whole VALUES (7); PREPARE TRANSACTION 'p'`,
  `COMMIT PREPARED 'p'`,
  `SELECT pg_logical_emit_message(false, 'elsewhere', 'at once')`,
  `BEGIN; SELECT pg_logical_emit_message(true, 'pathcast', '{"userId":"ü"}'); DELETE FROM whole; COMMIT`,
  `TRUNCATE whole, by_index RESTART IDENTITY CASCADE`,
  `TRUNCATE nothing`,
  `ALTER TABLE whole ADD COLUMN more int DEFAULT 7`,
  `INSERT INTO whole VALUES (9, 'after', NULL)`,
  `INSERT INTO every (t) VALUES ('the last one')`,
];

beforeAll(async () => {
  server = await PostgresServer.start();
  await server.sql(EVERY_TYPE);
  await server.sql('CREATE PUBLICATION p FOR ALL TABLES');
  const connection = await pgConnections(server.url()).replication();
  await connection.command('CREATE_REPLICATION_SLOT "s" LOGICAL pgoutput NOEXPORT_SNAPSHOT');
  let ended = false;
  await connection.stream(`START_REPLICATION SLOT "s" LOGICAL 0/0 (proto_version '1', publication_names '"p"', messages 'true')`, {
    data: (bytes) => {
      const message = readStreamMessage(bytes);
      if (message?.kind === 'data') messages.push(Buffer.from(message.payload));
      else if (message) keepalives.push(message.walEnd);
    },
    ended: () => (ended = true),
  });
  for (const change of CHANGES) await server.sql(change);
  await waitFor(() => messages.some((bytes) => bytes.includes('the last one')) && messages.at(-1)?.[0] === 0x43, 'all messages');
  await connection.end();
  expect(ended).toBe(false);
});
afterAll(() => server.end());

function columnsOf(relation: Relation, tuple: Tuple): Columns {
  return Object.fromEntries(relation.columns.map(({ name }, i) => [name, tuple.text(i)]).map(([name, text]) => [name, text === undefined ? 'unchanged' : text])) as Columns;
}

const keysOf = (columns: Columns, relation: Relation): Columns =>
  Object.fromEntries(relation.columns.filter(({ isKey }) => isKey).map(({ name }) => [name, columns[name] ?? null]));

const relationOf = ({ schema, name, identity, columns }: Relation): object => ({
  schema, name, identity, columns: columns.map(({ name: column, typeOid, typeModifier, isKey }) => [column, typeOid, typeModifier, isKey]),
});

function ours(message: PgoutputMessage): Plain {
  switch (message.kind) {
    case 'begin':
      return { kind: 'begin', commitLsn: hexOfLsn(message.commitLsn), at: message.committedAt, xid: message.xid | 0 };
    case 'commit':
      return { kind: 'commit', commitLsn: hexOfLsn(message.commitLsn), endLsn: hexOfLsn(message.endLsn), at: message.committedAt };
    case 'relation':
      return { kind: 'relation', ...relationOf(message) };
    case 'truncate':
      return { kind: 'truncate', cascade: message.cascade, restartIdentity: message.restartIdentity, relations: message.relations.map(relationOf) };
    case 'message':
      return { kind: 'message', transactional: message.transactional, lsn: hexOfLsn(message.lsn), prefix: message.prefix, content: message.content.toString() };
    case 'type':
      return { kind: 'type', schema: message.schema, name: message.name, oid: message.oid };
    case 'origin':
      return { kind: 'origin', lsn: hexOfLsn(message.lsn), name: message.name };
    default: {
      const { relation, before, beforeKind, after } = message;
      const old = columnsOf(relation, before);
      return {
        kind: message.kind, table: `${relation.schema}.${relation.name}`, beforeKind,
        before: beforeKind === 'none' ? null : beforeKind === 'key' ? keysOf(old, relation) : old,
        after: message.kind === 'delete' ? null : columnsOf(relation, after),
      };
    }
  }
}

/** Theirs has values of JavaScript's: `types` would have to be undone. Their parser is asked for text by taking its columns' parsers away. */
function theirs(message: Pgoutput.Message, full: (relation: Pgoutput.MessageRelation) => boolean): Plain {
  const lsn = (text: string | null): string => hexOfLsn(parseLsn(text ?? '0/0') ?? 0n);
  const at = (micros: unknown): number => Number(BigInt(String(micros)) / 1_000n);
  const relation = ({ schema, name, replicaIdentity, columns }: Pgoutput.MessageRelation): object => ({
    schema, name, identity: replicaIdentity, columns: columns.map((column) => [column.name, column.typeOid, column.typeMod, (column.flags & 1) === 1]),
  });
  switch (message.tag) {
    case 'begin':
      return { kind: 'begin', commitLsn: lsn(message.commitLsn), at: at(message.commitTime), xid: message.xid };
    case 'commit':
      return { kind: 'commit', commitLsn: lsn(message.commitLsn), endLsn: lsn(message.commitEndLsn), at: at(message.commitTime) };
    case 'relation':
      return { kind: 'relation', ...relation(message) };
    case 'truncate':
      return { kind: 'truncate', cascade: message.cascade, restartIdentity: message.restartIdentity, relations: message.relations.map(relation) };
    case 'message':
      return { kind: 'message', transactional: message.transactional, lsn: lsn(message.messageLsn), prefix: message.prefix, content: Buffer.from(message.content).toString() };
    case 'type':
      return { kind: 'type', schema: message.typeSchema || 'pg_catalog', name: message.typeName, oid: message.typeOid };
    case 'origin':
      return { kind: 'origin', lsn: lsn(message.originLsn), name: message.originName };
    case 'insert':
    case 'update':
    case 'delete': {
      const isFull = full(message.relation);
      const old = message.tag === 'insert' ? null : (message.old ?? message.key);
      const text = (row: Record<string, unknown>): Columns => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === undefined ? 'unchanged' : (value as string | null)]));
      return {
        kind: message.tag, table: `${message.relation.schema}.${message.relation.name}`, beforeKind: old === null ? 'none' : isFull ? 'full' : 'key',
        before: old === null ? null : text(old), after: message.tag === 'delete' ? null : text(message.new),
      };
    }
    default:
      throw new Error('none of the messages of version 1');
  }
}

test('it says of each message of a real server what another parser says', () => {
  const decoder = new PgoutputDecoder();
  const parser = new PgoutputParser();
  const seen = new Set<string>();
  for (const bytes of messages) {
    const mine = ours(decoder.decode(bytes));
    const parsed = parser.parse(Buffer.from(bytes));
    if (parsed.tag === 'relation') for (const column of parsed.columns) column.parser = (raw: unknown) => raw;
    expect(mine).toEqual(theirs(parsed, ({ replicaIdentity }) => replicaIdentity === 'full'));
    seen.add(mine.kind);
  }
  expect([...seen].sort()).toEqual(['begin', 'commit', 'delete', 'insert', 'message', 'relation', 'truncate', 'type', 'update']);
});

test('what was rolled back is not there; a prepared transaction comes when it is committed', () => {
  const decoder = new PgoutputDecoder();
  const ids = messages.map((bytes) => ours(decoder.decode(bytes))).filter(({ kind, table }) => kind === 'insert' && table === 'public.whole').map(({ after }) => (after as Columns)['id']);
  expect(ids).toEqual(['1', '2', '3', '5', '7', '9']);
});

test('a value that did not change and was not sent is told from NULL; the keys of before and after are there', () => {
  const decoder = new PgoutputDecoder();
  const updates = messages.map((bytes) => ours(decoder.decode(bytes))).filter(({ kind, table }) => kind === 'update' && table === 'public.by_index');
  expect(updates[0]).toMatchObject({ beforeKind: 'none', after: { note: 'the big one does not change', big: 'unchanged' } });
  expect(updates[1]).toMatchObject({ beforeKind: 'key', before: { company_id: 'c1', id: '1' }, after: { company_id: 'c2' } });
});

test('a message that is cut short, or longer than it says, is an error; one with changed bytes is an error or another message', async () => {
  await withSeed(runSeed(), (random) => {
    const relations = messages.filter((bytes) => bytes[0] === 0x52);
    const decoder = new PgoutputDecoder();
    for (const bytes of relations) decoder.decode(bytes);
    for (const bytes of messages) {
      for (let cut = 0; cut < Math.min(bytes.length, 64); cut++) expect(() => decoder.decode(bytes.subarray(0, cut))).toThrow(PgoutputError);
      expect(() => decoder.decode(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(PgoutputError);
      for (let n = 0; n < 40; n++) {
        const changed = Buffer.from(bytes);
        changed[random.below(changed.length)] = random.below(256);
        // Relations that are told wrongly would make right rows wrong.
        const other = new PgoutputDecoder();
        for (const relation of relations) other.decode(relation);
        try {
          ours(other.decode(changed));
        } catch (error) {
          expect(error).toBeInstanceOf(PgoutputError);
        }
      }
    }
    return Promise.resolve();
  });
});

test('LSNs: text, hexadecimal, and their order', () => {
  const random = makeRandom(7);
  expect(formatLsn(0x16b374d848n)).toBe('16/B374D848');
  expect([parseLsn(''), parseLsn('1'), parseLsn('1/'), parseLsn('1/123456789'), parseLsn('g/1')]).toEqual(Array(5).fill(undefined));
  for (let n = 0; n < 200; n++) {
    const [a, b] = [0, 0].map(() => (BigInt(random.below(2 ** 32)) << BigInt(random.below(33))) & 0xffffffffffffffffn) as [bigint, bigint];
    expect(parseLsn(formatLsn(a))).toBe(a);
    expect(lsnOfHex(hexOfLsn(a))).toBe(a);
    expect(hexOfLsn(a) < hexOfLsn(b)).toBe(a < b);
  }
  expect(lsnOfHex('1')).toBeUndefined();
});

test('a status says one LSN three times, and the time; what the server sends is read whole or not at all', () => {
  const status = statusMessage(0x16b374d848n, 1_764_345_600_123, true);
  expect([1, 9, 17].map((at) => status.readBigUInt64BE(at))).toEqual(Array(3).fill(0x16b374d848n));
  expect(unixMs(status.readBigInt64BE(25))).toBe(1_764_345_600_123);
  expect([status[0], status[33], status.length]).toEqual([0x72, 1, 34]);
  expect(readStreamMessage(Buffer.from('z'))).toBeUndefined();
  expect(() => readStreamMessage(Buffer.from('w'))).toThrow(RangeError);
  expect(() => readStreamMessage(Buffer.from('k1234'))).toThrow(RangeError);
  expect(keepalives.every((lsn) => lsn > 0n)).toBe(true);
});

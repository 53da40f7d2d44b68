/** Activities out of the database, a page at a time, with the rows that they are about. */
import { Buffer } from 'node:buffer';
import { PathcastError } from '../../protocol/error.js';
import { isPlain } from '../../protocol/where.js';
import { ident } from '../server/sql-text.js';
import { ANY } from '../changes/tenant-changes.js';
import type { Activity, ResyncReason } from './activity.js';
import { formatOffset, type Offset, type Start } from './offset.js';

/** A `Pool` or a `Client` of pg, or what answers as they do. */
export interface ActivityDatabase {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- pg's own types of what it takes and answers
  query(text: string, values?: any[]): Promise<any>;
}

export type EntityRow = Readonly<Record<string, unknown>>;

/** Where the rows of a type are read. A name without a schema is in `public`. */
export type EntitySource =
  | {
      table: string;
      /** The column of an activity's `entityId`. Default `id`. */
      id?: string | undefined;
      /** The column of the company. */
      tenant: string;
      /** What of the row is delivered. */
      columns: readonly string[];
    }
  | {
      /** Asked once a type and page. An app's own reading: joins, a view, another store. Rows of other companies must not come. */
      rows: (companyId: string, ids: readonly string[]) => readonly EntityRow[] | Promise<readonly EntityRow[]>;
      /** The key of `entityId` in the rows. Default `id`. */
      id?: string | undefined;
    };

export interface Page {
  /** Where they begin. */
  readonly from: Offset;
  readonly activities: readonly Activity[];
  /** After all that was looked at. */
  readonly next: Offset;
  /** There was nothing behind it. */
  readonly complete: boolean;
  /** Of what came before `activities` some may be missing: everything is to be read again. */
  readonly resync: ResyncReason | undefined;
}

interface Found {
  readonly seq: number;
  readonly type: string;
  readonly entity: string;
  readonly action: Activity['action'];
  readonly keys: readonly string[] | null;
  readonly user: string | null;
  readonly source: string | null;
  readonly tx: Record<string, unknown> | null;
  readonly at: number;
}

interface Head {
  readonly life: string;
  readonly seq: number;
  readonly floor: number;
}

const NONE: Head = { life: '', seq: 0, floor: 1 };

export class Source {
  readonly #database: ActivityDatabase;
  readonly #schema: string;
  readonly #entities: ReadonlyMap<string, EntitySource>;
  readonly #maxDataBytes: number;

  /** `schema`: quoted. */
  constructor(database: ActivityDatabase, { schema, entities, maxDataBytes }: { schema: string; entities: ReadonlyMap<string, EntitySource>; maxDataBytes: number }) {
    this.#database = database;
    this.#schema = schema;
    this.#entities = entities;
    this.#maxDataBytes = maxDataBytes;
  }

  /** At most `limit` activities of these types (empty: all) after `start`. Rejects with what the database, or an app's `rows`, rejects with. */
  async page(companyId: string, start: Start, limit: number, types: ReadonlySet<string>): Promise<Page> {
    const after = typeof start === 'object' ? start.seq : start === 'beginning' ? 0 : Number.MAX_SAFE_INTEGER;
    const { head, found } = await this.#read(companyId, after, limit, types);
    const { begin, resync } = beginOf(start, head);
    const from = { life: head.life, seq: begin };
    if (begin === head.seq || found.length === 0) return { from, activities: [], next: { life: head.life, seq: head.seq }, complete: true, resync };
    const complete = found.length < limit;
    const seq = complete ? head.seq : (found.at(-1)?.seq ?? head.seq);
    return { from, activities: await this.#withRows(companyId, head.life, found), next: { life: head.life, seq }, complete: complete || seq === head.seq, resync };
  }

  /** Where each company stands, or one. */
  async heads(companyId?: string): Promise<Map<string, Offset>> {
    const rows = await this.#query(`SELECT company_id, life, seq::text AS seq FROM ${this.#schema}.activity_heads WHERE $1::text IS NULL OR company_id = $1::text`, [companyId ?? null]);
    return new Map(rows.map((row) => [String(row['company_id']), { life: String(row['life']), seq: Number(row['seq']) }]));
  }

  async #read(companyId: string, after: number, limit: number, types: ReadonlySet<string>): Promise<{ head: Head; found: Found[] }> {
    // One statement sees head, floor and rows as they were at one moment.
    const rows = await this.#query(
      `SELECT h.life, h.seq::text AS seq, h.floor::text AS floor, a.activity FROM ${this.#schema}.activity_heads h
      LEFT JOIN LATERAL (
        SELECT x.seq, json_build_object('seq', x.seq, 'type', x.entity_type, 'entity', x.entity_id, 'action', x.action, 'keys', x.changed_keys, 'user', x.user_id, 'source', x.source_id,
          'tx', x.tx, 'at', floor(extract(epoch FROM x.created_at) * 1000))::text AS activity
        FROM ${this.#schema}.activities x WHERE x.company_id = h.company_id AND x.seq > $2::bigint AND ($4::text[] IS NULL OR x.entity_type = ANY($4::text[]) OR x.entity_type = '*')
        ORDER BY x.seq LIMIT $3::int
      ) a ON true WHERE h.company_id = $1::text ORDER BY a.seq`,
      [companyId, String(after), String(limit), types.size > 0 ? [...types] : null],
    );
    const [first] = rows;
    if (!first) return { head: NONE, found: [] };
    const head = { life: String(first['life']), seq: Number(first['seq']), floor: Number(first['floor']) };
    return { head, found: rows.filter(({ activity }) => typeof activity === 'string').map(({ activity }) => JSON.parse(activity as string) as Found) };
  }

  /** One statement a type. */
  async #withRows(companyId: string, life: string, found: readonly Found[]): Promise<Activity[]> {
    const wanted = new Map<string, Set<string>>();
    for (const { type, entity, action } of found) {
      if (action === 'delete' || entity === ANY || !this.#entities.has(type)) continue;
      const ids = wanted.get(type) ?? new Set();
      wanted.set(type, ids.add(entity));
    }
    const rows = new Map<string, ReadonlyMap<string, EntityRow>>();
    for (const [type, ids] of wanted) rows.set(type, await this.#rowsOf(companyId, this.#entities.get(type) as EntitySource, [...ids]));
    return found.map(({ seq, type, entity, action, keys, user, source, tx, at }) => {
      const isGone = action === 'delete' && entity !== ANY;
      const row = isGone ? undefined : rows.get(type)?.get(entity);
      const data = row && row !== TOO_LARGE && this.#fits(type, row) ? row : null;
      return {
        activityId: formatOffset({ life, seq }),
        seq,
        companyId,
        entityType: type,
        entityId: entity,
        action,
        changedKeys: keys,
        userId: user,
        tx: tx === null && source === null ? null : { ...tx, ...(source !== null && { sourceId: source }) },
        createdAt: new Date(at).toISOString(),
        data,
        fetch: data === null && !isGone && (row !== undefined || !rows.has(type) || entity === ANY),
      };
    });
  }

  async #rowsOf(companyId: string, entity: EntitySource, ids: readonly string[]): Promise<ReadonlyMap<string, EntityRow>> {
    const { id = 'id' } = entity;
    if ('rows' in entity) {
      const rows: unknown = await entity.rows(companyId, ids);
      if (!Array.isArray(rows) || !rows.every(isPlain)) throw new PathcastError('INVALID_OPTION', 'entities.rows must give an array of rows');
      // Else each of them would be told as one that is gone.
      if (!rows.every((row) => row[id] !== undefined && row[id] !== null)) throw new PathcastError('INVALID_OPTION', `entities.rows gave a row without '${id}', which says which one it is`);
      return new Map(rows.map((row) => [String(row[id]), row]));
    }
    // What the ids are is for PostgreSQL to say: a cast of the column would leave its index. format() writes them as the WAL has them, a cast to text does not.
    const key = `format('%s', t.${ident(id)}) AS ${ident(KEY)}`;
    const from = `${entity.table.split('.', 2).map(ident).join('.')} AS t`;
    const where = `t.${ident(entity.tenant)} = $1 AND t.${ident(id)} = ANY($2)`;
    if (entity.columns.length === 0) return new Map((await this.#query(`SELECT ${key} FROM ${from} WHERE ${where}`, [companyId, ids])).map((row) => [String(row[KEY]), {}]));
    // Who sent a row of a gigabyte a hundred times over, to be measured here, would be out of memory. OFFSET 0: measured once, not once for each column.
    const length = entity.columns.map((column) => `coalesce(octet_length(t.${ident(column)}::text), 0)::bigint`).join(' + ');
    const columns = entity.columns.map((column) => `CASE WHEN s.fits THEN t.${ident(column)} END AS ${ident(column)}`).join(', ');
    const rows = await this.#query(`SELECT ${key}, s.fits::text AS ${ident(FITS)}, ${columns} FROM ${from} CROSS JOIN LATERAL (SELECT ${length} <= $3::bigint AS fits OFFSET 0) s WHERE ${where}`, [
      companyId,
      ids,
      String(this.#maxDataBytes * TEXT_SHARE + TEXT_BYTES),
    ]);
    return new Map(rows.map(({ [KEY]: found, [FITS]: fits, ...row }) => [String(found), fits === 'true' ? row : TOO_LARGE]));
  }

  #fits(type: string, row: EntityRow): boolean {
    let text: string;
    try {
      text = JSON.stringify(row);
    } catch (cause) {
      throw new PathcastError('NOT_SERIALIZABLE', `a row of the entity type ${type} is no JSON`, { cause });
    }
    return Buffer.byteLength(text) <= this.#maxDataBytes;
  }

  async #query(text: string, values: readonly (string | readonly string[] | null)[]): Promise<Record<string, unknown>[]> {
    const { rows } = (await this.#database.query(text, [...values])) as { rows: Record<string, unknown>[] };
    return rows;
  }
}

/** No column of an app has these names. */
const KEY = 'pathcast entity id';
const FITS = 'pathcast fits';
/**
 * PostgreSQL's text of a row may be longer than its JSON here: a jsonb has blanks, 1e300 is 301 digits. What is longer than so many times `maxDataBytes`, and so many bytes, is not read at all; what is not is measured
 * as JSON.
 */
const TEXT_SHARE = 4;
const TEXT_BYTES = 1_024;
/** There is one, and it was not read. */
const TOO_LARGE: EntityRow = {};

/** Throws INVALID_FIELD for one that PostgreSQL has no text of. */
export function checkTexts(types: readonly string[]): ReadonlySet<string> {
  if (types.some((type) => type.includes('\0'))) throw new PathcastError('INVALID_FIELD', 'entityTypes has a name with a NUL');
  return new Set(types);
}

/** Where to read on, and whether something is missing before it. */
function beginOf(start: Start, { life, seq, floor }: Head): { begin: number; resync: ResyncReason | undefined } {
  if (start === 'now') return { begin: seq, resync: undefined };
  if (start === 'unknown') return { begin: seq, resync: 'unknown_offset' };
  // Who has nothing gets what there is.
  if (start === 'beginning' || start.life === '') return { begin: floor - 1, resync: floor > 1 ? 'trimmed' : undefined };
  if (start.life !== life) return { begin: seq, resync: 'life_changed' };
  if (start.seq > seq) return { begin: seq, resync: 'ahead_of_log' };
  if (start.seq + 1 < floor) return { begin: seq, resync: 'trimmed' };
  return { begin: start.seq, resync: undefined };
}

/**
 * The worker's half of activities: commits become rows, in their order, before their actions go out. A statement is a transaction: it locks the heads of its companies, leaves out what
 * is there already, and counts on. So a worker that is late and the one that has taken over write together what one alone would.
 *
 * Invariant: of a commit, all rows of a company are in one statement. What ends at or before a head's `commit_lsn` is there.
 */
import { PathcastError } from '../../protocol/error.js';
import type { Collected } from '../changes/collector.js';
import { PostgresError, type SqlConnection, type SqlRow } from '../server/connections.js';
import { formatLsn } from '../stream/lsn.js';
import { RING_COMPANY, type Heads } from './ring.js';
import { storable } from './storable.js';

export interface ActivitySettings {
  /** Quoted. */
  readonly schema: string;
  readonly keepMs: number;
  readonly maxPerCommit: number;
}

/** A transaction, with those that hear of what is everybody's. */
export interface Recorded {
  readonly collected: Collected;
  readonly companies: readonly string[];
}

/** Rows of one statement, unless one commit has more. */
const STATEMENT_ROWS = 2_000;
/** Companies of one statement, where all are concerned. */
const STATEMENT_COMPANIES = 5_000;
const CLEAN_ROWS = 5_000;
/** How often a company may be erased while it is written. */
const TRIES = 5;
/** Companies whose head is known to be there; beyond it all are asked for anew. */
const KNOWN_COMPANIES = 10_000;
const LIFE = `substr(replace(gen_random_uuid()::text, '-', ''), 1, 8)`;
/** Of SQLSTATE: what was given does not fit, and will not the next time. */
const UNFIT = /^(22|54)/;

/** As the statement has them, in one letter each: `i` is the commit's number in the batch, `c` the company. */
interface Batch {
  rows: Readonly<{ i: number; c: string } & Record<string, unknown>>[];
  commits: Readonly<{ i: number } & Record<string, unknown>>[];
  companies: Set<string>;
}

export class Recorder {
  readonly #sql: SqlConnection;
  readonly #settings: ActivitySettings;
  /** Where LSNs count: `<system id>.<time line>`. */
  readonly #source: string;
  readonly #generation: string;
  readonly #warn: (kind: string, message: string) => void;
  readonly #known = new Set<string>();

  /** `generation`: of the worker's epoch. */
  constructor(sql: SqlConnection, settings: ActivitySettings, { source, generation }: { source: string; generation: string }, warn: (kind: string, message: string) => void) {
    this.#sql = sql;
    this.#settings = settings;
    this.#source = source;
    this.#generation = generation;
    this.#warn = warn;
  }

  /** What is written is there after a crash of PostgreSQL, too: what is kept beside it in Redis counts on that. Once a connection. */
  async begin(): Promise<void> {
    await this.#sql.query(`SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`);
  }

  /** In the order of their commits. What is there already is left out. Rejects with PostgresError. */
  async record(batch: readonly Recorded[]): Promise<Heads> {
    const heads = new Map<string, number>();
    let next: Batch = { rows: [], commits: [], companies: new Set() };
    const flush = async (): Promise<void> => {
      if (next.rows.length > 0) for (const [company, seq] of await this.#write(next)) heads.set(company, seq);
      next = { rows: [], commits: [], companies: new Set() };
    };
    for (const one of batch) {
      await this.#add(next, one);
      if (next.rows.length >= STATEMENT_ROWS) await flush();
    }
    await flush();
    return heads;
  }

  async #add({ rows, commits, companies }: Batch, { collected, companies: all }: Recorded): Promise<void> {
    const { records, metadata, committedAt, endLsn } = collected;
    if (!records) return;
    const i = commits.length;
    const { userId = null, sourceId = null, companyId = null, tx = null } = metadata ?? {};
    commits.push({ i, l: formatLsn(endLsn), at: committedAt, u: storable(userId), s: storable(sourceId), x: this.#tx(tx), co: storable(companyId) });
    const tenants = records.isForAll ? new Set([...records.tenants, ...all, ...(await this.#companies())]) : records.tenants;
    for (const c of tenants) {
      if (c === RING_COMPANY) continue;
      companies.add(c);
      for (const [n, { type, table, entityId, action, changedKeys }] of records.of(c).entries()) rows.push({ i, c, n, t: type, tb: table, e: entityId, a: action, k: changedKeys });
    }
  }

  #tx(tx: object | null): object | null {
    try {
      return storable(tx);
    } catch {
      this.#warn('cdc-activities', 'what a transaction says of itself is nested too deep to be kept; its activities are, without their tx');
      return null;
    }
  }

  async #write(batch: Batch): Promise<[string, number][]> {
    try {
      return await this.#insert(batch);
    } catch (thrown) {
      if (!(thrown instanceof PostgresError) || !UNFIT.test(thrown.code)) throw thrown;
      // The others lose nothing for the sake of one.
      if (batch.commits.length > 1) return this.#writeOneByOne(batch);
      this.#warn('cdc-activities', `what a transaction says of itself cannot be kept (${thrown.message}); its activities are, without their tx`);
      return this.#writeWithout(batch);
    }
  }

  async #writeOneByOne({ rows, commits }: Batch): Promise<[string, number][]> {
    const heads: [string, number][] = [];
    for (const commit of commits) {
      const own = rows.filter(({ i }) => i === commit.i);
      if (own.length > 0) heads.push(...(await this.#write({ rows: own, commits: [commit], companies: new Set(own.map(({ c }) => c)) })));
    }
    return heads;
  }

  /** Of a single commit: without its tx; and where that is not it, without a word of what it says: a database of another encoding than UTF-8 has not all letters. */
  async #writeWithout({ rows, commits, companies }: Batch): Promise<[string, number][]> {
    try {
      return await this.#insert({ rows, commits: commits.map((commit) => ({ ...commit, x: null })), companies });
    } catch (thrown) {
      if (!(thrown instanceof PostgresError) || !UNFIT.test(thrown.code)) throw thrown;
      return this.#insert({ rows, commits: commits.map((commit) => ({ ...commit, x: null, u: null, s: null, co: null })), companies });
    }
  }

  async #insert({ rows, commits, companies }: Batch): Promise<[string, number][]> {
    const { schema } = this.#settings;
    const values = [this.#source, JSON.stringify(rows), JSON.stringify(commits), [...companies]] as const;
    for (let tries = TRIES; ; tries--) {
      await this.#know(companies);
      const heads = await this.#sql.query(
        `WITH given AS MATERIALIZED (
          SELECT r.*, m.l, m.at, m.s, m.u, m.x, m.co FROM json_to_recordset($2::json) AS r(i int, c text, n int, t text, tb text, e text, a text, k text[])
          JOIN json_to_recordset($3::json) AS m(i int, l pg_lsn, at float8, u text, s text, x jsonb, co text) USING (i)
        ), locked AS MATERIALIZED (
          SELECT company_id, seq, source, commit_lsn FROM ${schema}.activity_heads WHERE company_id = ANY($4::text[]) ORDER BY company_id FOR UPDATE
        ), fresh AS MATERIALIZED (
          SELECT g.*, h.seq + row_number() OVER (PARTITION BY g.c ORDER BY g.l, g.n) AS seq FROM given g JOIN locked h ON h.company_id = g.c
          WHERE h.source <> $1::text OR g.l > h.commit_lsn
        ), written AS (
          INSERT INTO ${schema}.activities (company_id, seq, source, commit_lsn, n, entity_type, table_name, entity_id, action, changed_keys, user_id, source_id, tx, created_at)
          SELECT c, seq, $1::text, l, n, t, tb, e, a, k, CASE WHEN said THEN u END, CASE WHEN said THEN s END, CASE WHEN said THEN x END, to_timestamp(at / 1000)
          FROM (SELECT *, co IS NULL OR co = c AS said FROM fresh) f
        ), moved AS (
          UPDATE ${schema}.activity_heads h SET seq = f.seq, source = $1::text, commit_lsn = f.l
          FROM (SELECT c, max(seq) AS seq, max(l) AS l FROM fresh GROUP BY c) f WHERE h.company_id = f.c RETURNING h.company_id, h.seq
        )
        SELECT l.company_id, coalesce(m.seq, l.seq)::text AS seq FROM locked l LEFT JOIN moved m USING (company_id)`,
        values,
      );
      if (heads.length === companies.size) return headsIn(heads);
      // Somebody has erased a company meanwhile: what is written already is left out the next time.
      if (tries === 0) throw new PathcastError('POSTGRES', `${schema}.activity_heads has rows that this role cannot see: end its row-level security, or give the role BYPASSRLS`);
      this.#known.clear();
    }
  }

  /** Their heads are there. */
  async #know(companies: ReadonlySet<string>): Promise<void> {
    const fresh = [...companies].filter((company) => !this.#known.has(company));
    if (fresh.length === 0) return;
    await this.#found(fresh, this.#generation);
    if (this.#known.size + fresh.length > KNOWN_COMPANIES) this.#known.clear();
    for (const company of fresh) this.#known.add(company);
  }

  async #found(companies: readonly string[], generation: string): Promise<void> {
    await this.#sql.query(
      `INSERT INTO ${this.#settings.schema}.activity_heads (company_id, life, seq, floor, source, commit_lsn, generation)
      SELECT c, ${LIFE}, 0, 1, $1::text, '0/0', $2::text FROM unnest($3::text[]) AS w(c) ORDER BY c ON CONFLICT (company_id) DO NOTHING`,
      [this.#source, generation, companies],
    );
  }

  /** All that have activities. */
  async #companies(): Promise<string[]> {
    const rows = await this.#sql.query(`SELECT company_id FROM ${this.#settings.schema}.activity_heads`);
    return rows.map((row) => row['company_id'] ?? '');
  }

  /**
   * Changes may be missing: says so to these companies and to all that have activities, and ends the life of their offsets. Who has heard of this generation does not
   * hear of it twice. Rejects with PostgresError.
   */
  async resync(companies: readonly string[], generation = this.#generation): Promise<Heads> {
    const { schema } = this.#settings;
    const all = companies.filter((company) => company !== RING_COMPANY);
    for (let i = 0; i < all.length; i += STATEMENT_COMPANIES) await this.#found(all.slice(i, i + STATEMENT_COMPANIES), '');
    const heads = new Map<string, number>();
    for (;;) {
      const some = await this.#sql.query(
        `WITH locked AS MATERIALIZED (
          SELECT company_id, seq FROM ${schema}.activity_heads WHERE generation <> $2::text ORDER BY company_id LIMIT ${STATEMENT_COMPANIES} FOR UPDATE
        ), written AS (
          INSERT INTO ${schema}.activities (company_id, seq, source, n, entity_type, entity_id, action, created_at)
          SELECT company_id, seq + 1, $1::text, 0, '*', '*', 'update', clock_timestamp() FROM locked
        )
        UPDATE ${schema}.activity_heads h SET seq = h.seq + 1, life = ${LIFE}, generation = $2::text,
          commit_lsn = CASE WHEN h.source = $1::text THEN h.commit_lsn ELSE '0/0' END, source = $1::text
        FROM locked l WHERE h.company_id = l.company_id RETURNING h.company_id, h.seq::text AS seq`,
        [this.#source, generation],
      );
      for (const [company, seq] of headsIn(some)) heads.set(company, seq);
      if (some.length === 0) return heads;
    }
  }

  /** Removes what is older than `keepMs`, from the oldest on. Rejects with PostgresError. */
  async clean(): Promise<void> {
    const { schema, keepMs } = this.#settings;
    for (;;) {
      const [row] = await this.#sql.query(
        `WITH old AS MATERIALIZED (
          SELECT company_id, max(seq) AS upto FROM (
            SELECT company_id, seq FROM ${schema}.activities WHERE created_at < clock_timestamp() - $1::float8 * interval '1 ms' ORDER BY created_at LIMIT ${CLEAN_ROWS}) o
          GROUP BY company_id
        ), locked AS MATERIALIZED (
          SELECT h.company_id FROM ${schema}.activity_heads h WHERE h.company_id IN (SELECT company_id FROM old) ORDER BY h.company_id FOR UPDATE SKIP LOCKED
        ), raised AS (
          UPDATE ${schema}.activity_heads h SET floor = greatest(h.floor, o.upto + 1) FROM old o JOIN locked USING (company_id) WHERE h.company_id = o.company_id
          RETURNING h.company_id, h.floor
        ), gone AS (
          DELETE FROM ${schema}.activities a USING raised r WHERE a.company_id = r.company_id AND a.seq < r.floor RETURNING 1
        )
        SELECT count(*)::text AS rows FROM gone`,
        [String(keepMs)],
      );
      if (Number(row?.['rows']) < CLEAN_ROWS) return;
    }
  }
}

const headsIn = (rows: readonly SqlRow[]): [string, number][] => rows.map((row) => [row['company_id'] ?? '', Number(row['seq'])]);

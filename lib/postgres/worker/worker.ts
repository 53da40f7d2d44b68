/**
 * The worker: connects, checks, takes the slot or waits for it, reads, and begins anew whatever happens, until it is stopped. A slot that is not there, or that PostgreSQL has
 * given up, is made anew, and everybody reads again: what goes out says only what is stale, so nothing has to be copied.
 */
import { randomUUID } from 'node:crypto';
import { isPathcastError, PathcastError } from '../../protocol/error.js';
import { messageOf } from '../../internal/describe.js';
import { internalsOf } from '../../server/internals.js';
import { sleep, waitOf } from '../../internal/backoff.js';
import { checkServer, faultOf, type ServerFacts } from '../server/checks.js';
import type { Collected, Poison } from '../changes/collector.js';
import { PostgresError, SQLSTATE, UNUSABLE, type Postgres, type ReplicationConnection, type SqlConnection, type SqlRow } from '../server/connections.js';
import type { CdcEvents, CdcState } from '../events.js';
import type { IntakeCounts } from '../stream/intake.js';
import { Lag } from './lag.js';
import { formatLsn } from '../stream/lsn.js';
import type { CdcSettings } from './settings.js';
import { checkPaths } from '../server/path-checks.js';
import { Stopped } from './placing.js';
import { Fenced, Renewed, Session, type SessionHost } from './session.js';
import type { SlotHealth } from '../slot-health.js';
import { SlotHealthWatch } from '../server/slot-look.js';
import { makeSlot } from '../server/slot-making.js';
import { ident } from '../server/sql-text.js';

export interface Counters extends IntakeCounts {
  actions: number;
  resyncs: number;
  poison: number;
  connections: number;
}

export type Emit = <K extends keyof CdcEvents>(event: K, payload: CdcEvents[K]) => void;

const AGAIN = { firstMs: 250, maxMs: 10_000 };
/** Who waits for a slot looks again after half to one and a half of it, ms. */
const STANDBY_MS = 1_000;
const HEALTH_MS = 10_000;
/** Between two checks of the tables at least so many times what one takes. */
const CHECK_SHARE = 10;
/** A slot that is lost within this time, at the present rate, is a warning. */
const WARN_SECONDS = 600;

export class Worker {
  readonly counters: Counters = { commits: 0, changes: 0, skipped: 0, actions: 0, resyncs: 0, poison: 0, connections: 0 };
  readonly #settings: CdcSettings;
  readonly #postgres: Postgres;
  readonly #emit: Emit;
  readonly #owner = randomUUID();
  readonly #given = new Map<string, string>();
  readonly #abort = new AbortController();
  readonly #health = new SlotHealthWatch();
  readonly #lag = new Lag();
  #state: CdcState = 'idle';
  #reason: string | undefined;
  #session: Session | undefined;
  #connection: ReplicationConnection | undefined;
  #sql: SqlConnection | undefined;
  #started: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  /** Said, as long as nothing else is wrong. */
  #told = '';
  /** PostgreSQL cannot read on from where the slot stands. */
  #recreate = false;
  /** It is being looked at. */
  #looking: Session | undefined;
  /** When the tables are checked again at the earliest; monotonic, ms. */
  #checkAt = 0;
  slotHealth: SlotHealth | undefined;
  /** Of the last commit that is in the log. */
  written: { lsn: bigint; committedAt: number; at: number } | undefined;

  constructor(settings: CdcSettings, postgres: Postgres, emit: Emit) {
    this.#settings = settings;
    this.#postgres = postgres;
    this.#emit = emit;
  }

  get state(): CdcState {
    return this.#state;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  get waiting(): number {
    return this.#session?.waiting ?? 0;
  }

  get owed(): number {
    return this.#session?.owed ?? 0;
  }

  /** How old the oldest change is that is not in the log; null: it has no slot, and nothing is known. */
  get lagSeconds(): number | null {
    const behind = this.#session?.behind;
    return behind ? this.#lag.seconds(behind, performance.now(), Date.now()) : null;
  }

  get acked(): bigint | undefined {
    return this.#session?.acked;
  }

  /** Resolves when it reads, or waits for another worker. Rejects with POSTGRES, INVALID_MAP for what its first look finds: then it is stopped. */
  start(): Promise<void> {
    this.#started ??= new Promise((resolve, reject) => {
      this.#running = this.#run({ resolve, reject });
    });
    return this.#started;
  }

  /** What has been read and is not in the log is dropped: PostgreSQL sends it again. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#session?.end(new Stopped('the worker was stopped'));
    await Promise.all([this.#connection?.end(), this.#sql?.end()]);
    await this.#running;
    this.#become('stopped');
  }

  async #run(started: { resolve: () => void; reject: (error: unknown) => void }): Promise<void> {
    const { signal } = this.#abort;
    let attempt = 0;
    let isFirst = true;
    while (!signal.aborted && !this.#settings.hub.closed) {
      try {
        this.#become('connecting', this.#reason);
        await this.#connected(() => {
          attempt = 0;
          isFirst = false;
          started.resolve();
        });
      } catch (thrown) {
        if (signal.aborted || this.#settings.hub.closed) break;
        const fault = faultIn(thrown);
        if (fault && isFirst) {
          this.#become('stopped', fault.message);
          this.#abort.abort();
          started.reject(fault);
          return;
        }
        if (isBusy(thrown) || thrown instanceof Fenced) {
          isFirst = false;
          this.#become('standby', messageOf(thrown));
          started.resolve();
          await sleep(STANDBY_MS * (0.5 + Math.random()), signal);
        } else if (!(thrown instanceof Renewed)) {
          this.#failed(fault ?? thrown);
          await sleep(waitOf(AGAIN, attempt++, Math.random()), signal);
        }
      }
    }
    this.#become('stopped', this.#settings.hub.closed ? 'the hub is closed' : undefined);
    started.reject(new PathcastError('HUB_CLOSED', 'the worker was stopped before it could read'));
  }

  /** From the first byte to the end; never resolves. */
  async #connected(streaming: () => void): Promise<never> {
    const sql = await this.#unlessStopped(this.#postgres.sql());
    this.#sql = sql;
    let health: NodeJS.Timeout | undefined;
    try {
      this.#become('checking', this.#reason);
      checkPaths(this.#settings.tables, internalsOf(this.#settings.hub));
      const facts = await checkServer(sql, this.#settings);
      if (facts.maxSlotWalKeepMb < 0) {
        this.#warn('cdc-keep', "max_slot_wal_keep_size is -1: while no worker runs, PostgreSQL keeps its WAL for the slot until its disk is full; run: ALTER SYSTEM SET max_slot_wal_keep_size = '10GB' and SELECT pg_reload_conf(). A slot that is given up for it costs a resync");
      }
      const replication = await this.#unlessStopped(this.#postgres.replication());
      this.#connection = replication;
      await this.#slot(replication, sql, facts);
      this.counters.connections++;
      const session = new Session(this.#sessionHost(streaming), sql, replication, facts);
      this.#session = session;
      health = setInterval(() => void this.#look(session), HEALTH_MS).unref();
      void this.#look(session);
      return await session.run();
    } catch (thrown) {
      // From where the slot stands PostgreSQL cannot read on: a publication that was made later was not there then.
      if (this.#session && thrown instanceof PostgresError && thrown.code === SQLSTATE.undefinedObject) this.#recreate = true;
      throw thrown;
    } finally {
      clearInterval(health);
      this.#session = undefined;
      await this.#connection?.end();
      this.#connection = undefined;
      await this.#sql.end();
      this.#sql = undefined;
    }
  }

  /** Who stops waits for no connection; one that comes later is ended. */
  #unlessStopped<T extends { end(): Promise<void> }>(opening: Promise<T>): Promise<T> {
    const { signal } = this.#abort;
    opening.then(
      (connection) => (signal.aborted ? connection.end() : undefined),
      () => undefined,
    );
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(new Stopped('the worker was stopped'));
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      opening.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  }

  #sessionHost(streaming: () => void): SessionHost {
    const { counters } = this;
    return {
      settings: this.#settings,
      internals: internalsOf(this.#settings.hub),
      counts: counters,
      owner: this.#owner,
      given: this.#given,
      streaming: () => {
        this.#told = '';
        this.#recreate = false;
        this.#reason = undefined;
        this.#become('streaming');
        streaming();
      },
      resynced: (reason, companies) => {
        counters.resyncs++;
        this.#lag.reset();
        this.#emit('resync', { reason, companies });
        if (companies > 0) this.#warn('cdc-resync', `changes may be missing (${reason}): ${String(companies)} ${companies === 1 ? 'company was' : 'companies were'} told that everything may be stale`);
      },
      poison: (poison) => this.#poisoned(poison),
      lost: (companyId, why) => {
        counters.poison++;
        this.#report(new PathcastError('INVALID_FIELD', `a tenant of ${String(companyId.length)} characters cannot be told of its changes: ${why}`));
      },
      wrote: (batch, actions) => this.#wrote(batch, actions),
      warn: (kind, message) => this.#warn(kind, message),
      query: (text, values) => this.#ask(text, values),
    };
  }

  /** Makes the slot where it is not there, or of no use any more. Whose transaction it waits for, is said. */
  async #slot(replication: ReplicationConnection, sql: SqlConnection, { slot }: ServerFacts): Promise<void> {
    const name = ident(this.#settings.slot);
    if (slot && slot.walStatus !== 'lost' && !this.#recreate) return;
    if (slot) await replication.command(`DROP_REPLICATION_SLOT ${name}`, 'patient');
    this.#recreate = false;
    await makeSlot(replication, sql, this.#settings.slot, (who) => {
      const reason = `PostgreSQL makes the slot '${this.#settings.slot}' when all transactions have ended that were open before it; it waits for ${who}`;
      if (reason === this.#reason) return;
      this.#warn('cdc-slot-waits', reason);
      this.#become('checking', reason);
    });
  }

  #wrote(batch: readonly Collected[], actions: number): void {
    const last = batch.at(-1);
    if (!last) return;
    this.counters.actions += actions;
    this.written = { lsn: last.endLsn, committedAt: last.committedAt, at: Date.now() };
    this.#emit('written', { lsn: formatLsn(last.endLsn), committedAt: last.committedAt, commits: batch.length, actions });
  }

  #poisoned({ table, op, tenant, entityId, commitLsn, reason, count }: Readonly<Poison>): void {
    this.counters.poison += count;
    const lsn = formatLsn(commitLsn);
    this.#emit('poison', { table, op, tenant, entityId, lsn, reason, count });
    const told = tenant === undefined ? '' : '; its tenant was told that everything may be stale';
    const more = count > 1 ? ` (and ${String(count - 1)} more of this table in the transaction)` : '';
    this.#report(new PathcastError('INVALID_MAP', `the map made nothing of the ${op} of ${table} ${JSON.stringify(entityId)} at ${lsn}${more}: ${reason}${told}`));
  }

  async #look(session: Session, mayAskAnew = true): Promise<void> {
    const sql = this.#sql;
    if (!sql || this.#looking === session) return;
    this.#looking = session;
    try {
      const [began, clock] = [performance.now(), Date.now()];
      const looked = await this.#health.look(sql, this.#settings.slot, began);
      this.slotHealth = looked?.health;
      if (looked) this.#lag.looked(looked.flushed, performance.now(), looked.clock - (clock + (performance.now() - began) / 2));
      await this.#check(session, sql);
    } catch {
      // The stream tells of a server that is gone. A connection that is idle most of the time may be ended alone.
      this.#looking = undefined;
      if (mayAskAnew && (await this.#askAnew(session, sql))) await this.#look(session, false);
      return;
    } finally {
      this.#looking = undefined;
    }
    const health = this.slotHealth;
    if (!health) return;
    const { walStatus, secondsUntilLost } = health;
    if (walStatus === 'unreserved' || (secondsUntilLost !== null && secondsUntilLost < WARN_SECONDS)) {
      const when = secondsUntilLost === null ? 'soon' : `in ${String(secondsUntilLost)} s at the present rate`;
      this.#warn('cdc-slot', `PostgreSQL gives the slot up ${when} (${walStatus}): the worker is behind by ${String(health.lagBytes)} bytes, and max_slot_wal_keep_size is small; everybody reads again then`);
    }
  }

  /** A table may be made anew, renamed, or taken out of the publication at any time, and no row says so. */
  async #check(session: Session, sql: SqlConnection): Promise<void> {
    const began = performance.now();
    if (began < this.#checkAt || this.#state !== 'streaming') return;
    try {
      session.sound((await checkServer(sql, this.#settings)).tables);
    } catch (thrown) {
      if (!isPathcastError(thrown)) throw thrown;
      session.flaw();
      this.#tell(thrown);
    }
    const now = performance.now();
    this.#checkAt = now + CHECK_SHARE * (now - began);
  }

  /** Rejects with PostgresError. */
  async #ask(...question: Parameters<SqlConnection['query']>): Promise<SqlRow[]> {
    const [sql, session] = [this.#sql, this.#session];
    if (!sql || !session) throw new PostgresError('the connection has ended', '');
    try {
      return await sql.query(...question);
    } catch (thrown) {
      if (this.#sql === sql) await this.#askAnew(session, sql);
      if (!this.#sql || this.#sql === sql) throw thrown;
      return this.#sql.query(...question);
    }
  }

  /** False: the next look tries again. */
  async #askAnew(session: Session, lost: SqlConnection): Promise<boolean> {
    await lost.end();
    // Its activities are written there.
    if (this.#settings.activities) session.end(new PostgresError('the connection for questions has ended', ''));
    const sql = await this.#unlessStopped(this.#postgres.sql()).catch(() => undefined);
    const isWanted = this.#session === session && this.#sql === lost;
    if (isWanted && sql) this.#sql = sql;
    else await sql?.end();
    return isWanted && sql !== undefined;
  }

  #failed(thrown: unknown): void {
    const message = messageOf(thrown);
    const error = isPathcastError(thrown) || !(thrown instanceof PostgresError) ? thrown : new PathcastError('POSTGRES', message, { cause: thrown, retryable: true });
    this.#become(isPathcastError(thrown) ? 'checking' : 'connecting', message);
    this.#tell(error);
  }

  /** Once as long as it stays the same. */
  #tell(error: unknown): void {
    const message = messageOf(error);
    if (this.#told === message) return;
    this.#told = message;
    this.#report(error);
  }

  #become(state: CdcState, reason?: string): void {
    if (this.#state === 'stopped' || (this.#state === state && this.#reason === reason)) return;
    this.#state = state;
    this.#reason = reason;
    this.#emit('state', { state, ...(reason !== undefined && { reason }) });
  }

  #warn(kind: string, message: string): void {
    internalsOf(this.#settings.hub).warn({ message }, kind);
  }

  #report(thrown: unknown): void {
    internalsOf(this.#settings.hub).report('cdc', thrown);
  }
}

const isBusy = (thrown: unknown): boolean =>
  thrown instanceof PostgresError && (thrown.code === SQLSTATE.objectInUse || thrown.code === SQLSTATE.duplicateObject);

/** What people have to mend; undefined: it may be well the next time. */
function faultIn(thrown: unknown): PathcastError | undefined {
  if (isPathcastError(thrown)) return thrown;
  if (!(thrown instanceof PostgresError)) return undefined;
  switch (thrown.code) {
    case SQLSTATE.insufficientPrivilege:
      return faultOf([`${thrown.message}; run, as a superuser: ALTER ROLE <the connection's> REPLICATION (on RDS: GRANT rds_replication TO it)`]);
    case SQLSTATE.configurationLimit:
      return faultOf([`${thrown.message}; run, and restart it: ALTER SYSTEM SET max_replication_slots = 20 (or drop a slot that nobody reads: SELECT slot_name, active FROM pg_replication_slots)`]);
    case SQLSTATE.invalidPassword:
    case SQLSTATE.invalidAuthorization:
    case SQLSTATE.noDatabase:
    case UNUSABLE:
      return faultOf([thrown.message]);
    default:
      return undefined;
  }
}

/**
 * One connection to the slot, from its first byte to its end. The stream itself is the lock: PostgreSQL gives a slot to one at a time. Who has it takes the state that
 * its predecessor left, says whether nothing can be missing in between, and reads on.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as later } from 'node:timers/promises';
import type { HubInternals } from '../../server/internals.js';
import { Recorder } from '../activities/recorder.js';
import { Acker } from '../stream/acker.js';
import { sleep, waitOf } from '../../internal/backoff.js';
import { readSlot, type ServerFacts } from '../server/checks.js';
import type { Collected, Poison } from '../changes/collector.js';
import { decoderOf } from '../server/encodings.js';
import { PostgresError, type ReplicationConnection, type SqlConnection } from '../server/connections.js';
import { Intake, wholePaths, type IntakeCounts } from '../stream/intake.js';
import { FLAWED, readKept, writeKept, type KeptState } from './kept-state.js';
import { formatLsn } from '../stream/lsn.js';
import type { Behind } from './lag.js';
import type { CdcSettings } from './settings.js';
import { Stopped } from './placing.js';
import { Sink } from './sink.js';
import { ident, literal } from '../server/sql-text.js';
import { areVisible } from '../server/visible.js';
import { statusMessage } from '../stream/stream-messages.js';

export interface SessionHost {
  readonly settings: CdcSettings;
  readonly internals: HubInternals;
  readonly counts: IntakeCounts;
  /** Of this worker, for ever. */
  readonly owner: string;
  /** As `SinkHost.given`, of this worker. */
  readonly given: Map<string, string>;
  /** It reads. */
  streaming(): void;
  /** All companies were told that everything may be stale. */
  resynced(why: string, companies: number): void;
  poison(poison: Readonly<Poison>): void;
  lost(companyId: string, why: string): void;
  wrote(batch: readonly Collected[], actions: number): void;
  warn(kind: string, message: string): void;
  /** On a connection for questions, which is made anew where it has ended. Rejects with PostgresError. */
  query: SqlConnection['query'];
}

/** Somebody else has taken over. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** The tables or the publication are not those that it began with: it begins anew, which tells what may be missing. */
export class Renewed extends Error {
  override readonly name = 'Renewed';
}

/** Of `wal_sender_timeout`: the server hears of the worker three times in it; 0 there stands for this, ms. */
const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_STATUS_MS = 10_000;
/** How often it is looked whether a status is due, ms. */
const TICK_MS = 100;
/** Where other tables alone are written, how often it is kept that PostgreSQL may forget that, ms. */
const PERSIST_MS = 1_000;
const KEEPALIVE = 0x6b;
const AGAIN = { firstMs: 50, maxMs: 2_000 };
const PAY_DEBTS_MS = 5_000;
/** Between two looks at whether a commit can be seen: mostly it takes less than a millisecond. */
const LOOK = { firstMs: 1, maxMs: 250 };
/** After it, a warning. */
const UNSEEN_MS = 5_000;
/** How often old activities are looked for, ms. */
const CLEAN_MS = 60_000;
/** Names in one sentence. */
const SHOWN_TABLES = 10;

export class Session {
  readonly #host: SessionHost;
  readonly #sql: SqlConnection;
  readonly #replication: ReplicationConnection;
  readonly #facts: ServerFacts;
  readonly #abort = new AbortController();
  readonly #paused = new Set<'preparing' | 'full'>();
  /** Of what came before it was known where to go on. */
  readonly #early: Buffer[] = [];
  #acker: Acker;
  #intake: Intake | undefined;
  #sink: Sink | undefined;
  /** It is known where the slot stands. */
  #placed = false;
  #recorder: Recorder | undefined;
  #cleanedAt = -Infinity;
  #epoch = '';
  #isFlawed = false;
  #forms = new Map<string, string>();
  #owed: ReadonlySet<string> = new Set();
  #ended: unknown;
  #persisting: Promise<void> = Promise.resolve();
  #persistPending = false;
  #persistedAt = -Infinity;
  #paidAt = 0;
  #payments = 0;
  #ticking: NodeJS.Timeout | undefined;

  constructor(host: SessionHost, sql: SqlConnection, replication: ReplicationConnection, facts: ServerFacts) {
    this.#host = host;
    this.#sql = sql;
    this.#replication = replication;
    this.#facts = facts;
    this.#acker = this.#newAcker(0n, 0n);
  }

  /** Up to where PostgreSQL may forget. */
  get acked(): bigint {
    return this.#acker.granted;
  }

  /** Transactions that were read and are not in the log. */
  get waiting(): number {
    return this.#sink?.waiting ?? 0;
  }

  /** Companies whose actions Redis refused. */
  get owed(): number {
    return this.#owed.size;
  }

  /** What is not in the log yet; undefined: it is not known where the slot stands. */
  get behind(): Behind | undefined {
    if (!this.#placed) return undefined;
    const { acked, written } = this.#acker;
    // A slot that has gone back in a crash sends again what is in the log.
    return { acked: written > acked ? written : acked, oldest: this.#sink?.oldest ?? this.#intake?.openSince };
  }

  /** Rejects with why it is over: PostgresError, Fenced, PgoutputError, Stopped. */
  async run(): Promise<never> {
    try {
      await this.#prepare();
      this.#host.streaming();
      for (;;) {
        this.#abort.signal.throwIfAborted();
        await later(3_600_000, undefined, { signal: this.#abort.signal, ref: false });
      }
    } catch (thrown) {
      throw this.#ended ?? thrown;
    } finally {
      this.end(new Stopped('the session is over'));
      clearInterval(this.#ticking);
      await this.#sink?.idle();
    }
  }

  /** Idempotent; the first reason counts. */
  end(why: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#ended = why;
    this.#abort.abort();
  }

  async #prepare(): Promise<void> {
    const { settings } = this.#host;
    const [identity] = await this.#replication.command('IDENTIFY_SYSTEM');
    const line = `${identity?.['systemid'] ?? ''}.${identity?.['timeline'] ?? ''}.`;
    const walEnd = identity?.['xlogpos'];
    await this.#begin();
    const slot = await readSlot(this.#sql, settings.slot);
    if (!slot) throw new PostgresError('the slot is gone', '');
    this.#acker = this.#newAcker(slot.confirmed, 0n);
    this.#placed = true;
    this.#ticking = setInterval(() => this.#tick(), TICK_MS).unref();
    const kept = readKept(await this.#patiently(() => this.#host.internals.workerStates.take(settings.slot, this.#host.owner)));
    const gap = await this.#gap(kept, line, slot.confirmed, walEnd);
    this.#epoch = gap === undefined ? kept.epoch : `${line}${randomBytes(4).toString('hex')}`;
    this.#forms = new Map(gap === undefined ? kept.forms : []);
    this.#owed = kept.owed;
    this.#acker = this.#newAcker(slot.confirmed, gap === undefined ? kept.written : 0n);
    const { activities } = settings;
    if (activities) {
      const place = { source: line.slice(0, -1), generation: this.#epoch.slice(line.length) };
      this.#recorder = new Recorder(this.#sql, activities, place, (kind, message) => this.#host.warn(kind, message));
      await this.#recorder.begin();
    }
    this.#sink = this.#newSink();
    if (gap !== undefined || kept.resync) await this.#resync(gap);
    else await this.#goOn(kept);
    this.#read();
  }

  async #begin(): Promise<void> {
    const { slot, publication } = this.#host.settings;
    const options = `proto_version '1', publication_names ${literal(ident(publication))}, messages 'true'`;
    await this.#replication.stream(`START_REPLICATION SLOT ${ident(slot)} LOGICAL 0/0 (${options})`, {
      data: (bytes) => this.#heard(bytes),
      ended: (error) => this.end(error ?? new PostgresError('PostgreSQL has ended the stream', '')),
    });
    this.#pause('preparing');
  }

  /** Why changes may be missing between what is in the log and what the slot will send; undefined: none are. */
  async #gap(kept: KeptState, line: string, confirmed: bigint, walEnd: string | null | undefined): Promise<string | undefined> {
    if (kept.epoch === FLAWED) return 'a table or the publication was not as it has to be';
    if (kept.epoch === '') return 'nothing is known of what was told before';
    if (!kept.epoch.startsWith(line)) return 'it is another PostgreSQL, or another time line of it';
    if (confirmed > kept.acked) return 'the slot is another one, or somebody else has read it';
    const [behind] = await this.#sql.query('SELECT ($1::pg_lsn < $2::pg_lsn)::text AS behind', [walEnd ?? '0/0', formatLsn(kept.written)]);
    return behind?.['behind'] === 'true' ? 'its WAL has gone back' : undefined;
  }

  /** `gap`: why; undefined: one was begun. */
  async #resync(gap: string | undefined): Promise<void> {
    await this.#keep({ epoch: this.#epoch, written: 0n, acked: this.#acker.acked, resync: true, owed: this.#owed, forms: this.#forms, activities: this.#host.settings.activities?.schema ?? '' });
    const sink = this.#sink as Sink;
    const companies = await sink.companies();
    const heads = await this.#recorder?.resync(companies, gap === undefined ? randomBytes(4).toString('hex') : undefined);
    await sink.resync(companies, `${this.#epoch}-resync`);
    if (heads) await sink.ring(heads);
    await this.#keep({ resync: false, owed: this.#owed, tables: this.#facts.tables });
    this.#host.resynced(gap ?? 'a resync was begun, and not known to have been told to all', companies.length);
  }

  /** Nothing is missing but what nobody listened to, another table of a known name included; nor, in the tables of activities, but what nobody wrote there. */
  async #goOn({ tables: before, activities: writtenTo }: KeptState): Promise<void> {
    const { tables } = this.#facts;
    const { settings } = this.#host;
    const activities = settings.activities?.schema ?? '';
    const renewed = [...settings.tables].filter(([key]) => before.get(key) !== tables.get(key)).map(([, table]) => table);
    const sink = this.#sink as Sink;
    const heads = renewed.length > 0 || writtenTo !== activities ? await this.#recorder?.resync([], randomBytes(4).toString('hex')) : undefined;
    const companies = renewed.length > 0 ? await sink.companies() : [];
    await sink.resync(companies, `${this.#epoch}-tables-${Date.now().toString(36)}`, [...new Set(renewed.flatMap(wholePaths))]);
    const isKnown = renewed.length === 0 && before.size === tables.size;
    await this.#keep({ activities, ...(!isKnown && { tables, owed: this.#owed }) });
    if (heads) await sink.ring(heads);
    if (renewed.length === 0) return;
    const names = renewed.slice(0, SHOWN_TABLES).map(({ name }) => name).join(', ');
    this.#host.resynced(`not listened to before, or another table: ${names}${renewed.length > SHOWN_TABLES ? ', …' : ''}`, companies.length);
  }

  /** What the checks find while it reads: it goes on, and everybody is told when it is mended, whoever reads then. */
  flaw(): void {
    if (this.#isFlawed || !this.#intake) return;
    this.#isFlawed = true;
    this.#keep({}).catch((thrown: unknown) => this.end(thrown));
  }

  /** The checks find nothing wrong any more. */
  sound(tables: ReadonlyMap<string, string>): void {
    const isSame = [...tables].every(([key, identity]) => this.#facts.tables.get(key) === identity);
    if (this.#isFlawed || !isSame) this.end(new Renewed('the tables or the publication have changed'));
  }

  #newAcker(acked: bigint, written: bigint): Acker {
    const timeoutMs = this.#facts.walSenderTimeoutMs || DEFAULT_TIMEOUT_MS;
    return new Acker({ acked, written, statusEveryMs: Math.min(MAX_STATUS_MS, timeoutMs / 3), silenceMs: timeoutMs * 2, now: performance.now() });
  }

  #newSink(): Sink {
    const { settings, internals } = this.#host;
    return new Sink(
      {
        hub: settings.hub,
        internals,
        epoch: this.#epoch,
        given: this.#host.given,
        signal: this.#abort.signal,
        random: Math.random,
        lost: (companyId, why) => this.#host.lost(companyId, why),
        warn: (kind, message) => this.#host.warn(kind, message),
        debts: (companies) => (this.#owed = new Set(companies)),
        visible: (batch) => this.#visible(batch.map(({ xid }) => xid)),
        written: (batch) => this.#written(batch),
        drained: () => this.#resume('full'),
        failed: (thrown) => this.end(thrown),
        recorder: this.#recorder,
      },
      settings.maxWaiting,
      this.#owed,
    );
  }

  /** From now on what comes is taken. */
  #read(): void {
    const { settings, counts } = this.#host;
    const intake = new Intake(
      this.#acker,
      { tables: settings.tables, forms: this.#forms, maxPaths: settings.maxPaths, maxDataBytes: settings.maxDataBytes, decode: decoderOf(this.#facts.encoding), maxRecords: settings.activities?.maxPerCommit },
      {
        committed: (collected) => {
          const sink = this.#sink as Sink;
          sink.push(collected);
          if (sink.full) this.#pause('full');
        },
        poison: (poison) => this.#host.poison(poison),
        odd: (kind, message) => this.#host.warn(kind, message),
      },
      counts,
    );
    this.#intake = intake;
    for (const bytes of this.#early.splice(0)) this.#heard(bytes);
    this.#resume('preparing');
  }

  #heard(bytes: Buffer): void {
    if (this.#abort.signal.aborted) return;
    if (!this.#intake) {
      this.#early.push(Buffer.from(bytes));
      return;
    }
    try {
      this.#intake.take(bytes, performance.now());
    } catch (thrown) {
      this.end(thrown);
      return;
    }
    if (bytes[0] === KEEPALIVE) this.#tick();
  }

  /** Until they are: what is held up by a standby nobody else sees either. */
  async #visible(xids: readonly number[]): Promise<void> {
    const from = performance.now();
    let isTold = false;
    for (let attempt = 0; !(await areVisible(this.#host, xids)); attempt++) {
      if (!isTold && performance.now() - from > UNSEEN_MS) {
        isTold = true;
        this.#host.warn('cdc-unseen', 'a transaction is in the WAL, and nobody sees its rows yet: its commit waits, as for a synchronous standby (pg_stat_activity: wait_event SyncRep). It is told when it is seen');
      }
      await sleep(waitOf(LOOK, attempt, 1), this.#abort.signal);
      if (this.#abort.signal.aborted) throw new Stopped('the session is over');
    }
  }

  async #written(batch: readonly Collected[]): Promise<void> {
    for (const { endLsn, forms } of batch) {
      this.#acker.wrote(endLsn);
      for (const [table, form] of forms) this.#forms.set(table, form);
    }
    const newForms = batch.some(({ forms }) => forms.size > 0);
    await this.#keep({ written: this.#acker.written, acked: this.#acker.acked, owed: this.#owed, ...(newForms && { forms: this.#forms }) });
    const sink = this.#sink as Sink;
    this.#host.wrote(batch, sink.actions);
    sink.actions = 0;
  }

  /** One after the other. What is acknowledged in it may be told to the server once it is kept. Rejects with Fenced, Stopped. */
  #keep(fields: Partial<KeptState>): Promise<void> {
    const { settings, owner, internals } = this.#host;
    this.#persisting = this.#persisting.then(async () => {
      const isOurs = await this.#patiently(() => internals.workerStates.keep(settings.slot, owner, writeKept({ epoch: this.#isFlawed ? FLAWED : this.#epoch, ...fields })));
      if (!isOurs) {
        const fenced = new Fenced('another worker has taken the slot over, or what was kept of it is gone');
        this.end(fenced);
        throw fenced;
      }
      if (fields.acked !== undefined) this.#acker.grant(fields.acked);
    });
    return this.#persisting;
  }

  /** Until Redis has answered. Rejects with Stopped. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await ask();
      } catch (thrown) {
        if (this.#abort.signal.aborted) throw new Stopped('the session is over', { cause: thrown });
        if (attempt > 2) this.#host.warn('cdc-state', `what the worker has done cannot be kept in Redis (${String(thrown)}); PostgreSQL is told nothing more until it can`);
        await sleep(waitOf(AGAIN, attempt, Math.random()), this.#abort.signal);
      }
    }
  }

  #tick(): void {
    if (this.#abort.signal.aborted) return;
    const now = performance.now();
    const acker = this.#acker;
    if (this.#host.settings.hub.closed) {
      this.end(new Stopped('the hub is closed'));
      return;
    }
    if (acker.isDead(now, this.#paused.size === 0)) {
      this.end(new PostgresError('PostgreSQL was silent for too long', ''));
      return;
    }
    if (this.#intake && acker.acked > acker.granted && !this.#persistPending && now - this.#persistedAt >= PERSIST_MS) {
      this.#persistPending = true;
      this.#persistedAt = now;
      this.#keep({ written: acker.written, acked: acker.acked })
        .catch((thrown: unknown) => this.end(thrown))
        .finally(() => (this.#persistPending = false));
    }
    const status = acker.status(now);
    if (status) this.#replication.write(statusMessage(status.lsn, Date.now(), status.replyNow));
    this.#payDebts(now);
    if (this.#recorder && this.#intake && now - this.#cleanedAt >= CLEAN_MS) {
      this.#cleanedAt = now;
      this.#recorder.clean().catch((thrown: unknown) => {
        if (!this.#abort.signal.aborted) this.#host.warn('cdc-activities', `old activities could not be removed (${String(thrown)}); it is tried again in a minute`);
      });
    }
  }

  #payDebts(now: number): void {
    if (!this.#intake || this.#owed.size === 0 || now - this.#paidAt < PAY_DEBTS_MS || this.waiting > 0) return;
    this.#paidAt = now;
    this.#payments++;
    (this.#sink as Sink)
      .payDebts(`${this.#epoch}-owed-${String(this.#payments)}-${Date.now().toString(36)}`)
      .then(() => this.#keep({ owed: this.#owed }))
      .catch((thrown: unknown) => this.end(thrown));
  }

  #pause(why: 'preparing' | 'full'): void {
    this.#paused.add(why);
    this.#replication.pause();
  }

  #resume(why: 'preparing' | 'full'): void {
    this.#paused.delete(why);
    if (this.#paused.size === 0 && !this.#abort.signal.aborted) this.#replication.resume();
  }
}

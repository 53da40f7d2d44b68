/** The door to activities: what was changed in the database, read in order, by whoever asks. */
import { Buffer } from 'node:buffer';
import { PathcastError } from '../../protocol/error.js';
import { describe, describeType, isArray } from '../../internal/describe.js';
import { checkCompanyId, checkKeys, checkObject } from '../../server/check.js';
import { checkHub, isHub, type AnyHub, type Hub } from '../../server/hub.js';
import { internalsOf } from '../../server/internals.js';
import { integer } from '../../server/option-values.js';
import { schemaOf } from '../transactions/tables.js';
import { allowed, type Activity, type IsAllowed, type ResyncReason } from './activity.js';
import { Bell } from './bell.js';
import { Job } from './jobs.js';
import { liveHandler, type LiveHandler, type LiveOptions, type LiveUser } from './live.js';
import { checkStart, formatOffset, type Start } from './offset.js';
import { checkTexts, Source, type ActivityDatabase, type EntitySource } from './source.js';
import { Tails } from './tails.js';

export interface ActivitiesOptions {
  /** Of `createHub()`: the one that the worker tells, or one that shares its Redis. */
  hub: AnyHub;
  /** A `Pool` of pg: the database of the worker, or a replica of it. */
  database: ActivityDatabase;
  /** Where `activityTables()` stand. Default `pathcast`. */
  schema?: string | undefined;
  /** By entity type (the module of the worker's map): where its rows are read. Of other types activities have no `data`. */
  entities?: Readonly<Record<string, EntitySource>> | undefined;
  /** UTF-8 bytes of a row as JSON, 0 to 1,000,000; default 7,500. Above it `data` is null, and `fetch` true. */
  maxDataBytes?: number | undefined;
}

export interface FetchOptions<U> {
  companyId: string;
  /** An activity's id, exclusive; `-1`: from the oldest that is kept; `now`: none. Default -1. */
  after?: string | number | null | undefined;
  /** How many are looked at, 1 to 100; default 100. Those that are not allowed are left out of them. */
  limit?: number | undefined;
  /** Default: all. */
  entityTypes?: readonly string[] | undefined;
  /** For `isAllowed`. */
  user?: U | undefined;
  /** Default: everything is. */
  isAllowed?: IsAllowed<U> | undefined;
}

export interface FetchResult {
  readonly activities: readonly Activity[];
  /** The next `after`. */
  readonly offset: string;
  /** There is nothing behind it now. */
  readonly complete: boolean;
  /** Changes may be missing before these: everything that was read before is to be read again. */
  readonly resync?: ResyncReason;
}

export interface SubscribeOptions {
  /** Default: all companies. */
  companyId?: string | undefined;
  entityTypes?: readonly string[] | undefined;
  /**
   * The offset after which it begins; of all companies `{ [companyId]: offset }`, where one that is not in it begins with its oldest. Default: from now on. To go on after a restart, keep the
   * `activityId` of what was done, by its `companyId`.
   */
  after?: string | number | Readonly<Record<string, string>> | null | undefined;
}

export interface ActivitySubscription {
  /** When its place is known: what is committed from then on is heard. */
  readonly ready: Promise<void>;
  /** Resolves when the listener has ended what it was at. Idempotent. */
  close(): Promise<void>;
}

const OPTIONS = ['hub', 'database', 'schema', 'entities', 'maxDataBytes'];
const FETCH = ['companyId', 'after', 'limit', 'entityTypes', 'user', 'isAllowed'];

export class Activities {
  readonly #hub: Hub;
  readonly #database: ActivityDatabase;
  readonly #schema: string;
  readonly #source: Source;
  readonly #bell: Bell;
  readonly #tails: Tails;
  readonly #jobs = new Set<Job>();

  /** Use `createActivities`. Throws INVALID_OPTION. */
  constructor(given: ActivitiesOptions) {
    checkKeys('createActivities()', checkObject('options', given, 'INVALID_OPTION'), OPTIONS);
    const { hub, database, schema, entities, maxDataBytes } = given;
    checkHub(hub);
    if (!isHub(hub)) throw wrong('hub is missing: createActivities({ hub: createHub(), … })');
    // Not quoted: it may be the address of a database.
    if (typeof database !== 'object' || database === null || typeof database.query !== 'function') throw wrong(`database must be a Pool of pg, got ${describeType(database)}`);
    this.#hub = hub as unknown as Hub;
    this.#database = database;
    this.#schema = schemaOf(schema);
    this.#source = new Source(database, { schema: this.#schema, entities: checkEntities(entities), maxDataBytes: integer('maxDataBytes', maxDataBytes, 7_500, 0, 1_000_000) });
    this.#bell = new Bell(this.#hub);
    this.#tails = new Tails(this.#bell, this.#source, (thrown) => this.#report(thrown));
  }

  /**
   * A page of what was changed, in order, each with its row as it is now. Rejects with INVALID_FIELD, INVALID_COMPANY_ID, and with what the database, `rows` or `isAllowed` reject with.
   */
  async fetchActivities<U = undefined>(options: FetchOptions<U>): Promise<FetchResult> {
    checkKeys('fetchActivities()', checkObject('options', options), FETCH);
    const { companyId, after, limit, entityTypes, user, isAllowed } = options;
    if (isAllowed !== undefined && typeof isAllowed !== 'function') throw wrong(`isAllowed must be a function (user, changes) => booleans, got ${describe(isAllowed)}`);
    if (user !== undefined && !isAllowed) throw wrong('user is given, and no isAllowed that asks for it');
    const start = checkStart('after', after, 'beginning');
    const page = await this.#source.page(checkCompanyId(companyId), start, checkLimit(limit), checkTypes(entityTypes));
    const activities = isAllowed ? await allowed(isAllowed, user as U, page.activities) : page.activities;
    return { activities, offset: formatOffset(page.next), complete: page.complete, ...(page.resync !== undefined && { resync: page.resync }) };
  }

  /**
   * Tells `listener` of each activity, one at a time for a subscription (a promise is waited for), in the order of each company. Where changes may be missing one with the type `*` and the
   * id `*` says so. What it throws is an `error` of the hub (`during: 'activities'`), and it goes on with the next. Throws INVALID_OPTION, INVALID_FIELD.
   */
  subscribe(options: SubscribeOptions, listener: (activity: Activity) => unknown): ActivitySubscription {
    checkKeys('subscribe()', checkObject('options', options), ['companyId', 'entityTypes', 'after']);
    if (typeof listener !== 'function') throw wrong(`the listener must be a function, got ${describe(listener)}`);
    const { companyId, entityTypes, after } = options;
    if (companyId !== undefined) checkCompanyId(companyId);
    const job = new Job({ companyId, types: checkTypes(entityTypes), after: placesOf(companyId, after), listener, report: (thrown) => this.#report(thrown) }, this.#source, this.#bell);
    this.#jobs.add(job);
    void job.ended.then(() => this.#jobs.delete(job));
    return { ready: job.placed, close: () => job.close() };
  }

  /** `on('activity', listener)`: `subscribe({}, listener)`. The returned function stops it. */
  on(event: 'activity', listener: (activity: Activity) => unknown): () => void {
    if (event !== 'activity') throw wrong(`there is no event ${describe(event)}; there is: activity`);
    const subscription = this.subscribe({}, listener);
    return () => void subscription.close();
  }

  /** The live endpoint, for Node, Express and Connect, and its `fastify` plugin. Throws INVALID_OPTION. */
  live<Req = unknown, U extends LiveUser = LiveUser>(options: LiveOptions<Req, U>): LiveHandler<Req> {
    return liveHandler({ internals: internalsOf(this.#hub), source: this.#source, tails: this.#tails }, options);
  }

  /** Erases all activities of a company. Offsets that it gave end with it. Rejects with what the database rejects with. */
  async forget(companyId: string): Promise<void> {
    // A text without values is one transaction, and each of its statements sees what was committed before it: the second one, what the first has waited for. Hex needs no quoting.
    const company = `convert_from(decode('${Buffer.from(checkCompanyId(companyId)).toString('hex')}', 'hex'), 'UTF8')`;
    const heads = `${this.#schema}.activity_heads WHERE company_id = ${company}`;
    await this.#database.query(`DELETE FROM ${heads}; DELETE FROM ${this.#schema}.activities WHERE company_id = ${company} AND NOT EXISTS (SELECT FROM ${heads})`);
  }

  /** Ends all subscriptions; those that are open stay with their hub. Resolves when no listener runs any more. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([...this.#jobs].map((job) => job.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #report(thrown: unknown): void {
    internalsOf(this.#hub).report('activities', thrown);
  }
}

/** Reads the activities that `createCdc({ activities: true })` writes. Throws INVALID_OPTION. */
export function createActivities(options: ActivitiesOptions): Activities {
  return new Activities(options);
}

const wrong = (message: string): PathcastError => new PathcastError('INVALID_OPTION', message);

function placesOf(companyId: string | undefined, after: SubscribeOptions['after']): Map<string, Start> | undefined {
  if (after === undefined || after === null || after === '' || after === 'now') return undefined;
  if (typeof after !== 'object') {
    if (companyId === undefined) throw new PathcastError('INVALID_FIELD', 'after is of one company: give companyId, or after: { [companyId]: offset }');
    return new Map([[companyId, checkStart('after', after, 'beginning')]]);
  }
  return new Map(Object.entries(checkObject('after', after)).map(([company, offset]) => [company, checkStart(`after[${describe(company)}]`, offset, 'beginning')]));
}

function checkLimit(limit: unknown): number {
  if (limit === undefined) return 100;
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1 && limit <= 100) return limit;
  throw new PathcastError('INVALID_FIELD', `limit must be a whole number from 1 to 100, got ${describe(limit)}`);
}

function checkTypes(types: unknown): ReadonlySet<string> {
  if (types === undefined || types === null) return new Set();
  if (!isArray(types) || types.length === 0 || !types.every((type) => typeof type === 'string' && type !== '')) throw new PathcastError('INVALID_FIELD', `entityTypes must be an array of names, got ${isArray(types) ? 'one with none, or with something else' : describe(types)}`);
  return checkTexts(types as string[]);
}

function checkEntities(entities: unknown): ReadonlyMap<string, EntitySource> {
  if (entities === undefined) return new Map();
  const sources = new Map<string, EntitySource>();
  for (const [type, given] of Object.entries(checkObject('entities', entities, 'INVALID_OPTION'))) {
    const at = `entities[${describe(type)}]`;
    const entity = checkObject(at, given, 'INVALID_OPTION');
    checkKeys(at, entity, 'rows' in entity ? ['rows', 'id'] : ['table', 'id', 'tenant', 'columns']);
    const { rows, table, id = 'id', tenant, columns } = entity;
    const names = 'rows' in entity ? [id] : [table, id, tenant, ...(isArray(columns) ? columns : [undefined])];
    if ('rows' in entity && typeof rows !== 'function') throw wrong(`${at}.rows must be a function (companyId, ids) => rows, got ${describe(rows)}`);
    if (!names.every((name) => typeof name === 'string' && name !== '')) throw wrong(`${at} must be { table, tenant, columns, id? } with names of columns, or { rows, id? }`);
    sources.set(type, entity as unknown as EntitySource);
  }
  return sources;
}

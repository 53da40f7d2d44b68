/** What `createOffline` is given, and what is wrong with it. */
import type { OfflineEnvironment } from './environment.js';
import { demand } from './error.js';
import type { VersionsOf } from './inside.js';
import type { OfflineMutation, OutboxEntry } from './types.js';

export interface OfflineOptions {
  /** What is kept is kept for this company and user alone. */
  companyId: string;
  userId: string;
  /** Tells two apps of one origin apart. Default: `pathcast`. */
  app?: string | undefined;
  /** Of the shape of what mutations take; raised when that changes. Default: 1. */
  version?: number | undefined;
  /** Needed above version 1: what an older version has kept, as this one sends it (`path`, `input`, `fields`, `kind` count); null: it cannot be sent any more. */
  migrate?: ((entry: OutboxEntry, from: number) => OutboxEntry | null) | undefined;
  /** By path. What is not named here is not kept. */
  mutations: Readonly<Record<string, OfflineMutation>>;
  /** By a query's path: the versions in its answers. */
  versions?: Readonly<Record<string, VersionsOf>> | undefined;
  /** Answers `{ "ok": true }` where the app's own server answers; or a function that resolves with true. Default: no probe, the stream and answers are the proof. */
  probe?: string | (() => Promise<boolean>) | undefined;
  /** Lanes at once, 1 to 32. Default: 4. */
  parallel?: number | undefined;
  /** For tests. */
  environment?: OfflineEnvironment | undefined;
}

export type Settled = OfflineOptions & { app: string; version: number; parallel: number };

type Check = readonly [right: (value: unknown) => unknown, allowed: string];

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isText = (value: unknown): boolean => typeof value === 'string' && /^\P{Cs}+$/u.test(value);

const TEXT: Check = [isText, 'a non-empty string'];
const FUNCTION: Check = [isFunction, 'a function'];
const FLAG: Check = [(value) => typeof value === 'boolean', 'true or false'];
const RECORD: Check = [(value) => Object(value) === value && !Array.isArray(value) && !isFunction(value), 'an object'];
const whole = (allowed: string, most: number): Check => [(value) => Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= most, `a whole number ${allowed}`];
const word = (...words: string[]): Check => [(value) => words.includes(value as string), words.join(' or ')];

const OPTIONS: Readonly<Record<string, Check>> = {
  companyId: TEXT,
  userId: TEXT,
  app: TEXT,
  version: whole('above 0', Infinity),
  migrate: FUNCTION,
  mutations: RECORD,
  versions: RECORD,
  probe: [(value) => isText(value) || isFunction(value), 'a URL or a function'],
  parallel: whole('from 1 to 32', 32),
  environment: RECORD,
};

const MUTATION: Readonly<Record<string, Check>> = {
  kind: word('create', 'update', 'delete', 'other'),
  entity: TEXT,
  id: FUNCTION,
  idKey: TEXT,
  fields: FUNCTION,
  merge: FUNCTION,
  dependsOn: FUNCTION,
  squash: FLAG,
  once: word('server', 'none'),
  compare: FLAG,
  shows: RECORD,
};

const NEEDED = ['companyId', 'userId', 'mutations', 'kind'];

/** `at`: of a mutation, its path. */
function check(checks: Readonly<Record<string, Check>>, given: object, at?: string): void {
  const of = at ? ` of ${at}` : '';
  demand(RECORD[0](given), at ?? 'options', RECORD[1], given);
  for (const name in given) demand(Object.hasOwn(checks, name), `an option${of}`, `one of ${Object.keys(checks).join()}`, name);
  for (const [name, [right, allowed]] of Object.entries(checks)) {
    const value = (given as Record<string, unknown>)[name];
    demand(right(value) || (value === undefined && !NEEDED.includes(name)), name + of, allowed, value);
  }
}

export function settle(options: OfflineOptions): Settled {
  check(OPTIONS, options);
  const { app = 'pathcast', version = 1, parallel = 4, migrate, mutations, versions } = options;
  for (const path in mutations) check(MUTATION, mutations[path] as object, path);
  for (const path in versions) demand(isFunction(versions[path]), `versions of ${path}`, FUNCTION[1], versions[path]);
  demand(version < 2 || migrate, 'migrate', 'given where version is above 1', migrate);
  return { ...options, app, version, parallel };
}

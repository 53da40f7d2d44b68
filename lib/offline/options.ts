/** What `createOffline` is given, and what is wrong with it. */
import type { OfflineEnvironment } from './environment.js';
import { offlineError } from './error.js';
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

type Check = readonly [right: (value: unknown) => boolean, allowed: string];

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isText = (value: unknown): boolean => typeof value === 'string' && /^\P{Cs}+$/u.test(value);
const isWhole = (value: unknown, most = Infinity): boolean => Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= most;
const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

const TEXT: Check = [isText, 'a non-empty string'];
const FUNCTION: Check = [isFunction, 'a function'];
const FLAG: Check = [(value) => typeof value === 'boolean', 'true or false'];
const RECORD: Check = [isRecord, 'an object'];
const NEEDED = ['companyId', 'userId', 'mutations', 'kind'];

const OPTIONS: Readonly<Record<string, Check>> = {
  companyId: TEXT,
  userId: TEXT,
  app: TEXT,
  version: [isWhole, 'a whole number above 0'],
  migrate: FUNCTION,
  mutations: RECORD,
  versions: RECORD,
  probe: [(value) => isText(value) || isFunction(value), 'a URL or a function'],
  parallel: [(value) => isWhole(value, 32), 'a whole number from 1 to 32'],
  environment: RECORD,
};

const MUTATION: Readonly<Record<string, Check>> = {
  kind: [(value) => /^(create|update|delete|other)$/.test(String(value)), 'create, update, delete or other'],
  entity: TEXT,
  id: FUNCTION,
  idKey: TEXT,
  fields: FUNCTION,
  merge: FUNCTION,
  dependsOn: FUNCTION,
  squash: FLAG,
  once: [(value) => value === 'server' || value === 'none', 'server or none'],
  compare: FLAG,
  shows: RECORD,
};

export function demand(right: boolean, field: string, allowed: string, value: unknown): void {
  if (!right) throw offlineError('INVALID_OPTION', `${field} must be ${allowed}, got ${typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : typeof value}`);
}

function check(checks: Readonly<Record<string, Check>>, given: object, at = ''): void {
  demand(isRecord(given), at || 'options', 'an object', given);
  for (const name of Object.keys(given)) demand(Object.hasOwn(checks, name), at ? `an option of ${at}` : 'an option', `one of ${Object.keys(checks).join()}`, name);
  for (const [name, [right, allowed]] of Object.entries(checks)) {
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined || NEEDED.includes(name)) demand(right(value), at ? `${name} of ${at}` : name, allowed, value);
  }
}

export function settle(options: OfflineOptions): Settled {
  check(OPTIONS, options);
  const { app = 'pathcast', version = 1, parallel = 4 } = options;
  for (const [path, mutation] of Object.entries(options.mutations)) check(MUTATION, mutation, path);
  for (const [path, of] of Object.entries(options.versions ?? {})) demand(isFunction(of), `versions of ${path}`, 'a function', of);
  demand(version < 2 || !!options.migrate, 'migrate', 'given where version is above 1', options.migrate);
  return { ...options, app, version, parallel };
}

/**
 * Every setting of the reference server, from the environment. A value that does not fit is refused
 * with a message that names the variable, the value and what is allowed. Secrets are never shown.
 */
import { resolve } from 'node:path';
import { messageOf } from '../internal/describe.js';
import { maskRedisUrl, parseRedisUrl } from '../redis/url.js';
import { faultOfPostgresUrl, maskPostgresUrl } from './postgres/url.js';

export interface Settings {
  /** 0: any free port. */
  port: number;
  host: string;
  /** Signs the sessions. */
  sessionSecret: string;
  /** Seconds a session lasts. */
  sessionTtlSeconds: number;
  production: boolean;
  /** SQLite file, or `:memory:`. */
  dbPath: string;
  /** Each company finds demo rows on its first visit. */
  demoData: boolean;
  engine: 'auto' | 'native' | 'js';
  /** Streams per user and company; 0 none. */
  maxPerUser: number;
  /** Streams per company; 0 none. */
  maxPerCompany: number;
  /** Actions kept per company. */
  logActions: number;
  logTtlMs: number;
  heartbeatMs: number;
  connectionCapBytes: number;
  /** ms over which streams are closed at shutdown. */
  drainMs: number;
  /** Logins per minute and address; 0 means no limit. */
  loginsPerMinute: number;
  /** Proxies in front, whose X-Forwarded-For is believed; 0: none. What stands left of theirs anybody may have written. */
  trustProxy: number;
  logLevel: LogLevel;
  /** Where the log lives that several nodes share; undefined: this process's memory. */
  redisUrl: string | undefined;
  /** Where pages and attachments are, and whose changes are told, whoever makes them; undefined: there are none. */
  postgresUrl: string | undefined;
  /** `strict`: /readyz is 503 also while Redis is away. */
  readiness: 'lenient' | 'strict';
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Bytes that a secret should have, the size of the hash; shorter ones are warned about. */
export const SECRET_BYTES = 32;

/** What is wrong with the environment, one line for each variable. */
export class SettingsError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'SettingsError';
  }
}

type Env = Readonly<Record<string, string | undefined>>;

/** Reads variables one by one and gathers what is wrong with them. An empty value counts as absent. */
class Reader {
  readonly problems: string[] = [];
  constructor(private readonly env: Env) {}

  text(name: string): string | undefined {
    const value = this.env[name];
    return value === undefined || value === '' ? undefined : value;
  }

  int(name: string, fallback: number, min: number, max: number, zeroMeans?: string): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if ((number >= min && number <= max) || (zeroMeans !== undefined && number === 0)) return number;
    const zero = zeroMeans !== undefined && min > 0 ? `, or 0 for ${zeroMeans}` : '';
    this.problems.push(`${name} is ${JSON.stringify(value)}; allowed is a whole number from ${min} to ${max}${zero}`);
    return fallback;
  }

  choice<W extends string>(name: string, fallback: W, allowed: readonly W[]): W {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const found = allowed.find((word) => word === value);
    if (found !== undefined) return found;
    this.problems.push(`${name} is ${JSON.stringify(value)}; allowed is one of ${allowed.join(', ')}`);
    return fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.choice(name, fallback ? '1' : '0', ['0', '1']) === '1';
  }
}

const DAY_MS = 86_400_000;
/** The hub's own bounds, which also stand for "no limit": the log is then bounded by its bytes. */
const MAX_LOG_ACTIONS = 1_000_000;
const MAX_LOG_TTL_MS = 3_650 * DAY_MS;

export function readSettings(env: Env): Settings {
  const read = new Reader(env);
  const production = env['NODE_ENV'] === 'production';
  const settings: Settings = {
    port: read.int('PORT', 3000, 0, 65_535),
    host: read.text('HOST') ?? (production ? '0.0.0.0' : '127.0.0.1'),
    sessionSecret: readSecret(read, production),
    sessionTtlSeconds: read.int('SESSION_TTL_S', 43_200, 1, 31_536_000),
    production,
    dbPath: read.text('PATHCAST_DB') ?? resolve('.data', 'pathcast.sqlite'),
    demoData: read.flag('PATHCAST_DEMO_DATA', !production),
    engine: read.choice('PATHCAST_ENGINE', 'auto', ['auto', 'native', 'js']),
    maxPerUser: read.int('PATHCAST_MAX_PER_USER', 5, 1, 1_000_000, 'no limit'),
    maxPerCompany: read.int('PATHCAST_MAX_PER_COMPANY', 50, 1, 10_000_000, 'no limit'),
    logActions: read.int('PATHCAST_LOG_ACTIONS', 1_000, 1, MAX_LOG_ACTIONS, 'no limit') || MAX_LOG_ACTIONS,
    logTtlMs: read.int('PATHCAST_LOG_TTL_MS', DAY_MS, 1, MAX_LOG_TTL_MS, 'no limit') || MAX_LOG_TTL_MS,
    heartbeatMs: read.int('PATHCAST_HEARTBEAT_MS', 15_000, 10, DAY_MS),
    connectionCapBytes: read.int('PATHCAST_CONNECTION_CAP_BYTES', 65_536, 4_096, 268_435_456),
    drainMs: read.int('PATHCAST_DRAIN_MS', production ? 10_000 : 1_000, 0, 600_000),
    loginsPerMinute: read.int('PATHCAST_LOGINS_PER_MINUTE', production ? 60 : 6_000, 1, 1_000_000, 'no limit'),
    trustProxy: read.int('TRUST_PROXY', 0, 0, 10),
    logLevel: read.choice('LOG_LEVEL', 'info', LOG_LEVELS),
    redisUrl: readRedisUrl(read),
    postgresUrl: readPostgresUrl(read),
    readiness: read.choice('PATHCAST_READINESS', 'lenient', ['lenient', 'strict']),
  };
  if (read.problems.length > 0) throw new SettingsError(read.problems);
  return settings;
}

function readRedisUrl(read: Reader): string | undefined {
  const url = read.text('PATHCAST_REDIS_URL');
  if (url === undefined) return undefined;
  try {
    parseRedisUrl(url);
    return url;
  } catch (thrown) {
    // It names the part, and repeats none that may hold a password.
    read.problems.push(`PATHCAST_REDIS_URL: ${messageOf(thrown)}`);
    return undefined;
  }
}

function readPostgresUrl(read: Reader): string | undefined {
  const url = read.text('PATHCAST_POSTGRES_URL');
  const fault = url === undefined ? undefined : faultOfPostgresUrl(url);
  if (fault !== undefined) read.problems.push(`PATHCAST_POSTGRES_URL: ${fault}`);
  return fault === undefined ? url : undefined;
}

/** Signs sessions outside production, so that they outlive a restart. Known to everyone: worth nothing. */
const DEVELOPMENT_SECRET = 'pathcast development sessions are not secret';

function readSecret(read: Reader, production: boolean): string {
  const secret = read.text('SESSION_SECRET');
  if (secret !== undefined) return secret;
  if (production) {
    read.problems.push(`SESSION_SECRET is not set; in production it is needed: at least ${SECRET_BYTES} bytes of random text`);
  }
  return DEVELOPMENT_SECRET;
}

/** Settings as they may be printed: under their variable's name, the secret left out. */
export function printableSettings(settings: Settings): Record<string, string | number> {
  return {
    PORT: settings.port,
    HOST: settings.host,
    SESSION_SECRET: '(hidden)',
    SESSION_TTL_S: settings.sessionTtlSeconds,
    NODE_ENV: settings.production ? 'production' : 'development',
    PATHCAST_DB: settings.dbPath,
    PATHCAST_DEMO_DATA: settings.demoData ? 1 : 0,
    PATHCAST_ENGINE: settings.engine,
    PATHCAST_MAX_PER_USER: settings.maxPerUser,
    PATHCAST_MAX_PER_COMPANY: settings.maxPerCompany,
    PATHCAST_LOG_ACTIONS: settings.logActions,
    PATHCAST_LOG_TTL_MS: settings.logTtlMs,
    PATHCAST_HEARTBEAT_MS: settings.heartbeatMs,
    PATHCAST_CONNECTION_CAP_BYTES: settings.connectionCapBytes,
    PATHCAST_DRAIN_MS: settings.drainMs,
    PATHCAST_LOGINS_PER_MINUTE: settings.loginsPerMinute,
    TRUST_PROXY: settings.trustProxy,
    LOG_LEVEL: settings.logLevel,
    PATHCAST_REDIS_URL: settings.redisUrl === undefined ? '(none: memory)' : maskRedisUrl(settings.redisUrl),
    PATHCAST_POSTGRES_URL: settings.postgresUrl === undefined ? '(none)' : maskPostgresUrl(settings.postgresUrl),
    PATHCAST_READINESS: settings.readiness,
  };
}

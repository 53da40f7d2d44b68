/** Hub options: strict validation and defaults. An unknown option throws and lists the valid ones. */
import { PathcastError } from '../protocol/error.js';
import { MAX_ACTION_BYTES, MAX_INVALIDATE_BYTES } from '../protocol/limits.js';
import { describe, isArray } from '../internal/describe.js';
import type { EngineOptions } from '../internal/engine.js';
import { checkIdentifier, checkKeys, checkObject } from './check.js';
import { checkAliases, type Aliases } from './paths/aliases.js';
import type { OnPhantomPath } from './paths/binding.js';
import type { HubOptions } from './options.js';
import { checkRedis, type RedisSettings } from './redis-options.js';
import type { ReauthorizeOptions } from './reauthorize.js';
import type { HubLogger } from './results.js';
import { boolean, integer, oneOf } from './option-values.js';
import { createCodec, type Codec } from './transformer.js';

export interface Settings {
  engine: 'auto' | 'native' | 'js';
  modules: ReadonlySet<string> | undefined;
  codec: Codec;
  storesData: boolean;
  redis: RedisSettings | undefined;
  onPhantomPath: OnPhantomPath;
  aliases: Aliases;
  logger: HubLogger | undefined;
  reauthorize: ReauthorizeOptions | undefined;
  drainMs: number;
  engineOptions: EngineOptions;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** The longest delay a timer takes. */
const MAX_TIMER = 2 ** 31 - 1;

const TOP = [
  'engine',
  'modules',
  'limits',
  'log',
  'heartbeatMs',
  'connectionCapBytes',
  'slowTimeoutMs',
  'lifetimeMs',
  'retryMs',
  'spread',
  'maxCompanies',
  'transformer',
  'onPhantomPath',
  'aliases',
  'logger',
  'reauthorize',
  'drainMs',
  'redis',
] as const satisfies readonly (keyof HubOptions)[];
const LIMITS = ['perUser', 'perCompany', 'policy'] as const;
const SPREAD = ['freeStreams', 'perStreamMs', 'maxMs'] as const;
const LOG = ['maxActions', 'ttlMs', 'maxBytes', 'maxTotalBytes', 'compactAfter', 'data'] as const;

/** Throws PathcastError INVALID_OPTION. */
export function validateOptions(options: unknown, hubId: string): Settings {
  const top = checkObject('options', options ?? {}, 'INVALID_OPTION');
  checkKeys('the hub', top, TOP);
  const limits = group(top, 'limits', LIMITS);
  const log = group(top, 'log', LOG);
  const spread = group(top, 'spread', SPREAD);
  const codec = createCodec(top['transformer'] as HubOptions['transformer']);
  return {
    engine: oneOf('engine', top['engine'], ['auto', 'native', 'js'], 'auto'),
    modules: moduleSet(top['modules']),
    codec,
    redis: checkRedis(top['redis'], hubId),
    storesData: boolean('log.data', log['data'], true),
    onPhantomPath: oneOf('onPhantomPath', top['onPhantomPath'], ['error', 'warn', 'repair'], 'warn'),
    aliases: checkAliases(top['aliases']),
    logger: checkLogger(top['logger']),
    reauthorize: checkReauthorize(top['reauthorize']),
    drainMs: integer('drainMs', top['drainMs'], 1_000, 0, HOUR),
    engineOptions: {
      hubId,
      maxPerUser: integer('limits.perUser', limits['perUser'], 5, 0, 1_000_000),
      maxPerCompany: integer('limits.perCompany', limits['perCompany'], 50, 0, 10_000_000),
      limitPolicy: oneOf('limits.policy', limits['policy'], ['reject', 'evict-oldest'], 'reject'),
      logActions: integer('log.maxActions', log['maxActions'], 1_000, 1, 1_000_000),
      logTtlMs: integer('log.ttlMs', log['ttlMs'], DAY, 1, 3_650 * DAY),
      logBytes: integer('log.maxBytes', log['maxBytes'], 16 * 1024 * 1024, MAX_ACTION_BYTES, 4 * 1024 ** 3),
      logTotalBytes: integer('log.maxTotalBytes', log['maxTotalBytes'], 1024 ** 3, MAX_ACTION_BYTES, 1024 ** 4),
      compactAfter: integer('log.compactAfter', log['compactAfter'], 100, 1, 1_000_000),
      heartbeatMs: integer('heartbeatMs', top['heartbeatMs'], 15_000, 10, DAY),
      connectionCapBytes: integer('connectionCapBytes', top['connectionCapBytes'], 65_536, 4_096, 256 * 1024 * 1024),
      slowTimeoutMs: integer('slowTimeoutMs', top['slowTimeoutMs'], 90_000, 10, DAY),
      lifetimeMs: integer('lifetimeMs', top['lifetimeMs'], 4 * HOUR, 0, MAX_TIMER),
      spreadFreeStreams: integer('spread.freeStreams', spread['freeStreams'], 20, 0, 10_000_000),
      spreadPerStreamMs: integer('spread.perStreamMs', spread['perStreamMs'], 5, 0, 60_000),
      spreadMaxMs: integer('spread.maxMs', spread['maxMs'], 5_000, 0, 600_000),
      retryMs: integer('retryMs', top['retryMs'], 2_000, 1, DAY),
      maxCompanies: integer('maxCompanies', top['maxCompanies'], 100_000, 1, 100_000_000),
      maxInvalidateBytes: MAX_INVALIDATE_BYTES,
      transformWrap: codec.wrap,
    },
  };
}

function group(top: Record<string, unknown>, name: string, known: readonly string[]): Record<string, unknown> {
  if (top[name] === undefined) return {};
  const value = checkObject(name, top[name], 'INVALID_OPTION');
  checkKeys(name, value, known);
  return value;
}

function moduleSet(value: unknown): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined;
  if (!isArray(value) || value.length === 0) {
    throw new PathcastError(
      'INVALID_OPTION',
      `modules must be an array of at least one module name, got ${describe(value)}`,
    );
  }
  return new Set(value.map((module, i) => checkIdentifier(`modules[${i}]`, module, 'INVALID_OPTION')));
}

function checkLogger(value: unknown): HubLogger | undefined {
  if (value === undefined) return undefined;
  const { warn, error } = checkObject('logger', value, 'INVALID_OPTION');
  if (typeof warn !== 'function' || typeof error !== 'function') {
    throw new PathcastError(
      'INVALID_OPTION',
      `logger must have warn(data, text) and error(data, text), as pino has; got warn: ${describe(warn)}, error: ${describe(error)}`,
    );
  }
  return value as HubLogger;
}

function checkReauthorize(value: unknown): ReauthorizeOptions | undefined {
  if (value === undefined) return undefined;
  const given = checkObject('reauthorize', value, 'INVALID_OPTION');
  checkKeys('reauthorize', given, ['everyMs', 'check']);
  const { everyMs, check } = given;
  if (typeof check !== 'function') {
    throw new PathcastError(
      'INVALID_OPTION',
      `reauthorize.check must be a function (connections) => those that may no longer listen, got ${describe(check)}`,
    );
  }
  // NaN where there is none: it has no default.
  return {
    everyMs: integer('reauthorize.everyMs', everyMs ?? NaN, 0, 10, DAY),
    check: check as ReauthorizeOptions['check'],
  };
}

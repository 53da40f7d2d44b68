/** The option `redis`: what it may be, and what an engine is told of it. */
import { randomBytes } from 'node:crypto';
import { PathcastError } from '../protocol/error.js';
import type { Broker, BrokerLogOptions } from '../internal/broker.js';
import { describe } from '../internal/describe.js';
import { clientBroker, isClient } from '../redis/brokers/app-client.js';
import { urlBroker } from '../redis/brokers/load-ioredis.js';
import { SealedBroker, type Seal } from '../redis/brokers/sealed.js';
import { PUBLISH } from '../redis/scripts/publish.js';
import { READ } from '../redis/scripts/read.js';
import { parseRedisUrl, shownRedisUrl, type RedisUrl } from '../redis/url.js';
import { checkKeys, checkObject } from './check.js';
import { integer } from './option-values.js';

/** As validated. */
export interface RedisSettings {
  readonly source: { readonly url: string; readonly parsed: RedisUrl; readonly client?: never } | { readonly client: object; readonly url?: never };
  /** For people: without a password. */
  readonly place: string;
  readonly seal: Seal | undefined;
  /** Told once, when Redis is there. */
  readonly advice: string | undefined;
  readonly log: Omit<BrokerLogOptions, 'url' | 'broker'>;
}

const DEFAULT_PREFIX = 'pathcast';
const KNOWN = ['url', 'client', 'prefix', 'publishWaitMs', 'outboxBytes', 'probeMs', 'openWaitMs', 'seal'] as const;
const PREFIX = /^[\w.:-]{1,64}$/;
const WHAT = "a URL, { url, … }, { client, … } or a client of ioredis or node-redis (5 and newer)";
const MINUTE = 60_000;

/** `hubId`: of this life of this hub. Undefined: memory. Throws PathcastError INVALID_OPTION. */
export function checkRedis(value: unknown, hubId: string): RedisSettings | undefined {
  if (value === undefined) return undefined;
  const given = asOptions(value);
  const { url, client, prefix = DEFAULT_PREFIX } = given;
  if ((url === undefined) === (client === undefined)) {
    throw invalid(`redis must have either url or client, got ${url === undefined ? 'neither' : 'both'}`);
  }
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    throw invalid(`redis.prefix must be 1 to 64 letters, digits or '_.:-', got ${describe(prefix)}`);
  }
  const log = {
    prefix,
    nodeId: `${hubId}${randomBytes(4).toString('hex')}`,
    publishWaitMs: integer('redis.publishWaitMs', given['publishWaitMs'], 250, 1, MINUTE),
    outboxBytes: integer('redis.outboxBytes', given['outboxBytes'], 64 * 1024 * 1024, 64 * 1024, 4 * 1024 ** 3),
    probeMs: integer('redis.probeMs', given['probeMs'], 7_000, 100, 10 * MINUTE),
    openWaitMs: integer('redis.openWaitMs', given['openWaitMs'], 5_000, 1, MINUTE),
    scripts: { publish: { name: 'publish', body: PUBLISH }, read: { name: 'read', body: READ } },
  };
  const seal = checkSeal(given['seal']);
  if (client !== undefined) {
    if (!isClient(client)) throw invalid(`redis.client must be a client of ioredis or node-redis (5 and newer), got ${describe(client)}`);
    return { source: { client }, place: `the app's own client`, seal, advice: adviceFor(databaseOf(client), prefix), log };
  }
  if (typeof url !== 'string') throw invalid(`redis.url must be a string, got ${describe(url)}`);
  const parsed = parsedUrl(url);
  return { source: { url, parsed }, place: shownRedisUrl(parsed), seal, advice: adviceFor(parsed.db, prefix), log };
}

/** The URL that the native link takes; undefined where a client has to make the connection: a seal is JavaScript. */
export function nativeUrl({ source, seal }: RedisSettings): string | undefined {
  return !seal && source.url !== undefined && ['tcp', 'unix', 'sentinel'].includes(source.parsed.kind) ? source.url : undefined;
}

/** Makes its connections. */
export function makeBroker({ source, seal, log: { prefix, scripts } }: RedisSettings): Broker {
  const broker = source.url === undefined ? clientBroker(source.client) : urlBroker(source.parsed);
  return seal ? new SealedBroker(broker, seal, { prefix, ...scripts }) : broker;
}

/** Channels of Redis know no database. Who has chosen a prefix has separated its hubs. */
function adviceFor(database: number, prefix: string): string | undefined {
  if (database === 0 || prefix !== DEFAULT_PREFIX) return undefined;
  return `Redis's channels are those of all its databases: a hub in another one with the same prefix hears this one's ephemeral events, and disconnects and forgets its streams. Give each its own \`redis.prefix\` (this one is in database ${String(database)}, under the default prefix)`;
}

/** Of a client of ioredis, or of node-redis. */
function databaseOf(client: object): number {
  const { db, database = db } = (client as { options?: { db?: unknown; database?: unknown } | undefined }).options ?? {};
  return typeof database === 'number' ? database : 0;
}

function checkSeal(value: unknown): Seal | undefined {
  if (value === undefined) return undefined;
  const seal = checkObject('redis.seal', value, 'INVALID_OPTION');
  if (typeof seal['encrypt'] !== 'function' || typeof seal['decrypt'] !== 'function') {
    throw invalid(
      `redis.seal must have encrypt(bytes, companyId) and decrypt(bytes, companyId), got encrypt: ${describe(seal['encrypt'])}, decrypt: ${describe(seal['decrypt'])}`,
    );
  }
  return value as Seal;
}

function asOptions(value: unknown): Record<string, unknown> {
  if (typeof value === 'string') return { url: value };
  if (isClient(value)) return { client: value };
  if (typeof value !== 'object' || value === null) throw invalid(`redis must be ${WHAT}, got ${describe(value)}`);
  const given = checkObject('redis', value, 'INVALID_OPTION');
  // A client that we do not know has other keys, and many.
  if (given['url'] === undefined && given['client'] === undefined) throw invalid(`redis must be ${WHAT}; what was given has neither url nor client`);
  checkKeys('redis', given, KNOWN);
  return given;
}

function parsedUrl(url: string): RedisUrl {
  try {
    return parseRedisUrl(url);
  } catch (thrown) {
    const why = thrown instanceof PathcastError ? thrown.message : 'it cannot be read';
    throw invalid(why);
  }
}

function invalid(message: string): PathcastError {
  return new PathcastError('INVALID_OPTION', message);
}

/** The Redis servers that logs of the suite live in: one of each kind a test file, started by the first test that needs it. */
import { Cluster, Redis } from 'ioredis';
import { createClient } from 'redis';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisSentinels } from '../support/redis-sentinels.js';
import { RedisServer } from '../support/redis.js';
import { Stunnel } from '../support/stunnel.js';
import { tlsFiles } from '../support/tls.js';

/** A machine that is busy is not to be taken for a server that is gone. ms */
const NEVER_DOWN_MS = 60_000;

/** What `createHub({ redis })` takes. */
export type RedisOption = string | object;

/** A way to a Redis: a kind of server, and what connects to it. */
export interface BrokerColumn {
  readonly name: string;
  /** Resolves when the server is there, to what makes the option: a client is made anew for each engine. */
  ready(): Promise<() => RedisOption>;
}

const started: { end(): Promise<void> }[] = [];
/** Ends what `ready()` started. */
export async function endServers(): Promise<void> {
  for (const server of started.splice(0)) await server.end();
}

function shared<S extends { end(): Promise<void> }>(start: () => Promise<S>): () => Promise<S> {
  let server: Promise<S> | undefined;
  return () =>
    (server ??= start().then((made) => {
      started.push(made);
      return made;
    }));
}

function column<S>(name: string, server: () => Promise<S>, redis: (server: S) => RedisOption): BrokerColumn {
  return {
    name,
    ready: async () => {
      const made = await server();
      return () => redis(made);
    },
  };
}

const standalone = shared(() => RedisServer.start());
const sentinels = shared(() => RedisSentinels.start({ downAfterMs: NEVER_DOWN_MS }));
const cluster = shared(() => RedisCluster.start());
const tls = shared(() => RedisServer.start({ tls: true }));
const stunnel = shared(() => Stunnel.start());

/** Clients connect when they are used; only their duplicates are. */
export const NATIVE_LINK = column('native link', standalone, (server) => server.unixUrl());
export const NATIVE_SENTINEL = column('native link, Sentinel', sentinels, ({ url }) => url);
export const NATIVE_STUNNEL = column('native link, TLS by stunnel', stunnel, ({ url }) => url);
export const IOREDIS = column('ioredis', standalone, ({ socket }) => new Redis({ path: socket, lazyConnect: true }));
export const IOREDIS_SENTINEL = column('ioredis, Sentinel', sentinels, ({ url }) => url);
export const IOREDIS_CLUSTER = column('ioredis, Cluster', cluster, ({ roots }) => new Cluster(roots, { lazyConnect: true }));
export const IOREDIS_TLS = column('ioredis, TLS', tls, (server) => new Redis(server.tlsUrl(), { tls: { ca: tlsFiles().cert }, lazyConnect: true }));
export const NODE_REDIS = column('node-redis', standalone, ({ socket }) => createClient({ socket: { path: socket, tls: false } }));

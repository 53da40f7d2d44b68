/** Brokers over ioredis that is loaded for a URL: an optional peer, asked for when it is needed. */
import type { Broker } from '../../internal/broker.js';
import type { RedisUrl } from '../url.js';
import { shownRedisUrl } from '../url.js';
import { IoredisConnection, ONE_LIFE, type IoredisClient } from './ioredis.js';
import type { ConnectionEvents } from './connection.js';
import { ClusterBroker } from './cluster.js';
import { clusterOptions, IoredisClusterClient, type IoredisCluster } from './ioredis-cluster.js';
import { PairBroker } from './pair.js';

interface IoredisModule {
  readonly Redis: new (options: object) => IoredisClient;
  readonly Cluster: new (nodes: readonly object[], options: object) => IoredisCluster;
}

/** A name in a variable: no bundler looks for a package that may not be there. */
const PACKAGE: string = 'ioredis';

async function load(): Promise<IoredisModule> {
  let loaded: { default?: unknown };
  try {
    loaded = (await import(PACKAGE)) as { default?: unknown };
  } catch (cause) {
    throw new Error('this URL needs the package ioredis, which does not load here: npm install ioredis', { cause });
  }
  const module = ('Redis' in loaded ? loaded : loaded.default) as Partial<IoredisModule> | undefined;
  if (typeof module?.Redis !== 'function') throw new Error('the ioredis that is installed is too old: npm install ioredis@5');
  return module as IoredisModule;
}

export function urlBroker(url: RedisUrl): Broker {
  if (url.kind === 'cluster') {
    const { user, password } = url.credentials;
    const options = clusterOptions({ ...(user !== '' && { username: user }), ...(password !== '' && { password }) });
    const make = async (): Promise<IoredisCluster> => new (await load()).Cluster(url.endpoints, options);
    return new ClusterBroker({ kind: 'ioredis', url: shownRedisUrl(url), dial: (events) => new IoredisClusterClient(make, events) });
  }
  const options = { ...ONE_LIFE, ...optionsOf(url) };
  const dial = (events: ConnectionEvents): IoredisConnection =>
    new IoredisConnection(async () => new (await load()).Redis(options), events);
  return new PairBroker({ kind: 'ioredis', url: shownRedisUrl(url), dialCommands: dial, dialSubscriptions: dial });
}

function optionsOf({ kind, endpoints, master, credentials, sentinelCredentials, db }: RedisUrl): object {
  const { user, password } = credentials;
  const entry = { ...(user !== '' && { username: user }), ...(password !== '' && { password }), db };
  if (kind === 'sentinel') {
    const { user: sentinelUsername, password: sentinelPassword } = sentinelCredentials;
    const sentinels = endpoints.map(({ host, port }) => ({ host, port }));
    return {
      ...entry,
      sentinels,
      name: master,
      role: 'master',
      ...(sentinelUsername !== '' && { sentinelUsername }),
      ...(sentinelPassword !== '' && { sentinelPassword }),
    };
  }
  const [{ host, port, path } = { host: 'localhost', port: 6_379 }] = endpoints;
  if (path !== undefined) return { ...entry, path };
  return { ...entry, host, port, ...(kind === 'tls' && { tls: {} }) };
}

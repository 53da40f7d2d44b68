/**
 * Where a Redis is and how to come in, read out of a URL. The native link reads the first three forms again in `src/redis/url.cc`,
 * by the same rules and with the same sentences.
 *
 *     redis://[[user]:password@][host][:port][/db]
 *     redis+unix://[[user]:password@]/path/to.sock[?db=n]
 *     redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/master[/db]
 *     rediss://[[user]:password@][host][:port][/db]                        TLS
 *     redis+cluster://[[user]:password@]host[:port][,host[:port]…]
 *
 * User and password are Redis's own; those of the sentinels are the parameters `sentinel_user` and `sentinel_password`. All parts
 * are percent-decoded but hosts.
 */
import { PathcastError } from '../protocol/error.js';

const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;
/** What a Unix socket's path may take up on every platform, its end included. */
const PATH_BYTES = 104;
const MAX_DB = 2 ** 31 - 1;

export type RedisKind = 'tcp' | 'tls' | 'unix' | 'sentinel' | 'cluster';

const SCHEMES: Readonly<Record<string, RedisKind>> = {
  redis: 'tcp',
  rediss: 'tls',
  'redis+unix': 'unix',
  'redis+sentinel': 'sentinel',
  'redis+cluster': 'cluster',
};

/** A socket to connect to: a path of the file system, or a host and a port. */
export type RedisEndpoint =
  | { readonly path: string; readonly host?: never; readonly port?: never }
  /** `host`: a name or an address, IPv6 without brackets. */
  | { readonly host: string; readonly port: number; readonly path?: never };

export interface RedisCredentials {
  /** Empty: Redis's default user. */
  readonly user: string;
  /** Empty: no AUTH is sent. */
  readonly password: string;
}

export interface RedisUrl {
  readonly kind: RedisKind;
  /** One, or each sentinel or node of a cluster that is named. Never empty. */
  readonly endpoints: readonly RedisEndpoint[];
  /** Sentinel: what the sentinels call the master; else empty. */
  readonly master: string;
  readonly credentials: RedisCredentials;
  readonly sentinelCredentials: RedisCredentials;
  readonly db: number;
}

const HINT = "a '/', '?' or '#' in a user or password is written %2F, %3F or %23";

/** @throws PathcastError INVALID_OPTION: it names the part and what is allowed there, and repeats none that might hold a password. */
export function parseRedisUrl(text: string): RedisUrl {
  const [, scheme = '', rest = ''] = /^([^:/]*):\/\/([\s\S]*)$/.exec(text) ?? [];
  const kind = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (kind === undefined) {
    throw invalid('the scheme is not known; allowed are redis://, redis+unix://, redis+sentinel://, rediss:// and redis+cluster://');
  }
  const { authority, path, query } = split(rest);
  // The last one: a password that nobody encoded may have more of them.
  const at = authority.lastIndexOf('@');
  const credentials = at < 0 ? NOBODY : credentialsIn(authority.slice(0, at));
  const hosts = authority.slice(at + 1);
  const parameters = parametersIn(query, kind);
  const place = kind === 'unix' ? unixPlace(hosts, path) : kind === 'sentinel' ? sentinelPlace(hosts, path) : hostPlace(kind, hosts, path);
  return {
    kind,
    endpoints: place.endpoints,
    master: place.master ?? '',
    credentials,
    sentinelCredentials: { user: parameters.sentinelUser, password: parameters.sentinelPassword },
    db: parameters.db ?? place.db ?? 0,
  };
}

/** For people: passwords as `***`, users as they are. */
export function shownRedisUrl({ kind, endpoints, master, credentials, db }: RedisUrl): string {
  const scheme = Object.keys(SCHEMES).find((name) => SCHEMES[name] === kind) ?? '';
  const who = credentials.password === '' ? '' : `${credentials.user}:***@`;
  const place = endpoints.map(shownEndpoint).join(',') + (kind === 'sentinel' ? `/${master}` : '');
  return `${scheme}://${who}${place}${db === 0 ? '' : kind === 'unix' ? `?db=${db}` : `/${db}`}`;
}

/** `host:6379`, `[::1]:6379`, a path. */
export function shownEndpoint({ host, port, path }: RedisEndpoint): string {
  if (path !== undefined) return path;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** For people; where it is no URL of a Redis, what may be a secret is left out without a look at the rest. */
export function maskRedisUrl(text: string): string {
  try {
    return shownRedisUrl(parseRedisUrl(text));
  } catch {
    return text.replace(/^([^:]*:\/\/)?[\s\S]*$/, (_all, scheme: string | undefined) => `${scheme ?? ''}***`);
  }
}

/** Every secret of it, for texts of others that might repeat one. */
export function secretsOf({ credentials, sentinelCredentials }: RedisUrl): string[] {
  return [credentials.password, sentinelCredentials.password].filter((secret) => secret !== '');
}

const NOBODY: RedisCredentials = { user: '', password: '' };

const invalid = (message: string): PathcastError => new PathcastError('INVALID_OPTION', `the Redis URL: ${message}`);

/** The three parts behind `scheme://`. */
function split(rest: string): { authority: string; path: string; query: string } {
  if (rest.includes('#')) throw invalid(`there is a '#', which begins nothing here; ${HINT}`);
  const mark = rest.indexOf('?');
  const query = mark < 0 ? '' : rest.slice(mark + 1);
  const before = mark < 0 ? rest : rest.slice(0, mark);
  const slash = before.indexOf('/');
  const authority = slash < 0 ? before : before.slice(0, slash);
  const path = slash < 0 ? '' : before.slice(slash);
  // What precedes an '@' is secret, so an error must not look into it.
  if (path.includes('@') || query.includes('@')) throw invalid(`there is an '@' behind the host; ${HINT}, an '@' elsewhere %40`);
  return { authority, path, query };
}

/** `part` is for the error, which does not repeat `text`: it may be secret. */
function decode(part: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`${part} has a '%' that two hex digits of UTF-8 do not follow; a '%' itself is written %25`);
  }
}

function credentialsIn(text: string): RedisCredentials {
  const colon = text.indexOf(':');
  if (colon < 0 || colon + 1 === text.length) {
    throw invalid("there is something before the '@' but no password: allowed are user:password@ and :password@");
  }
  return { user: decode('the user', text.slice(0, colon)), password: decode('the password', text.slice(colon + 1)) };
}

function dbIn(text: string): number {
  const db = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (db <= MAX_DB) return db;
  throw invalid(`the database '${text}' is none: a number from 0 is allowed`);
}

function endpointIn(text: string, defaultPort: number): { host: string; port: number } {
  const [, bracketed, bare = '', rest = ''] = /^(?:\[([^\]]*)\]|([^:[]*))([\s\S]*)$/.exec(text) ?? [undefined, undefined, text];
  if (bracketed === undefined && text.startsWith('[')) throw invalid("a host begins with '[' and has no ']'");
  const host = bracketed ?? bare;
  const named = bracketed === undefined ? /^[\w.-]*$/.test(host) : /^[\w.:%-]+$/.test(host);
  if (!named) throw invalid(`the host '${host}' is none: a name, an IPv4 address or an IPv6 address in brackets is allowed`);
  if (rest === '') return { host, port: defaultPort };
  const port = /^:\d{1,5}$/.test(rest) ? Number(rest.slice(1)) : NaN;
  if (port >= 1 && port <= 65_535) return { host, port };
  // Not repeated: where the host was forgotten, it is the password.
  throw invalid(`what follows the host '${host}' is no port: a number from 1 to 65535 is allowed; an IPv6 address stands in brackets`);
}

interface Place {
  endpoints: RedisEndpoint[];
  master?: string;
  db?: number;
}

function hostPlace(kind: RedisKind, hosts: string, path: string): Place {
  if (kind === 'cluster') {
    if (path.length > 1) throw invalid('there is a path behind the nodes, and a cluster has database 0 alone');
    return { endpoints: listOf(hosts, REDIS_PORT, 'a node of the cluster') };
  }
  const { host, port } = endpointIn(hosts, REDIS_PORT);
  const endpoints = [{ host: host === '' ? '127.0.0.1' : host, port }];
  return path.length > 1 ? { endpoints, db: dbIn(path.slice(1)) } : { endpoints };
}

function listOf(hosts: string, defaultPort: number, what: string): RedisEndpoint[] {
  return hosts.split(',').map((each) => {
    const endpoint = endpointIn(each, defaultPort);
    if (endpoint.host === '') throw invalid(`${what} has no host: host[:port], with commas between them, is allowed`);
    return endpoint;
  });
}

function unixPlace(hosts: string, path: string): Place {
  if (hosts !== '') throw invalid("there is a host before the socket's path: three slashes are needed, redis+unix:///run/redis.sock");
  const decoded = decode("the socket's path", path);
  const bytes = Buffer.byteLength(decoded);
  if (bytes < 2 || bytes >= PATH_BYTES || decoded.includes('\0')) {
    throw invalid(`the socket's path has ${bytes} bytes; allowed are 2 to ${PATH_BYTES - 1} without a zero byte`);
  }
  return { endpoints: [{ path: decoded }] };
}

function sentinelPlace(hosts: string, path: string): Place {
  const endpoints = listOf(hosts, SENTINEL_PORT, 'a sentinel');
  const [, name = '', db = ''] = /^\/?([^/]*)\/?([\s\S]*)$/.exec(path) ?? [];
  const master = decode("the master's name", name);
  if (master === '') throw invalid("the master's name is missing: redis+sentinel://host:26379/mymaster");
  return db === '' ? { endpoints, master } : { endpoints, master, db: dbIn(db) };
}

function parametersIn(query: string, kind: RedisKind): { db: number | undefined; sentinelUser: string; sentinelPassword: string } {
  const found = { db: undefined as number | undefined, sentinelUser: '', sentinelPassword: '' };
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = decode(`the parameter '${name}'`, equals < 0 ? '' : pair.slice(equals + 1));
    if (name === 'db' && kind !== 'cluster') found.db = dbIn(value);
    else if (name === 'sentinel_user' && kind === 'sentinel') found.sentinelUser = value;
    else if (name === 'sentinel_password' && kind === 'sentinel') found.sentinelPassword = value;
    else throw invalid(`there is no parameter '${name}'; allowed are db and, for sentinels, sentinel_user and sentinel_password`);
  }
  if (found.sentinelUser !== '' && found.sentinelPassword === '') throw invalid('sentinel_user needs a sentinel_password');
  return found;
}

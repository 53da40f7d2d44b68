/**
 * What `doctor` can find: the one registry. An id is stable and never used for something else; a remedy may depend on the proxy that
 * stands before the server, where it says its name.
 */

export type Severity = 'error' | 'warning' | 'info';

export interface Finding {
  id: FindingId;
  severity: Severity;
  /** One or two sentences: what was seen. */
  what: string;
  /** What to do about it. */
  remedy: string;
}

export type Proxy = 'nginx' | 'haproxy' | 'apache' | 'caddy' | 'varnish';

interface Kind {
  severity: Severity;
  remedy: string | Readonly<Partial<Record<Proxy, string>> & { else: string }>;
}

const kind = (severity: Severity, remedy: Kind['remedy']): Kind => ({ severity, remedy });

const BUFFERING = {
  nginx: 'nginx, in the location of the stream: `proxy_buffering off;`, and no `proxy_ignore_headers X-Accel-Buffering`.',
  apache: 'Apache: `ProxyPass … flushpackets=on`, and `SetEnv no-gzip 1` for the stream.',
  varnish: 'Varnish: `set beresp.do_stream = true;` for the stream, or `return (pipe);`.',
  else: 'Let the proxy pass each event on at once. nginx: `proxy_buffering off;`. Apache: `ProxyPass … flushpackets=on`. An API gateway or a CDN: switch response buffering off for this path.',
};
const CUTS = {
  nginx: 'nginx, in the location of the stream: `proxy_read_timeout 1h;`. Or a smaller heartbeatMs of the hub.',
  apache: 'Apache: `ProxyPass … timeout=3600`. Or a smaller heartbeatMs of the hub.',
  varnish: 'Varnish: `set bereq.between_bytes_timeout = 1h;` for the stream. Or a smaller heartbeatMs of the hub.',
  else: 'The idle timeout of each proxy on the way must be longer than the heartbeat. nginx: `proxy_read_timeout 1h;`. HAProxy: `timeout client 1h` and `timeout server 1h`. A load balancer of a cloud: its idle timeout. Or a smaller heartbeatMs of the hub.',
};
const COMPRESSION = {
  nginx: 'nginx, in the location of the stream: `gzip off;` (and `brotli off;`), or take text/event-stream and * out of gzip_types.',
  apache: 'Apache: `SetEnv no-gzip 1` for the stream.',
  caddy: 'Caddy: leave the path of the stream out of `encode`.',
  else: 'Leave text/event-stream out of compression: nginx `gzip off;` in its location, Caddy no `encode` there; in the app, keep the header Cache-Control: no-transform, which compression() obeys.',
};

const SHARED = "`createHub({ redis: 'redis://…' })` (docs/redis.md)";
const CONFIGURE = 'redis.conf, or CONFIG SET; a managed Redis has it among its parameters';

export const FINDINGS = {
  // --- this machine ---
  'node-too-old': kind('error', 'Install a newer Node.'),
  'no-native-engine': kind('warning', 'The JavaScript engine does the same work, at more cost. `npx pathcast build` or a reinstall gives the native one.'),
  'foreign-runtime': kind('warning', 'Nothing need be done: the JavaScript engine does the same work. For the native one run the server on Node.'),
  'musl-libc': kind('warning', 'The JavaScript engine does the same work, at more cost. For the native one use an image with glibc (node:22-slim in place of node:22-alpine).'),
  'few-descriptors': kind('warning', 'Each stream takes one. Raise it where the server is started: `ulimit -n 65536`, `LimitNOFILE=65536` (systemd), `--ulimit nofile=65536` (Docker).'),
  'low-somaxconn': kind('warning', '`sysctl -w net.core.somaxconn=16384`: a storm of browsers that come back waits else for the kernel to ask again.'),
  'short-listen-backlog': kind('info', {
    nginx: 'nginx: `listen 80 backlog=16384;`. The system allows at most net.core.somaxconn.',
    apache: 'Apache: `ListenBacklog 16384`. The system allows at most net.core.somaxconn.',
    varnish: 'Varnish: `-p listen_depth=16384`. The system allows at most net.core.somaxconn.',
    else: 'Listen with a backlog: `app.listen({ port, backlog: 16384 })`. The system allows at most net.core.somaxconn.',
  }),
  // --- the project ---
  'next-packs-pathcast': kind('warning', "In next.config: `serverExternalPackages: ['pathcast']`."),
  'bundler-packs-pathcast': kind('warning', 'Leave pathcast out of the bundle: `--external:pathcast` or `--packages=external`.'),
  'several-processes-configured': kind('warning', `Give the hubs one Redis, ${SHARED}. Without one each process has a log of its own, and a browser hears only those of its own process.`),
  'other-copy': kind('warning', 'Run the doctor of the project: `npx pathcast doctor` in its folder, after `npm install`.'),
  'phantom-path': kind('error', 'Broadcast a path that a query has; `npx pathcast audit` shows each place.'),
  // --- the way to the server ---
  'dns-failed': kind('error', 'Check the name in --url, and the DNS of this machine.'),
  'connection-refused': kind('error', 'Start the server, or name its port in --url. In a container the server must listen on 0.0.0.0.'),
  unreachable: kind('error', 'Check the address, the firewall and the route to it.'),
  'connection-reset': kind('error', 'Look into the logs of the server and of the proxies before it: something there ends the connection before it answers.'),
  'tls-certificate': kind('error', 'Install a certificate that is valid for this name, with its intermediate ones. A CA of your own: NODE_EXTRA_CA_CERTS=ca.pem.'),
  'tls-failed': kind('error', 'Nothing here speaks TLS as it should: is it http:// in place of https://, or another port?'),
  'no-http': kind('error', 'What answers at this address does not speak HTTP/1.1: check the port; https:// in place of http://?'),
  'no-answer': kind('error', 'Look whether the server hangs, and whether the proxy before it can reach it.'),
  'no-http2': kind('warning', {
    nginx: 'nginx: `http2 on;` (before 1.25.1: `listen 443 ssl http2;`). Or let tabs share one stream.',
    apache: 'Apache: `Protocols h2 http/1.1` with mod_http2. Or let tabs share one stream.',
    else: 'Let the proxy offer HTTP/2 to browsers: nginx `http2 on;`, HAProxy `bind … alpn h2,http/1.1`. Or let tabs share one stream.',
  }),
  // --- the answer ---
  'login-redirect': kind('error', "Give the session along: --header 'Authorization: Bearer …' or --header 'Cookie: …'. For browsers: the stream must be open to those who are signed in, and answer 401 to others."),
  redirect: kind('error', 'Use the final address for the stream: a redirect costs a round trip at each reconnect, and a tRPC client or a proxy may not follow it.'),
  'html-page': kind('error', 'The route of the stream was not reached. Send /sync/stream and /trpc to the server before the rule that gives pages (SPA fallback, login, captive portal).'),
  unauthorized: kind('error', "Give the session along: --header 'Authorization: Bearer …' or --header 'Cookie: …'. Where it is given, the server did not accept it."),
  forbidden: kind('error', 'The server, or a firewall before it, knows who asks and says no: look at its rules for this path.'),
  'not-found': kind('error', 'Check the path: pathcast/fastify serves /sync/stream (with its prefix), tRPC /trpc/sync.onSync (with your router’s names).'),
  'bad-request': kind('error', 'Give what the stream asks for: the input of a tRPC subscription stands in the address, as ?input=%7B%7D.'),
  'wrong-method': kind('error', 'An event stream is a GET: let GET through to this path.'),
  'rate-limited': kind('error', {
    nginx: 'nginx: leave the path of the stream out of `limit_req` and `limit_conn`. In the app: out of the rate limiter.',
    else: 'Leave the path of the stream out of the rate limiter: browsers come back to it together after a deploy.',
  }),
  'gateway-error': kind('error', 'The proxy does not reach the server. EventSource stops for good at this status: let the proxy answer with an empty stream that has a retry: line (docs/proxies.md).'),
  'server-error': kind('error', 'Look into the log of the server: the route of the stream failed.'),
  'no-content': kind('error', 'EventSource never comes back after 204: answer 200 with a stream, or 401.'),
  'odd-status': kind('error', 'The stream must be answered with 200.'),
  'not-a-stream': kind('error', 'Check the path: an event stream has the type text/event-stream. For tRPC the procedure must be a subscription.'),
  'from-a-cache': kind('error', 'Leave the path of the stream out of the cache: what is stored of one user’s stream may go to another.'),
  'cacheable': kind('warning', 'Keep the header Cache-Control: no-cache, no-transform of the server as it is.'),
  'no-transform-lost': kind('warning', 'Keep the header Cache-Control: no-cache, no-transform as pathcast sends it: middlewares and proxies compress what lacks no-transform.'),
  compressed: kind('warning', COMPRESSION),
  'cors-origin': kind('error', 'Answer the origin of the page with Access-Control-Allow-Origin, on the route of the stream too.'),
  'cors-credentials': kind('error', 'For cookies (withCredentials): Access-Control-Allow-Origin with that very origin, and Access-Control-Allow-Credentials: true.'),
  // --- the stream ---
  buffered: kind('error', BUFFERING),
  'events-late': kind('error', BUFFERING),
  'hello-late': kind('warning', BUFFERING),
  'no-verdict': kind('error', 'This is an event stream, but none of pathcast’s: check the path.'),
  'limit-reached': kind('error', 'Close tabs, raise `limits` of the hub, or give a clientInstanceId per tab so that a reload takes its own place again.'),
  'server-draining': kind('warning', 'The server is about to stop: try again when its successor runs.'),
  'closed-by-server': kind('warning', 'The reason is the server’s own: see server_close in SPEC §3.'),
  refused: kind('error', 'The server said no by an error of its own: look into its log.'),
  'retry-lost': kind('warning', 'Let the body pass as it is: the retry: line spreads browsers that come back.'),
  'not-handed-over': kind('info', 'The stream goes by way of tRPC’s generator and of JavaScript. Give req and res of the context to syncSubscription, where there are such (the fetch adapter has none).'),
  'cut-when-idle': kind('error', CUTS),
  cut: kind('error', 'Something ends streams that are open: a bound of a load balancer or a proxy on the whole answer, a function that may run so long and no longer, a crash of the server. Raise the bound, or set `lifetimeMs` of the hub below it: then the hub ends streams in order.'),
  'no-heartbeat': kind('error', BUFFERING),
  'last-event-id-lost': kind('error', {
    nginx: 'nginx: no `proxy_set_header Last-Event-ID "";`, no `proxy_pass_request_headers off;`. A gateway: put Last-Event-ID on the list of headers that it forwards.',
    else: 'Let the proxy forward the request header Last-Event-ID: without it what happened meanwhile is missed at each reconnect, and nobody is told.',
  }),
  'several-processes': kind('error', `Give the hubs one Redis, ${SHARED}, or run one process (one hub). Without one each process has a log of its own, and a browser hears only those of its own process.`),
  'log-began-anew': kind('warning', 'Did the server restart just now? If not, several processes answer: each has a log of its own.'),
  'transformer-mismatch': kind('error', 'Give the hub the transformer of the router: `configure({ transformer: superjson })`, or none to both. The client takes the same.'),
  // --- Redis: the way to it ---
  'redis-no-answer': kind('error', 'Check the address, the firewall, and whether Redis runs there. In a container `bind` must not be 127.0.0.1 alone.'),
  'redis-tls': kind('error', 'rediss:// speaks TLS, redis:// does not: does the port? A CA of your own: NODE_EXTRA_CA_CERTS=ca.pem.'),
  'redis-no-redis': kind('error', 'Check the port: Redis listens at 6379, a sentinel at 26379, where nobody changed it.'),
  'redis-password': kind('error', 'redis://user:password@host, or redis://:password@host where there is no user. What is not a letter or a digit is percent-encoded.'),
  'redis-no-database': kind('error', 'The number behind the host is the database: leave it out, or raise `databases` of Redis.'),
  'redis-is-cluster': kind('error', 'Use redis+cluster://host:port, which goes through ioredis: a plain link cannot follow the slots.'),
  'redis-no-cluster': kind('error', 'Use redis://host:port: the native link speaks to it.'),
  'redis-is-replica': kind('error', 'Name the master, or let sentinels find it: redis+sentinel://host:26379/mymaster. A replica takes no publishes.'),
  // --- Redis: what it is ---
  'redis-too-old': kind('error', 'Install Redis 7, or 6.2 at least. In a cluster 7.0 at least: sharded pub/sub came with it.'),
  'redis-evicts': kind('error', `maxmemory-policy noeviction (${CONFIGURE}). All keys of pathcast have a time to live, so volatile-* evicts them too. What is evicted costs every browser of that company a full read, and a limit its count.`),
  'redis-memory-short': kind('warning', 'Raise maxmemory, or lower log.maxActions and log.maxBytes of the hub. At the bound Redis refuses publishes; they wait in each node, up to outboxBytes.'),
  'redis-unbounded': kind('info', `Set maxmemory below what the machine has, with maxmemory-policy noeviction (${CONFIGURE}): else the kernel ends Redis when memory is short.`),
  'redis-pubsub-buffer': kind('warning', `client-output-buffer-limit pubsub 32mb 8mb 60 (${CONFIGURE}). Redis cuts a subscriber that is over it; the node comes back and reads what it missed, again and again.`),
  'redis-pubsub-unbounded': kind('warning', `client-output-buffer-limit pubsub 32mb 8mb 60 (${CONFIGURE}). Without a bound a node that stands still fills the memory of Redis.`),
  'redis-no-persistence': kind('warning', `appendonly yes with appendfsync everysec (${CONFIGURE}). Without it a restart forgets every log: each browser reads its data again, and limits begin at zero.`),
  'redis-empty-master': kind('error', `appendonly yes (${CONFIGURE}), or no restart by itself: a master that comes back empty before the failover empties its replicas.`),
  'redis-snapshots-only': kind('info', `appendonly yes with appendfsync everysec (${CONFIGURE}) loses a second at a crash, snapshots lose minutes. The nodes find it: a new epoch begins, and each browser of that company reads its data again.`),
  'redis-save-fails': kind('error', 'Look into the log of Redis: a full disk, or no right to write. Redis refuses publishes meanwhile (MISCONF); they wait in each node.'),
  'redis-split-brain': kind('warning', `min-replicas-to-write 1 and min-replicas-max-lag 10 (${CONFIGURE}). Without it a master that was cut off goes on taking publishes, and they are lost when it comes back as a replica.`),
  'redis-replica-late': kind('warning', 'Look at the network and the load of the replica. What it has not got is lost at a failover.'),
  'redis-no-replica': kind('warning', 'Add a replica: without one there is nothing to fail over to.'),
  'redis-cuts-idle': kind('warning', `timeout 0 (${CONFIGURE}): Redis ends connections that are quiet for so long, and each node connects again.`),
  'redis-few-clients': kind('warning', 'Raise maxclients (and the descriptors of Redis). A node takes two connections.'),
  'redis-cluster-fails': kind('error', '`redis-cli --cluster check host:port` says what is missing: publishes of the companies of those slots wait.'),
  // --- Redis: sentinels ---
  'sentinel-no-answer': kind('warning', 'Start it, or take it out of the URL.'),
  'sentinel-no-master': kind('error', 'The path of the URL is the name that the sentinels have for the master: `redis-cli -p 26379 sentinel masters` lists them.'),
  'sentinel-disagree': kind('error', 'The sentinels were split, or do not know each other: `sentinel reset` of those that are wrong, one after the other.'),
  'sentinel-few': kind('warning', 'Run three sentinels on three machines: two cannot outvote a third that is cut off.'),
  'sentinel-no-quorum': kind('error', 'Start sentinels until more than half of them live and the quorum is met: until then nobody fails over.'),
  // --- Redis: what may be done, and how fast ---
  'redis-no-right': kind('error', 'ACL SETUSER, as docs/redis.md has the line.'),
  'redis-no-command': kind('error', 'Redis was told to hide it (rename-command), or what answers is no whole Redis. pathcast needs it.'),
  'redis-refuses': kind('error', 'The word says why: LOADING and BUSY pass, OOM wants memory, MISCONF a disk, READONLY the master. A node waits meanwhile, and keeps what is published.'),
  'redis-far': kind('warning', 'Put Redis beside the nodes: one Redis is one region. Each broadcast waits for one round trip.'),
  'redis-slow': kind('warning', '`redis-cli slowlog get` and `redis-cli --latency` say what keeps it busy. Redis does one thing at a time: a slow command of another app holds up every broadcast.'),
  'redis-clock': kind('warning', 'Set the clocks by NTP. Positions by time (`since` in ms, lastSyncTimestamp) are compared with the clock of Redis.'),
  'redis-newer-format': kind('warning', 'Upgrade this pathcast: a node leaves companies of a newer format alone, and says so.'),
  'redis-foreign-keys': kind('error', 'Give pathcast a prefix of its own: `redis: { url, prefix }`. A node refuses what somebody else wrote under its names.'),
  // --- PostgreSQL: the way to it ---
  'postgres-no-package': kind('error', '`npm install pg`, where pathcast is installed.'),
  'postgres-no-answer': kind('error', 'Check the address, the firewall, and whether PostgreSQL runs there. In a container listen_addresses must not be localhost alone.'),
  'postgres-password': kind('error', 'postgresql://user:password@host/database, and a line of pg_hba.conf that lets this user in from here. What is not a letter or a digit in the password is percent-encoded.'),
  'postgres-no-database': kind('error', 'The database is the path of the URL: `psql -l` lists those there are.'),
  'postgres-tls': kind('error', 'sslmode=require, or no sslmode, is the end of the URL: ?sslmode=…. A CA of your own: NODE_EXTRA_CA_CERTS=ca.pem.'),
  'postgres-refuses': kind('error', 'PostgreSQL says why: too many connections, a start or an end of the server, a missing right. Its own log says more.'),
  'postgres-no-replication': kind('error', 'Let the worker come to PostgreSQL itself: a pooler (PgBouncer, a cloud’s pooled address) passes no replication on. pg_hba.conf needs a line for the database and this user.'),
  // --- PostgreSQL: what it is ---
  'postgres-too-old': kind('error', 'Upgrade it: messages in the stream, and what a slot keeps, came with 13 and 14.'),
  'postgres-is-standby': kind('error', 'Name the primary. After a failover the worker makes its slot anew there.'),
  'postgres-wal-level': kind('error', "`ALTER SYSTEM SET wal_level = 'logical';`, and restart it. On RDS: rds.logical_replication = 1. On Cloud SQL: cloudsql.logical_decoding = on. On Azure: wal_level among the server parameters."),
  'postgres-no-right': kind('error', '`ALTER ROLE … REPLICATION;`, as a superuser.'),
  'postgres-wal-unbounded': kind('warning', "`ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf();`. A slot that is given up for it costs a resync, a full disk the database."),
  'postgres-wal-keep-small': kind('info', "`ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf();`, if the disk has it. A slot that is given up costs a resync: everybody reads again."),
  'postgres-sender-timeout': kind('warning', "`ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();`"),
  'postgres-few-slots': kind('error', '`ALTER SYSTEM SET max_replication_slots = 20;`, and restart it; or drop one that nobody reads: `SELECT slot_name, active FROM pg_replication_slots;`.'),
  'postgres-few-senders': kind('error', '`ALTER SYSTEM SET max_wal_senders = 20;`, and restart it. Each worker that reads, and each standby, takes one.'),
  // --- PostgreSQL: publication and slot ---
  'postgres-no-publication': kind('error', '`CREATE PUBLICATION … FOR TABLE …;`, with the tables of your map.'),
  'postgres-publication-kinds': kind('error', "`ALTER PUBLICATION … SET (publish = 'insert, update, delete, truncate');`"),
  'postgres-publication-empty': kind('error', '`ALTER PUBLICATION … ADD TABLE …;`, with those of your map.'),
  'postgres-via-root': kind('warning', '`ALTER PUBLICATION … SET (publish_via_partition_root = true);`'),
  'postgres-no-identity': kind('error', '`ALTER TABLE … REPLICA IDENTITY FULL;`'),
  'postgres-foreign-slot': kind('error', 'Give the worker a slot of its own name.'),
  'postgres-slot-lost': kind('warning', 'The next worker makes it anew, and everybody reads again. So that it stays: a worker that runs, and a larger max_slot_wal_keep_size.'),
  'postgres-slot-in-danger': kind('warning', "Start the worker, or give it time: `ALTER SYSTEM SET max_slot_wal_keep_size = '…'; SELECT pg_reload_conf();`."),
  'postgres-slot-idle': kind('warning', 'Start the worker.'),
  'postgres-slot-behind': kind('warning', 'Does Redis take what it writes? `cdc.metrics()` says what waits. A transaction that is open for hours keeps WAL too: `SELECT pid, xact_start FROM pg_stat_activity ORDER BY xact_start;`.'),
  'postgres-other-slot': kind('warning', 'Start who reads it, or drop it.'),
  // --- PostgreSQL: transactions ---
  'postgres-tables-missing': kind('error', 'Run what `transactionTables()` and `activityTables()` of pathcast/postgres give, in a migration.'),
  'postgres-tables-closed': kind('error', '`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pathcast TO …;`'),
  'postgres-no-messages': kind('info', '`GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) TO …;`'),
} as const satisfies Record<string, Kind>;

export type FindingId = keyof typeof FINDINGS;

/** How sure and how bad, the worst first. */
export const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info'];

export function remedyOf(id: FindingId, proxy: Proxy | undefined): string {
  const { remedy }: Kind = FINDINGS[id];
  if (typeof remedy === 'string') return remedy;
  return (proxy && remedy[proxy]) ?? remedy.else;
}

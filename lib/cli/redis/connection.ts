/**
 * One connection to one server that speaks RESP2, in a program that a person runs: no reconnect, no queue that outlives it. The
 * command line has it so that it needs neither an installed client nor the addon, and sees what a client hides.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { shownEndpoint, type RedisCredentials, type RedisEndpoint } from '../../redis/url.js';
import { encodeCommand, isList, NoResp, Refusal, ReplyReader, textIn, type Reply } from './resp.js';

export type NoRedisKind = 'dns' | 'refused' | 'unreachable' | 'reset' | 'certificate' | 'tls' | 'no-redis' | 'silent' | 'password' | 'database' | 'other';

/** There is no use of this server. `code`: the system's word, OpenSSL's, or what Redis said. */
export class NoRedis extends Error {
  override name = 'NoRedis';
  constructor(
    readonly kind: NoRedisKind,
    readonly code: string,
    /** `host:port`, or a path. */
    readonly where: string,
  ) {
    super(`${where}: ${code}`);
  }
}

/** Redis refused a command of ours; the text begins with its word. */
export class Refused extends Error {
  override name = 'Refused';
  /** `NOPERM`, `WRONGTYPE`, `ERR`, … */
  get word(): string {
    return this.message.split(' ', 1)[0] ?? '';
  }
}

export interface ConnectionOptions {
  tls?: boolean;
  credentials?: RedisCredentials;
  db?: number;
  /** For the connection, and for each answer, ms. */
  timeoutMs: number;
}

const KINDS: Readonly<Record<string, NoRedisKind>> = {
  ENOTFOUND: 'dns', EAI_AGAIN: 'dns', ECONNREFUSED: 'refused', ENOENT: 'refused', EACCES: 'unreachable', EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable', ETIMEDOUT: 'silent', ECONNRESET: 'reset', EPIPE: 'reset',
};

interface Waiting {
  resolve: (reply: Reply) => void;
  reject: (error: NoRedis) => void;
}

export class RedisConnection {
  readonly where: string;
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #waiting: Waiting[] = [];
  readonly #timeoutMs: number;
  #over: NoRedis | undefined;
  /** Pushed: `[kind, channel, payload]`. Once it is set, replies in that form are no answers. */
  onMessage: ((kind: string, channel: string, payload: Reply) => void) | undefined;
  /** Once, when it is over. */
  onEnd: ((why: NoRedis) => void) | undefined;

  private constructor(socket: Socket, where: string, timeoutMs: number) {
    this.#socket = socket;
    this.where = where;
    this.#timeoutMs = timeoutMs;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#end(failureOf(error, where)));
    socket.on('close', () => this.#end(new NoRedis('reset', 'the connection was closed', where)));
  }

  /** With password and database. @throws NoRedis */
  static async open(endpoint: RedisEndpoint, options: ConnectionOptions): Promise<RedisConnection> {
    const where = shownEndpoint(endpoint);
    const connection = new RedisConnection(await socketTo(endpoint, options, where), where, options.timeoutMs);
    try {
      await connection.#introduce(options);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** @throws Refused, NoRedis */
  async command(...args: readonly (string | number | Buffer)[]): Promise<Reply> {
    const reply = await this.ask(...args);
    if (reply instanceof Refusal) throw new Refused(reply.text);
    return reply;
  }

  /** As `command`, with a refusal as an answer. @throws NoRedis */
  ask(...args: readonly (string | number | Buffer)[]): Promise<Reply> {
    if (this.#over) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#end(new NoRedis('silent', `no answer to ${String(args[0])} within ${this.#timeoutMs / 1_000} s`, this.where));
      }, this.#timeoutMs);
      this.#waiting.push({
        resolve: (reply) => (clearTimeout(timer), resolve(reply)),
        reject: (error) => (clearTimeout(timer), reject(error)),
      });
      this.#socket.write(encodeCommand(args));
    });
  }

  get closed(): boolean {
    return this.#over !== undefined;
  }

  /** Idempotent. */
  close(): void {
    this.#end(new NoRedis('other', 'closed from here', this.where));
  }

  async #introduce({ credentials, db = 0 }: ConnectionOptions): Promise<void> {
    if (credentials !== undefined && credentials.password !== '') {
      const { user, password } = credentials;
      const reply = await this.ask('AUTH', ...(user === '' ? [password] : [user, password]));
      if (reply instanceof Refusal) throw new NoRedis('password', reply.text, this.where);
    }
    const reply = await this.ask('PING');
    if (reply instanceof Refusal) {
      if (/^NOAUTH/.test(reply.text)) throw new NoRedis('password', reply.text, this.where);
    } else if (textIn(reply) !== 'PONG') throw new NoRedis('no-redis', 'it answers PING in another way', this.where);
    if (db === 0) return;
    const selected = await this.ask('SELECT', db);
    if (selected instanceof Refusal) throw new NoRedis('database', selected.text, this.where);
  }

  #take(chunk: Buffer): void {
    let replies: Reply[];
    try {
      replies = this.#reader.feed(chunk);
    } catch (error) {
      if (!(error instanceof NoResp)) throw error;
      this.#end(new NoRedis('no-redis', 'what it answers is no RESP', this.where));
      return;
    }
    for (const reply of replies) {
      if (this.#pushed(reply)) continue;
      this.#waiting.shift()?.resolve(reply);
    }
  }

  #pushed(reply: Reply): boolean {
    if (!this.onMessage || !isList(reply) || reply.length !== 3) return false;
    const kind = textIn(reply[0]);
    if (kind !== 'message' && kind !== 'smessage') return false;
    this.onMessage(kind, textIn(reply[1]), reply[2] ?? null);
    return true;
  }

  #end(why: NoRedis): void {
    if (this.#over) return;
    this.#over = why;
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(why);
    this.onEnd?.(why);
  }
}

function socketTo(endpoint: RedisEndpoint, { tls = false, timeoutMs }: ConnectionOptions, where: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tls
      ? connectTls({ ...endpoint, ...(endpoint.host !== undefined && isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}) })
      : endpoint.path !== undefined
        ? connectTcp(endpoint.path)
        : connectTcp(endpoint.port, endpoint.host);
    let reached = false;
    socket.once('connect', () => (reached = true));
    const timer = setTimeout(() => {
      socket.destroy();
      const within = `within ${timeoutMs / 1_000} s`;
      // A Redis without TLS takes the handshake for the beginning of a command.
      reject(tls && reached ? new NoRedis('tls', `no answer to the handshake ${within}`, where) : new NoRedis('silent', `no connection ${within}`, where));
    }, timeoutMs);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(failureOf(error, where));
    });
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

function failureOf(error: NodeJS.ErrnoException, where: string): NoRedis {
  const [inner = error] = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [error];
  const code = inner.code ?? inner.message;
  const known = KINDS[code];
  if (known !== undefined) return new NoRedis(known, code, where);
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|LEAF/.test(code)) return new NoRedis('certificate', code, where);
  return new NoRedis(/SSL|TLS/.test(code) ? 'tls' : 'other', code, where);
}

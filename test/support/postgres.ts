/**
 * A PostgreSQL of the test's own: initdb in a folder of its own, on a Unix socket there and on a free port, `wal_level = logical`. It refuses
 * to run as root, so root runs it as the user `postgres` that its package makes.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { endChild } from './child.js';
import { freePort } from './free-port.js';
import { within } from './wait.js';

const run = promisify(execFile);

export interface PostgresSetUp {
  /** Of postgresql.conf, over those below: `{ wal_sender_timeout: '5s' }`. */
  settings?: Readonly<Record<string, string>>;
}

const SETTINGS = {
  wal_level: 'logical',
  listen_addresses: '127.0.0.1',
  max_wal_senders: '30',
  max_replication_slots: '30',
  max_slot_wal_keep_size: '1GB',
  max_prepared_transactions: '10',
  // Tests kill processes, not machines: what the kernel has is not lost.
  fsync: 'off',
  synchronous_commit: 'on',
  shared_buffers: '16MB',
  autovacuum: 'off',
  lc_messages: 'C',
  log_min_messages: 'warning',
};

/** Bytes of what it said last. */
const SAID_BYTES = 16_384;
const PORT_TRIES = 3;

/** Debian's folders by version, the newest first; else PATH. */
export function programs(): string {
  const base = '/usr/lib/postgresql';
  const versions = existsSync(base) ? readdirSync(base).filter((version) => existsSync(path.join(base, version, 'bin/initdb'))) : [];
  const newest = versions.map(Number).sort((a, b) => b - a)[0];
  return newest === undefined ? path.dirname(execFileSync('sh', ['-c', 'command -v initdb'], { encoding: 'utf8' }).trim()) : path.join(base, String(newest), 'bin');
}

/** Empty for who may run it himself. */
export function runAs(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export class PostgresServer {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'pathcast-pg-'));
  readonly #programs = programs();
  readonly #as = runAs();
  readonly #settings: Record<string, string>;
  #child: ChildProcess | undefined;
  #said = '';
  port = 0;

  private constructor({ settings }: PostgresSetUp) {
    this.#settings = { ...SETTINGS, ...settings };
    if (this.#as.uid !== undefined) chownSync(this.folder, this.#as.uid, this.#as.gid ?? 0);
  }

  static async start(setUp: PostgresSetUp = {}): Promise<PostgresServer> {
    const server = new PostgresServer(setUp);
    return server.#begin(() => server.#program('initdb', '-D', server.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N', '--no-instructions'));
  }

  /** A hot standby of this server, from a copy of it as it is now; follows it until `promote()`. */
  async standby(setUp: PostgresSetUp = {}): Promise<PostgresServer> {
    const server = new PostgresServer(setUp);
    const from = `host=${this.folder} port=${String(this.port)} user=postgres`;
    return server.#begin(() => server.#program('pg_basebackup', '-D', server.data, '-d', from, '-R', '-c', 'fast', '-X', 'stream', '--no-sync'));
  }

  async #begin(make: () => Promise<string>): Promise<this> {
    try {
      await make();
      for (let left = PORT_TRIES; ; left--) {
        this.port = await freePort();
        try {
          await this.up();
          return this;
        } catch (error) {
          if (left === 1 || !/Address already in use/.test(this.said)) throw error;
        }
      }
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  get data(): string {
    return path.join(this.folder, 'data');
  }

  /** What its log said last. */
  get said(): string {
    return this.#said;
  }

  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  url(database = 'postgres', user = 'postgres'): string {
    return `postgresql://${user}@127.0.0.1:${String(this.port)}/${database}`;
  }

  /** Starts it at the same places, with `settings` over those it had. Resolves when it answers. */
  async up(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    Object.assign(this.#settings, settings);
    const all = { ...this.#settings, port: String(this.port), unix_socket_directories: this.folder };
    const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(path.join(this.#programs, 'postgres'), ['-D', this.data, ...args], { ...this.#as, stdio: ['ignore', 'ignore', 'pipe'], cwd: this.folder });
    this.#child = child;
    this.#said = '';
    const ready = new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-SAID_BYTES);
        if (/ready to accept (read-only )?connections/.test(this.#said)) resolve();
      });
      child.once('error', reject);
      child.once('close', () => reject(new Error(`postgres ended:\n${this.#said}`)));
    });
    await within(ready, `PostgreSQL to be ready:\n${this.#said}`);
  }

  /** As `pg_ctl stop -m immediate`: no checkpoint, what was not written to the WAL is lost; the next start recovers. */
  async crash(): Promise<void> {
    await this.#stop('SIGQUIT');
  }

  /** As `pg_ctl stop -m fast`. Waits for those who replicate: until they have acknowledged all of it, or are gone. */
  async down(): Promise<void> {
    await this.#stop('SIGINT');
  }

  /** Makes a standby a primary; resolves when it takes writes. */
  async promote(): Promise<void> {
    await this.sql('SELECT pg_promote(true, 60)');
  }

  /** Rows of columns as text, of the last statement; NULL is empty. `psql` itself: rejects with what it said. */
  async sql(text: string, { database = 'postgres', user = 'postgres' } = {}): Promise<string[][]> {
    const args = ['-X', '-q', '-A', '-t', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-h', this.folder, '-p', String(this.port), '-U', user, '-d', database];
    const output = await this.#program('psql', ...args, '-c', text);
    return output.split('\n').filter((line) => line !== '').map((line) => line.split('\t'));
  }

  /** The first column of the first row. */
  async value(text: string, where?: { database?: string; user?: string }): Promise<string> {
    return (await this.sql(text, where))[0]?.[0] ?? '';
  }

  async #program(name: string, ...args: string[]): Promise<string> {
    const { stdout } = await run(path.join(this.#programs, name), args, { ...this.#as, cwd: this.folder, maxBuffer: 1 << 28 });
    return stdout;
  }

  async #stop(signal: NodeJS.Signals): Promise<void> {
    if (!this.#child || !this.runs) return;
    // Later than `exit`: its children hold the pipe too, and a start before they are gone would be refused.
    const closed = once(this.#child, 'close');
    await endChild(this.#child, signal);
    await within(closed, 'the processes of PostgreSQL to end');
  }

  /** Throws its data away. */
  async end(): Promise<void> {
    await this.#stop('SIGQUIT');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

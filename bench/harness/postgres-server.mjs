/** A PostgreSQL of a trial: in a folder of its own, on its Unix socket alone, on the load's core. It refuses to run as root, so root runs it as `postgres`. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { LOAD_CORE, pinned } from './child.mjs';

const run = promisify(execFile);
/** ms until nobody reads a slot any more whose reader was ended. */
const DROP_MS = 60_000;
const DEBIAN = '/usr/lib/postgresql';
const SETTINGS = {
  wal_level: 'logical', listen_addresses: '', fsync: 'off', max_wal_size: '16GB', shared_buffers: '256MB', autovacuum: 'off', lc_messages: 'C',
  // A transaction that is decoded stays in memory, for each subject alike: what is measured is no disk.
  logical_decoding_work_mem: '1GB',
};

/** Debian's newest; else PATH. */
function programs() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).filter((version) => existsSync(path.join(DEBIAN, version, 'bin/initdb'))) : [];
  const [newest] = versions.map(Number).sort((a, b) => b - a);
  return newest === undefined ? path.dirname(execFileSync('sh', ['-c', 'command -v initdb'], { encoding: 'utf8' }).trim()) : path.join(DEBIAN, String(newest), 'bin');
}

function runAs() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

const sum = (texts) => texts.reduce((total, text) => total + Number(text), 0);

/** Of /proc, from behind the name of the program; empty where it has just ended. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

export class PostgresServer {
  folder = mkdtempSync(path.join(tmpdir(), 'pathcast-bench-'));
  client;
  #child;
  #as = runAs();

  static async start() {
    const server = new PostgresServer();
    try {
      await server.#up();
      return server;
    } catch (error) {
      await server.end();
      throw error;
    }
  }

  /** For node-postgres: the socket's folder is the host. */
  get connection() {
    return { host: this.folder, port: 5432, user: 'postgres', database: 'postgres' };
  }

  async #up() {
    const bin = programs();
    if (this.#as.uid !== undefined) chownSync(this.folder, this.#as.uid, this.#as.gid);
    const data = path.join(this.folder, 'data');
    await run(path.join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N', '--no-instructions'], { ...this.#as, cwd: this.folder });
    const settings = Object.entries({ ...SETTINGS, unix_socket_directories: this.folder }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const argv = [path.join(bin, 'postgres'), '-D', data, ...settings];
    const [command, ...args] = pinned ? ['taskset', '-c', String(LOAD_CORE), ...argv] : argv;
    this.#child = spawn(command, args, { ...this.#as, cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] });
    await new Promise((resolve, reject) => {
      let said = '';
      this.#child.once('error', reject);
      this.#child.once('exit', () => reject(new Error(`postgres ended: ${said}`)));
      this.#child.stderr.setEncoding('utf8').on('data', (text) => {
        said = (said + text).slice(-4_000);
        if (/ready to accept connections/.test(said)) resolve();
      });
    });
    this.client = new pg.Client(this.connection);
    await this.client.connect();
  }

  /** CPU that all its processes have used, those that are gone too, µs; the kernel counts in 10 ms. */
  cpuUs() {
    const { pid } = this.#child;
    let ticks = 0;
    for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
      const fields = statOf(name);
      // After the name: state, ppid, …, utime, stime, cutime, cstime.
      if (Number(name) === pid) ticks += sum(fields.slice(11, 15));
      else if (Number(fields[1]) === pid) ticks += sum(fields.slice(11, 13));
    }
    return ticks * 10_000;
  }

  /** Whoever reads the slot is sent away. */
  async dropSlot(name) {
    for (const end = performance.now() + DROP_MS; ; ) {
      const { rows } = await this.client.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active', [name]);
      if (rows.length === 0) break;
      if (performance.now() > end) throw new Error(`the slot ${name} is read, whoever is sent away`);
      await sleep(20);
    }
    await this.client.query('SELECT pg_drop_replication_slot($1)', [name]);
  }

  async end() {
    await this.client?.end().catch(() => undefined);
    if (this.#child && this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, 'close');
      this.#child.kill('SIGQUIT');
      await closed;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A process of a trial: started on its core, spoken to in JSON lines, ended with the trial. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

/** ms a process may take from its start to its first line. */
const START_MS = 20_000;
/** ms a command may take unless the caller knows better. */
export const ANSWER_MS = 60_000;
/** ms between the polite end and the other one. */
const QUIT_MS = 5_000;

/** Server and load on different cores; on a machine with one core nothing is pinned. */
export const pinned = availableParallelism() > 1;
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

const living = new Set();
/** Ends whatever a failed or interrupted trial left. */
export const endAll = () => Promise.all([...living].map((child) => child.end()));

export class Child {
  #name;
  #process;
  #nextId = 1;
  #waiting = new Map();
  #errors = '';
  #ended;

  constructor(name, core, [command, ...args], env = {}) {
    this.#name = name;
    const argv = pinned ? ['taskset', '-c', String(core), command, ...args] : [command, ...args];
    this.#process = spawn(argv[0], argv.slice(1), {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    living.add(this);
    this.#ended = once(this.#process, 'exit').catch((error) => [error.message]);
    void this.#ended.then(([code, signal]) => {
      living.delete(this);
      this.#fail(`${name} ended (${code ?? signal}) ${this.#errors}`);
    });
    this.#process.stdin.on('error', () => undefined); // its end is told by `exit`
    this.#process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#errors = (this.#errors + text).slice(-2_000);
    });
    let input = '';
    this.#process.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (input + text).split('\n');
      input = lines.pop() ?? '';
      for (const line of lines) this.#take(line);
    });
  }

  get pid() {
    return this.#process.pid;
  }

  /** Resolves to the first line the process writes by itself. */
  ready() {
    return this.#expect(0, 'start', START_MS);
  }

  /** Sends a command; resolves to its answer, rejects when it fails or is late. */
  ask(cmd, options = {}, timeoutMs = ANSWER_MS) {
    const id = this.#nextId++;
    const answer = this.#expect(id, cmd, timeoutMs);
    this.#process.stdin.write(`${JSON.stringify({ id, cmd, ...options })}\n`);
    return answer;
  }

  async end() {
    this.#process.stdin.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), QUIT_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #expect(id, cmd, timeoutMs) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`${this.#name}: no answer to "${cmd}" within ${timeoutMs} ms ${this.#errors}`));
      }, timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
    });
  }

  #take(line) {
    let answer;
    try {
      answer = JSON.parse(line);
    } catch {
      this.#errors = `${this.#errors}${line}\n`.slice(-2_000);
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return;
    this.#waiting.delete(answer.id);
    clearTimeout(waiting.timer);
    if (answer.error === undefined) waiting.resolve(answer);
    else waiting.reject(new Error(`${this.#name}: ${answer.error}`));
  }

  #fail(message) {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Error(message));
    }
    this.#waiting.clear();
  }
}

/** The processes of a run that hold a hub. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { endChild } from '../support/child.js';
import { waitFor, within } from '../support/wait.js';
import type { Publish } from './history.js';
import { now } from './now.js';
import type { SetClock } from './set-clock.js';

/** A process on a machine with few cores, its addon and its first connection. ms */
const START_MS = 30_000;
/** Kept of what a node says of itself. */
const SAID_LINES = 200;

export interface NodeSetUp {
  /** Of the checkout; programs are found there. */
  root: string;
  /** With `dist` in it: this checkout, or an unpacked tarball. */
  packageFolder: string;
  engine: 'native' | 'js';
  redis: object;
  /** It makes a client of its own, as an app has one, and gives the hub that. */
  client: boolean;
  /** PEM file of who signed what Redis shows. */
  trusted?: string | undefined;
  hub: object;
  /** Absent: only JavaScript's clock can be set. */
  clock?: SetClock | undefined;
  /** In the place of Node itself, with its arguments: what it is started through. */
  through?: readonly string[] | undefined;
  /** Where it listens, and where its clients find it. */
  host: string;
}

interface Answer {
  id: string;
  calledAt: number;
  at: number;
  result: { ok: boolean; seq?: number; epoch?: string; queued?: true; duplicate?: true; code?: string };
}

export class ChaosNode {
  /** Undefined: it does not run. */
  port: number | undefined;
  readonly said: string[] = [];
  /** When it could not run. */
  readonly starved: [at: number, until: number][] = [];
  #child: ChildProcess | undefined;
  #asked = 0;
  readonly #waiting = new Map<number, (metrics: Record<string, unknown> | undefined) => void>();
  readonly #publishes = new Map<string, Publish>();

  constructor(
    readonly name: string,
    readonly setUp: NodeSetUp,
  ) {}

  async start(): Promise<void> {
    const { root, trusted, clock, through = [], ...told } = this.setUp;
    const [program = '', ...args] = [...through, process.execPath, path.join(root, 'test/chaos/node.mjs')];
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, CHAOS_NODE: JSON.stringify(told), ...(trusted === undefined ? {} : { NODE_EXTRA_CA_CERTS: trusted }), ...clock?.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stderr }).on('line', (line) => this.#hear(`stderr: ${line}`));
    const ended = once(child, 'exit').then(() => {
      if (this.#child === child) this.port = undefined;
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(JSON.parse(line) as Record<string, unknown>));
    await Promise.race([
      waitFor(() => this.port, `node ${this.name} to start`, START_MS),
      ended.then(() => {
        throw new Error(`node ${this.name} ended: ${this.said.slice(-10).join('\n')}`);
      }),
    ]);
  }

  get runs(): boolean {
    return this.port !== undefined;
  }

  #hear(text: string): void {
    this.said.push(`${Math.round(now())} ${text}`);
    if (this.said.length > SAID_LINES) this.said.shift();
  }

  #take(line: Record<string, unknown>): void {
    if (typeof line['port'] === 'number') this.port = line['port'];
    if (typeof line['said'] === 'string') this.#hear(line['said']);
    if (Array.isArray(line['starved'])) this.starved.push(line['starved'] as [number, number]);
    for (const answer of (line['published'] as Answer[] | undefined) ?? []) this.#answered(answer);
    if (typeof line['ask'] === 'number') {
      this.#waiting.get(line['ask'])?.(line['metrics'] as Record<string, unknown> | undefined);
      this.#waiting.delete(line['ask']);
    }
  }

  #answered({ id, calledAt, at, result }: Answer): void {
    const publish = this.#publishes.get(id);
    this.#publishes.delete(id);
    if (!publish) return;
    publish.at = calledAt;
    if (!result.ok) publish.answer = { at, ok: false, code: result.code ?? '' };
    else if (result.queued) publish.answer = { at, ok: true, queued: true };
    else publish.answer = { at, ok: true, place: { epoch: result.epoch!, seq: result.seq! }, ...(result.duplicate ? { duplicate: true } : {}) };
  }

  #tell(command: object): void {
    this.#child?.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** More than one: `broadcastMany`. */
  publish(publishes: readonly Publish[]): void {
    for (const publish of publishes) this.#publishes.set(publish.action, publish);
    const actions = publishes.map(({ action, company, module, paths }) => ({
      id: action,
      type: 'update',
      module,
      entityId: 'e',
      companyId: company,
      userId: 'w',
      queryPaths: paths,
    }));
    this.#tell({ do: 'publish', actions });
  }

  /** Publishes without an answer. */
  get pending(): number {
    return this.#publishes.size;
  }

  get host(): string {
    return this.setUp.host;
  }

  clock(offMs: number): void {
    const { clock } = this.setUp;
    if (clock) clock.set(offMs);
    else this.#tell({ do: 'clock', offMs });
  }

  /** Of its link and its log in Redis; undefined where it has none. */
  async metrics(): Promise<Record<string, unknown> | undefined> {
    const ask = (this.#asked += 1);
    const answer = new Promise<Record<string, unknown> | undefined>((resolve) => this.#waiting.set(ask, resolve));
    this.#tell({ do: 'metrics', ask });
    return within(answer, `metrics of ${this.name}`, START_MS);
  }

  async kill(): Promise<void> {
    this.port = undefined;
    if (this.#child) await endChild(this.#child);
    this.#publishes.clear();
  }

  async stop(): Promise<void> {
    const child = this.#child!;
    child.kill('SIGSTOP');
    await waitFor(() => / T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8')), `${this.name} to stand still`);
  }

  cont(): void {
    this.#child?.kill('SIGCONT');
  }

  /** As a deploy: what waits goes out first. */
  async close(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    this.#tell({ do: 'close' });
    await within(ended, `${this.name} to end`, START_MS).catch(() => endChild(child));
  }
}

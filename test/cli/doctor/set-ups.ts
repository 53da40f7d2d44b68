/** Set-ups for the doctor: real servers of ours, real proxies before them. What a test starts here it ends by `endAll`. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createHub, type Hub, type HubOptions } from '../../../lib/index.js';
import { closeServers, listenAt } from '../../support/listen.js';
import { startNginx, type NginxOptions } from '../../support/nginx.js';
import { appRouter, startTrpc } from '../../support/trpc-servers.js';
import { runHere } from '../support/cli.js';
import type { DoctorReport } from '../../../lib/cli/doctor/report.js';
import type { AddressInfo, Server } from 'node:net';

const endings: (() => unknown)[] = [];

/** What ends last was started first. */
export async function endAll(): Promise<void> {
  for (const end of endings.splice(0).reverse()) await end();
  closeServers();
}

export function later(end: () => unknown): void {
  endings.push(end);
}

/** ms; short, so that two of them are soon over. */
export const HEARTBEAT = 250;

export function hubOf(options: HubOptions = {}): Hub {
  const hub = createHub({ heartbeatMs: HEARTBEAT, ...options });
  later(() => hub.close());
  return hub;
}

/** A server that lets many wait, as README has it; gives its port. */
export async function serve(app: RequestListener | Server): Promise<number> {
  const server = typeof app === 'function' ? createServer(app) : app;
  await listenAt(server, { port: 0, host: '127.0.0.1', backlog: 16_384 });
  return (server.address() as AddressInfo).port;
}

export const ANN = { companyId: 'acme', userId: 'ann' };

/** The plain endpoint; gives its port. */
export async function plain(options: HubOptions = {}): Promise<number> {
  return serve(hubOf(options).handler({ identify: () => ANN }));
}

export async function nginx(options: NginxOptions): Promise<number> {
  const proxy = await startNginx(options);
  later(() => proxy.stop());
  return proxy.port;
}

export const urlOf = (port: number, where = '/sync/stream'): string => `http://127.0.0.1:${port}${where}`;

export interface TrpcSetUp {
  hub?: HubOptions;
  transformer?: HubOptions['transformer'];
  withoutSocket?: boolean;
}

const USER = encodeURIComponent(JSON.stringify({ token: 'acme/ann' }));

/** A tRPC app with a subscription; gives the address of that. */
export async function trpc({ hub = {}, ...router }: TrpcSetUp = {}): Promise<string> {
  const server = await startTrpc('standalone', appRouter(hubOf(hub), router as never));
  later(() => server.close());
  return `${server.url}/sync.onSync?connectionParams=${USER}`;
}

export interface Seen extends DoctorReport {
  code: number | null;
  ids: string[];
}

/** A folder without a project. */
export function emptyFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-doctor-'));
  later(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function seen({ code, stdout, stderr }: { code: number | null; stdout: string; stderr: string }): Seen {
  if (stderr !== '') throw new Error(stderr);
  const report = JSON.parse(stdout) as DoctorReport;
  return { ...report, code, ids: report.findings.map(({ id }) => id) };
}

/** What is judged of speed. */
const OF_SPEED: readonly string[] = ['redis-slow', 'redis-far', 'events-late', 'hello-late'];

/** Without what is judged of speed, but for what the test has made slow itself: a machine that runs many tests at once is slow. */
export function unhurried(all: Seen, slow: readonly string[] = []): Seen {
  const findings = all.findings.filter(({ id }) => slow.includes(id) || !OF_SPEED.includes(id));
  const code = all.code === 1 && findings.every(({ severity }) => severity !== 'error') ? 0 : all.code;
  return { ...all, code, findings, ids: findings.map(({ id }) => id) };
}

/** About a Redis. */
export async function doctorOfRedis(url: string, args: readonly string[] = [], slow?: readonly string[]): Promise<Seen> {
  return unhurried(seen(await runHere(['doctor', '--json', '--project', emptyFolder(), '--redis', url, ...args])), slow);
}

/** In this process, about a live stream alone. */
export async function doctor(url: string, args: readonly string[] = [], slow?: readonly string[]): Promise<Seen> {
  return unhurried(seen(await runHere(['doctor', '--json', '--project', emptyFolder(), '--url', url, ...args])), slow);
}

/** About a PostgreSQL. */
export async function doctorOfPostgres(url: string, args: readonly string[] = []): Promise<Seen> {
  return seen(await runHere(['doctor', '--json', '--project', emptyFolder(), '--postgres', url, ...args]));
}

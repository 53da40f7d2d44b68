/**
 * What all subjects written in JavaScript share: the conversation with the harness over standard input and
 * output (one flat JSON object a line), the event that is published, and what a process can say about itself.
 */
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import v8 from 'node:v8';

/** Reads `mallinfo2()`: bytes in use in this process's C heap. Undefined where the addon is not built. */
const nativeHeapBytes = (() => {
  try {
    return createRequire(import.meta.url)('../../lib/binding.cjs')().nativeHeapBytes;
  } catch {
    return undefined;
  }
})();

/**
 * Before memory is read: a collection each `EVERY_MS`, until the process has not shrunk by more than `SHARE` for the
 * seconds the scenario asks for, at most three times as long. V8 gives empty pages back some seconds after the
 * collection that emptied them.
 */
const EVERY_MS = 1_000;
const SHARE = 0.002;

const MODULES = ['guests', 'budget', 'events', 'timeline', 'vendors', 'hotels', 'gifts', 'clients', 'floorPlans', 'guestTransport'];

let pad = 0;
let published = 0;

/** The action every subject sends, the same bytes but for what its own wire puts around them. `kind` picks its module. */
export function nextAction(companyId, kind) {
  published += 1;
  const module = MODULES[kind % MODULES.length];
  return {
    id: `b3c1f0a2-5d7e-4c11-9a57-${String(published).padStart(12, '0')}`,
    type: 'update',
    module,
    entityId: 'guest-1234',
    data: { t: String(process.hrtime.bigint()), pad: 'x'.repeat(pad) },
    companyId,
    userId: 'user-1',
    timestamp: Date.now(),
    queryPaths: [`${module}.getAll`, `${module}.getStats`],
  };
}

/** Pages that are resident, exactly; `process.memoryUsage` reads a counter that lags. */
function residentBytes() {
  const kib = /^Rss:\s+(\d+) kB/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1];
  return Number(kib) * 1024;
}

async function memory({ settleSeconds = 10 }) {
  const end = performance.now() + 3_000 * settleSeconds;
  let lowest = Infinity;
  for (let still = 0; still * EVERY_MS < settleSeconds * 1_000 && performance.now() < end; still += 1) {
    globalThis.gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await sleep(EVERY_MS);
    const rss = residentBytes();
    if (rss < lowest * (1 - SHARE)) still = -1;
    lowest = Math.min(lowest, rss);
  }
  const heap = v8.getHeapStatistics();
  const { external, arrayBuffers } = process.memoryUsage();
  return {
    rss: residentBytes(),
    jsHeap: heap.used_heap_size,
    jsHeapResident: heap.total_physical_size,
    external,
    arrayBuffers,
    nativeHeap: nativeHeapBytes?.() ?? null,
  };
}

/** `threadUs`: of the JavaScript thread alone. */
function usage() {
  const { user, system } = process.cpuUsage();
  const [ns] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return { userUs: user, systemUs: system, threadUs: Number(ns) / 1e3 };
}

/** µs between two samples of a profile. */
const SAMPLE_US = 100;
let profiler;

async function startProfile() {
  profiler = new Session();
  profiler.connect();
  await profiler.post('Profiler.enable');
  await profiler.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  await profiler.post('Profiler.start');
}

/** µs of the JavaScript thread in each function named, with all that it called. */
async function profiled({ functions }) {
  const { profile } = await profiler.post('Profiler.stop');
  profiler.disconnect();
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const own = new Map();
  profile.samples.forEach((id, i) => own.set(id, (own.get(id) ?? 0) + profile.timeDeltas[i]));
  const below = (node) => (node.children ?? []).reduce((sum, id) => sum + below(nodes.get(id)), own.get(node.id) ?? 0);
  // Of a function that calls itself by way of others, the outermost call counts.
  const find = (node, name) =>
    node.callFrame.functionName === name ? below(node) : (node.children ?? []).reduce((sum, id) => sum + find(nodes.get(id), name), 0);
  return Object.fromEntries(functions.split(',').map((name) => [name, find(profile.nodes[0], name)]));
}

/** Worst gap between two turns of a 1 ms timer; the timer's own millisecond is in it. */
const delay = monitorEventLoopDelay({ resolution: 1 });

/**
 * Gaps that the timer must have seen before the watch counts as begun. The first turn only sets its mark: a fan-out that
 * came before it would go unseen.
 */
const GAPS_SEEN = 3;

async function watchLoop() {
  delay.enable();
  delay.reset();
  while (delay.count < GAPS_SEEN) await sleep(1);
}

/**
 * `count` events over `companies` in turn, of `kinds` modules in turn. One each `gapMs` by the clock (a late one does
 * not push the next); without a gap each when the one before has been taken.
 */
async function publish({ count = 1, gapMs = 0, companies = 1, kinds = 1 }, send) {
  const start = performance.now();
  const outcomes = [];
  for (let i = 0; i < count; i += 1) {
    const wait = start + i * gapMs - performance.now();
    if (gapMs > 0 && wait > 0) await sleep(wait);
    const companyId = `company-${i % companies}`;
    const outcome = send(companyId, nextAction(companyId, i % kinds));
    outcomes.push(gapMs > 0 ? outcome : await outcome);
  }
  outcomes.splice(0, outcomes.length, ...(await Promise.all(outcomes)));
  const refused = outcomes.filter((outcome) => outcome && outcome.ok === false);
  if (refused.length > 0) throw new Error(`${refused.length} publishes refused: ${JSON.stringify(refused[0])}`);
  return { lastSeq: outcomes.at(-1)?.seq ?? 0 };
}

/**
 * Answers the harness until it goes away.
 *
 * `send(companyId, action)` publishes one event; `metrics()` is the subject's own account, if it keeps one; `commands` are
 * more of them, of its own.
 */
export function serve({ port, send, metrics = () => ({}), commands: more = {} }) {
  const commands = {
    usage,
    memory,
    resident: () => ({ rss: residentBytes() }),
    pad: ({ bytes }) => {
      pad = bytes;
    },
    publish: async (command) => ({ ...(await publish(command, send)), ...usage() }),
    startProfile,
    profiled,
    watchLoop,
    loopDelay: () => {
      const { max, mean } = delay;
      delay.disable();
      return { maxMs: max / 1e6, meanMs: mean / 1e6 };
    },
    metrics: () => ({ metrics: metrics() }),
    quit: () => process.exit(0),
    ...more,
  };

  const answer = (body) => process.stdout.write(`${JSON.stringify(body)}\n`);
  const run = async (line) => {
    const { id, cmd, ...rest } = JSON.parse(line);
    try {
      const command = commands[cmd];
      if (!command) throw new Error(`no such command: ${cmd}`);
      answer({ id, ...(await command(rest)) });
    } catch (error) {
      answer({ id, error: error instanceof Error ? error.message : String(error) });
    }
  };

  let input = '';
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (text) => {
    const lines = (input + text).split('\n');
    input = lines.pop() ?? '';
    for (const line of lines) void run(line);
  });
  process.stdin.on('end', () => process.exit(0));
  answer({ id: 0, port });
}

/** Node's default queue of 511 makes 10,000 simultaneous handshakes take many seconds; the kernel caps it too. */
export const LISTEN_BACKLOG = 16_384;

export const listen = (server) =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1', backlog: LISTEN_BACKLOG }, () => resolve(server.address().port));
  });

/** `/company-3/42` of the load's request. */
export function identityOf(url) {
  const [, companyId = 'company-0', userId = '0'] = url.split('?')[0].split('/');
  return { companyId, userId: `user-${userId}` };
}

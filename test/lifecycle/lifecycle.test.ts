/**
 * Life cycles of hubs: each stage ends with exit code 0 and no signal, in the main thread and in a worker, on both
 * engines (SPEC, promise G8). Runs the built package, as an app would.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { waitFor } from '../support/wait.js';

const script = path.join(__dirname, 'stages.cjs');
const run = promisify(execFile);

/** What each stage says before it ends; undefined where there is nothing to say. */
const stages: Record<string, string | undefined> = {
  idle: undefined,
  'awaited publish': 'ok true',
  'two hubs, one closed': 'ok true seq 1',
  'exit at once': undefined,
  'exit with open streams, busy': undefined,
  'close with open streams, busy': 'answered 2000 odd 0 after HUB_CLOSED',
  'forgotten and collected': undefined,
  'path tables forgotten and collected': 'odd 0',
  'drained, then closed twice': 'connections 0',
  'a generator left open': 'hello',
};

describe.each(['native', 'js'] as const)('life cycles, %s engine', (engine) => {
  test.each(Object.entries(stages))('G8: %s, main thread', async (stage, said) => {
    const { stdout, stderr } = await run(
      process.execPath,
      ['--expose-gc', '--throw-deprecation', script, JSON.stringify({ stage, engine })],
      { timeout: 90_000 },
    );
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe(said ?? '');
  });

  test.each(Object.entries(stages))('G8: %s, worker', async (stage, said) => {
    const worker = new Worker(script, { workerData: { stage, engine } });
    const messages: unknown[] = [];
    worker.on('message', (text) => messages.push(text));
    const [code] = (await once(worker, 'exit')) as [number];
    expect(code).toBe(0);
    expect(messages).toEqual(said === undefined ? [] : [said]);
  });

  test('G8: workers terminated at any moment leave no thread and no descriptor behind', async () => {
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const threads = () => Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    const cycle = async (delayMs: number) => {
      const worker = new Worker(script, { workerData: { stage: 'exit with open streams, busy', engine } });
      await once(worker, 'online');
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await worker.terminate();
    };
    await cycle(60);
    const before = { descriptors: descriptors(), threads: threads() };
    for (const delayMs of [0, 5, 20, 45, 80, 120]) await cycle(delayMs);
    await waitFor(() => descriptors() <= before.descriptors && threads() <= before.threads, 'descriptors and threads to be as before');
  });
});

/** The end of a program that a test has started. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Resolves when it has ended; at once if it had. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

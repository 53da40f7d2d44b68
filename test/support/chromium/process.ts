/** A renderer that stands still, as a machine under load or a debugger makes it. */
import { readFileSync } from 'node:fs';
import { waitFor } from '../wait.js';

/** The letter that Linux gives the state of a process: T is stopped. */
export const stateOf = (pid: number): string => /^\d+ \(.*\) (\w)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';

export async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await waitFor(() => stateOf(pid) === 'T', `process ${pid} to stand still`);
}

export function continueProcess(pid: number): void {
  process.kill(pid, 'SIGCONT');
}

/** `pathcast init` in this process, from the sources: what it printed, and its exit code. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { initCommand } from '../../../lib/cli/init/command.js';
import { root } from '../../package/packed.js';

const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

export interface Ran {
  code: number;
  stdout: string;
  asked: string[];
}

/** `answers`: what a person at the terminal types; without them nobody is there. Rejects as the command does. */
export async function init(argv: readonly string[], answers?: readonly string[]): Promise<Ran> {
  const ran: Ran = { code: -1, stdout: '', asked: [] };
  const stdout = { print: async (text: string) => void (ran.stdout += text) };
  const left = [...(answers ?? [])];
  const asker = {
    present: answers !== undefined,
    ask: async (question: string) => {
      ran.asked.push(question);
      return left.shift() ?? '';
    },
  };
  ran.code = await initCommand(argv, { stdout, stderr: stdout, env: {}, version }, asker);
  return ran;
}

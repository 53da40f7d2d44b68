/** Questions at the terminal. */
import { createInterface } from 'node:readline/promises';

export interface Asker {
  /** False: nobody is there to answer, and nothing is asked. */
  readonly present: boolean;
  /** What was typed, without blanks around it; empty where the terminal was closed. */
  ask(question: string): Promise<string>;
}

export const terminalAsker: Asker = {
  get present() {
    return process.stdin.isTTY && process.stdout.isTTY;
  },
  async ask(question) {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    try {
      // A closed terminal (Ctrl-D) never answers.
      const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
      return (await Promise.race([terminal.question(question), closed])).trim();
    } finally {
      terminal.close();
    }
  },
};

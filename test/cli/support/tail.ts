/** `pathcast tail` in this process, for a test that ends it. */
import { run } from '../../../lib/cli/main.js';
import { waitFor, within } from '../../support/wait.js';
import { later } from '../doctor/set-ups.js';

export class Tail {
  stdout = '';
  stderr = '';
  code: number | undefined;
  readonly done: Promise<number>;
  readonly #stop = new AbortController();

  constructor(args: readonly string[], { columns, env = {} }: { columns?: number; env?: NodeJS.ProcessEnv } = {}) {
    const terminal = columns === undefined ? {} : { isTTY: true, columns };
    const stdout = { ...terminal, print: async (text: string) => void (this.stdout += text) };
    const stderr = { print: async (text: string) => void (this.stderr += text) };
    this.done = run(['tail', ...args], { stdout, stderr, env, version: '1.2.3', interrupted: () => this.#stop.signal }).then((code) => (this.code = code));
    later(() => this.stop());
  }

  get lines(): string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  async until(text: string): Promise<void> {
    await waitFor(() => this.stdout.includes(text) || this.code !== undefined, `${JSON.stringify(text)} in ${JSON.stringify(this.stdout + this.stderr)}`);
    expect(this.stdout).toContain(text);
  }

  async untilTold(text: string): Promise<void> {
    await waitFor(() => this.stderr.includes(text), `${JSON.stringify(text)} in ${JSON.stringify(this.stdout + this.stderr)}`);
  }

  stop(): Promise<number> {
    this.#stop.abort();
    return within(this.done, 'the end of tail');
  }
}

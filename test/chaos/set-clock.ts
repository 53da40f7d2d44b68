/**
 * A clock of the day that a process can be given in the place of the machine's: a library that is loaded before its own (`set-clock.c`), and a file that
 * says how far off it is. The steady clock stays. Where no library can be made, such faults are left out, and the run says so.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** Made in `folder`. Undefined: this machine cannot. */
export function clockLibrary(root: string, folder: string): string | undefined {
  const file = path.join(folder, 'set-clock.so');
  try {
    if (process.platform !== 'linux') return undefined;
    execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', file, path.join(root, 'test/chaos/set-clock.c')], { stdio: 'pipe' });
    return file;
  } catch {
    return undefined;
  }
}

export class SetClock {
  readonly #file: string;

  constructor(
    readonly library: string,
    folder: string,
    name: string,
  ) {
    this.#file = path.join(folder, `${name}.clock`);
    writeFileSync(this.#file, Buffer.alloc(8));
  }

  /** Of the process, at its start. */
  get env(): Record<string, string> {
    return { LD_PRELOAD: this.library, CHAOS_CLOCK: this.#file };
  }

  /** It is so at once. */
  set(offMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(offMs));
    writeFileSync(this.#file, bytes, { flag: 'r+' });
  }
}

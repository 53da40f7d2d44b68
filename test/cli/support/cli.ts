/** The command line as a process of its own, bundled from the sources: what is tested is what is written, built or not. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { run } from '../../../lib/cli/main.js';

const root = path.resolve(__dirname, '../../..');

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Reads this many bytes of the standard output and goes away. */
  readOnly?: number;
}

export class Cli {
  private constructor(
    readonly folder: string,
    readonly program: string,
  ) {}

  static async build(): Promise<Cli> {
    // Inside the repository, so that packages are found, and as deep as the compiled file is in the package.
    mkdirSync(path.join(root, '.setup'), { recursive: true });
    const folder = mkdtempSync(path.join(root, '.setup', 'cli-'));
    const main = path.join(folder, 'cli', 'main.js');
    await build({
      entryPoints: [path.join(root, 'lib/cli/main.ts')],
      outfile: main,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      // The loader of the addon finds it from its own file.
      external: ['#binding'],
      logLevel: 'error',
    });
    const program = path.join(folder, 'pathcast.mjs');
    writeFileSync(
      program,
      `import { main } from './cli/main.js';\nprocess.exitCode = await main(process.argv.slice(2));\n`,
    );
    return new Cli(folder, program);
  }

  run(args: readonly string[], { cwd = root, env, readOnly }: RunOptions = {}): Promise<Ran> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [this.program, ...args], { cwd, env: env ?? process.env });
      const ran: Ran = { code: null, stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        ran.stdout += text;
        if (readOnly !== undefined && ran.stdout.length >= readOnly) child.stdout.destroy();
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => (ran.stderr += text));
      child.once('error', reject);
      child.once('close', (code) => resolve({ ...ran, code }));
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The command in this process, in a pipe that nobody watches. */
export async function runHere(argv: readonly string[]): Promise<Ran> {
  const ran: Ran = { code: null, stdout: '', stderr: '' };
  const stdout = { print: async (text: string) => void (ran.stdout += text) };
  const stderr = { print: async (text: string) => void (ran.stderr += text) };
  ran.code = await run(argv, { stdout, stderr, env: {}, version: '1.2.3' });
  return ran;
}

/** A code base in a folder of its own. */
export class CodeBase {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'pathcast-cli-'));

  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  at(name: string): string {
    return path.join(this.folder, name);
  }

  write(name: string, text: string): void {
    mkdirSync(path.dirname(this.at(name)), { recursive: true });
    writeFileSync(this.at(name), text);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const IMPORTS = `import { initTRPC } from '@trpc/server';
import { drizzle } from 'drizzle-orm/node-postgres';
import { pgTable, text } from 'drizzle-orm/pg-core';
import { broadcastSync } from './realtime';

export const guests = pgTable('guests', { id: text() });
export const hotels = pgTable('hotels', { id: text() });
export const log = pgTable('log', { id: text() });
const db = drizzle('');
const t = initTRPC.create();
const stale = (queryPaths: string[]) =>
  broadcastSync({ type: 'update', module: 'guests', entityId: '1', companyId: 'c', userId: 'u', queryPaths });
`;

/** Two queries and the given mutations of `guests`, each the body of a resolver. */
export const router = (mutations: Readonly<Record<string, string>>): string => `${IMPORTS}
const guestsRouter = t.router({
  getAll: t.procedure.query(() => db.select().from(guests)),
  getStats: t.procedure.query(() => db.select().from(guests)),
${Object.entries(mutations)
  .map(([name, body]) => `  ${name}: t.procedure.mutation(async () => {\n    ${body}\n  }),`)
  .join('\n')}
});
const hotelsRouter = t.router({ getAll: t.procedure.query(() => db.select().from(hotels)) });
export const appRouter = t.router({ guests: guestsRouter, hotels: hotelsRouter });
`;

export const WRITE = `await db.insert(guests).values({ id: '1' });`;
export const TELL = `await stale(['guests.getAll']);`;
export const REALTIME = 'export async function broadcastSync(action: object): Promise<void> {}\n';

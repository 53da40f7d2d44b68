/** Small projects, compiled by each TypeScript that pathcast promises to work with. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const REPOSITORY = path.join(__dirname, '../..');
/** Names of installed packages. */
export const COMPILERS = ['typescript-5-7', 'typescript', 'typescript-7'] as const;
export type Compiler = (typeof COMPILERS)[number];
/** What a case imports pathcast by. */
export const PATHCAST = path.join(REPOSITORY, 'lib/trpc/index.js');
/** And by which other names. */
export const PLACES = { PATHCAST, POSTGRES: path.join(REPOSITORY, 'lib/postgres/transactions/index.js'), LINK: path.join(REPOSITORY, 'lib/link/index.js') };

const OPTIONS = {
  target: 'ES2022',
  lib: ['ES2023', 'ESNext.Disposable'],
  module: 'nodenext',
  moduleResolution: 'nodenext',
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
};

export interface Diagnostic {
  file: string;
  line: number;
  code: string;
  message: string;
}

/** A folder with the files, gone again after `use`. */
export async function inProject<T>(files: Record<string, string>, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pathcast-types-'));
  try {
    symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(folder, 'node_modules'));
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: OPTIONS, include: ['**/*.ts'] }),
    );
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the compiler has to say; one line each, continuations dropped. */
export async function compile(
  compiler: Compiler,
  folder: string,
  ...flags: string[]
): Promise<{ diagnostics: Diagnostic[]; output: string }> {
  const tsc = path.join(REPOSITORY, 'node_modules', compiler, 'bin/tsc');
  const child = spawn(process.execPath, [tsc, '-p', folder, '--pretty', 'false', ...flags], { cwd: folder });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  const diagnostics = [...output.matchAll(/^([^\s(]+)\((\d+),\d+\): error (TS\d+): (.*)$/gm)].map(
    ([, file = '', line = '', code = '', message = '']) => ({
      file: path.basename(file),
      line: Number(line),
      code,
      message,
    }),
  );
  return { diagnostics, output };
}

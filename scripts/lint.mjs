// npm run lint: eslint, the type check of the tests, and clang-format over the C++ sources. `--fix` mends what it can.
// Two checks at a time: each is one thread, and eslint takes as long as the others together.
import { readdirSync, existsSync } from 'node:fs';
import path from 'node:path';
import { at, captured, main, say, startedAs, which } from './support.mjs';

function* sourcesUnder(folder) {
  if (!existsSync(at(folder))) return;
  for (const entry of readdirSync(at(folder), { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* sourcesUnder(file);
    else if (/\.(cc|h)$/.test(entry.name)) yield file;
  }
}

/** Runs every check, so that one run shows all there is to mend. Resolves to the number of checks that failed. */
export async function lint({ fix = false } = {}) {
  const checks = [
    ['eslint', process.execPath, [at('node_modules/eslint/bin/eslint.js'), '--max-warnings=0', '--cache', '--cache-location', '.setup/eslint', ...(fix ? ['--fix'] : []), '.']],
    ['types of the tests', process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', 'test/tsconfig.json', '--pretty', 'false']],
    ['types of the browser half', process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', 'lib/client', '--pretty', 'false']],
    ['types of the audited code base', process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', 'test/fixtures/weddingflo', '--pretty', 'false']],
    ['types of the same, moved to pathcast', process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', 'test/fixtures/weddingflo-repaired', '--pretty', 'false']],
  ];
  const sources = ['src', 'test/native', 'bench'].flatMap((folder) => [...sourcesUnder(folder)]);
  if (which('clang-format')) {
    const mode = fix ? ['-i'] : ['--dry-run', '-Werror'];
    checks.push(['clang-format', 'clang-format', ['--style=file:src/.clang-format', ...mode, ...sources]]);
  } else {
    say('clang-format is not installed; the layout of the C++ sources is not checked');
  }
  let failed = 0;
  const left = [...checks];
  const worker = async () => {
    for (let check = left.shift(); check !== undefined; check = left.shift()) {
      const [name, command, args] = check;
      const { ok, output } = await captured(command, args);
      if (!ok) failed += 1;
      say(`${name}: ${ok ? 'clean' : 'FAILED'}`);
      process.stdout.write(output);
    }
  };
  await Promise.all([worker(), worker()]);
  return failed;
}

if (startedAs(import.meta.url)) main(() => lint({ fix: process.argv.includes('--fix') }));

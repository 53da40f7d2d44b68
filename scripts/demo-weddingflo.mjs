// npm run demo:weddingflo: the code base of the seed, audited and run twice: as it was found, and moved to pathcast.
// Exit code 0 only if the audit of the second one is clean and each of its mutations reaches a second client's cache.
//
// `--json FILE` writes the results too. `--built` leaves out the set-up (for a caller that has done it).
import { rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { at, main, run, stateDir, startedAs } from './support.mjs';
import { setUp } from './setup.mjs';

const COMMON = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  external: ['#binding'],
  sourcemap: 'inline',
  logLevel: 'warning',
};

/** Bundled, because neither version is compiled by anything else; each with the path aliases of its own tsconfig. */
export async function bundleApps(out) {
  const { build } = await import('esbuild');
  const library = { pathcast: at('lib/index.ts'), 'pathcast/trpc': at('lib/trpc/index.ts') };
  const app = (name) =>
    build({
      ...COMMON,
      entryPoints: [at('test/fixtures', name, 'src/index.ts')],
      tsconfig: at('test/fixtures', name, 'tsconfig.json'),
      alias: library,
      outfile: path.join(out, `${name}.mjs`),
    });
  await Promise.all([app('weddingflo'), app('weddingflo-repaired')]);
}

/** What runs them: as `main.mjs` beside them. */
export async function bundleProgram(source, out) {
  const { build } = await import('esbuild');
  await build({ ...COMMON, entryPoints: [at(source)], outfile: path.join(out, 'main.mjs') });
}

export async function demo(args) {
  if (!args.includes('--built')) await setUp('test');
  // Inside the package: what is bundled finds its packages and the addon from there.
  const out = path.join(stateDir, `demo-${process.pid}`);
  await mkdir(out, { recursive: true });
  try {
    await Promise.all([bundleApps(out), bundleProgram('test/demo/weddingflo/main.ts', out)]);
    const passed = args.filter((arg) => arg !== '--built');
    return await run(process.execPath, ['--enable-source-maps', path.join(out, 'main.mjs'), ...passed]);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

if (startedAs(import.meta.url)) main(() => demo(process.argv.slice(2)));

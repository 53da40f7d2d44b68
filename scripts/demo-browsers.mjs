// npm run demo:browsers: each mutation of the code base of the seed, made in one browser and looked at in another: with the hand-made layer
// and its own client, and moved to pathcast with pathcast's. It prints one table. Exit code 0 only if with pathcast each reaches the screen.
//
// `--json FILE` writes the results too. `--quick` runs both at once, and leaves no pause between mutations. It takes about five minutes without.
// `--built` leaves out the set-up (for a caller that has done it).
import { rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { bundleApps, bundleProgram } from './demo-weddingflo.mjs';
import { at, main, run, stateDir } from './support.mjs';
import { setUp } from './setup.mjs';

/** As an app's bundler does it. */
async function bundlePages(out) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: ['with-pathcast', 'hand-made'].map((name) => at('test/demo/browsers/page', `${name}.ts`)),
    outdir: out,
    bundle: true,
    format: 'iife',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  });
}

main(async () => {
  const args = process.argv.slice(2);
  if (!args.includes('--built')) await setUp('test');
  const out = path.join(stateDir, `browsers-${process.pid}`);
  await mkdir(out, { recursive: true });
  try {
    await Promise.all([bundleApps(out), bundleProgram('test/demo/browsers/main.ts', out), bundlePages(out)]);
    const passed = args.filter((arg) => arg !== '--built');
    return await run(process.execPath, ['--enable-source-maps', path.join(out, 'main.mjs'), ...passed]);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

// npm run chaos: many nodes on a Redis, and all that can go wrong, by a seed. See test/chaos/main.ts, or --help.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { at, capture, main, Refusal, run, stateDir } from './support.mjs';
import { setUp } from './setup.mjs';

/** Unpacks a tarball below the checkout, so that it finds the packages that it needs. */
function unpack(tarball) {
  const folder = path.join(stateDir, 'chaos', 'old');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const done = capture('tar', ['-xzf', path.resolve(tarball), '-C', folder, '--strip-components=1']);
  if (!done.ok) throw new Refusal(`${tarball} cannot be unpacked: ${done.output}`);
  return folder;
}

main(async () => {
  const args = process.argv.slice(2);
  const old = args.indexOf('--old');
  if (old >= 0 && args[old + 1]) args[old + 1] = unpack(args[old + 1]);
  if (!args.includes('--help')) await setUp('test');
  const { build } = await import('esbuild');
  const outfile = path.join(stateDir, 'chaos', 'main.cjs');
  const made = { entryPoints: [at('test/chaos/main.ts')], outfile, bundle: true, platform: 'node', format: 'cjs', packages: 'external', logLevel: 'warning' };
  await build(made);
  return run(process.execPath, ['--enable-source-maps', outfile, ...args]);
});

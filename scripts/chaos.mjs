// npm run chaos: many nodes on a Redis, and all that can go wrong, by a seed. See test/chaos/main.ts, or --help.
import path from 'node:path';
import { oldPackage, previousCommit } from './old-package.mjs';
import { setUp } from './setup.mjs';
import { at, main, run, stateDir } from './support.mjs';

main(async () => {
  const args = process.argv.slice(2);
  if (!args.includes('--help')) {
    await setUp('test');
    const place = args.indexOf('--old');
    const [, named = previousCommit()] = place < 0 ? [] : args.splice(place, 2);
    if (named !== undefined && named !== 'none') args.push('--old', oldPackage(named));
  }
  const { build } = await import('esbuild');
  const outfile = path.join(stateDir, 'chaos', 'main.cjs');
  const made = { entryPoints: [at('test/chaos/main.ts')], outfile, bundle: true, platform: 'node', format: 'cjs', packages: 'external', logLevel: 'warning', define: { __dirname: JSON.stringify(at('test/chaos')) } };
  await build(made);
  return run(process.execPath, ['--enable-source-maps', outfile, ...args]);
});

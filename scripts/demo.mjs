// A demo that is written in TypeScript over the supports of the tests: set up, bundled into the state folder, run, and removed.
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { at, main, run, stateDir } from './support.mjs';
import { setUp } from './setup.mjs';

/** The supports of the tests look for what they need beside themselves. */
const besideItself = {
  name: 'beside itself',
  setup: (build) =>
    build.onLoad({ filter: /[\\/]test[\\/].*\.ts$/ }, ({ path: file }) => ({
      contents: readFileSync(file, 'utf8').replace(/\b__dirname\b/g, JSON.stringify(path.dirname(file))),
      loader: 'ts',
    })),
};

/** Runs test/demo/NAME/main.ts with the arguments of this process. `--built` leaves out the set-up (for a caller that has done it). */
export function demo(name) {
  main(async () => {
    const args = process.argv.slice(2);
    if (!args.includes('--built')) await setUp('test');
    const { build } = await import('esbuild');
    const out = path.join(stateDir, `demo-${name}-${process.pid}`);
    try {
      const outfile = path.join(out, 'main.cjs');
      await build({ entryPoints: [at('test/demo', name, 'main.ts')], outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node20', packages: 'external', plugins: [besideItself], logLevel: 'warning' });
      return await run(process.execPath, [outfile, ...args.filter((arg) => arg !== '--built')]);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });
}

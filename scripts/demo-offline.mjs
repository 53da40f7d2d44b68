// npm run demo:offline: Ada is on a train and Bilal in the office, a Chromium each, on the reference server and a PostgreSQL. Three edits in a tunnel, one conflict,
// one merge; it prints what happened, and its exit code is not 0 where something else did. `-- --screenshots FOLDER` keeps pictures.
// `--built` leaves out the set-up (for a caller that has done it).
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

main(async () => {
  const args = process.argv.slice(2);
  if (!args.includes('--built')) await setUp('test');
  const { build } = await import('esbuild');
  const out = path.join(stateDir, `demo-offline-${process.pid}`);
  try {
    const outfile = path.join(out, 'main.cjs');
    await build({ entryPoints: [at('test/demo/offline/main.ts')], outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node20', packages: 'external', plugins: [besideItself], logLevel: 'warning' });
    return await run(process.execPath, [outfile, ...args.filter((arg) => arg !== '--built')]);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
});

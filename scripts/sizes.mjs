// npm run -s sizes: what each browser entry point costs a page, with all that it needs but its peers (React, tRPC's client): bundled
// and minified by esbuild, compressed by gzip -9. `--json` for programs. Reads what is built.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { at, main, root, startedAs } from './support.mjs';

/** What a browser loads; everything else is for servers. */
const BROWSER = ['./client', './client/trpc', './client/report', './react', './tanstack', './offline', './offline/link', './offline/tanstack', './offline/store', './offline/react', './devtools'];
const PEERS = ['react', '@trpc/client', '@trpc/server'];

/** `inputs`: the files that it is made of, below the root. */
export async function sizes() {
  const { exports } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const { build } = await import('esbuild');
  const measured = [];
  for (const entry of BROWSER.filter((name) => name in exports)) {
    const { outputFiles, metafile } = await build({
      entryPoints: [at(exports[entry].import.default)],
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      target: 'es2022',
      platform: 'browser',
      external: PEERS.flatMap((name) => [name, `${name}/*`]),
      absWorkingDir: root,
      // No name of Node is known: an import of one fails.
      logLevel: 'silent',
    });
    const [{ contents }] = outputFiles;
    const inputs = Object.keys(metafile.inputs).map((file) => file.split(path.sep).join('/'));
    measured.push({ entry: entry.replace('.', 'pathcast'), minified: contents.length, gzipped: gzipSync(contents, { level: 9 }).length, inputs });
  }
  return measured;
}

if (startedAs(import.meta.url)) {
  main(async () => {
    const measured = await sizes();
    if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(measured)}\n`);
    else {
      for (const { entry, minified, gzipped } of measured) {
        process.stdout.write(`${entry.padEnd(22)} ${String(minified).padStart(7)} bytes minified ${String(gzipped).padStart(7)} bytes gzipped\n`);
      }
    }
    return 0;
  });
}

// npm run build:pages: the reference server's pages. In lib/reference/pages each script or style sheet at the top is
// bundled with what it imports, into a file of the same name; pages and pictures are copied; folders hold parts.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { at, capture, exclusively, hashOf, ifChanged, main, Refusal, startedAs } from './support.mjs';

const SOURCE = at('lib/reference/pages');
const TARGET = at('dist/esm/reference/public');
const ENTRY = /\.(ts|css)$/;
const COPIED = /\.(html|svg|png|ico|webp|woff2|txt)$/;

export async function buildPages() {
  if (!existsSync(path.join(SOURCE, 'index.html'))) return false;
  const inputs = ['lib/reference/pages', 'lib/client', 'lib/link', 'lib/offline', 'lib/protocol', 'lib/tanstack', 'package-lock.json', 'scripts/build-pages.mjs'];
  return ifChanged('bundling the pages', hashOf(inputs), path.join(TARGET, 'index.html'), async () => {
    const checked = capture(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', SOURCE, '--pretty', 'false']);
    if (!checked.ok) throw new Refusal(`${checked.output}\nThe pages do not compile.`);
    const { build } = await import('esbuild');
    const files = readdirSync(SOURCE, { withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => entry.name);
    rmSync(TARGET, { recursive: true, force: true });
    mkdirSync(TARGET, { recursive: true });
    await build({
      entryPoints: files.filter((name) => ENTRY.test(name)).map((name) => path.join(SOURCE, name)),
      outdir: TARGET,
      bundle: true,
      format: 'esm',
      target: 'es2022',
      minify: true,
      sourcemap: true,
      logLevel: 'warning',
    });
    for (const name of files.filter((file) => COPIED.test(file))) cpSync(path.join(SOURCE, name), path.join(TARGET, name));
  });
}

if (startedAs(import.meta.url)) main(() => exclusively(buildPages));

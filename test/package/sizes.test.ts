/** What a page loads: how much of it, and nothing that is a server's. `npm run -s sizes` prints the same. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { root } from './packed.js';

interface Measured {
  readonly entry: string;
  readonly minified: number;
  readonly gzipped: number;
  readonly inputs: readonly string[];
}

/** Bytes after esbuild --minify and gzip -9, with all dependencies but peers. `pathcast/client` is a promise, the others hold what is measured now. */
const MOST: Readonly<Record<string, number>> = {
  'pathcast/client': 10_240,
  'pathcast/client/trpc': 12_928,
  'pathcast/client/report': 4_224,
  'pathcast/react': 22_016,
  'pathcast/tanstack': 11_520,
  'pathcast/offline/react': 8_096,
  'pathcast/devtools': 8_704,
  'pathcast/offline': 17_440,
  'pathcast/offline/link': 3_424,
  'pathcast/offline/tanstack': 7_840,
  'pathcast/offline/store': 4_768,
};

const measured = JSON.parse(execFileSync(process.execPath, [path.join(root, 'scripts/sizes.mjs'), '--json'], { encoding: 'utf8' })) as Measured[];

test('each entry point of the browser is measured, and within its bound', () => {
  expect(measured.map(({ entry }) => entry).sort()).toEqual(Object.keys(MOST).sort());
  const sizes = measured.map(({ entry, gzipped }) => ({ entry, gzipped, most: MOST[entry] ?? 0 }));
  expect(sizes.filter(({ gzipped, most }) => gzipped > most)).toEqual([]);
  expect(sizes.filter(({ gzipped }) => gzipped < 400)).toEqual([]);
});

test.each(measured.map(({ entry, inputs }) => [entry, inputs] as const))('%s holds browser code alone', (_, inputs) => {
  const allowed = /^(dist\/esm\/(client|devtools|link|offline|offline-react|react|report|tanstack|protocol|internal)\/|node_modules\/eventsource-parser\/)/;
  expect(inputs.filter((file) => !allowed.test(file))).toEqual([]);
});

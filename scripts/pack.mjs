// npm run pack:tarball: the package as npm would publish it, in .setup/pack; its path is the last line. `--prepack` makes
// what is packed and leaves the packing to npm, which calls it before `npm pack` and `npm publish`.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { prebuild } from './prebuild.mjs';
import { setUp } from './setup.mjs';
import { at, capture, exclusively, hashOf, ifChanged, main, Refusal, startedAs, stateDir } from './support.mjs';

const { name, version, files } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
const FOLDER = path.join(stateDir, 'pack');
export const TARBALL = path.join(FOLDER, `${name}-${version}.tgz`);

/** npm as it runs this, or the one on PATH. */
function npm(args) {
  const own = process.env.npm_execpath;
  return own ? capture(process.execPath, [own, ...args]) : capture('npm', args);
}

/** The tarball from what is built, if anything in it has changed. */
export async function pack() {
  await prebuild();
  const packed = files.filter((file) => !file.startsWith('!'));
  await ifChanged('packing', hashOf([...packed, 'package.json', 'README.md', 'LICENSE']), TARBALL, () => {
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    const done = npm(['pack', '--ignore-scripts', '--pack-destination', FOLDER]);
    if (!done.ok) throw new Refusal(done.output);
  });
  return TARBALL;
}

if (startedAs(import.meta.url)) {
  main(async () => {
    const native = await setUp('pack');
    if (!native) throw new Refusal('The package cannot be made without the addon.');
    if (process.argv[2] === '--prepack') return void (await exclusively(prebuild));
    process.stdout.write(`${await exclusively(pack)}\n`);
    return 0;
  });
}

// npm run setup: makes a fresh checkout ready. System packages, npm packages, addon, compiled TypeScript; each only if
// it is not there already. `npm start` and `npm test` call it first, so that neither needs anything done before.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { buildJs } from './build-js.mjs';
import { buildNative } from './build-native.mjs';
import { buildPages } from './build-pages.mjs';
import { at, capture, exclusively, hashOf, ifChanged, main, Refusal, run, say, startedAs } from './support.mjs';
import { howToInstall, systemPackages } from './system.mjs';

/** True when node_modules holds each package of the lockfile in its version. */
function modulesMatchLockfile() {
  const installed = at('node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const want = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(([place, { version, link, optional, peer }]) => {
    if (place === '' || link || !place.includes('node_modules/')) return true;
    const found = have[place];
    if (!found) return Boolean(optional || peer); // Another platform's binary.
    return found.version === version && existsSync(at(place));
  });
}

const npm = (args, options) =>
  process.env.npm_execpath ? run(process.execPath, [process.env.npm_execpath, ...args], options) : run('npm', args, options);

/** Needed whole, devDependencies included: the repository builds from source. */
async function npmPackages() {
  if (modulesMatchLockfile()) return;
  say('npm ci …');
  const args = ['ci', '--include=dev', '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
  if ((await npm(args)) !== 0) throw new Refusal('npm ci failed; see its messages above.');
  say('npm ci: done');
}

/** Next and Prisma, which the examples are tested with and nothing else needs: in a folder of their own, beside what is built. */
function examplePackages() {
  const folder = at('.setup/example-packages');
  const lists = ['package.json', 'package-lock.json'];
  const inputs = lists.map((name) => `test/examples/packages/${name}`);
  return ifChanged('installing what the examples are tested with', hashOf(inputs), path.join(folder, 'node_modules'), async () => {
    mkdirSync(folder, { recursive: true });
    for (const [index, name] of lists.entries()) copyFileSync(at(inputs[index]), path.join(folder, name));
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
    if ((await npm(args, { cwd: folder })) !== 0) throw new Refusal('npm ci for the examples failed; see its messages above.');
  });
}

/**
 * `purpose` 'start' goes on without the addon, with one warning: the JavaScript engine does the same work.
 * The other ones need everything; 'pack' is for the package. Resolves to whether the addon is there.
 */
export async function setUp(purpose) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 11)) throw new Refusal(`pathcast needs Node 20.11 or newer; this is ${process.version}.`);

  return exclusively(async () => {
    const lacking = await systemPackages(['start', 'pack'].includes(purpose) ? 'build' : purpose);
    if (lacking.length > 0 && purpose !== 'start') throw new Refusal(howToInstall(lacking));
    await npmPackages();

    let native = true;
    try {
      if (lacking.length > 0) throw new Refusal(howToInstall(lacking));
      await buildNative();
    } catch (error) {
      if (purpose !== 'start' || !(error instanceof Refusal)) throw error;
      native = capture(process.execPath, ['-e', "require('./lib/binding.cjs')()"]).ok;
      if (!native) say(`WARNING: no native addon, so the JavaScript engine is used. ${error.message.trim().split('\n').at(-1)}`);
    }
    await buildJs();
    await buildPages();
    if (purpose === 'test') await examplePackages();
    return native;
  });
}

if (startedAs(import.meta.url)) {
  main(async () => {
    const purpose = process.argv[2] ?? 'test';
    if (!['start', 'test', 'bench', 'pack'].includes(purpose)) throw new Refusal(`setup: '${purpose}' is none of start, test, bench, pack.`);
    await setUp(purpose);
    say('ready');
  });
}

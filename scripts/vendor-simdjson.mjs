// simdjson's own sources, for the addon that ships: Debian and Ubuntu have the library as a shared one only, and the
// prebuilt addon must need none. They come from the distribution's source package, which apt checks; no root is needed.
// They lie in vendor/ (not in git) and are packed, so that `npx pathcast build` needs nothing but a compiler.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { at, capture, say, stateDir, which } from './support.mjs';

const WANTED = ['singleheader/simdjson.cpp', 'singleheader/simdjson.h', 'LICENSE'];
export const VENDORED = 'vendor/simdjson';

/** The machine's own list of sources, in both formats that apt reads, asked for source packages instead. */
function sourceLists() {
  const lists = [];
  const etc = '/etc/apt';
  const parts = existsSync(`${etc}/sources.list.d`) ? readdirSync(`${etc}/sources.list.d`).map((name) => `${etc}/sources.list.d/${name}`) : [];
  for (const file of [`${etc}/sources.list`, ...parts].filter((name) => existsSync(name))) {
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.sources')) lists.push(['sources', text.replace(/^Types:.*$/gm, 'Types: deb-src')]);
    if (file.endsWith('.list')) {
      const lines = text.split('\n').filter((line) => /^deb\s/.test(line));
      lists.push(['list', lines.map((line) => line.replace(/^deb\s/, 'deb-src ')).join('\n')]);
    }
  }
  return lists;
}

/** Downloads it into `dir`. Throws with apt's words where it cannot. */
function download(dir) {
  for (const part of ['parts', 'lists/partial', 'cache/archives/partial']) mkdirSync(path.join(dir, part), { recursive: true });
  sourceLists().forEach(([ending, text], index) => writeFileSync(path.join(dir, 'parts', `${index}.${ending}`), `${text}\n`));
  const settings = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': path.join(dir, 'parts'),
    'Dir::State::lists': path.join(dir, 'lists'),
    'Dir::Cache': path.join(dir, 'cache'),
    ...(process.getuid?.() === 0 && { 'APT::Sandbox::User': 'root' }),
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  for (const step of [['update'], ['source', '--download-only', 'simdjson']]) {
    const done = capture('apt-get', ['-q', ...options, ...step], { cwd: dir });
    if (!done.ok) throw new Error(done.output.trim().split('\n').at(-1));
  }
  const archive = readdirSync(dir).find((name) => /^simdjson_.*\.orig\.tar\./.test(name));
  if (!archive) throw new Error('the source package has no archive');
  const unpacked = capture('tar', ['-xf', archive, '--wildcards', '--strip-components=1', ...WANTED.map((name) => `*/${name}`)], { cwd: dir });
  if (!unpacked.ok) throw new Error(unpacked.output.trim());
}

/**
 * True where the sources are there. Otherwise the addon is linked with the system's shared simdjson: it runs here and
 * cannot be packed.
 */
export function vendorSimdjson() {
  const target = at(VENDORED);
  if (WANTED.every((name) => existsSync(path.join(target, path.basename(name))))) return true;
  if (!which('apt-get')) return false;
  say("simdjson's sources, by apt-get source …");
  const dir = path.join(stateDir, 'simdjson');
  rmSync(dir, { recursive: true, force: true });
  try {
    download(dir);
    mkdirSync(target, { recursive: true });
    for (const name of WANTED) renameSync(path.join(dir, name), path.join(target, path.basename(name)));
    return true;
  } catch (error) {
    say(`simdjson's sources did not come (${error.message}); its shared library is used, and the package cannot be made here`);
    return false;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

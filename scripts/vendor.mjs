// The sources of simdjson and of hiredis' reader, for the addon that ships: it must need no library of the machine's.
// They come from the distribution's source packages, which apt checks; no root is needed.
// They lie in vendor/ (not in git) and are packed, so that `npx pathcast build` needs nothing but a compiler.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { at, capture, say, stateDir, which } from './support.mjs';

/** `files` and `folders` lie as in the archive. `optional`: not in each version. `without`: not taken. */
export const VENDORED = {
  // The sources from which its single header is made: a file that each kernel includes is there once, not six times. Of the
  // kernels, those that src/addon.gypi compiles; of the others nothing but their one header is looked at.
  simdjson: {
    folder: 'vendor/simdjson',
    files: ['LICENSE', 'include/simdjson.h', 'include/simdjson/simdjson_version.h', 'src/simdjson.cpp'],
    optional: [],
    folders: ['include', 'src'],
    without: [
      ...['icelake', 'lasx', 'lsx', 'ppc64', 'rvv-vls', 'westmere'].flatMap((kernel) => [`include/simdjson/${kernel}`, `src/${kernel}`]),
      // A string_view for who compiles older C++ than ours.
      'include/simdjson/nonstd',
    ],
  },
  // The reader and what it stands on; connections are our own. hiredis.h tells the version. alloc.* came with 1.0.
  hiredis: {
    folder: 'vendor/hiredis',
    files: ['COPYING', 'fmacros.h', 'hiredis.h', 'read.c', 'read.h', 'sds.c', 'sds.h', 'sdsalloc.h'],
    optional: ['alloc.c', 'alloc.h'],
    folders: [],
    without: [],
  },
};

/** True if all that is compiled in, with its licence, is there. */
export const isVendored = (name) => VENDORED[name].files.every((file) => existsSync(at(VENDORED[name].folder, file)));

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

/** Asks apt for lists of source packages, once. Throws with apt's words where it cannot. */
function prepare(dir) {
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
  const apt = (...args) => {
    const done = capture('apt-get', ['-q', ...options, ...args], { cwd: dir });
    if (!done.ok) throw new Error(done.output.trim().split('\n').at(-1));
  };
  apt('update');
  return apt;
}

/** Downloads a library and unpacks what is wanted of it below `dir`; the folder that holds it. */
function download(dir, apt, name) {
  const { files, optional, folders, without } = VENDORED[name];
  apt('source', '--download-only', name);
  const archive = readdirSync(dir).find((file) => file.startsWith(`${name}_`) && file.includes('.orig.tar.'));
  if (!archive) throw new Error('the source package has no archive');
  const listed = capture('tar', ['-tf', archive], { cwd: dir });
  const there = new Set(listed.output.split('\n').map((file) => file.split('/').slice(1).join('/')));
  const wanted = [...files, ...optional.filter((file) => there.has(file)), ...folders];
  const into = path.join(dir, name);
  mkdirSync(into);
  // The archive's one folder is named after the version: `*` is that name and no more of the path.
  const args = ['-xf', archive, '-C', into, '--wildcards', '--no-wildcards-match-slash', '--strip-components=1'];
  const unpacked = capture('tar', [...args, ...without.map((file) => `--exclude=*/${file}`), ...wanted.map((file) => `*/${file}`)], { cwd: dir });
  if (!unpacked.ok) throw new Error(unpacked.output.trim());
  return into;
}

/**
 * Brings what is missing. A library that does not come is linked from the system: the addon runs here and cannot be
 * packed.
 */
export function vendorSources() {
  const lacking = Object.keys(VENDORED).filter((name) => !isVendored(name));
  if (lacking.length === 0 || !which('apt-get')) return;
  say(`the sources of ${lacking.join(' and ')}, by apt-get source …`);
  const dir = path.join(stateDir, 'vendor');
  rmSync(dir, { recursive: true, force: true });
  let missing = lacking;
  try {
    const apt = prepare(dir);
    for (const name of lacking) {
      const unpacked = download(dir, apt, name);
      const target = at(VENDORED[name].folder);
      mkdirSync(path.dirname(target), { recursive: true });
      rmSync(target, { recursive: true, force: true });
      renameSync(unpacked, target);
      missing = missing.filter((other) => other !== name);
    }
  } catch (error) {
    say(`the sources of ${missing.join(' and ')} did not come (${error.message}); the system's library is used, and the package cannot be made here`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

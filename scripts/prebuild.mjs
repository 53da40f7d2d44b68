// The prebuilt addon that is packed: this checkout's own addon without its debug symbols, and a list of what is inside it.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { at, capture, hashOf, ifChanged, Refusal } from './support.mjs';
import { isVendored, VENDORED } from './vendor.mjs';

const ADDON = 'build/Release/pathcast.node';
/** node-gyp-build takes it on a C library of this name only. */
export const PREBUILD = `prebuilds/${process.platform}-${process.arch}/pathcast.${process.platform === 'linux' ? `${libc()}.` : ''}node`;
const NOTICE = 'prebuilds/NOTICE.md';

function libc() {
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}

/** Programs of the toolchain that made it. */
const versionOf = (command, ...args) => capture(command, args).output.trim().split('\n')[0] ?? '';

function notice() {
  const header = readFileSync(at(VENDORED.simdjson.folder, 'include/simdjson/simdjson_version.h'), 'utf8');
  const simdjson = /#define SIMDJSON_VERSION "?([\d.]+)/.exec(header)?.[1];
  const redis = readFileSync(at(VENDORED.hiredis.folder, 'hiredis.h'), 'utf8');
  const hiredis = ['MAJOR', 'MINOR', 'PATCH'].map((part) => new RegExp(`#define HIREDIS_${part} (\\d+)`).exec(redis)?.[1]).join('.');
  const api = JSON.parse(readFileSync(at('node_modules/node-addon-api/package.json'), 'utf8'));
  const runtime = '/usr/share/doc/libgcc-s1/copyright';
  return `# What is inside the prebuilt addon besides pathcast

| part | version | licence |
|---|---|---|
| simdjson | ${simdjson} | Apache License 2.0 or MIT |
| hiredis (its reader) | ${hiredis} | BSD 3-Clause |
| node-addon-api (headers) | ${api.version} | MIT |
| libstdc++ and libgcc | ${versionOf('g++', '-dumpfullversion')} | GPL 3 with the GCC Runtime Library Exception 3.1, which lets programs of any licence contain them |

libuv and Node-API are the running Node's own.

## node-addon-api

${readFileSync(at('node_modules/node-addon-api/LICENSE.md'), 'utf8').trim()}

## simdjson

${readFileSync(at(VENDORED.simdjson.folder, 'LICENSE'), 'utf8').trim()}

## hiredis

${readFileSync(at(VENDORED.hiredis.folder, 'COPYING'), 'utf8').trim()}
${existsSync(runtime) ? `\n## libstdc++ and libgcc\n\n${ofRuntime(readFileSync(runtime, 'utf8'))}\n` : ''}`;
}

/** Of the compilers' licences those of the two libraries: whose they are, and the exception. All, where these are not found. */
function ofRuntime(text) {
  const parts = [
    ['GCC is Copyright', 'The libbacktrace library'],
    ['GCC RUNTIME LIBRARY EXCEPTION', 'libquadmath/'],
  ].map(([first, next]) => {
    const from = text.indexOf(`\n${first}`);
    return text.slice(from, text.indexOf(`\n${next}`, from)).trim();
  });
  return parts.every((part) => /libstdc\+\+|GPLv3/.test(part)) ? parts.join('\n\n') : text.trim();
}

/** Makes it if the addon has changed since. */
export async function prebuild() {
  const lacking = Object.keys(VENDORED).filter((name) => !isVendored(name));
  if (lacking.length > 0) {
    const which = lacking.join(' and ');
    throw new Refusal(`The package cannot be made here: the sources of ${which} did not come, and the addon would need the system's library.`);
  }
  return ifChanged('the prebuilt addon', hashOf([ADDON, 'scripts/prebuild.mjs']), at(PREBUILD), () => {
    rmSync(at('prebuilds'), { recursive: true, force: true });
    mkdirSync(path.dirname(at(PREBUILD)), { recursive: true });
    const strip = capture('strip', [process.platform === 'darwin' ? '-x' : '--strip-unneeded', '-o', at(PREBUILD), at(ADDON)]);
    if (!strip.ok) throw new Refusal(strip.output);
    writeFileSync(at(NOTICE), notice());
  });
}

// What `npx pathcast build` does: compiles the addon from what the package holds, on a machine that no prebuilt one fits.
// It works in a temporary folder and leaves one file, build/Release/pathcast.node, which is loaded before a prebuilt one.
// Plain Node without dependencies; ships with the package. A checkout is built by `npm run setup`.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNodeDir, findNodeGyp } from './node-gyp.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const PRODUCT = 'build/Release/pathcast.node';

/** An error that explains itself. */
class Refusal extends Error {}

/** What a compiler lacks on this machine, in words; undefined where nothing is seen to be missing. */
function lacking() {
  const has = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).error === undefined;
  const missing = [
    has(process.env.CXX?.split(' ').at(-1) ?? (process.platform === 'darwin' ? 'clang++' : 'g++'), '--version') ? '' : 'a C++20 compiler',
    process.platform === 'win32' || has('make', '--version') ? '' : 'make',
    has(process.env.PYTHON ?? 'python3', '--version') ? '' : 'Python 3',
  ].filter(Boolean);
  if (missing.length === 0) return undefined;
  const how = existsSync('/etc/debian_version')
    ? 'apt-get install g++ make python3'
    : existsSync('/etc/alpine-release')
      ? 'apk add g++ make python3 linux-headers'
      : process.platform === 'darwin'
        ? 'xcode-select --install'
        : 'install them with your package manager';
  return `this machine lacks ${missing.join(', ')}: ${how}`;
}

/** Everything that is compiled, laid out as node-gyp wants it. */
function layOut(dir) {
  for (const name of ['src', 'vendor', 'package.json']) {
    if (existsSync(path.join(root, name))) cpSync(path.join(root, name), path.join(dir, name), { recursive: true });
  }
  writeFileSync(path.join(dir, 'binding.gyp'), '{"includes": ["src/addon.gypi"]}\n');
  const api = path.dirname(createRequire(path.join(root, 'package.json')).resolve('node-addon-api/package.json'));
  mkdirSync(path.join(dir, 'node_modules'));
  symlinkSync(api, path.join(dir, 'node_modules/node-addon-api'), 'junction');
}

/** Resolves to node-gyp's exit code and all it said. */
function nodeGyp(dir, args) {
  const program = findNodeGyp();
  if (program === null) throw new Refusal('no node-gyp was found: it comes with npm; or `npm install -g node-gyp`');
  const nodeDir = findNodeDir();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args, '-C', dir, ...(nodeDir ? [`--nodedir=${nodeDir}`] : [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // What only a debugger reads is six times the rest.
      env: { ...process.env, CXXFLAGS: `${process.env.CXXFLAGS ?? ''} -g0` },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** Into place at once: a process that is loading it has the old file or the new one. */
function install(file) {
  const target = path.join(root, PRODUCT);
  try {
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(file, `${target}.new`);
    renameSync(`${target}.new`, target);
  } catch (error) {
    throw new Refusal(`${path.dirname(target)} cannot be written to (${error.code ?? error.message})`);
  }
}

/** Builds it, or throws an error whose message is for a person. `say` gets lines of progress. */
export async function buildAddon(say) {
  const dir = mkdtempSync(path.join(tmpdir(), 'pathcast-build-'));
  try {
    layOut(dir);
    say('compiling; this takes a minute or two …');
    const { code, output } = await nodeGyp(dir, ['rebuild', '--jobs=max']);
    if (code !== 0) {
      const cause = lacking();
      throw new Refusal(cause ?? `${output.trim().split('\n').slice(-40).join('\n')}\nthe addon does not build`);
    }
    install(path.join(dir, PRODUCT));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  const check = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(path.join(root, 'lib/binding.cjs'))})()`], { encoding: 'utf8' });
  if (check.status !== 0) {
    rmSync(path.join(root, PRODUCT), { force: true });
    throw new Refusal(`${check.stderr.trim()}\nthe addon was built but does not load, and was taken away again`);
  }
  say(`the native engine is ready: ${PRODUCT}`);
}

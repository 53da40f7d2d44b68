// npm run test:addon-asan [-- SECONDS [SEED]]: builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer and runs
// the programs of test/sanitizer on it in Node. Node itself has no sanitizer: its runtime is preloaded, so every block of
// the process is watched, and every access that our code makes.
//
// Leaks are looked for when a process ends. Node and V8 free little by then, and what they have lost is theirs: a leak is
// ours if the addon asked for the block, with nothing of Node in between. What only an object of V8's heap pointed to
// counts as lost, as it should: the hub has been closed and its thread joined by then.
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { buildJs } from './build-js.mjs';
import { findNodeDir, findNodeGyp } from './node-gyp.mjs';
import { at, capture, exclusively, hashOf, ifChanged, main, Refusal, say, startedAs, stateDir, which } from './support.mjs';

const FOLDER = path.join(stateDir, 'addon-asan');
const SANITIZE = '-fsanitize=address,undefined';
const SECONDS = 12;
/** A program that hangs is a failure. */
const DEADLINE_MS = 180_000;
/** A frame of the addon: with symbols its functions or files are named, else the addon itself. */
const OURS = /\bpathcast::|pathcast\.node| \.\.\/src\//;

/** Whether the addon itself asked for the block: V8 asks for many below a call of ours. */
function isOurs(leak) {
  const frames = leak.split('\n').filter((line) => /^\s*#\d+ /.test(line));
  const ours = frames.findIndex((frame) => OURS.test(frame));
  const others = frames.findIndex((frame) => frame.includes('/node+0x') || frame.includes('<unknown module>'));
  return ours >= 0 && (others < 0 || ours < others);
}

/** node-gyp builds where binding.gyp lies: a folder of links, so that the addon that ships keeps its own build. */
async function build() {
  mkdirSync(FOLDER, { recursive: true });
  for (const name of ['src', 'vendor', 'binding.gyp', 'package.json', 'node_modules']) {
    rmSync(path.join(FOLDER, name), { force: true });
    if (existsSync(at(name))) symlinkSync(at(name), path.join(FOLDER, name));
  }
  const product = path.join(FOLDER, 'build/Release/pathcast.node');
  const inputs = ['src', 'vendor', 'binding.gyp', 'node_modules/node-addon-api/package.json'];
  await ifChanged('building the addon with the sanitizer', hashOf(inputs, SANITIZE), product, async () => {
    const nodeDir = findNodeDir();
    const nodeGyp = findNodeGyp();
    if (!nodeGyp) throw new Refusal('npm comes without node-gyp here. Install it (npm install -g node-gyp) and run this again.');
    const flags = `${SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1 -UNDEBUG -Wno-maybe-uninitialized`;
    const env = {
      ...process.env,
      CXX: which('ccache') ? 'ccache g++' : 'g++',
      CXXFLAGS: flags,
      LDFLAGS: SANITIZE,
    };
    const common = [nodeGyp, '-C', FOLDER, ...(nodeDir ? [`--nodedir=${nodeDir}`] : []), '--loglevel=warn'];
    for (const step of [['configure'], ['build', '--jobs=max']]) {
      const done = capture(process.execPath, [...common, ...step], { env });
      if (!done.ok) throw new Refusal(`${done.output.split('\n').slice(-60).join('\n')}\nThe addon does not build with the sanitizer.`);
    }
  });
}

function runtime() {
  const file = capture('g++', ['-print-file-name=libasan.so']).output.trim();
  if (!path.isAbsolute(file) || !existsSync(file)) throw new Refusal(`g++ has no libasan.so here (it says '${file}').`);
  return file;
}

/** Runs one program. Resolves to what is wrong with how it went, or undefined. */
function program(name, args, { mayFail = false } = {}) {
  const reports = path.join(FOLDER, 'reports');
  mkdirSync(reports, { recursive: true });
  const env = {
    ...process.env,
    LD_PRELOAD: runtime(),
    PATHCAST_PREBUILD: FOLDER,
    // Node handles SIGSEGV itself for WebAssembly; the sanitizer's own handler comes first and says where.
    ASAN_OPTIONS: `detect_leaks=1:halt_on_error=1:abort_on_error=0:exitcode=86:detect_stack_use_after_return=1:handle_segv=1`,
    // Leaks of others do not change the exit code: the report is read instead.
    LSAN_OPTIONS: 'exitcode=0:max_leaks=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1:exitcode=86',
  };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [at('test/sanitizer', name), ...args], { cwd: FOLDER, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      writeFileSync(path.join(reports, `${name}-${args[0]}.log`), output);
      const error = /^.*(ERROR: AddressSanitizer|runtime error:)[^]{0,6000}/m.exec(output)?.[0];
      const ours = output
        .split(/\n(?=(?:Direct|Indirect) leak of )/)
        .filter((part) => /^(Direct|Indirect) leak/.test(part) && isOurs(part));
      if (error) resolve(error);
      else if (/LeakSanitizer has encountered a fatal error/.test(output))
        resolve(`leaks could not be looked for:\n${output.slice(-1_500)}`);
      else if (ours.length > 0) resolve(`${ours.length} leaks; the first:\n${ours[0].slice(0, 3_000)}`);
      else if (signal) resolve(`ended by ${signal}:\n${output.slice(-1_500)}`);
      else if (code !== 0 && !mayFail) resolve(`exit code ${code}:\n${output.slice(-3_000)}`);
      else resolve(undefined);
    });
  });
}

/** Builds and runs all. Resolves to the number of programs that passed and failed. */
export async function testAddon(seconds = SECONDS, seed) {
  await exclusively(async () => {
    await buildJs();
    await build();
  });
  const sum = { passed: 0, failed: 0 };
  const programs = [
    ['load.mjs', [String(seconds), ...(seed === undefined ? [] : [seed])]],
    ['exits.mjs', ['exit']],
    ['exits.mjs', ['throw'], { mayFail: true }],
    ['exits.mjs', ['worker']],
    ['exits.mjs', ['queued']],
    ['exits.mjs', ['close']],
    ...['exit', 'workers', 'client', 'close'].map((how) => ['redis-exits.mjs', [how]]),
  ];
  for (const [name, args, options] of programs) {
    const trouble = await program(name, args, options);
    sum[trouble === undefined ? 'passed' : 'failed'] += 1;
    say(`the addon in Node under AddressSanitizer: ${name} ${args.join(' ')}: ${trouble === undefined ? 'sound' : `FAILED\n${trouble}`}`);
  }
  return sum;
}

if (startedAs(import.meta.url)) {
  main(async () => {
    const [seconds = String(SECONDS), seed] = process.argv.slice(2);
    if (!(Number(seconds) > 0)) throw new Refusal(`test:addon-asan: the seconds must be a number above 0, got '${seconds}'.`);
    const { passed, failed } = await testAddon(Number(seconds), seed);
    say(`${passed} passed, ${failed} failed`);
    return failed > 0 ? 1 : 0;
  });
}

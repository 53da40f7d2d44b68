// npm run test:native [-- plain | asan | tsan]: compiles the C++ layers as a newcomer would, with CMake's defaults; then
// builds them with their tests twice, under AddressSanitizer with UndefinedBehaviorSanitizer and under ThreadSanitizer,
// and runs both. The builds use two compilers, so that the warnings of both are kept out; clang also checks the thread
// annotations.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { at, capture, exclusively, main, Refusal, run, say, startedAs, which } from './support.mjs';

const BUILDS = {
  plain: { title: 'Default build', options: ['-DPATHCAST_TESTS=OFF'], compiler: 'g++', tests: false },
  asan: { title: 'AddressSanitizer + UndefinedBehaviorSanitizer', options: ['-DPATHCAST_SANITIZE=address,undefined'], compiler: 'g++', tests: true },
  tsan: { title: 'ThreadSanitizer', options: ['-DPATHCAST_SANITIZE=thread'], compiler: 'clang++', tests: true },
};

async function build(name) {
  const { options, compiler } = BUILDS[name];
  const dir = at('build', name);
  if (!existsSync(path.join(dir, 'build.ninja'))) {
    const launcher = which('ccache') ? ['-DCMAKE_CXX_COMPILER_LAUNCHER=ccache'] : [];
    const configured = capture('cmake', [
      ...['-S', '.', '-B', dir, '-G', 'Ninja', `-DCMAKE_CXX_COMPILER=${compiler}`, ...options],
      ...launcher,
    ]);
    if (!configured.ok) throw new Refusal(configured.output);
  }
  if ((await run('cmake', ['--build', dir, '--', '--quiet'])) !== 0) throw new Refusal(`The ${name} build failed.`);
  return dir;
}

/** GoogleTest's own counts, from the report that each test program leaves. */
function count(dir) {
  const sum = { passed: 0, failed: 0 };
  for (const file of readdirSync(path.join(dir, 'reports'))) {
    const report = JSON.parse(readFileSync(path.join(dir, 'reports', file), 'utf8'));
    sum.failed += report.failures + report.errors;
    sum.passed += report.tests - report.failures - report.errors - report.disabled;
  }
  return sum;
}

/** Runs all, or those named. Resolves to the sum of tests that passed and failed. */
export async function testNative(names = Object.keys(BUILDS)) {
  const sum = { passed: 0, failed: 0 };
  for (const name of names) {
    say(`${BUILDS[name].title}: building with ${BUILDS[name].compiler}`);
    const dir = await exclusively(() => build(name));
    if (!BUILDS[name].tests) continue;
    rmSync(path.join(dir, 'reports'), { recursive: true, force: true });
    mkdirSync(path.join(dir, 'reports'));

    say(`${BUILDS[name].title}: running`);
    // ThreadSanitizer's memory map does not fit the widest address randomisation of newer kernels; switch it off
    // where that is allowed.
    const calm = capture('setarch', ['-R', 'true']).ok ? ['setarch', '-R'] : [];
    const line = [...calm, 'ctest', '--test-dir', dir, '--output-on-failure', '--no-tests=error', '-j', '2'];
    const code = await run(line[0], line.slice(1));
    const { passed, failed } = count(dir);
    sum.passed += passed;
    // A program that crashed leaves no report, or one without the failure.
    sum.failed += code === 0 ? failed : Math.max(1, failed);
    say(`${BUILDS[name].title}: ${passed} passed, ${code === 0 ? failed : Math.max(1, failed)} failed`);
  }
  return sum;
}

if (startedAs(import.meta.url)) {
  main(async () => {
    const names = process.argv.slice(2);
    const unknown = names.find((name) => !BUILDS[name]);
    if (unknown) throw new Refusal(`test:native: '${unknown}' is none of ${Object.keys(BUILDS).join(', ')}.`);
    const { failed } = await testNative(names.length > 0 ? names : undefined);
    return failed > 0 ? 1 : 0;
  });
}

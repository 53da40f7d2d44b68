// npm test: everything, in the order that tells soonest. Stops at the first part that fails. The last line says
// `N passed, M failed`, summed over GoogleTest (both sanitizer builds), the programs of test/sanitizer and Jest.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { at, exclusively, heading, main, Refusal, run, stateDir } from './support.mjs';
import { lint } from './lint.mjs';
import { pack } from './pack.mjs';
import { setUp } from './setup.mjs';
import { testAddon } from './test-addon.mjs';
import { testNative } from './test-native.mjs';

async function jest() {
  const report = path.join(stateDir, 'jest.json');
  rmSync(report, { force: true });
  const args = [at('node_modules/jest/bin/jest.js'), '--ci', '--json', `--outputFile=${report}`];
  // Jest's JSON also goes to stdout; the report file is enough.
  const code = await run(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(report, 'utf8'));
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  return { passed: numPassedTests, failed: code === 0 ? failed : Math.max(1, failed) };
}

const parts = [
  ['Set-up', async () => void (await setUp('test'), await exclusively(pack))],
  ['Lint', async () => ({ passed: 0, failed: await lint() })],
  ['C++ tests (GoogleTest under sanitizers)', () => testNative()],
  ['The addon in Node under AddressSanitizer', () => testAddon()],
  ['JavaScript tests (Jest)', jest],
];

main(async () => {
  const sum = { passed: 0, failed: 0 };
  for (const [title, work] of parts) {
    heading(title);
    try {
      const { passed, failed } = (await work()) ?? { passed: 0, failed: 0 };
      sum.passed += passed;
      sum.failed += failed;
    } catch (error) {
      process.stdout.write(`${error instanceof Refusal ? error.message : error?.stack ?? error}\n`);
      sum.failed += 1;
    }
    if (sum.failed > 0) {
      process.stdout.write(`\n${title}: FAILED; what comes after it was not run.\n`);
      break;
    }
  }
  process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed\n`);
  return sum.failed > 0 ? 1 : 0;
});

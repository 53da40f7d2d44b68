/** pathcast itself, built when it is to be measured and its sources have changed. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root } from './paths.mjs';

function build(script) {
  // What it says is for the person at the terminal: standard output belongs to the figures.
  const { status } = spawnSync(process.execPath, [path.join(root, 'scripts', script)], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) throw new Error(`scripts/${script} failed`);
}

/**
 * @param {Set<string>} subjects
 * @param {boolean} wantsNative some scenario measures the native engine under subjects of its own
 */
export function buildPathcast(subjects, wantsNative) {
  const native = wantsNative || ['pathcast-native', 'native-link'].some((name) => subjects.has(name));
  if (native) build('build-native.mjs');
  if (native || ['pathcast-js', 'js-ioredis'].some((name) => subjects.has(name))) build('build-js.mjs');
}

/**
 * The addon that ships ended the app's process when an assert failed: binding.gyp never defined NDEBUG, so that
 * `__assert_fail`, and with it `abort()`, was compiled into a Release build. A broken precondition there must not take
 * the app down. Pinned by the symbols that the built addon asks the system for.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const addon = path.resolve('build/Release/pathcast.node');

describe('the Release build of the addon', () => {
  it('has no assert that could abort the process', () => {
    const symbols = execFileSync('nm', ['-D', '--undefined-only', addon], { encoding: 'utf8' });
    expect(symbols).toContain('napi_create_function');
    expect(symbols).not.toContain('__assert_fail');
  });
});

/**
 * What broke: npm compiled for a minute and a half in silence as the package was installed, or fell back without a word, and
 * pnpm ended with an error about a script that it had not run. Now nothing runs. Pinned by the npm of this machine, which puts
 * the packed package into an empty folder with no compiler on its PATH. `npm run try:installs` tries every other manager.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TARBALL } from './packed.js';

test('npm installs it without a script, a compiler or a word of it, and it is native', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'pathcast-install-'));
  try {
    const bin = path.join(dir, 'bin');
    mkdirSync(bin);
    symlinkSync(process.execPath, path.join(bin, 'node'));
    symlinkSync('/bin/sh', path.join(bin, 'sh'));
    const app = path.join(dir, 'app');
    mkdirSync(app);
    writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "private": true }');
    copyFileSync(TARBALL, path.join(app, 'pathcast.tgz'));
    const npm = realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim());
    const args = [npm, 'install', '--prefer-offline', '--foreground-scripts', '--no-audit', '--no-fund', './pathcast.tgz'];
    const done = spawnSync('node', args, { cwd: app, encoding: 'utf8', env: { ...process.env, PATH: bin } });
    expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' });
    // pathcast and what it depends on.
    expect(done.stdout.trim()).toMatch(/^added \d+ packages in \S+$/);
    const source = "const hub = require('pathcast').createHub(); console.log(hub.engine); hub.close();";
    expect(execFileSync(process.execPath, ['-e', source], { cwd: app, encoding: 'utf8' })).toBe('native\n');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

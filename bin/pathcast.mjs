#!/usr/bin/env node
// The command line: `pathcast audit …`. In a clone that has not been built yet it sets up and builds first. Nothing here is
// newer than what an old Node can read, so that it says what is needed: no await outside of functions, no `??`, no static
// import by `node:`.
import { spawnSync } from 'child_process';
import { existsSync, readFileSync } from 'fs';
import { fileURLToPath } from 'url';

const program = new URL('../dist/esm/cli/main.js', import.meta.url);

function refuse(line) {
  process.stderr.write(`pathcast: ${line}\n`);
  process.exit(2);
}

/** The oldest Node of a range `>=20.11`, as [major, minor]. */
function oldest() {
  const { engines } = JSON.parse(readFileSync(fileURLToPath(new URL('../package.json', import.meta.url)), 'utf8'));
  const [, major, minor = '0'] = /(\d+)(?:\.(\d+))?/.exec(engines.node);
  return [Number(major), Number(minor)];
}

async function start() {
  const [major, minor] = oldest();
  const [runsMajor, runsMinor] = process.versions.node.split('.').map(Number);
  if (runsMajor < major || (runsMajor === major && runsMinor < minor)) {
    refuse(`needs Node ${major}.${minor} or newer; this is ${process.version}`);
  }
  if (!existsSync(fileURLToPath(program))) {
    const setUp = fileURLToPath(new URL('../scripts/setup.mjs', import.meta.url));
    if (!existsSync(setUp)) refuse(`${fileURLToPath(program)} is missing; install the package again`);
    // What it prints is progress, and the report alone belongs on the standard output.
    const { status } = spawnSync(process.execPath, [setUp], { stdio: ['ignore', 2, 2] });
    if (status !== 0) process.exit(2);
  }
  const { main } = await import(program.href);
  process.exitCode = await main(process.argv.slice(2));
}

start();

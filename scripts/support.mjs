// What the scripts share: where things are, progress lines with times, running programs, one run at a time,
// and "has anything changed since the last time". Plain Node, because they run before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
/** What the scripts remember from run to run; safe to delete. */
export const stateDir = path.join(root, '.setup');
export const at = (...parts) => path.join(root, ...parts);

const begun = performance.now();
const seconds = (from) => `${((performance.now() - from) / 1000).toFixed(1)} s`;

/** One progress line, with the time since the script began. */
export function say(text) {
  process.stdout.write(`[${seconds(begun).padStart(7)}] ${text}\n`);
}

export function heading(text) {
  process.stdout.write(`\n=== ${text} ===\n`);
}

/** An error that explains itself: shown without a stack. */
export class Refusal extends Error {}

/** Runs a program with its output passed on. Resolves to its exit code; 128 + n for a signal. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ? 128 : code));
  });
}

/** The same, quiet: its output comes back, and is shown only by who asked. */
export function capture(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  return { ok: done.status === 0, output: `${done.stdout ?? ''}${done.stderr ?? ''}` };
}

/** As `capture`, with other work going on meanwhile. */
export function captured(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

/** The full path of the first of these programs that PATH has, or null. */
export function which(...names) {
  for (const name of names) {
    for (const dir of (process.env.PATH ?? '').split(path.delimiter)) {
      const file = path.join(dir, name);
      if (dir && existsSync(file) && statSync(file).isFile()) return file;
    }
  }
  return null;
}

function* filesUnder(file) {
  if (!existsSync(file)) return;
  if (!statSync(file).isDirectory()) return yield file;
  for (const name of readdirSync(file).sort()) {
    if (name === 'node_modules' || name.startsWith('.')) continue;
    yield* filesUnder(path.join(file, name));
  }
}

/** A hash over the names and contents of these files and folders, and over whatever else matters. */
export function hashOf(paths, extra = '') {
  const hash = createHash('sha256').update(`${process.version} ${process.arch} ${extra}`);
  for (const start of paths) {
    for (const file of filesUnder(at(start))) {
      hash.update(`\0${path.relative(root, file)}\0`).update(readFileSync(file));
    }
  }
  return hash.digest('hex');
}

/** Does `work` unless it was done before with the same `hash` and `product` is still there. */
export async function ifChanged(name, hash, product, work) {
  const stamp = path.join(stateDir, `${name}.sha256`);
  if (existsSync(product) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return false;
  const from = performance.now();
  say(`${name} …`);
  rmSync(stamp, { force: true });
  await work();
  writeFileSync(stamp, hash);
  say(`${name}: done in ${seconds(from)}`);
  return true;
}

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

const cannotWrite = (file, error) =>
  `${path.dirname(file)} cannot be written to (${error.code ?? error.message}). What is built is remembered there: make it writable, or copy the checkout to a folder that is.`;

/** Only one set-up works in a checkout at a time; a second one waits for it (10 minutes at most). */
export async function exclusively(work, lock = path.join(stateDir, 'lock')) {
  try {
    mkdirSync(path.dirname(lock), { recursive: true });
  } catch (error) {
    throw new Refusal(cannotWrite(lock, error));
  }
  const deadline = Date.now() + 600_000;
  for (let told = false; ; ) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new Refusal(cannotWrite(lock, error));
    }
    let owner = 0;
    try {
      owner = Number(readFileSync(lock, 'utf8'));
    } catch {
      continue; // Gone since.
    }
    if (owner > 0 && !alive(owner)) {
      rmSync(lock, { force: true });
      continue;
    }
    if (Date.now() > deadline) throw new Refusal(`Process ${owner} has held ${lock} for 10 minutes; end it or delete the file.`);
    if (!told) say(`waiting for process ${owner}, which is building in this checkout`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** The end of each script: exit code 0, or what went wrong and 1. */
export function main(work) {
  work().then(
    (code) => {
      process.exitCode = typeof code === 'number' ? code : 0;
    },
    (error) => {
      process.stderr.write(error instanceof Refusal ? `\n${error.message}\n` : `\n${error?.stack ?? error}\n`);
      process.exitCode = 1;
    },
  );
}

/** True in the script that was started, false where it was imported. */
export const startedAs = (url) => process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(url);

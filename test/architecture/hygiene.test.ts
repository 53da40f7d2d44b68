/** What must never be in the repository: machine paths, registry addresses, tests that are switched off. */
import { read, trackedFiles } from './tracked.js';

const BINARY = /\.(png|ico|jpg|gif|woff2?|webp)$/;
const files = trackedFiles().filter((file) => !BINARY.test(file));
const self = 'test/architecture/hygiene.test.ts';

const MACHINE_PATH = /(?<![\w.~:/}$-])\/(root|home|tmp|work)\/[\w.]/;
const REGISTRY = /registry\.(npmjs|yarnpkg)\.|npm\.pkg\.github|_authToken|deb\.debian\.org|archive\.ubuntu\.com|^\s*registry\s*=/m;
const SWITCHED_OFF = /\b(describe|test|it)\.(only|skip|todo|failing)\b|\b(xit|xtest|xdescribe|fit|fdescribe)\(|jest\.retryTimes|\bDISABLED_|GTEST_SKIP/;

/** `file:line: text` of each line that the pattern fits. */
function hits(pattern: RegExp, among: readonly string[]): string[] {
  return among.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 160)}`] : [])),
  );
}

const others = files.filter((file) => file !== self);

test('no path of one machine', () => {
  expect(hits(MACHINE_PATH, others.filter((file) => file !== 'package-lock.json'))).toEqual([]);
});

test('no registry address', () => {
  expect(hits(REGISTRY, others)).toEqual([]);
});

test('the lockfile names packages, not places to fetch them from', () => {
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { resolved?: string; link?: boolean }> };
  const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
  // Linked folders of this repository have their path there.
  expect(resolved.filter(([, entry]) => !(entry.link === true && entry.resolved?.startsWith('test/clients/')))).toEqual([]);
});

/**
 * What broke: npm leaves a platform's package that it could not see out of the lockfile without a word, and `npm ci` on
 * a fresh machine then refuses the whole lockfile.
 */
test('the lockfile holds every package that one of its packages may ask for', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, Record<'dependencies' | 'optionalDependencies', Record<string, string> | undefined>>;
  };
  /** As Node looks it up: beside the package, then in the folders above. */
  const found = (place: string, name: string): boolean => {
    if (packages[`${place}${place && '/'}node_modules/${name}`]) return true;
    return place !== '' && found(place.slice(0, Math.max(0, place.lastIndexOf('/node_modules/'))), name);
  };
  const missing = Object.entries(packages).flatMap(([place, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }).filter((name) => !found(place, name)),
  );
  expect(missing).toEqual([]);
});

/** The formatter breaks the declaration then, and the comment ends up behind a `0;`. */
test('in a C++ header the comment of a member that one line does not hold stands above it', () => {
  const broken = /(?<=\n)[^\n;{}#/]*[^\n;{}#/,:]\n +[^\n;/ ][^\n;/]*; +\/\/ [^\n]*/g;
  const found = others.filter((file) => /^src\/.+\.h$/.test(file)).flatMap((file) => read(file).match(broken) ?? []);
  expect(found).toEqual([]);
  expect('\n  size_t next_ =\n      0;  // of all\n').toMatch(broken);
});

test('no test is switched off or tried again', () => {
  expect(hits(SWITCHED_OFF, others.filter((file) => /^(test|bench)\/.+\.(ts|cc|h|mjs)$/.test(file)))).toEqual([]);
});

test('no source is longer than 600 lines', () => {
  const sources = files.filter((file) => /^(src|lib|test|bench|scripts)\/.+\.(ts|cc|h|c|mjs|cjs)$/.test(file));
  const long = sources.map((file) => [file, read(file).split('\n').length] as const).filter(([, lines]) => lines > 600);
  expect(long).toEqual([]);
});

test('the patterns see what they are for', () => {
  expect("const file = '/tmp/x.sock';").toMatch(MACHINE_PATH);
  expect('cd /root/thing').toMatch(MACHINE_PATH);
  expect('import x from "../work/x.js"; // https://host/home/page').not.toMatch(MACHINE_PATH);
  expect('"resolved": "https://registry.npmjs.org/a"').toMatch(REGISTRY);
  expect('test.only("x", () => {})').toMatch(SWITCHED_OFF);
  expect('it("x")').not.toMatch(SWITCHED_OFF);
});

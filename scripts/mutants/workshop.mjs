// A copy of the tree in which one slip at a time is made, built and tested. The checkout itself is never touched, so a
// run may be ended at any moment: the next one brings the copy back to what the checkout has.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** One test program or one Jest file; the longest in the lists takes some 20 s on an idle core. */
const DEADLINE_MS = 120_000;
/** What the tests themselves wait for one event: a slip that makes it fail to come is told after this time. */
const EVENT_DEADLINE_S = 10;

function gitFiles(root) {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (listed.status !== 0) throw new Error(`git ls-files failed in ${root}: ${listed.stderr}`);
  return [...new Set(listed.stdout.split('\0'))].filter((file) => file !== '' && statSync(path.join(root, file), { throwIfNoEntry: false })?.isFile());
}

const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

export class Workshop {
  #root;
  #tree;
  #native;
  #children = new Set();
  #configured = false;
  /** The addon was built of a slip that is no longer there. */
  addonHasSlip = false;

  constructor(root, stateDir, number) {
    this.#root = root;
    this.#tree = path.join(stateDir, `tree-${number}`);
    this.#native = path.join(stateDir, `native-${number}`);
  }

  /** Makes the copy equal to the checkout. Files that are equal keep their dates, so that nothing is built again. */
  open() {
    mkdirSync(this.#tree, { recursive: true });
    const wanted = new Set(gitFiles(this.#root));
    const list = path.join(this.#tree, '.copied.json');
    const before = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
    writeFileSync(list, JSON.stringify([...new Set([...before, ...wanted])]));
    for (const file of before) if (!wanted.has(file)) rmSync(path.join(this.#tree, file), { force: true });
    for (const file of wanted) this.#put(file, readFileSync(path.join(this.#root, file)));
    writeFileSync(list, JSON.stringify([...wanted]));
    // Packages are not copied; those of folders that have some of their own are linked too.
    const folders = [...wanted].filter((file) => path.basename(file) === 'package.json').map((file) => path.dirname(file));
    for (const folder of new Set(['.', '.setup/example-packages', ...folders])) {
      const source = path.join(this.#root, folder, 'node_modules');
      const modules = path.join(this.#tree, folder, 'node_modules');
      if (!existsSync(source) || existsSync(modules)) continue;
      mkdirSync(path.dirname(modules), { recursive: true });
      symlinkSync(source, modules);
    }
  }

  #put(file, content) {
    const target = path.join(this.#tree, file);
    if (existsSync(target) && readFileSync(target).equals(Buffer.from(content))) return;
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
  }

  /** Ends what runs. */
  stop() {
    for (const child of this.#children) {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
  }

  /** The folder of the copy. It stays as it was opened, whatever happens to the checkout meanwhile. */
  get tree() {
    return this.#tree;
  }

  /** Runs `work` with the file changed, and puts it back. */
  async with(file, text, work) {
    const original = readFileSync(path.join(this.#tree, file));
    this.#put(file, text);
    try {
      return await work();
    } finally {
      // Written anew, with a new date: a build must not take the changed one's product for this one's.
      this.#put(file, original);
    }
  }

  #run(command, args, { env = {}, deadlineMs = DEADLINE_MS } = {}) {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        cwd: this.#tree,
        env: { ...process.env, PATHCAST_TEST_DEADLINE_S: String(EVENT_DEADLINE_S), CCACHE_BASEDIR: this.#tree, CCACHE_NOHASHDIR: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      this.#children.add(child);
      let output = '';
      let late = false;
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output = (output + data).slice(-200_000)));
      const timer = setTimeout(() => {
        late = true;
        process.kill(-child.pid, 'SIGKILL');
      }, deadlineMs);
      child.on('error', reject);
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        this.#children.delete(child);
        resolve({ code, signal, late, output });
      });
    });
  }

  async #build(command, args, env) {
    const { code, output } = await this.#run(command, args, { env, deadlineMs: 1_800_000 });
    return code === 0 ? undefined : output.split('\n').slice(-25).join('\n');
  }

  /** Builds these programs of test/native. Resolves to the compiler's words where that fails. */
  async buildNative(programs) {
    if (!this.#configured && !existsSync(path.join(this.#native, 'build.ninja'))) {
      const ccache = spawnSync('ccache', ['--version']).status === 0 ? ['-DCMAKE_CXX_COMPILER_LAUNCHER=ccache'] : [];
      // Asserts stay on. A slip may leave something unused: that is no error here.
      const flags = ['-DCMAKE_BUILD_TYPE=None', '-DCMAKE_CXX_FLAGS=-O1 -w'];
      const failed = await this.#build('cmake', ['-S', '.', '-B', this.#native, '-G', 'Ninja', ...flags, ...ccache]);
      if (failed) return failed;
    }
    this.#configured = true;
    return await this.#build('cmake', ['--build', this.#native, '--target', ...programs]);
  }

  /** Builds the addon of this copy, as Jest's tests load it. Resolves to the compiler's words where that fails. */
  async buildAddon() {
    if (!existsSync(path.join(this.#tree, 'binding.gyp'))) return undefined;
    return await this.#build(process.execPath, ['scripts/build-native.mjs'], { CXXFLAGS: '-O1 -w' });
  }

  /** Runs tests of one program. `{ failed: [names] }`; `problem` where it did not come that far. */
  async gtest(program, names) {
    const report = path.join(this.#native, `mutants-${program}.json`);
    rmSync(report, { force: true });
    const done = await this.#run(path.join(this.#native, program), [`--gtest_filter=${names.join(':')}`, `--gtest_output=json:${report}`]);
    if (done.late) return { failed: [`${program}: no end within ${DEADLINE_MS / 1000} s`] };
    if (done.signal) return { failed: [`${program}: ${/Assertion `.*|Sanitizer: .*/.exec(done.output)?.[0] ?? done.signal}`] };
    if (!existsSync(report)) return { failed: [], problem: `${program} left no report:\n${done.output.slice(-1_000)}` };
    const result = JSON.parse(readFileSync(report, 'utf8'));
    if (result.tests === 0) return { failed: [], problem: `${program} has none of ${names.join(', ')}` };
    const failed = result.testsuites.flatMap((suite) =>
      suite.testsuite.filter((test) => test.failures?.length > 0).map((test) => `${program}: ${suite.name}.${test.name}`),
    );
    return { failed };
  }

  /** Runs Jest over some files: `[{ file, title, status }]`, and what did not even start. `name` narrows to titles. */
  async jest(files, name) {
    const report = path.join(this.#tree, '.jest-report.json');
    rmSync(report, { force: true });
    const narrowed = name === undefined ? [] : ['-t', escaped(name)];
    const done = await this.#run(
      process.execPath,
      ['node_modules/jest/bin/jest.js', '--ci', '-i', '--json', `--outputFile=${report}`, ...narrowed, '--runTestsByPath', ...files],
      { deadlineMs: DEADLINE_MS * files.length },
    );
    if (done.late) return { tests: [], late: true };
    if (!existsSync(report)) return { tests: [], problem: `Jest left no report:\n${done.output.slice(-2_000)}` };
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const tests = testResults.flatMap((suite) =>
      suite.assertionResults.map(({ fullName, status }) => ({ file: path.relative(this.#tree, suite.name), title: fullName, status })),
    );
    const broken = testResults.find((suite) => suite.status === 'failed' && suite.assertionResults.length === 0);
    return { tests, problem: broken && `${path.relative(this.#tree, broken.name)} does not run:\n${broken.message.slice(0, 1_000)}` };
  }
}

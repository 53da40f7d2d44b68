/** The examples are what `pathcast init` writes: nothing is written twice. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FRAMEWORKS } from '../../lib/cli/init/choices.js';
import { rangeOf } from '../../lib/cli/init/packages.js';
import { root } from '../package/packed.js';
import { filesIn } from './support/app.js';
import { init } from './support/init.js';

interface Example {
  folder: string;
  framework: string;
}
const list = JSON.parse(readFileSync(path.join(__dirname, 'list.json'), 'utf8')) as Example[];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pathcast-written-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('there is an example of each framework', () => {
  expect(list.map(({ framework }) => framework).sort()).toEqual([...FRAMEWORKS].sort());
});

test.each(list)('examples/$folder is what `init --framework $framework` writes (node scripts/write-examples.mjs)', async ({ folder: name, framework }) => {
  await init(['--framework', framework, path.join(folder, name)]);
  const written = filesIn(path.join(folder, name));
  expect(written.size).toBeGreaterThan(8);
  expect(filesIn(path.join(root, 'examples', name))).toEqual(written);
});

test('each range that a new app asks for is the one that pathcast is tested with', () => {
  const read = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8')) as { devDependencies: Record<string, string> };
  const tested = { ...read('test/examples/packages/package.json').devDependencies, ...read('package.json').devDependencies, typescript: '~5.9.3' };
  const asked = list.flatMap(({ folder: name }) => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(path.join(root, 'examples', name, 'package.json'), 'utf8'));
    return Object.entries<string>({ ...dependencies, ...devDependencies });
  });
  expect(asked.length).toBeGreaterThan(20);
  for (const [name, range] of asked) if (name !== 'pathcast') expect([name, range]).toEqual([name, (tested as Record<string, string>)[name]]);
  for (const name of ['drizzle-orm', '@libsql/client', 'prisma', '@prisma/client', '@prisma/adapter-libsql'])
    expect([name, rangeOf(name)]).toEqual([name, (tested as Record<string, string>)[name]]);
});

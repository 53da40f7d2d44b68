/** What TypeScript 5.7, 5.9 and 7 accept and refuse of a typed sync and its map. */
import { mutationPaths, prefixes, program, queryPaths } from '../../bench/types/program.mjs';
import { CIRCULAR, PROGRAMS } from './cases.js';
import { compile, COMPILERS, inProject, PATHCAST, PLACES } from './compilers.js';

const fileOf = (name: string): string => `${name.replace(/\W+/g, '-')}.ts`;

const files: Record<string, string> = {};
for (const [name, text] of Object.entries({ ...PROGRAMS, ...CIRCULAR }))
  files[fileOf(name)] = text.replace(/\b(PATHCAST|POSTGRES|LINK)\b/g, (name) => PLACES[name as keyof typeof PLACES]);

// Every path of a larger app, and for each one that differs by a letter.
const PROCEDURES = 200;
const real = [...queryPaths(PROCEDURES), ...prefixes(PROCEDURES), '*'];
const phantom = [...mutationPaths(PROCEDURES), ...queryPaths(PROCEDURES).map((path) => `${path}s`)];
const app = program({ procedures: PROCEDURES, typed: true, pathcast: PATHCAST });
for (const [name, text] of Object.entries(app)) files[`app/${name}`] = text;
files['app/every-path.ts'] = `import type { StalePath } from '${PATHCAST}';
import type { AppRouter } from './app.js';
export const all: StalePath<AppRouter>[] = [
${[...real, ...phantom].map((path) => `  '${path}',`).join('\n')}
];
`;

test.each(COMPILERS)(
  '%s',
  async (compiler) => {
    const { diagnostics, output } = await inProject(files, (folder) => compile(compiler, folder));
    const ofFile = (file: string) => diagnostics.filter((each) => each.file === file);

    for (const name of Object.keys(PROGRAMS)) {
      const file = fileOf(name);
      const marked = (files[file] ?? '').split('\n').flatMap((line, i) => (line.endsWith('// refused') ? [i + 1] : []));
      const refused = [...new Set(ofFile(file).map(({ line }) => line))].sort((a, b) => a - b);
      expect({ name, refused, said: ofFile(file).filter(({ line }) => !marked.includes(line)) }).toEqual({
        name,
        refused: marked,
        said: [],
      });
    }
    for (const name of Object.keys(CIRCULAR)) {
      const codes = ofFile(fileOf(name)).map(({ code }) => code);
      expect({ name, codes }).toEqual({
        name,
        codes: expect.arrayContaining([expect.stringMatching(/^TS(7022|2456|7023|2502)$/)]),
      });
    }
    const first = 4;
    const refused = new Set(ofFile('every-path.ts').map(({ line }) => line));
    expect(refused).toEqual(new Set(phantom.map((_path, i) => first + real.length + i)));

    const cases = new Set(Object.keys(files).map((file) => file.split('/').at(-1)));
    const others = diagnostics.filter(({ file }) => !cases.has(file));
    // The library's own sources compile too. (The addon's loader has its types in a place of the package alone.)
    expect({ others, output: others.length > 0 ? output.slice(0, 2_000) : '' }).toEqual({ others: [], output: '' });
  },
  600_000,
);

test('what the types cost grows with the router, and by less than a third of what the router costs itself', async () => {
  // One checker: the count is the same each time. The library's own sources are the same in all, and fall out.
  const instantiations = async (procedures: number, typed: boolean): Promise<number> => {
    const { diagnostics, output } = await inProject(program({ procedures, typed, pathcast: PATHCAST }), (folder) =>
      compile('typescript-7', folder, '--extendedDiagnostics', '--checkers', '1'),
    );
    expect(diagnostics).toEqual([]);
    return Number(/^Instantiations:\s+(\d+)/m.exec(output)?.[1]);
  };
  const [from, to] = [100, 300];
  const plain = (await instantiations(to, false)) - (await instantiations(from, false));
  const typed = (await instantiations(to, true)) - (await instantiations(from, true));
  expect(plain).toBeGreaterThan(0);
  expect(typed / plain).toBeLessThan(1.33);
}, 600_000);

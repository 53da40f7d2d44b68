/** What typed query paths and a full invalidation map add to the compiler's time, over a tRPC app of many procedures. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from '../harness/paths.mjs';
import { program } from '../types/program.mjs';

const OPTIONS = {
  target: 'ES2022', lib: ['ES2023'], module: 'nodenext', moduleResolution: 'nodenext', types: ['node'],
  strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: true,
};

const compilerOf = (name) => path.join(root, 'node_modules', name, 'bin/tsc');

/** pathcast's declarations as users have them, made once for all trials. */
let declarations;
function declared(folder) {
  if (declarations) return declarations;
  declarations = path.join(folder, 'pathcast');
  const { status, stdout } = spawnSync(
    process.execPath,
    [compilerOf('typescript'), '-p', path.join(root, 'lib/tsconfig.json'), '--emitDeclarationOnly', '--outDir', declarations],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`pathcast's declarations could not be made:\n${stdout}`);
  writeFileSync(path.join(declarations, 'package.json'), '{ "type": "module" }');
  return declarations;
}

function write(folder, files) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['*.ts'] }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
}

async function compile(compiler, folder) {
  const child = spawn(process.execPath, [compilerOf(compiler), '-p', folder, '--extendedDiagnostics', '--pretty', 'false']);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  const status = await new Promise((resolve) => child.once('close', resolve));
  if (status !== 0) throw new Error(`${compiler} refused the program:\n${output.slice(0, 1_000)}`);
  const figure = (name) => Number(output.match(new RegExp(`^${name}:\\s+([\\d.]+)`, 'm'))?.[1]);
  return { seconds: figure('Total time'), instantiations: figure('Instantiations') };
}

let folder;
process.once('exit', () => folder && rmSync(folder, { recursive: true, force: true }));

export const types = {
  name: 'types',
  about: "tsc over a tRPC app with a client: as it is, and with createSync, a broadcast in each router and a full map",
  subjects: ['typescript-5-7', 'typescript', 'typescript-7'],
  trials: 3,
  parameters: { procedures: 2_000 },
  quick: { procedures: 200 },
  metrics: { plainTime: 's', typedTime: 's', addedTime: 'ratio', plainInstantiations: 'types', typedInstantiations: 'types' },
  trial: async (subject, { procedures }) => {
    if (!folder) {
      folder = mkdtempSync(path.join(tmpdir(), 'pathcast-types-'));
      symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    }
    const pathcast = path.join(declared(folder), 'trpc/index.js');
    const figures = {};
    for (const typed of [false, true]) {
      const at = path.join(folder, `${typed ? 'typed' : 'plain'}-${procedures}`);
      write(at, program({ procedures, typed, pathcast }));
      figures[typed] = await compile(subject, at);
    }
    return {
      plainTime: figures[false].seconds,
      typedTime: figures[true].seconds,
      addedTime: figures[true].seconds / figures[false].seconds - 1,
      plainInstantiations: figures[false].instantiations,
      typedInstantiations: figures[true].instantiations,
    };
  },
  ratios: [],
  targets: ['typescript-5-7', 'typescript', 'typescript-7'].map((subject) => ({ subject, metric: 'addedTime', atMost: 0.2 })),
};

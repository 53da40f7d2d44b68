// npm run build:js: compiles lib twice, to ES modules in dist/esm and to CommonJS in dist/cjs, both with types.
//
// The JavaScript has no comments: they are a twentieth of the package. They stay in the sources and in the declarations.
//
// Whether TypeScript writes one or the other is decided by the "type" of the package.json above a source. The
// CommonJS pass shows the compiler our own package.json with "type": "commonjs", so both passes read the same
// sources with the same resolution, and what one format cannot express (import.meta) is an error at build time.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { at, exclusively, hashOf, ifChanged, main, Refusal, root, startedAs } from './support.mjs';

/** Folders that run only as programs of this repository or of a command line: ES modules only. */
const ESM_ONLY = ['lib/reference', 'lib/cli'];
/** Of build-pages.mjs. */
const PAGES = at('dist/esm/reference/public');
const PRODUCT = at('dist/cjs/package.json');

/** `removeComments` would take them out of the declarations too. Prints what it reads: no syntax is newer than its target. */
function withoutComments(ts, text) {
  const file = ts.createSourceFile('text.js', text, ts.ScriptTarget.ESNext);
  return outdented(ts, ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed }).printFile(file));
}

/** One blank for each level, where the compiler writes four: a hundredth of the package. What stands in a template is a text, and stays. */
function outdented(ts, text) {
  const file = ts.createSourceFile('text.js', text, ts.ScriptTarget.ESNext);
  const texts = [];
  const visit = (node) => {
    if (ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node) || ts.isNoSubstitutionTemplateLiteral(node)) texts.push([node.getStart(file), node.end]);
    ts.forEachChild(node, visit);
  };
  visit(file);
  let at = 0;
  return text.replaceAll(/^(?: {4})+/gm, (blanks, place) => {
    while (at < texts.length && texts[at][1] <= place) at++;
    const isText = at < texts.length && texts[at][0] < place;
    return isText ? blanks : ' '.repeat(blanks.length / 4);
  });
}

async function compile(format) {
  const { default: ts } = await import('typescript');
  const commonjs = format === 'cjs';
  const configFile = at('lib/tsconfig.json');
  const parsed = ts.parseJsonConfigFileContent(
    ts.readConfigFile(configFile, ts.sys.readFile).config,
    ts.sys,
    path.dirname(configFile),
    { outDir: at('dist', format), noEmitOnError: true, ...(commonjs ? { verbatimModuleSyntax: false } : {}) },
    configFile,
  );
  const sources = parsed.fileNames.filter(
    (file) => !commonjs || !ESM_ONLY.some((folder) => file.startsWith(`${at(folder)}${path.sep}`)),
  );

  const host = ts.createCompilerHost(parsed.options);
  if (commonjs) {
    const readFile = host.readFile.bind(host);
    host.readFile = (file) => {
      const text = readFile(file);
      if (text === undefined || path.resolve(file) !== at('package.json')) return text;
      return JSON.stringify({ ...JSON.parse(text), type: 'commonjs' });
    };
  }
  if (commonjs) {
    // #binding means something in the package's own scope only, and dist/cjs/package.json begins another one.
    const writeFile = host.writeFile.bind(host);
    host.writeFile = (file, text, ...rest) => {
      const loader = path.relative(path.dirname(file), at('lib/binding.cjs')).split(path.sep).join('/');
      writeFile(file, text.replaceAll(/(?<=require\(")#binding(?="\))/g, loader), ...rest);
    };
  }
  const write = host.writeFile.bind(host);
  host.writeFile = (file, text, ...rest) => write(file, file.endsWith('.js') ? withoutComments(ts, text) : text, ...rest);
  const program = ts.createProgram({ rootNames: sources, options: parsed.options, host });
  const problems = [...parsed.errors, ...ts.getPreEmitDiagnostics(program)];
  if (problems.length === 0) problems.push(...program.emit().diagnostics);
  return ts.formatDiagnostics(problems, {
    getCanonicalFileName: (file) => file,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  });
}

const compileInWorker = (format) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { format } });
    worker.once('message', resolve);
    worker.once('error', reject);
  });

/** Leaves nothing in dist of a source that is no longer there. A file that stays is never missing for a moment. */
function removeStale(dist, lib) {
  if (!existsSync(dist)) return;
  for (const entry of readdirSync(dist, { withFileTypes: true })) {
    const output = path.join(dist, entry.name);
    if (output === PAGES) continue;
    const source = path.join(lib, entry.name);
    if (entry.isDirectory()) {
      if (existsSync(source)) removeStale(output, source);
      else rmSync(output, { recursive: true });
    } else if (!existsSync(source) && !existsSync(source.replace(/(\.d)?\.[cm]?[jt]s$/, '.ts'))) {
      rmSync(output);
    }
  }
}

/** Rooms whose declarations name tRPC, which has types of its own for each of the two formats, or have a default export. */
const OF_THEIR_OWN = ['trpc', 'link', 'testing', 'fastify', ...ESM_ONLY.map((folder) => path.basename(folder))];

/** Declarations say the same in both formats. Those of ES modules lead to the others: a twentieth of the package. */
function shareTypes() {
  for (const name of readdirSync(at('dist/esm'), { recursive: true })) {
    if (!name.endsWith('.d.ts') || OF_THEIR_OWN.includes(name.split(path.sep)[0])) continue;
    const file = at('dist/esm', name);
    const other = path.relative(path.dirname(file), at('dist/cjs', name)).split(path.sep).join('/');
    writeFileSync(file, `export * from '${other.replace(/\.d\.ts$/, '.js')}';\n`);
  }
}

/**
 * The command line is a program: nobody steps through it, and none of its parts is for others. It is one file a command, loaded when
 * it is asked for, and files that several share: a hundredth of the package. A command stays where its source says (`import.meta.url`).
 * What it needs of the rest of the package is left outside: a hub's code is there once.
 */
export async function bundlePrograms() {
  const { build } = await import('esbuild');
  const [source, target] = [at('lib/cli'), at('dist/esm/cli')];
  const commands = readdirSync(source).filter((name) => existsSync(path.join(source, name, 'command.ts')));
  const outside = {
    name: 'outside',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^\.\.?\// }, ({ path: name, resolveDir }) => {
        const file = path.relative(at('lib'), path.resolve(resolveDir, name));
        return file.startsWith(`cli${path.sep}`) ? undefined : { path: `outside:${file.split(path.sep).join('/')}`, external: true };
      }),
  };
  const { outputFiles } = await build({
    entryPoints: [path.join(source, 'main.ts'), ...commands.map((name) => path.join(source, name, 'command.ts'))],
    outbase: source,
    outdir: target,
    chunkNames: 'shared/[hash]',
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    plugins: [outside],
    absWorkingDir: root,
    logLevel: 'error',
  });
  rmSync(target, { recursive: true, force: true });
  for (const { path: file, text } of outputFiles) {
    const wayTo = (name) => path.relative(path.dirname(file), at('dist/esm', name)).split(path.sep).join('/');
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text.replaceAll(/(?<=")outside:([^"]+)(?=")/g, (_, name) => wayTo(name)));
  }
}

/** What the engines and the keys of Redis look like inside is read in the sources: no app names these types, but for one or two. */
function withoutInnerComments() {
  for (const name of ['redis', 'jsengine', 'native'].flatMap((room) => [...readdirSync(at('dist/cjs', room), { recursive: true })].map((file) => path.join(room, file)))) {
    if (!name.endsWith('.d.ts')) continue;
    const file = at('dist/cjs', name);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, ''));
  }
}

/** Of declarations, those that no entry point of the package leads to are nobody's: a thirtieth of the package. */
function removeInnerTypes() {
  const { exports: entries } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const waiting = [];
  const collect = (entry) => (typeof entry === 'string' ? entry.endsWith('.d.ts') && waiting.push(at(entry)) : Object.values(entry).forEach(collect));
  collect(entries);
  const reached = new Set();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)\.js['"]/g)) {
      waiting.push(`${path.resolve(path.dirname(file), name)}.d.ts`);
    }
  }
  for (const format of ['esm', 'cjs']) {
    for (const name of readdirSync(at('dist', format), { recursive: true })) {
      const file = at('dist', format, name);
      if (name.endsWith('.d.ts') && !file.startsWith(PAGES) && !reached.has(file)) rmSync(file);
    }
  }
}

export async function buildJs() {
  const inputs = ['lib', 'package.json', 'package-lock.json', 'scripts/build-js.mjs'];
  return ifChanged('compiling TypeScript', hashOf(inputs), PRODUCT, async () => {
    const problems = (await Promise.all([compileInWorker('esm'), compileInWorker('cjs')])).filter(Boolean);
    if (problems.length > 0) throw new Refusal(`${[...new Set(problems)].join('\n')}\nlib does not compile.`);

    for (const format of ['esm', 'cjs']) removeStale(at('dist', format), at('lib'));
    shareTypes();
    removeInnerTypes();
    withoutInnerComments();
    await bundlePrograms();

    writeFileSync(PRODUCT, `${JSON.stringify({ type: 'commonjs' })}\n`);
  });
}

if (!isMainThread) {
  const { parentPort } = await import('node:worker_threads');
  parentPort.postMessage(await compile(workerData.format));
} else if (startedAs(import.meta.url)) {
  main(() => exclusively(buildJs));
}

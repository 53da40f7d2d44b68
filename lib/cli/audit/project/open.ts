import path from 'node:path';
import type ts from 'typescript';
import type { Bindings, FunctionNode, Project, Value } from '../model.js';
import type { Place, Unseen } from '../report.js';
import { Budget, type BudgetOptions } from '../budget.js';
import { loadCompiler } from './sources/compiler.js';
import { fetchedCompiler } from './sources/fetched.js';
import { Configs } from './sources/configs.js';
import { Disk, join, slash } from './sources/disk.js';
import { Evaluator } from './values/evaluate.js';
import { MAX_FILE_SIZE, scan } from './sources/files.js';
import { Names } from './names.js';
import { Packages } from './sources/packages.js';
import { Modules, isSource } from './sources/resolve.js';
import { AuditError } from '../errors.js';

export interface ProjectOptions {
  /** A tsconfig file, relative to the root or absolute; its files are read. Default: every source below the root. */
  tsconfig?: string;
  budget?: BudgetOptions;
  /** Where it is given, npm may fetch a compiler that neither the project nor pathcast has; it is told so. */
  onFetch?: ((what: string) => void) | undefined;
  onProgress?(done: number, total: number, what: string): void;
}

export interface OpenedProject extends Project {
  /** What could not be read: broken files, a broken tsconfig. `findRoots` hands it on with the best root. */
  readonly unseen: readonly Unseen[];
  readonly names: Names;
  readonly evaluator: Evaluator;
}

/** Levels of the syntax tree. Hand-written code stays below a hundred; a sum of as many texts is as deep as it is long. */
const MAX_NESTING = 1_000;
/** How many files are read between two reports of progress. */
const PROGRESS_STEP = 25;

/**
 * Parses and binds the sources below `root` (absolute or relative to the working directory). Throws where there are none, where
 * `tsconfig` cannot be read, and where no compiler fits.
 */
export function openProject(root: string, options: ProjectOptions = {}): OpenedProject {
  const top = slash(path.resolve(root));
  const budget = new Budget(options.budget);
  const disk = new Disk();
  if (!disk.isFolder(top) && disk.list(top).size === 0) throw new AuditError(`root: ${root} is no folder with sources in it`);
  const { onFetch } = options;
  const fetch = (): ReturnType<typeof fetchedCompiler> => {
    const fetched = fetchedCompiler();
    if (fetched) onFetch?.(`TypeScript ${fetched.version} of npm's cache reads the code: neither the project nor pathcast has one from 5.7 to 6. Nothing was added to the project.`);
    return fetched;
  };
  const compiler = onFetch ? loadCompiler(top, undefined, fetch) : loadCompiler(top);
  const packages = new Packages(disk, top);
  const configs = new Configs(compiler, disk, packages);
  const unseen: Unseen[] = [];
  const note = (file: string, what: string, why: string, line = 1, column = 1): void => {
    unseen.push({ file: relative(top, file), line, column, what, why });
  };

  const tsconfig = options.tsconfig === undefined ? undefined : slash(path.resolve(top, options.tsconfig));
  if (tsconfig !== undefined && !disk.isFile(tsconfig)) throw new AuditError(`tsconfig: there is no file ${options.tsconfig} (looked for ${tsconfig})`);
  const chosen = tsconfig === undefined ? [] : configs.withReferences(tsconfig);
  let files: string[];
  if (tsconfig !== undefined) {
    files = [...new Set(chosen.flatMap(({ file }) => configs.filesOf(file)))].filter(isSource);
    if (files.length === 0) throw new AuditError(`tsconfig: ${options.tsconfig} includes no source file`);
  } else {
    const outputs = configs.governingOf(top).flatMap((config) => config.outputs);
    const found = scan(disk, top, outputs);
    files = found.files;
    for (const folder of found.packages) packages.add(folder);
    for (const file of found.tooLarge) note(file, 'a file', `it is larger than ${MAX_FILE_SIZE / 1024 / 1024} MB and was not read`);
    if (files.length === 0) throw new AuditError(`root: no TypeScript or JavaScript source below ${root}${unseen.map((one) => `; ${one.file}: ${one.why}`).slice(0, 3).join('')}`);
  }

  const modules = new Modules(disk, configs, packages, top, chosen);
  const program = createProgram(compiler, disk, modules, files, top, (done, total, what) => options.onProgress?.(done, total, what), note);
  const checker = program.getTypeChecker();
  const sources = program.getSourceFiles().filter((file) => isSource(file.fileName) && !file.fileName.includes('/node_modules/'));
  for (const source of sources) {
    const [error] = program.getSyntacticDiagnostics(source).filter(({ code }) => code < 8000);
    if (!error) continue;
    const at = compiler.getLineAndCharacterOfPosition(source, error.start ?? 0);
    const text = compiler.flattenDiagnosticMessageText(error.messageText, ' ');
    note(source.fileName, 'a file with a syntax error', `${text} What follows it in the file may be missed.`, at.line + 1, at.character + 1);
  }
  for (const [file, why] of configs.broken) note(file, 'a tsconfig', `it could not be read: ${why}`);

  const names = new Names(compiler, checker, (request, from) => {
    const file = modules.resolve(request, from);
    return file === undefined ? undefined : program.getSourceFile(file);
  });
  const placeOf = (node: ts.Node): Place => placeIn(compiler, top, node);
  let schemas: { file: string; text: string }[] | undefined;
  const evaluator = new Evaluator(compiler, names, budget);
  return {
    ts: compiler,
    root: top,
    checker,
    files: sources,
    unseen,
    names,
    evaluator,
    budget,
    placeOf,
    get schemas() {
      return (schemas ??= readSchemas(disk, top));
    },
    packageOf: (file) => packages.ofFile(file.fileName),
    importOf: (name) => names.importOf(name),
    declarationOf: (node) => evaluator.declarationOf(node),
    evaluate: (node: ts.Expression, scope?: Bindings): Value => evaluator.evaluate(node, scope),
    functionOf: (node: ts.Expression, scope?: Bindings): FunctionNode | undefined => evaluator.functionOf(node, scope),
    assignedTo: (variable) =>
      compiler.isIdentifier(variable.name) ? evaluator.mutations.of(variable, variable.name.text).flatMap((one) => (one.kind === 'assign' && one.value ? [one.value] : [])) : [],
  };
}

/** All of them below the root: what a migration of years ago said of a table holds as long as none takes it back. */
function readSchemas(disk: Disk, root: string): { file: string; text: string }[] {
  return scan(disk, root, []).schemas.flatMap((file) => {
    const text = disk.read(file);
    return text === undefined ? [] : [{ file: relative(root, file), text }];
  });
}

const relative = (root: string, file: string): string => slash(path.relative(root, file));

function placeIn(compiler: typeof ts, root: string, node: ts.Node): Place {
  // A node that stands for a destructured member has the place of the pattern's element, and may begin before it.
  const source = node.getSourceFile();
  const start = node.pos < 0 ? 0 : node.getStart(source);
  const { line, character } = compiler.getLineAndCharacterOfPosition(source, start);
  return { file: relative(root, source.fileName), line: line + 1, column: character + 1 };
}

function createProgram(
  compiler: typeof ts,
  disk: Disk,
  modules: Modules,
  files: readonly string[],
  root: string,
  onProgress: NonNullable<ProjectOptions['onProgress']>,
  note: (file: string, what: string, why: string) => void,
): ts.Program {
  const settings: ts.CompilerOptions = {
    allowJs: true,
    checkJs: false,
    noLib: true,
    types: [],
    skipLibCheck: true,
    jsx: compiler.JsxEmit.Preserve,
    target: compiler.ScriptTarget.ESNext,
    module: compiler.ModuleKind.ESNext,
    moduleResolution: compiler.ModuleResolutionKind.Bundler,
    moduleDetection: compiler.ModuleDetectionKind.Force,
    maxNodeModuleJsDepth: 0,
    disableSourceOfProjectReferenceRedirect: true,
    noEmit: true,
  };
  let done = 0;
  const progress = (last: boolean): void => {
    if (last || done % PROGRESS_STEP === 0) onProgress(done, Math.max(done, files.length), 'reading');
  };
  const host: ts.CompilerHost = {
    getSourceFile(file, languageVersion) {
      if (!isSource(file)) return undefined;
      const text = disk.read(file);
      if (text === undefined) return undefined;
      done += 1;
      progress(false);
      const how: ts.CreateSourceFileOptions =
        typeof languageVersion === 'object' ? languageVersion : { languageVersion };
      // The binder sets the parents of all nodes.
      const parse = (content: string): ts.SourceFile =>
        compiler.createSourceFile(file, content, { ...how, jsDocParsingMode: compiler.JSDocParsingMode.ParseNone });
      const parsed = shallow(() => parse(text), compiler);
      if (parsed) return parsed;
      note(file, 'a file', `its code is nested more than ${MAX_NESTING} levels deep; it was not read`);
      return parse('');
    },
    resolveModuleNameLiterals: (literals, from) =>
      literals.map(({ text }) => {
        const file = modules.resolve(text, from);
        return { resolvedModule: file === undefined ? undefined : { resolvedFileName: file, extension: extensionOf(file), isExternalLibraryImport: false } };
      }),
    resolveTypeReferenceDirectiveReferences: (references) => references.map(() => ({ resolvedTypeReferenceDirective: undefined })),
    fileExists: (file) => isSource(file) && disk.isFile(slash(file)),
    readFile: (file) => disk.read(file),
    getDefaultLibFileName: () => join(root, 'lib.d.ts'),
    getCurrentDirectory: () => root,
    getCanonicalFileName: (file) => file,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    writeFile: () => undefined,
  };
  const program = compiler.createProgram({ rootNames: files, options: settings, host });
  progress(true);
  return program;
}

/** The parsed file, unless it is nested so deeply that the compiler, or whoever walks over it, runs out of stack. */
function shallow(parse: () => ts.SourceFile, compiler: typeof ts): ts.SourceFile | undefined {
  let source: ts.SourceFile;
  try {
    source = parse();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  let level: ts.Node[] = [source];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_NESTING) return undefined;
    const next: ts.Node[] = [];
    for (const node of level) compiler.forEachChild(node, (child) => void next.push(child));
    level = next;
  }
  return source;
}

const extensionOf = (file: string): string => /\.[cm]?[jt]sx?$/.exec(file)?.[0] ?? '.ts';


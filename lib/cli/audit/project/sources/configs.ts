import type ts from 'typescript';
import type { Disk } from './disk.js';
import { dirname, join, slash } from './disk.js';
import type { Packages } from './packages.js';
import { AuditError } from '../../errors.js';

/** How many referenced configurations are read for one file's names. */
const MAX_REFERENCES = 50;

/** What a tsconfig.json says about names and files. Paths are absolute. */
export interface Config {
  file: string;
  baseUrl: string | undefined;
  paths: { before: string; after: string; exact: boolean; targets: string[] }[];
  outputs: string[];
  references: string[];
}

/** What the compiler gives for a JSON file with comments. */
interface JsonFile {
  config?: unknown;
  error?: ts.Diagnostic;
}

/** Reads tsconfig and jsconfig files, with what they extend, and finds the one that governs a folder. */
export class Configs {
  /** Those that could not be read, and why. */
  readonly broken = new Map<string, string>();
  private readonly read = new Map<string, Config | undefined>();
  private readonly governing = new Map<string, readonly Config[]>();

  constructor(
    private readonly compiler: typeof ts,
    private readonly disk: Disk,
    private readonly packages: Packages,
  ) {}

  /** The nearest configuration at or above `folder`, and those that it refers to. */
  governingOf(folder: string): readonly Config[] {
    const known = this.governing.get(folder);
    if (known) return known;
    const file = ['tsconfig.json', 'jsconfig.json'].map((name) => join(folder, name)).find((name) => this.disk.isFile(name));
    const above = dirname(folder);
    const found = file === undefined ? (above === folder ? [] : this.governingOf(above)) : this.withReferences(file);
    this.governing.set(folder, found);
    return found;
  }

  withReferences(file: string): Config[] {
    const found: Config[] = [];
    const waiting = [file];
    const seen = new Set(waiting);
    for (let next = waiting.shift(); next !== undefined && found.length < MAX_REFERENCES; next = waiting.shift()) {
      const config = this.load(next);
      if (!config) continue;
      found.push(config);
      for (const reference of config.references) {
        if (!seen.has(reference)) waiting.push(reference);
        seen.add(reference);
      }
    }
    return found;
  }

  /** The files that a configuration lists or includes. Throws where it cannot be read. */
  filesOf(file: string): string[] {
    const { config, error } = this.json(file);
    if (error) throw new AuditError(`tsconfig: ${file}: ${this.textOf(error)}`);
    const parsed = this.compiler.parseJsonConfigFileContent(config, this.host(true), dirname(file), { allowJs: true }, file);
    return parsed.fileNames.map(slash);
  }

  private load(file: string): Config | undefined {
    if (this.read.has(file)) return this.read.get(file);
    this.read.set(file, undefined);
    if (!this.disk.isFile(file)) {
      this.broken.set(file, 'the file is not there');
      return undefined;
    }
    const { config, error } = this.json(file);
    if (error) this.broken.set(file, this.textOf(error));
    const folder = dirname(file);
    const parsed = this.compiler.parseJsonConfigFileContent(config ?? {}, this.host(false), folder, undefined, file);
    const { options } = parsed;
    const base = slash(options.baseUrl ?? (options.pathsBasePath as string | undefined) ?? folder);
    const result: Config = {
      file,
      baseUrl: options.baseUrl === undefined ? undefined : slash(options.baseUrl),
      paths: Object.entries(options.paths ?? {}).map(([pattern, targets]) => {
        const [before = '', after = ''] = pattern.split('*');
        return { before, after, exact: !pattern.includes('*'), targets: textsOf(targets).map((target) => this.absolute(base, target)) };
      }),
      outputs: [options.outDir, options.declarationDir].filter((output) => output !== undefined).map(slash),
      references: (parsed.projectReferences ?? []).map(({ path }) => (/\.json$/.test(path) ? slash(path) : join(path, 'tsconfig.json'))),
    };
    this.read.set(file, result);
    return result;
  }

  private json(file: string): JsonFile {
    return this.compiler.readConfigFile(file, (name) => this.disk.read(name));
  }

  private absolute(folder: string, file: string): string {
    return /^([A-Za-z]:)?[\\/]/.test(file) ? slash(file) : join(folder, file);
  }

  /** A package of the workspace may be extended by name although nothing is installed. */
  private host(listing: boolean): ts.ParseConfigHost & Pick<ts.ModuleResolutionHost, 'realpath'> {
    const located = (file: string): string => {
      const [, name, rest] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(.*)$/.exec(slash(file)) ?? [];
      const home = name === undefined ? undefined : this.packages.byName.get(name);
      return home === undefined || rest === undefined ? slash(file) : join(home, rest);
    };
    const system = this.compiler.sys;
    return {
      useCaseSensitiveFileNames: true,
      readDirectory: (folder, ...rest) => (listing ? system.readDirectory(folder, ...rest) : []),
      fileExists: (file) => this.disk.isFile(located(file)),
      // What an extended file says is relative to where it really is.
      realpath: located,
      readFile: (file) => this.disk.read(located(file)),
    };
  }

  private textOf(diagnostic: ts.Diagnostic): string {
    return this.compiler.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
  }
}

/** The compiler hands `paths` on as the file has them. */
const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);

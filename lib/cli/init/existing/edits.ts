/** Changes of source files: texts that are put in between, and imports. Nothing that is there is taken away. */
import path from 'node:path';
import type ts from 'typescript';
import type { Compiler } from '../../audit/project/sources/compiler.js';

export class Edits {
  readonly #compiler: Compiler;
  readonly #insertions = new Map<ts.SourceFile, Map<number, string>>();
  readonly #imports = new Map<ts.SourceFile, Set<string>>();

  constructor(compiler: Compiler) {
    this.#compiler = compiler;
  }

  /** What is inserted at one place follows what was inserted there before. */
  insert(file: ts.SourceFile, position: number, text: string): void {
    const places = this.#insertions.get(file) ?? new Map<number, string>();
    places.set(position, (places.get(position) ?? '') + text);
    this.#insertions.set(file, places);
  }

  /** A whole import statement, without its semicolon; once. */
  import(file: ts.SourceFile, statement: string): void {
    this.#imports.set(file, (this.#imports.get(file) ?? new Set()).add(statement));
  }

  /** A statement of its own, behind the imports. */
  afterImports(file: ts.SourceFile, statement: string): void {
    this.insert(file, this.#endOfImports(file), `\n\n${statement}`);
  }

  /** The new text of each file that changes. */
  results(): Map<ts.SourceFile, string> {
    for (const [file, statements] of this.#imports) {
      const end = this.#endOfImports(file);
      const semicolon = usesSemicolons(file.text) ? ';' : '';
      const lines = [...statements].map((line) => `${line}${semicolon}`).join('\n');
      const places = this.#insertions.get(file) ?? new Map<number, string>();
      places.set(end, (end === 0 ? `${lines}\n` : `\n${lines}`) + (places.get(end) ?? ''));
      this.#insertions.set(file, places);
    }
    this.#imports.clear();
    return new Map([...this.#insertions].map(([file, places]) => [file, apply(file.text, places)]));
  }

  #endOfImports(file: ts.SourceFile): number {
    const imports = file.statements.filter((one) => this.#compiler.isImportDeclaration(one));
    return imports.at(-1)?.getEnd() ?? 0;
  }
}

function apply(text: string, places: ReadonlyMap<number, string>): string {
  const ends = text.includes('\r\n') ? '\r\n' : '\n';
  let result = '';
  let from = 0;
  for (const [position, added] of [...places].sort(([a], [b]) => a - b)) {
    result += text.slice(from, position) + added.replaceAll('\n', ends);
    from = position;
  }
  return result + text.slice(from);
}

export const usesSemicolons = (text: string): boolean => /;[ \t]*\r?$/m.test(text) || !/^import /m.test(text);

/** How this code base names its files in imports. */
export type Ending = '.js' | '.ts' | '';

export function endingOf(files: readonly ts.SourceFile[], isModule: boolean): Ending {
  const relative = files.flatMap(({ text }) => [...text.matchAll(/from ['"](\.{1,2}\/[^'"]+)['"]/g)].map(([, name = '']) => name));
  if (relative.length === 0) return isModule ? '.js' : '';
  if (relative.some((name) => name.endsWith('.js'))) return '.js';
  return relative.some((name) => /\.tsx?$/.test(name)) ? '.ts' : '';
}

/** What `from` calls the TypeScript file `to` in an import; both absolute. */
export function specifier(from: string, to: string, ending: Ending): string {
  const way = path.posix.relative(path.posix.dirname(from), to);
  return (way.startsWith('.') ? way : `./${way}`).replace(/\.tsx?$/, ending);
}

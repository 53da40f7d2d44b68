/** Queries that are made outside of functions and used in them by a name: views, subqueries, common tables, prepared statements. */
import type ts from 'typescript';
import type { Project } from '../../model.js';
import { rootEnv, type Env } from '../code/environment.js';
import { calleeName, chainBefore, unwrap } from '../code/syntax.js';
import type { Collected } from './collected.js';

/** What such a text has in it, before it is looked at. */
const QUERY = /\b(?:from|selectFrom|findMany|findFirst|prepare|as|join)\b/i;
/** `.existing()` says nothing of what it reads, one that is materialised is a table. */
const BY_NAME = /\.existing\s*\(|^\w*[mM]aterializedView\s*\(/;

export class MadeQueries {
  readonly #byName = new Map<string, ts.VariableDeclaration[]>();
  readonly #known = new Map<ts.VariableDeclaration, Collected>();
  readonly #running = new Set<ts.VariableDeclaration>();

  constructor(
    readonly project: Project,
    readonly read: (node: ts.Node, env: Env) => Collected,
  ) {
    const { ts: compiler } = project;
    for (const file of project.files) {
      for (const statement of file.statements) {
        if (!compiler.isVariableStatement(statement)) continue;
        for (const declaration of statement.declarationList.declarations) {
          if (compiler.isIdentifier(declaration.name) && this.#isQuery(declaration)) {
            const { text } = declaration.name;
            this.#byName.set(text, [...(this.#byName.get(text) ?? []), declaration]);
          }
        }
      }
    }
  }

  /** What a mention of the name reads; undefined where it is no such query. */
  of(name: ts.Identifier): Collected | undefined {
    const all = this.#byName.get(name.text);
    if (all === undefined) return undefined;
    const declaration = this.project.declarationOf(name);
    const one = all.find((query) => query === declaration);
    return one && one.name !== name ? this.#readOnce(one) : undefined;
  }

  /** The tables of a view that the code makes under this name. */
  view(name: string): string[] | undefined {
    const one = this.#byName.get(name)?.find((query) => query.initializer && /View\b/.test(query.initializer.getText().slice(0, 40)));
    const reads = one && this.#readOnce(one)?.reads;
    return reads && reads.length > 0 ? [...new Set(reads.map(({ table }) => table))] : undefined;
  }

  #isQuery({ initializer }: ts.VariableDeclaration): boolean {
    const { ts: compiler } = this.project;
    if (initializer === undefined) return false;
    const made = unwrap(compiler, initializer);
    if (compiler.isTaggedTemplateExpression(made)) return QUERY.test(made.getText());
    if (!compiler.isCallExpression(made)) return false;
    const text = made.getText();
    if (!QUERY.test(text) || BY_NAME.test(text)) return false;
    const names = chainBefore(compiler, made).map((call) => calleeName(compiler, call.expression) ?? '');
    return names.some((name) => /^(from|selectFrom|findMany|findFirst|prepare|as)$/.test(name));
  }

  #readOnce(one: ts.VariableDeclaration): Collected | undefined {
    const known = this.#known.get(one);
    if (known !== undefined || this.#running.has(one) || !one.initializer) return known;
    this.#running.add(one);
    const found = this.read(one.initializer, rootEnv(this.project));
    this.#running.delete(one);
    if (this.project.budget.spent === undefined) this.#known.set(one, found);
    return found;
  }
}

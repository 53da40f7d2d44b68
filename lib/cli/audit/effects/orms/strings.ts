/** Tables that a query builder is given by their names: `'guests as g'`, a list of them, `{ g: 'guests' }`. */
import type ts from 'typescript';
import type { Env } from '../code/environment.js';
import { stringsOf } from '../code/strings.js';
import { calleeName, unwrap } from '../code/syntax.js';
import { schemaOf } from './schema/index.js';

/** Undefined where the argument is no name: a function, a subquery. `?` for one that is computed. */
export function tablesNamed(node: ts.Expression, env: Env): string[] | undefined {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (compiler.isFunctionLike(inner) || compiler.isTaggedTemplateExpression(inner)) return undefined;
  if (compiler.isArrayLiteralExpression(inner)) return inner.elements.flatMap((element) => tablesNamed(element, env) ?? []);
  if (compiler.isObjectLiteralExpression(inner)) {
    return inner.properties.flatMap((part) => (compiler.isPropertyAssignment(part) ? (tablesNamed(part.initializer, env) ?? []) : ['?']));
  }
  // A query in the place of a table is read where it stands.
  if (compiler.isCallExpression(inner) && calleeName(compiler, inner.expression) !== 'ref') return undefined;
  const value = env.project.evaluate(inner, env.scope);
  const texts = stringsOf(value);
  if (texts === undefined) return value.kind === 'unknown' || value.kind === 'expression' ? (compiler.isIdentifier(inner) && holdsQuery(inner, env) ? undefined : ['?']) : undefined;
  const { names, schema } = { names: commonNames(node, compiler), schema: schemaOf(env.project) };
  return texts.map(withoutAlias).filter((text) => !names.has(text)).map((text) => schema.named(text));
}

/** `guests as g`, `guests g` */
const withoutAlias = (text: string): string => text.replace(/\s+as\s.*$/i, '').trim().replace(/^([\w."]+)\s+\w+$/, '$1');

/** A variable that holds a query: that is read where it was made. */
function holdsQuery(name: ts.Identifier, env: Env): boolean {
  const { ts: compiler } = env.project;
  const declaration = env.project.declarationOf(name);
  return declaration !== undefined && compiler.isVariableDeclaration(declaration) && declaration.initializer !== undefined && compiler.isCallExpression(unwrap(compiler, declaration.initializer));
}

const WITH = /^with(Recursive|Materialized|NotMaterialized)?$/;

const inFiles = new WeakMap<ts.SourceFile, readonly string[]>();

/** A query that is made in several statements, `query.with('recent', recent)`, is made in one file. */
function namesInFile(file: ts.SourceFile): readonly string[] {
  let known = inFiles.get(file);
  if (known === undefined) inFiles.set(file, (known = [...file.text.matchAll(/\.with(?:Recursive|Materialized|NotMaterialized)?\(\s*['"`](\w+)['"`]/g)].flatMap(([, name]) => name ?? [])));
  return known;
}

/** Names that `.with('recent', …)` gives in the statement around, or elsewhere in the file: they are no tables. */
function commonNames(node: ts.Node, compiler: typeof ts): Set<string> {
  const names = new Set(namesInFile(node.getSourceFile()));
  for (let at: ts.Node | undefined = node; at !== undefined && !compiler.isStatement(at); at = at.parent) {
    for (let call: ts.Node = at; compiler.isCallExpression(call) || compiler.isPropertyAccessExpression(call); call = call.expression) {
      if (!compiler.isCallExpression(call) || !WITH.test(calleeName(compiler, call.expression) ?? '')) continue;
      const [first] = call.arguments;
      if (first && compiler.isStringLiteralLike(first)) names.add(first.text.replace(/\(.*$/, '').trim());
    }
  }
  return names;
}


/** `serverExternalPackages: ['pathcast']` in next.config. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type ts from 'typescript';
import type { Compiler } from '../../audit/project/sources/compiler.js';

export interface Change {
  file: string;
  before: string;
  after: string;
}

const NAMES = ['next.config.ts', 'next.config.mjs', 'next.config.js', 'next.config.cjs'];

/** Undefined: it could not be done; `already`: it stands there. */
export function nextConfigChange(compiler: Compiler, folder: string): Change | 'already' | undefined {
  const file = NAMES.find((name) => existsSync(path.join(folder, name)));
  if (file === undefined) return undefined;
  const before = readFileSync(path.join(folder, file), 'utf8');
  const source = compiler.createSourceFile(file, before, compiler.ScriptTarget.Latest, true);
  const config = configIn(compiler, source);
  if (!config) return undefined;
  const put = (position: number, text: string): Change => ({ file, before, after: before.slice(0, position) + text + before.slice(position) });
  for (const property of config.properties) {
    if (!compiler.isPropertyAssignment(property) || property.name.getText() !== 'serverExternalPackages') continue;
    const list = property.initializer;
    if (!compiler.isArrayLiteralExpression(list)) return undefined;
    if (list.elements.some((one) => compiler.isStringLiteral(one) && one.text === 'pathcast')) return 'already';
    return put(list.getStart() + 1, list.elements.length === 0 ? "'pathcast'" : "'pathcast', ");
  }
  const indent = /\n([ \t]+)\S/.exec(config.getText())?.[1] ?? '  ';
  const line = `\n${indent}// Bundled, pathcast could not load its native engine: an addon cannot be packed.\n${indent}serverExternalPackages: ['pathcast'],`;
  return put(config.getStart() + 1, config.properties.length === 0 ? `${line}\n` : line);
}

/** The object that is exported, by itself, by a name, or inside of calls. */
function configIn(compiler: Compiler, source: ts.SourceFile): ts.ObjectLiteralExpression | undefined {
  const objects = new Map<string, ts.ObjectLiteralExpression>();
  let exported: ts.Expression | undefined;
  for (const statement of source.statements) {
    if (compiler.isVariableStatement(statement)) {
      for (const { name, initializer } of statement.declarationList.declarations) {
        if (initializer && compiler.isObjectLiteralExpression(initializer)) objects.set(name.getText(), initializer);
      }
    } else if (compiler.isExportAssignment(statement)) exported = statement.expression;
    else if (compiler.isExpressionStatement(statement) && compiler.isBinaryExpression(statement.expression)) {
      if (statement.expression.left.getText() === 'module.exports') exported = statement.expression.right;
    }
  }
  while (exported && compiler.isCallExpression(exported)) exported = exported.arguments[0];
  if (!exported) return undefined;
  if (compiler.isObjectLiteralExpression(exported)) return exported;
  return compiler.isIdentifier(exported) ? objects.get(exported.text) : undefined;
}

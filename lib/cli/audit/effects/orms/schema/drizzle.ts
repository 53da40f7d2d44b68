/** Drizzle's tables and their foreign keys, out of the code. */
import type ts from 'typescript';
import type { Project } from '../../../model.js';
import { calleeName, propertyName, unwrap } from '../../code/syntax.js';
import { actionOf, noFacts, type SchemaFacts } from './facts.js';
import { TABLE_MAKER } from '../tables.js';

export function drizzleFacts(project: Project): SchemaFacts {
  const { ts: compiler } = project;
  const facts = noFacts();
  const visit = (node: ts.Node): void => {
    if (compiler.isVariableDeclaration(node) && node.initializer && compiler.isIdentifier(node.name)) {
      const made = tableCall(unwrap(compiler, node.initializer), compiler);
      if (made) {
        facts.tables.push({ name: node.name.text, sql: sqlName(made, project) });
        keysIn(made, node.name.text, project, facts);
        return;
      }
    }
    if (!compiler.isFunctionLike(node)) compiler.forEachChild(node, visit);
  };
  for (const file of project.files) if (/[tT]able(?:Creator)?(?:WithSchema)?\s*\(/.test(file.text)) visit(file);
  return facts;
}

/** `pgTable('item', …)`, `pgTable('item', …).enableRLS()` */
function tableCall(node: ts.Expression, compiler: typeof ts): ts.CallExpression | undefined {
  if (!compiler.isCallExpression(node)) return undefined;
  const [first] = node.arguments;
  if (TABLE_MAKER.test(calleeName(compiler, node.expression) ?? '') && first && compiler.isStringLiteralLike(unwrap(compiler, first))) return node;
  const callee = unwrap(compiler, node.expression);
  return compiler.isPropertyAccessExpression(callee) ? tableCall(unwrap(compiler, callee.expression), compiler) : undefined;
}

/** The first argument, with what `pgSchema('auth').table` and `pgTableCreator((name) => …)` make of it. */
function sqlName(call: ts.CallExpression, project: Project): string {
  const { ts: compiler } = project;
  const [first] = call.arguments;
  const text = first && unwrap(compiler, first);
  const given = text && compiler.isStringLiteralLike(text) ? text.text : '?';
  const callee = unwrap(compiler, call.expression);
  if (compiler.isPropertyAccessExpression(callee)) {
    const schema = schemaName(callee.expression, project);
    return schema === undefined ? given : `${schema}.${given}`;
  }
  const declaration = compiler.isIdentifier(callee) ? project.declarationOf(callee) : undefined;
  const maker = declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? unwrap(compiler, declaration.initializer) : undefined;
  if (maker === undefined || !compiler.isCallExpression(maker) || text === undefined) return given;
  const [customize] = maker.arguments;
  const fn = customize && unwrap(compiler, customize);
  if (fn === undefined || !compiler.isArrowFunction(fn) || compiler.isBlock(fn.body) || !fn.parameters[0]) return given;
  const value = project.evaluate(fn.body, new Map([[fn.parameters[0], { kind: 'string', text: given, node: text }]]));
  return value.kind === 'string' ? value.text : given;
}

function schemaName(node: ts.Expression, project: Project): string | undefined {
  const { ts: compiler } = project;
  const inner = unwrap(compiler, node);
  const declaration = compiler.isIdentifier(inner) ? project.declarationOf(inner) : undefined;
  const made = declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? unwrap(compiler, declaration.initializer) : inner;
  if (!compiler.isCallExpression(made) || !/Schema$/.test(calleeName(compiler, made.expression) ?? '')) return undefined;
  const [first] = made.arguments;
  return first && compiler.isStringLiteralLike(first) ? first.text : undefined;
}

/** `.references(() => users.id, { onDelete: 'cascade' })`, `foreignKey({ foreignColumns: [users.id] }).onDelete('cascade')` */
function keysIn(table: ts.CallExpression, from: string, project: Project, facts: SchemaFacts): void {
  const { ts: compiler } = project;
  const add = (column: ts.Expression | undefined, action: ts.Expression | undefined): void => {
    const access = column && unwrap(compiler, column);
    if (!access || !compiler.isPropertyAccessExpression(access) || !action) return;
    const text = unwrap(compiler, action);
    const onDelete = actionOf(compiler.isStringLiteralLike(text) ? text.text : undefined);
    const owner = unwrap(compiler, access.expression);
    const name = compiler.isIdentifier(owner) ? owner : compiler.isPropertyAccessExpression(owner) ? owner.name : undefined;
    if (onDelete === undefined || name === undefined) return;
    const declaration = project.declarationOf(name);
    const to = declaration && compiler.isVariableDeclaration(declaration) ? propertyName(compiler, declaration.name) : undefined;
    facts.keys.push({ from, to: to ?? name.text, onDelete });
  };
  const visit = (node: ts.Node): void => {
    if (compiler.isCallExpression(node)) {
      const name = calleeName(compiler, node.expression);
      const [first, second] = node.arguments;
      if (name === 'references' && first) {
        const fn = unwrap(compiler, first);
        const options = second && unwrap(compiler, second);
        if (compiler.isArrowFunction(fn) && !compiler.isBlock(fn.body) && options) add(fn.body, property(options, 'onDelete', compiler));
      } else if (name === 'onDelete' && first) {
        const key = foreignKeyUnder(node.expression, compiler);
        const columns = key && property(key, 'foreignColumns', compiler);
        const list = columns && unwrap(compiler, columns);
        if (list && compiler.isArrayLiteralExpression(list)) add(list.elements[0], first);
      }
    }
    compiler.forEachChild(node, visit);
  };
  visit(table);
}

function property(node: ts.Expression, name: string, compiler: typeof ts): ts.Expression | undefined {
  if (!compiler.isObjectLiteralExpression(node)) return undefined;
  const part = node.properties.find((one) => propertyName(compiler, one.name) === name);
  return part && compiler.isPropertyAssignment(part) ? part.initializer : undefined;
}

/** The options of the `foreignKey({…})` that a chain begins with. */
function foreignKeyUnder(callee: ts.Expression, compiler: typeof ts): ts.Expression | undefined {
  for (let at = unwrap(compiler, callee); ; ) {
    if (compiler.isPropertyAccessExpression(at)) at = unwrap(compiler, at.expression);
    else if (!compiler.isCallExpression(at)) return undefined;
    else if (calleeName(compiler, at.expression) === 'foreignKey') return at.arguments[0] && unwrap(compiler, at.arguments[0]);
    else at = unwrap(compiler, at.expression);
  }
}

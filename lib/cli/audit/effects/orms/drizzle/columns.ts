/** The columns of one table that a select depends on, where its text names them all. */
import type ts from 'typescript';
import type { Env } from '../../code/environment.js';
import { calleeName, unwrap } from '../../code/syntax.js';

/** Take numbers, or a table that is looked at by itself. */
const WITHOUT_COLUMNS = /^(limit|offset|for|as|\$dynamic|prepare|execute|all|get)$/;

/** Undefined where anything in the statement may name others: a condition made elsewhere, a row taken whole. */
export function columnsOf(call: ts.CallExpression, before: readonly ts.CallExpression[], table: ts.Expression, env: Env): string[] | undefined {
  const { ts: compiler } = env.project;
  const select = before.find((one) => /^select(Distinct(On)?)?$/.test(calleeName(compiler, one.expression) ?? ''));
  const fields = select?.arguments.at(-1);
  if (fields === undefined || !compiler.isIdentifier(table)) return undefined;
  const columns = new Set<string>();
  let plain = compiler.isObjectLiteralExpression(unwrap(compiler, fields));
  const look = (node: ts.Node): void => {
    if (!plain) return;
    if (compiler.isPropertyAccessExpression(node)) {
      if (compiler.isIdentifier(node.expression) && node.expression.text === table.text) columns.add(node.name.text);
      return;
    }
    // A row taken whole, a condition by its name, another function of the project.
    if (compiler.isIdentifier(node)) plain = false;
    else if (compiler.isCallExpression(node)) {
      const callee = unwrap(compiler, node.expression);
      if (!compiler.isIdentifier(callee) || !/^drizzle-orm/.test(env.project.importOf(callee)?.module ?? '')) plain = false;
      else for (const argument of node.arguments) value(argument);
    } else if (compiler.isSpreadElement(node) || compiler.isSpreadAssignment(node) || compiler.isFunctionLike(node)) plain = false;
    else if (compiler.isPropertyAssignment(node)) look(node.initializer);
    else compiler.forEachChild(node, look);
  };
  /** An argument of `eq(…)`: a name there is a value of the program, unless it is the table. */
  const value = (node: ts.Expression): void => {
    const inner = unwrap(compiler, node);
    if (compiler.isIdentifier(inner) && inner.text !== table.text) {
      const declaration = env.project.declarationOf(inner);
      const made = declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? unwrap(compiler, declaration.initializer) : undefined;
      if (made !== undefined && (compiler.isCallExpression(made) || compiler.isTaggedTemplateExpression(made) || compiler.isArrayLiteralExpression(made))) plain = false;
      return;
    }
    look(inner);
  };
  look(fields);
  let at: ts.Node = call;
  for (const one of before) if (one !== select) argumentsOf(one);
  for (;;) {
    if (compiler.isCallExpression(at)) argumentsOf(at);
    const { parent }: ts.Node = at;
    const goesOn = compiler.isPropertyAccessExpression(parent) || (compiler.isCallExpression(parent) && parent.expression === at) || compiler.isParenthesizedExpression(parent);
    if (!goesOn) break;
    at = parent;
  }
  return plain ? [...columns] : undefined;

  function argumentsOf(one: ts.CallExpression): void {
    const name = calleeName(compiler, one.expression) ?? '';
    if (WITHOUT_COLUMNS.test(name)) return;
    const isSource = /^from$|Join/.test(name);
    one.arguments.forEach((argument, index) => {
      if (!isSource || index > 0) look(unwrap(compiler, argument));
    });
  }
}

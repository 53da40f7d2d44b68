/** Small questions about syntax trees, without names resolved. */
import type ts from 'typescript';
import type { FunctionNode } from '../../model.js';

export type Compiler = typeof ts;

/** The expression without parentheses, `await`, `as`, `satisfies`, `!` and `void`. */
export function unwrap(compiler: Compiler, node: ts.Expression): ts.Expression {
  let inner = node;
  for (;;) {
    if (
      compiler.isParenthesizedExpression(inner) ||
      compiler.isAsExpression(inner) ||
      compiler.isSatisfiesExpression(inner) ||
      compiler.isNonNullExpression(inner) ||
      compiler.isTypeAssertionExpression(inner) ||
      compiler.isAwaitExpression(inner) ||
      compiler.isVoidExpression(inner)
    ) {
      inner = inner.expression;
    } else return inner;
  }
}

export function isFunctionNode(compiler: Compiler, node: ts.Node): node is FunctionNode {
  return (
    compiler.isFunctionDeclaration(node) ||
    compiler.isFunctionExpression(node) ||
    compiler.isArrowFunction(node) ||
    compiler.isMethodDeclaration(node)
  );
}

export function isInlineFunction(compiler: Compiler, node: ts.Node): node is ts.FunctionExpression | ts.ArrowFunction {
  return compiler.isFunctionExpression(node) || compiler.isArrowFunction(node);
}

/** The function that a node stands in, itself left out. */
export function enclosingFunction(compiler: Compiler, node: ts.Node): ts.Node | undefined {
  let at: ts.Node | undefined = node.parent;
  while (at !== undefined && !compiler.isSourceFile(at)) {
    if (compiler.isFunctionLike(at)) return at;
    at = at.parent;
  }
  return undefined;
}

/** `f` of `f()`, `g` of `a.b.g()`; undefined for a computed callee. */
export function calleeName(compiler: Compiler, callee: ts.Expression): string | undefined {
  const inner = unwrap(compiler, callee);
  if (compiler.isIdentifier(inner)) return inner.text;
  if (compiler.isPropertyAccessExpression(inner)) return inner.name.text;
  if (compiler.isElementAccessExpression(inner) && compiler.isStringLiteralLike(inner.argumentExpression)) {
    return inner.argumentExpression.text;
  }
  return undefined;
}

export function propertyName(compiler: Compiler, name: ts.PropertyName | ts.BindingName | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (compiler.isIdentifier(name) || compiler.isStringLiteralLike(name) || compiler.isNumericLiteral(name) || compiler.isPrivateIdentifier(name)) {
    return name.text;
  }
  if (compiler.isComputedPropertyName(name) && compiler.isStringLiteralLike(name.expression)) return name.expression.text;
  return undefined;
}

/** The function's name, its variable's, or its property's. */
export function functionName(compiler: Compiler, fn: FunctionNode): string {
  const own = propertyName(compiler, fn.name);
  if (own !== undefined) return own;
  let at: ts.Node = fn.parent;
  while (compiler.isParenthesizedExpression(at) || compiler.isAsExpression(at) || compiler.isSatisfiesExpression(at) || compiler.isCallExpression(at)) {
    at = at.parent;
  }
  if (compiler.isVariableDeclaration(at) || compiler.isPropertyAssignment(at) || compiler.isPropertyDeclaration(at)) {
    return propertyName(compiler, at.name) ?? '(anonymous)';
  }
  return compiler.isExportAssignment(at) ? 'default' : '(anonymous)';
}

/** The outermost name of `a.b.c()`: the identifier `a`, or `this`. */
export function rootOf(compiler: Compiler, node: ts.Expression): ts.Expression {
  let inner = unwrap(compiler, node);
  for (;;) {
    if (compiler.isPropertyAccessExpression(inner) || compiler.isElementAccessExpression(inner) || compiler.isCallExpression(inner)) {
      inner = unwrap(compiler, inner.expression);
    } else return inner;
  }
}

/** Names of the calls made on a call's result, innermost first: `['values', 'returning']` for `db.insert(t).values(x).returning()`. */
export function chainAfter(compiler: Compiler, call: ts.CallExpression): string[] {
  const names: string[] = [];
  let at: ts.Node = call;
  for (;;) {
    const parent: ts.Node = at.parent;
    if (compiler.isPropertyAccessExpression(parent) && parent.expression === at) {
      names.push(parent.name.text);
      at = parent;
    } else if ((compiler.isCallExpression(parent) && parent.expression === at) || compiler.isNonNullExpression(parent) || compiler.isParenthesizedExpression(parent)) {
      at = parent;
    } else return names;
  }
}

/** Calls of the chain that a node ends, innermost first: `select(…)` and `from(…)` for `db.select(…).from(…)`. */
export function chainBefore(compiler: Compiler, node: ts.Expression): ts.CallExpression[] {
  const calls: ts.CallExpression[] = [];
  let at = unwrap(compiler, node);
  while (compiler.isPropertyAccessExpression(at) || compiler.isCallExpression(at)) {
    if (compiler.isCallExpression(at)) calls.unshift(at);
    at = unwrap(compiler, at.expression);
  }
  return calls;
}

/** Source text on one line, cut at `limit` characters. */
export function shortText(node: ts.Node, limit = 100): string {
  const text = node.getText().replace(/\s+/g, ' ').trim();
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

/** Whether a statement never lets the next one run, and how it leaves. */
export function leavesBy(compiler: Compiler, statement: ts.Statement): 'return' | 'throw' | undefined {
  if (compiler.isReturnStatement(statement) || compiler.isContinueStatement(statement) || compiler.isBreakStatement(statement)) return 'return';
  if (compiler.isThrowStatement(statement)) return 'throw';
  if (compiler.isBlock(statement)) {
    const last = statement.statements.at(-1);
    return last === undefined ? undefined : leavesBy(compiler, last);
  }
  if (compiler.isIfStatement(statement) && statement.elseStatement) {
    const first = leavesBy(compiler, statement.thenStatement);
    const second = leavesBy(compiler, statement.elseStatement);
    return first === undefined || second === undefined ? undefined : first === second ? first : 'return';
  }
  return undefined;
}

const returns = new WeakMap<FunctionNode, readonly ts.Expression[]>();

/** The expressions a function may give back, nested functions left out. */
export function returnsOf(compiler: Compiler, fn: FunctionNode): readonly ts.Expression[] {
  let known = returns.get(fn);
  if (known === undefined) returns.set(fn, (known = returnsIn(compiler, fn)));
  return known;
}

function returnsIn(compiler: Compiler, fn: FunctionNode): ts.Expression[] {
  if (fn.body === undefined) return [];
  if (!compiler.isBlock(fn.body)) return [fn.body];
  const found: ts.Expression[] = [];
  const visit = (node: ts.Node): void => {
    if (compiler.isFunctionLike(node) || compiler.isClassLike(node)) return;
    if (compiler.isReturnStatement(node)) {
      if (node.expression) found.push(node.expression);
      return;
    }
    compiler.forEachChild(node, visit);
  };
  compiler.forEachChild(fn.body, visit);
  return found;
}

/** Calls `look` for a node and all below it; what it answers with `false` is not entered. */
export function visitAll(compiler: Compiler, node: ts.Node, look: (node: ts.Node) => boolean | undefined): void {
  if (look(node) === false) return;
  compiler.forEachChild(node, (child) => visitAll(compiler, child, look));
}

/** Conditions that a call decides: on a parameter that was given a literal, an object that is written out, or nothing. */
import type ts from 'typescript';
import type { Activation, Env } from '../code/environment.js';
import { isInlineFunction, propertyName, unwrap } from '../code/syntax.js';

/** As `decided`. A condition that stays open is noted with the runs whose arguments were asked: they were of no consequence. */
export function decidedOrOpen(condition: ts.Expression, env: Env): boolean | undefined {
  const before: Activation[] = [];
  for (let at: Env | undefined = env; at !== undefined; at = at.outer) if (!at.activation.consulted) before.push(at.activation);
  const taken = decided(condition, env);
  if (taken !== undefined) return taken;
  for (const activation of before) {
    if (!activation.consulted) continue;
    activation.consulted = false;
    (activation.open ??= new Set()).add(condition);
  }
  return undefined;
}

/** Which way it goes; undefined where more is to be known. What is found then holds for these arguments alone. */
export function decided(condition: ts.Expression, env: Env): boolean | undefined {
  const { ts: compiler } = env.project;
  const { SyntaxKind } = compiler;
  const inner = unwrap(compiler, condition);
  if (compiler.isPrefixUnaryExpression(inner) && inner.operator === SyntaxKind.ExclamationToken) {
    const taken = decided(inner.operand, env);
    return taken === undefined ? undefined : !taken;
  }
  if (compiler.isIdentifier(inner) || compiler.isPropertyAccessExpression(inner)) {
    const given = givenAs(inner, env);
    return given && literalTruth(given.value, compiler);
  }
  if (!compiler.isBinaryExpression(inner)) return undefined;
  switch (inner.operatorToken.kind) {
    case SyntaxKind.AmpersandAmpersandToken:
    case SyntaxKind.BarBarToken: {
      const [left, right] = [decided(inner.left, env), decided(inner.right, env)];
      const decisive = inner.operatorToken.kind === SyntaxKind.BarBarToken;
      if (left === decisive || right === decisive) return decisive;
      return left === undefined || right === undefined ? undefined : !decisive;
    }
    case SyntaxKind.InKeyword: {
      const key = unwrap(compiler, inner.left);
      const holder = unwrap(compiler, inner.right);
      if (!compiler.isStringLiteralLike(key) || !compiler.isIdentifier(holder)) return undefined;
      const given = givenAs(holder, env)?.value;
      return given && compiler.isObjectLiteralExpression(given) ? has(given, key.text, compiler) : undefined;
    }
    case SyntaxKind.EqualsEqualsEqualsToken:
    case SyntaxKind.EqualsEqualsToken:
    case SyntaxKind.ExclamationEqualsEqualsToken:
    case SyntaxKind.ExclamationEqualsToken: {
      const same = isSame(inner.left, inner.right, env);
      const negative = inner.operatorToken.kind === SyntaxKind.ExclamationEqualsEqualsToken || inner.operatorToken.kind === SyntaxKind.ExclamationEqualsToken;
      return same === undefined ? undefined : same !== negative;
    }
    default:
      return undefined;
  }
}

/** Whether both are one literal, as they were given; undefined where more is to be known. */
export function isSame(left: ts.Expression, right: ts.Expression, env: Env): boolean | undefined {
  const { ts: compiler } = env.project;
  const [a, b] = [left, right].map((node) => {
    const inner = unwrap(compiler, node);
    if (isLiteral(inner, compiler)) return inner;
    const isName = compiler.isIdentifier(inner) || compiler.isPropertyAccessExpression(inner);
    const given = isName ? givenAs(inner, env)?.value : undefined;
    return given && isLiteral(given, compiler) ? given : undefined;
  });
  return a === undefined || b === undefined ? undefined : a.getText().replace(/^["'`](.*)["'`]$/, '$1') === b.getText().replace(/^["'`](.*)["'`]$/, '$1');
}

const isLiteral = (node: ts.Expression, compiler: typeof ts): boolean =>
  compiler.isStringLiteralLike(node) || compiler.isNumericLiteral(node) || node.kind === compiler.SyntaxKind.TrueKeyword ||
  node.kind === compiler.SyntaxKind.FalseKeyword || node.kind === compiler.SyntaxKind.NullKeyword || (compiler.isIdentifier(node) && node.text === 'undefined');

/** What a parameter, or `parameter.key`, was given in the text. A parameter that was left out has `value` undefined. */
function givenAs(node: ts.Identifier | ts.PropertyAccessExpression, env: Env): { value: ts.Expression | undefined } | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  if (compiler.isPropertyAccessExpression(node)) {
    const holder = unwrap(compiler, node.expression);
    const given = compiler.isIdentifier(holder) ? givenAs(holder, env)?.value : undefined;
    if (!given || !compiler.isObjectLiteralExpression(given)) return undefined;
    return memberOf(given, node.name.text, compiler);
  }
  const declaration = project.declarationOf(node);
  if (declaration === undefined) return undefined;
  if (compiler.isBindingElement(declaration)) {
    const holder = declaration.parent.parent;
    const name = propertyName(compiler, declaration.propertyName ?? declaration.name);
    if (!compiler.isParameter(holder) || name === undefined) return undefined;
    const given = valueOf(holder, env)?.value;
    const part = given && compiler.isObjectLiteralExpression(given) ? memberOf(given, name, compiler) : undefined;
    return part && part.value === undefined && declaration.initializer ? { value: unwrap(compiler, declaration.initializer) } : part;
  }
  return compiler.isParameter(declaration) ? valueOf(declaration, env) : undefined;
}

function valueOf(parameter: ts.ParameterDeclaration, env: Env): { value: ts.Expression | undefined } | undefined {
  const bound = env.args.get(parameter);
  if (bound === undefined) return undefined;
  const given = bound.expression ?? parameter.initializer;
  // The verdict holds for this call alone where its text was looked at.
  env.activation.consulted = true;
  return { value: given && unwrap(env.project.ts, given) };
}

function memberOf(literal: ts.ObjectLiteralExpression, name: string, compiler: typeof ts): { value: ts.Expression | undefined } | undefined {
  const found = has(literal, name, compiler);
  if (found === undefined) return undefined;
  if (!found) return { value: undefined };
  const part = literal.properties.find((one) => propertyName(compiler, one.name) === name);
  return part && compiler.isPropertyAssignment(part) ? { value: unwrap(compiler, part.initializer) } : undefined;
}

/** Undefined where a spread or a computed name may bring it. */
function has(literal: ts.ObjectLiteralExpression, name: string, compiler: typeof ts): boolean | undefined {
  if (literal.properties.some((one) => propertyName(compiler, one.name) === name)) return true;
  const open = literal.properties.some((one) => compiler.isSpreadAssignment(one) || propertyName(compiler, one.name) === undefined);
  return open ? undefined : false;
}

function literalTruth(node: ts.Expression | undefined, compiler: typeof ts): boolean | undefined {
  if (node === undefined) return false;
  if (compiler.isStringLiteralLike(node)) return node.text !== '';
  if (compiler.isNumericLiteral(node)) return Number(node.text) !== 0;
  if (compiler.isIdentifier(node)) return node.text === 'undefined' ? false : undefined;
  if (compiler.isArrayLiteralExpression(node) || compiler.isObjectLiteralExpression(node) || isInlineFunction(compiler, node)) return true;
  if (node.kind === compiler.SyntaxKind.TrueKeyword) return true;
  return node.kind === compiler.SyntaxKind.FalseKeyword || node.kind === compiler.SyntaxKind.NullKeyword ? false : undefined;
}

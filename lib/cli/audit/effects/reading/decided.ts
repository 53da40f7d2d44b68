/** Conditions that a call decides: on a parameter alone, which was given a literal or nothing. */
import type ts from 'typescript';
import type { Env } from '../code/environment.js';
import { isInlineFunction, unwrap } from '../code/syntax.js';

/** Which way it goes; undefined where more is to be known. What is found then holds for these arguments alone. */
export function decided(condition: ts.Expression, env: Env): boolean | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  const inner = unwrap(compiler, condition);
  if (compiler.isPrefixUnaryExpression(inner) && inner.operator === compiler.SyntaxKind.ExclamationToken) {
    const taken = decided(inner.operand, env);
    return taken === undefined ? undefined : !taken;
  }
  if (!compiler.isIdentifier(inner)) return undefined;
  const parameter = project.declarationOf(inner);
  const bound = parameter && env.args.get(parameter);
  if (parameter === undefined || bound === undefined || !compiler.isParameter(parameter)) return undefined;
  const given = bound.expression ?? parameter.initializer;
  const taken = given === undefined ? false : literalTruth(unwrap(compiler, given), compiler);
  if (taken !== undefined) env.activation.consulted = true;
  return taken;
}

function literalTruth(node: ts.Expression, compiler: typeof ts): boolean | undefined {
  if (compiler.isStringLiteralLike(node)) return node.text !== '';
  if (compiler.isNumericLiteral(node)) return Number(node.text) !== 0;
  if (compiler.isIdentifier(node)) return node.text === 'undefined' ? false : undefined;
  if (compiler.isArrayLiteralExpression(node) || compiler.isObjectLiteralExpression(node) || isInlineFunction(compiler, node)) return true;
  if (node.kind === compiler.SyntaxKind.TrueKeyword) return true;
  return node.kind === compiler.SyntaxKind.FalseKeyword || node.kind === compiler.SyntaxKind.NullKeyword ? false : undefined;
}

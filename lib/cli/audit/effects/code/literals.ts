/** The object literal that an expression is, as far as names lead to one. */
import type ts from 'typescript';
import { boundArgument, homeOf, type Env } from './environment.js';
import { unwrap } from './syntax.js';

/** Names on the way. */
const MAX_STEPS = 6;

/** Undefined where it is computed. `{ … } satisfies Prisma.GuestInclude`, `Prisma.validator<…>()({ … })`, a constant, an argument. */
export function literalOf(node: ts.Expression, env: Env, steps = MAX_STEPS): ts.ObjectLiteralExpression | undefined {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (steps === 0) return undefined;
  if (compiler.isObjectLiteralExpression(inner)) return inner;
  if (compiler.isCallExpression(inner)) {
    const [only] = inner.arguments;
    const maker = inner.expression.getText();
    return only && inner.arguments.length === 1 && /validator\b|^define\w*$/.test(maker) ? literalOf(only, env, steps - 1) : undefined;
  }
  if (!compiler.isIdentifier(inner) && !compiler.isPropertyAccessExpression(inner)) return undefined;
  const declaration = env.project.declarationOf(compiler.isIdentifier(inner) ? inner : inner.name);
  if (declaration === undefined) return undefined;
  if (compiler.isParameter(declaration) || compiler.isBindingElement(declaration)) {
    const bound = boundArgument(env, declaration);
    return bound?.expression && bound.env ? literalOf(bound.expression, bound.env, steps - 1) : undefined;
  }
  const holds = compiler.isVariableDeclaration(declaration) || compiler.isPropertyAssignment(declaration) || compiler.isPropertyDeclaration(declaration);
  return holds && declaration.initializer ? literalOf(declaration.initializer, homeOf(env, declaration) ?? env, steps - 1) : undefined;
}

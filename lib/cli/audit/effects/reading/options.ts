/** Functions inside an object or list that a library is given: it runs them, as it runs those given directly. */
import type ts from 'typescript';
import { isInlineFunction, propertyName, unwrap } from '../code/syntax.js';

export interface FunctionInside {
  /** A function, or a name that may be one. */
  node: ts.Expression | ts.MethodDeclaration;
  /** Run where another one failed. */
  isRescue: boolean;
}

/** Objects within objects. */
const MAX_DEPTH = 3;
const RESCUE = /^(catch|onError|onFailure|onFail|onReject(ed)?|failure|orElse|fallback|rollback|compensate)$/;

export function functionsIn(given: ts.Expression, compiler: typeof ts, depth = MAX_DEPTH): FunctionInside[] {
  const inner = unwrap(compiler, given);
  if (depth === 0) return [];
  if (compiler.isArrayLiteralExpression(inner)) return inner.elements.flatMap((element) => ofValue(element, '', compiler, depth));
  if (!compiler.isObjectLiteralExpression(inner)) return [];
  return inner.properties.flatMap((part): FunctionInside[] => {
    const name = propertyName(compiler, part.name) ?? '';
    if (compiler.isMethodDeclaration(part)) return [{ node: part, isRescue: RESCUE.test(name) }];
    if (compiler.isShorthandPropertyAssignment(part)) return [{ node: part.name, isRescue: RESCUE.test(name) }];
    return compiler.isPropertyAssignment(part) ? ofValue(part.initializer, name, compiler, depth) : [];
  });
}

function ofValue(value: ts.Expression, name: string, compiler: typeof ts, depth: number): FunctionInside[] {
  const inner = unwrap(compiler, value);
  if (isInlineFunction(compiler, inner) || compiler.isIdentifier(inner) || compiler.isPropertyAccessExpression(inner)) return [{ node: inner, isRescue: RESCUE.test(name) }];
  return functionsIn(inner, compiler, depth - 1);
}

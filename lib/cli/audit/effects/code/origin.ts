/** The package that an object comes from: what it is an import of, or was made by. */
import type ts from 'typescript';
import type { Project } from '../../model.js';
import { propertyName, returnsOf, isFunctionNode, unwrap } from './syntax.js';

export interface Origin {
  module: string;
  /** As it is exported there. */
  name: string;
  /** The call or `new` that made the object, outermost where several did. */
  made: ts.CallExpression | ts.NewExpression | undefined;
}

const MAX_STEPS = 10;

/** Undefined where an expression begins at something of the project, or at nothing that tells. */
export function originOf(node: ts.Expression, project: Project, steps = MAX_STEPS): Origin | undefined {
  const { ts: compiler } = project;
  if (steps === 0) return undefined;
  const inner = unwrap(compiler, node);
  if (compiler.isNewExpression(inner)) {
    const maker = originOf(inner.expression, project, steps - 1);
    return maker && { ...maker, made: inner };
  }
  if (compiler.isCallExpression(inner)) {
    const maker = originOf(inner.expression, project, steps - 1);
    if (maker) return { ...maker, made: maker.made ?? inner };
    return ofOwnFunction(inner, project, steps);
  }
  if (compiler.isConditionalExpression(inner)) return originOf(inner.whenTrue, project, steps - 1) ?? originOf(inner.whenFalse, project, steps - 1);
  if (compiler.isBinaryExpression(inner)) return originOf(inner.left, project, steps - 1) ?? originOf(inner.right, project, steps - 1);
  if (compiler.isPropertyAccessExpression(inner)) {
    const declaration = inner.expression.kind === compiler.SyntaxKind.ThisKeyword ? memberOf(inner, compiler) : project.declarationOf(inner.name);
    return (declaration && ofDeclaration(declaration, project, steps)) ?? originOf(inner.expression, project, steps - 1);
  }
  if (compiler.isElementAccessExpression(inner)) return originOf(inner.expression, project, steps - 1);
  if (!compiler.isIdentifier(inner)) return undefined;
  const imported = project.importOf(inner);
  if (imported) return { ...imported, made: undefined };
  const declaration = project.declarationOf(inner);
  return declaration && ofDeclaration(declaration, project, steps);
}

function ofDeclaration(declaration: ts.Declaration, project: Project, steps: number): Origin | undefined {
  const { ts: compiler } = project;
  if (compiler.isVariableDeclaration(declaration) || compiler.isPropertyDeclaration(declaration) || compiler.isPropertyAssignment(declaration)) {
    const made = declaration.initializer && originOf(declaration.initializer, project, steps - 1);
    return made ?? ('type' in declaration ? ofType(declaration.type, project) : undefined);
  }
  if (compiler.isBindingElement(declaration)) {
    const holder = declaration.parent.parent;
    return compiler.isVariableDeclaration(holder) && holder.initializer ? originOf(holder.initializer, project, steps - 1) : undefined;
  }
  if (compiler.isParameter(declaration)) return ofType(declaration.type, project);
  return compiler.isExportAssignment(declaration) ? originOf(declaration.expression, project, steps - 1) : undefined;
}

/** `queue: Queue` with `Queue` of a package. */
function ofType(type: ts.TypeNode | undefined, project: Project): Origin | undefined {
  const { ts: compiler } = project;
  if (!type || !compiler.isTypeReferenceNode(type)) return undefined;
  const name = compiler.isIdentifier(type.typeName) ? type.typeName : type.typeName.left;
  const imported = compiler.isIdentifier(name) ? project.importOf(name) : undefined;
  return imported && { ...imported, made: undefined };
}

/** `getQueue()` of the project: what it gives back. */
function ofOwnFunction(call: ts.CallExpression, project: Project, steps: number): Origin | undefined {
  const { ts: compiler } = project;
  const callee = unwrap(compiler, call.expression);
  const name = compiler.isIdentifier(callee) ? callee : compiler.isPropertyAccessExpression(callee) ? callee.name : undefined;
  const declaration = name && project.declarationOf(name);
  let fn: ts.Node | undefined = declaration;
  if (declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer) fn = unwrap(compiler, declaration.initializer);
  if (fn === undefined || !isFunctionNode(compiler, fn)) return undefined;
  for (const result of returnsOf(compiler, fn)) {
    const found = originOf(result, project, steps - 1);
    if (found) return found;
  }
  return undefined;
}

function memberOf(access: ts.PropertyAccessExpression, compiler: typeof ts): ts.Declaration | undefined {
  let at: ts.Node | undefined = access;
  while (at !== undefined && !compiler.isClassLike(at)) at = at.parent;
  if (at === undefined || !compiler.isClassLike(at)) return undefined;
  for (const member of at.members) {
    if (compiler.isPropertyDeclaration(member) && propertyName(compiler, member.name) === access.name.text) return member;
    if (!compiler.isConstructorDeclaration(member)) continue;
    const parameter = member.parameters.find((one) => (one.modifiers?.length ?? 0) > 0 && propertyName(compiler, one.name) === access.name.text);
    if (parameter) return parameter;
  }
  return undefined;
}

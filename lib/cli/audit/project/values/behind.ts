import type ts from 'typescript';
import type { Value } from '../../model.js';
import type { Reader } from './reader.js';
import { EMPTY } from './values.js';

/** How many names are followed from one to the next. */
const MAX_HOPS = 50;

/** The declaration that a name, an access or a declaration ends at; undefined where it leaves the sources. */
export function declarationBehind(e: Reader, node: ts.Node, hops = 0): ts.Declaration | undefined {
  const { ts } = e;
  if (hops > MAX_HOPS) return undefined;
  const parent = node.parent as ts.Node | undefined;
  if (ts.isIdentifier(node)) {
    if (parent && ts.isPropertyAccessExpression(parent) && parent.name === node) return declarationBehind(e, parent, hops + 1);
    const declaration = e.names.declarationOf(e.names.symbolOf(node));
    return declaration && follow(e, declaration, hops);
  }
  if (ts.isPropertyAccessExpression(node)) return memberBehind(e, node, node.expression, node.name.text, hops);
  if (ts.isElementAccessExpression(node)) {
    const key = e.value(node.argumentExpression, EMPTY);
    return key.kind === 'string' ? memberBehind(e, node, node.expression, key.text, hops) : undefined;
  }
  if (ts.isShorthandPropertyAssignment(node)) return declarationBehind(e, node.name, hops + 1);
  if (isDeclaration(e, node)) return follow(e, node, hops);
  if (ts.isExpression(node)) {
    const inner = e.unwrap(node);
    return inner === node ? undefined : declarationBehind(e, inner, hops + 1);
  }
  return undefined;
}

function follow(e: Reader, declaration: ts.Declaration, hops: number): ts.Declaration {
  const { ts } = e;
  const through = (node: ts.Expression): ts.Declaration => {
    const inner = e.unwrap(node);
    const isName = ts.isIdentifier(inner) || ts.isPropertyAccessExpression(inner) || ts.isElementAccessExpression(inner);
    return (isName ? declarationBehind(e, inner, hops + 1) : undefined) ?? declaration;
  };
  if (ts.isVariableDeclaration(declaration)) {
    const isConst = (declaration.parent.flags & ts.NodeFlags.Const) !== 0;
    return isConst && declaration.initializer && ts.isIdentifier(declaration.name) ? through(declaration.initializer) : declaration;
  }
  if (ts.isPropertyAssignment(declaration)) return through(declaration.initializer);
  if (ts.isShorthandPropertyAssignment(declaration)) return through(declaration.name);
  if (ts.isExportAssignment(declaration)) return through(declaration.expression);
  if (ts.isBindingElement(declaration) && ts.isObjectBindingPattern(declaration.parent)) {
    const variable = declaration.parent.parent;
    const name = declaration.propertyName ?? declaration.name;
    if (ts.isVariableDeclaration(variable) && variable.initializer && ts.isIdentifier(name)) {
      return memberBehind(e, declaration, variable.initializer, name.text, hops) ?? declaration;
    }
  }
  return declaration;
}

function memberBehind(e: Reader, at: ts.Node, left: ts.Expression, name: string, hops: number): ts.Declaration | undefined {
  const { ts } = e;
  const owner = declarationBehind(e, left, hops + 1);
  if (owner && (ts.isSourceFile(owner) || ts.isModuleDeclaration(owner))) {
    const declaration = e.names.declarationOf(e.names.exportsOf(owner).get(name));
    if (declaration) return follow(e, declaration, hops + 1);
  }
  if (owner && ts.isEnumDeclaration(owner)) return owner.members.find((member) => e.namesOf(member.name, EMPTY)?.[0] === name);
  const literal = owner && literalOf(e, owner);
  const member = literal?.properties.find((one) => one.name && e.namesOf(one.name, EMPTY)?.[0] === name);
  if (member) return follow(e, member, hops + 1);
  const access = ts.isExpression(at) ? e.value(at, EMPTY) : e.value(left, EMPTY);
  const value = ts.isExpression(at) ? access : access.kind === 'object' ? access.properties.get(name) : undefined;
  return value && value.node !== at ? declaring(e, value) : undefined;
}

function literalOf(e: Reader, declaration: ts.Declaration): ts.ObjectLiteralExpression | undefined {
  const { ts } = e;
  const initializer =
    ts.isVariableDeclaration(declaration) || ts.isPropertyAssignment(declaration)
      ? declaration.initializer
      : ts.isExportAssignment(declaration)
        ? declaration.expression
        : undefined;
  const inner = initializer && e.unwrap(initializer);
  return inner && ts.isObjectLiteralExpression(inner) ? inner : undefined;
}

/** The declaration that gives a value its name. */
function declaring(e: Reader, value: Value): ts.Declaration | undefined {
  if (value.kind === 'choice' || value.kind === 'unknown') return undefined;
  const { ts } = e;
  if (isDeclaration(e, value.node) && !ts.isExpression(value.node)) return value.node;
  for (let at = value.node; at.parent; at = at.parent) {
    const { parent } = at;
    if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent) || ts.isEnumMember(parent)) {
      return parent.initializer === at ? parent : undefined;
    }
    if (ts.isExportAssignment(parent)) return parent;
    if (!ts.isExpression(parent) || e.unwrap(parent) === parent) return undefined;
  }
  return undefined;
}

function isDeclaration(e: Reader, node: ts.Node): node is ts.Declaration {
  const { ts } = e;
  return (
    ts.isVariableDeclaration(node) || ts.isFunctionLike(node) || ts.isClassLike(node) || ts.isPropertyAssignment(node) || ts.isPropertyDeclaration(node) ||
    ts.isEnumDeclaration(node) || ts.isEnumMember(node) || ts.isModuleDeclaration(node) || ts.isSourceFile(node) || ts.isParameter(node) ||
    ts.isBindingElement(node) || ts.isExportAssignment(node)
  );
}

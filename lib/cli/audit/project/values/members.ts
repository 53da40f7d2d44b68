import type ts from 'typescript';
import type { Bindings, Value } from '../../model.js';
import type { Reader } from './reader.js';
import { EMPTY, choice, constant, opaque, optionsOf, textOf, unknown } from './values.js';

/** How many classes are followed over `extends`. */
const MAX_BASES = 10;

/** A module that a name stands for, so that one member of a large one is found without reading all. */
function moduleBehind(e: Reader, node: ts.Expression): ts.SourceFile | ts.ModuleDeclaration | undefined {
  const { ts } = e;
  const inner = e.unwrap(node);
  if (!ts.isIdentifier(inner)) return undefined;
  const declaration = e.names.declarationOf(e.names.symbolOf(inner));
  return declaration && (ts.isSourceFile(declaration) || ts.isModuleDeclaration(declaration)) ? declaration : undefined;
}

/** The value left of a dot. Of a module only the member asked for is read. */
export function valueOfLeft(e: Reader, node: ts.Expression, name: string, scope: Bindings): Value {
  const module = moduleBehind(e, node);
  if (!module || (e.ts.isSourceFile(module) && e.names.exportEquals(module))) return e.value(node, scope);
  const declaration = e.names.declarationOf(e.names.exportsOf(module).get(name));
  if (!declaration) return e.moduleValue(module);
  return { kind: 'object', properties: new Map([[name, e.declared(declaration, EMPTY, node)]]), complete: false, node: module };
}

/** `base.name`. Where it is not known it stands for itself, if it is written somewhere (`access`). */
export function memberOf(e: Reader, base: Value, name: string, access: ts.Expression | undefined, scope: Bindings): Value {
  const at = access ?? base.node;
  const itself = (): Value => (access ? opaque(access, scope) : unknown(at, `\`${name}\` of it is not known`));
  switch (base.kind) {
    case 'object': {
      const found = base.properties.get(name);
      if (found) return found;
      return base.complete ? constant(at, undefined) : unknown(at, `\`${name}\` is not among the members that could be read`);
    }
    case 'array':
    case 'string': {
      if (name !== 'length') return itself();
      if (base.kind === 'string') return constant(at, base.text.length);
      return base.complete ? constant(at, base.items.length) : itself();
    }
    case 'choice':
      return choice(at, base.options.map((option) => memberOf(e, option, name, access, scope)));
    case 'constant':
      return base.value === null || base.value === undefined ? constant(at, undefined) : itself();
    case 'expression':
      return memberOfExpression(e, base, name) ?? itself();
    case 'unknown':
      return unknown(at, base.why);
    default:
      return itself();
  }
}

/** `base[key]`: one member, or each that the key may name. */
export function elementOf(e: Reader, node: ts.ElementAccessExpression, scope: Bindings): Value {
  const base = e.value(node.expression, scope);
  const key = e.value(node.argumentExpression, scope);
  const keys = optionsOf(key).map(textOf);
  if (keys.every((one) => one !== undefined)) return choice(node, keys.map((one) => elementNamed(e, base, one, node, scope)));
  return anyElement(base, node, scope);
}

export function elementNamed(e: Reader, base: Value, key: string, node: ts.Expression, scope: Bindings): Value {
  if (base.kind === 'choice') return choice(node, base.options.map((option) => elementNamed(e, option, key, node, scope)));
  if (base.kind !== 'array' || !/^\d+$/.test(key)) return memberOf(e, base, key, node, scope);
  return base.items[Number(key)] ?? (base.complete ? constant(node, undefined) : unknown(node, 'the array may be longer than what is known of it'));
}

/** Every member that a key which is not known may name, and that it may name none. */
export function anyElement(base: Value, node: ts.Expression, scope: Bindings): Value {
  const members: Value[] = [];
  let complete = true;
  for (const option of optionsOf(base)) {
    if (option.kind === 'object') members.push(...option.properties.values());
    else if (option.kind === 'array') members.push(...option.items);
    else return option.kind === 'unknown' ? unknown(node, option.why) : opaque(node, scope);
    complete &&= option.complete;
  }
  return choice(node, [...members, complete ? constant(node, undefined) : unknown(node, 'it may be a member that could not be read')]);
}

/** The class around `this`. */
export function thisClass(e: Reader, node: ts.Node): ts.ClassLikeDeclaration | undefined {
  const { ts } = e;
  for (let at = node.parent as ts.Node | undefined; at; at = at.parent) {
    if (ts.isClassLike(at)) return at;
    if (ts.isFunctionDeclaration(at) || ts.isFunctionExpression(at)) return undefined;
    if (ts.isMethodDeclaration(at) && ts.isObjectLiteralExpression(at.parent)) return undefined;
  }
  return undefined;
}

/** A member of an instance or of a class itself, where the expression is one. */
function memberOfExpression(e: Reader, base: Extract<Value, { kind: 'expression' }>, name: string): Value | undefined {
  const { ts } = e;
  const { expression, node, scope } = base;
  if (expression.kind === ts.SyntaxKind.ThisKeyword) {
    const owner = thisClass(e, expression);
    if (owner) return memberOfClass(e, owner, name, false, scope) ?? memberOfClass(e, owner, name, true, scope);
    return memberOfOwnObject(e, expression, name, scope);
  }
  if (ts.isNewExpression(expression)) {
    const made = e.value(expression.expression, scope).node;
    if (!ts.isClassLike(made)) return undefined;
    const constructor = made.members.find((member) => ts.isConstructorDeclaration(member));
    const inner = constructor ? e.bind(constructor.parameters, expression.arguments ?? [], scope, scope) : scope;
    return memberOfClass(e, made, name, false, inner);
  }
  if (ts.isClassLike(node)) return memberOfClass(e, node, name, true, scope);
  const typed = classOfType(e, (node as { type?: ts.TypeNode }).type);
  return typed && memberOfClass(e, typed, name, false, EMPTY);
}

/** `this` in a method of an object literal. */
function memberOfOwnObject(e: Reader, self: ts.Node, name: string, scope: Bindings): Value | undefined {
  const { ts } = e;
  let at: ts.Node | undefined = self;
  while (at && !(ts.isMethodDeclaration(at) && ts.isObjectLiteralExpression(at.parent))) at = at.parent;
  const literal = at?.parent;
  if (!literal || !ts.isObjectLiteralExpression(literal)) return undefined;
  const member = literal.properties.find((one) => one.name && !ts.isComputedPropertyName(one.name) && one.name.text === name);
  return member && !ts.isSpreadAssignment(member) ? e.valueOfMember(member, scope) : undefined;
}

/** The class that a type annotation names, for `constructor(private guests: GuestService)`. */
function classOfType(e: Reader, type: ts.TypeNode | undefined): ts.ClassLikeDeclaration | undefined {
  const { ts } = e;
  if (!type || !ts.isTypeReferenceNode(type) || !ts.isIdentifier(type.typeName)) return undefined;
  const declaration = e.names.declarationOf(e.names.symbolOf(type.typeName));
  return declaration && ts.isClassLike(declaration) ? declaration : undefined;
}

function memberOfClass(e: Reader, first: ts.ClassLikeDeclaration, name: string, isStatic: boolean, scope: Bindings): Value | undefined {
  const { ts } = e;
  let next: ts.ClassLikeDeclaration | undefined = first;
  for (let bases = 0; next && bases < MAX_BASES; bases += 1) {
    const at: ts.ClassLikeDeclaration = next;
    for (const member of at.members) {
      if (ts.isConstructorDeclaration(member) && !isStatic) {
        const parameter = member.parameters.find((one) => ts.isParameterPropertyDeclaration(one, member) && ts.isIdentifier(one.name) && one.name.text === name);
        if (parameter) return e.declared(parameter, scope, parameter);
        const assigned = assignedInConstructor(e, member, name);
        if (assigned) return e.value(assigned, scope);
      }
      if (!member.name || ts.isComputedPropertyName(member.name) || member.name.text !== name) continue;
      if (Boolean(ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) !== isStatic) continue;
      if (ts.isMethodDeclaration(member) && !member.body) continue;
      if (ts.isPropertyDeclaration(member) && !member.initializer) {
        const constructor = isStatic ? undefined : at.members.find((one) => ts.isConstructorDeclaration(one));
        const assigned = constructor && assignedInConstructor(e, constructor, name);
        if (assigned) return e.value(assigned, scope);
        return ts.isIdentifier(member.name) ? opaque(member.name, scope, member) : undefined;
      }
      return e.declared(member, scope, member);
    }
    const base: ts.ExpressionWithTypeArguments | undefined = at.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
    const made: ts.Node | undefined = base && e.value(base.expression, scope).node;
    next = made && ts.isClassLike(made) ? made : undefined;
  }
  return undefined;
}

/** `this.name = value` of a constructor. */
function assignedInConstructor(e: Reader, constructor: ts.ConstructorDeclaration, name: string): ts.Expression | undefined {
  const { ts } = e;
  for (const statement of constructor.body?.statements ?? []) {
    if (!ts.isExpressionStatement(statement) || !ts.isBinaryExpression(statement.expression)) continue;
    const { left, operatorToken, right } = statement.expression;
    if (operatorToken.kind !== ts.SyntaxKind.EqualsToken || !ts.isPropertyAccessExpression(left)) continue;
    if (left.expression.kind === ts.SyntaxKind.ThisKeyword && left.name.text === name) return right;
  }
  return undefined;
}


import type ts from 'typescript';
import type { Bindings, Value } from '../../model.js';
import type { Reader } from './reader.js';
import { changed } from './changed.js';
import { memberOf } from './members.js';
import { returnsOf } from './returns.js';
import {
  EMPTY, array, choice, constant, functionValue, membersOf, object, opaque, optionsOf, text, unknown, whyOf,
} from './values.js';

/** Methods that call their first argument with each member of an array. */
const PER_MEMBER = new Set(['map', 'flatMap', 'forEach', 'filter', 'some', 'every', 'find', 'findIndex', 'sort']);

/** What a declaration holds. `at` is where it is asked for. */
export function valueOfDeclaration(e: Reader, declaration: ts.Declaration, given: Bindings, at: ts.Node): Value {
  const bound = given.get(declaration);
  if (bound) return e.ts.isParameter(declaration) ? withChanges(e, bound, declaration, given) : bound;
  const scope = e.isLocal(declaration) ? given : EMPTY;
  if (scope.size > 0) return readDeclaration(e, declaration, scope, at);
  if (e.reading.has(declaration)) {
    e.cuts += 1;
    return e.reading.get(declaration) ?? unknown(at, 'it is defined by itself');
  }
  e.reading.set(declaration, undefined);
  try {
    return readDeclaration(e, declaration, scope, at);
  } finally {
    e.reading.delete(declaration);
  }
}

/** A parameter holds what it was given and what its function adds to it. */
function withChanges(e: Reader, bound: Value, parameter: ts.ParameterDeclaration, scope: Bindings): Value {
  if (!e.ts.isIdentifier(parameter.name) || e.changing.has(parameter)) return bound;
  const mutations = e.mutations.of(parameter, parameter.name.text);
  return mutations.length === 0 ? bound : changed(e, bound, parameter, mutations, scope);
}

function readDeclaration(e: Reader, declaration: ts.Declaration, scope: Bindings, at: ts.Node): Value {
  const { ts } = e;
  if (ts.isVariableDeclaration(declaration)) return valueOfVariable(e, declaration, scope);
  if (ts.isBindingElement(declaration)) return valueOfBinding(e, declaration, scope);
  if (ts.isParameter(declaration)) return valueOfParameter(e, declaration, scope);
  if (ts.isFunctionDeclaration(declaration) || ts.isMethodDeclaration(declaration)) {
    return declaration.body ? functionValue(declaration, scope) : unknown(at, 'the function has no body in the sources');
  }
  if (ts.isFunctionExpression(declaration) || ts.isArrowFunction(declaration)) return functionValue(declaration, scope);
  if (ts.isClassLike(declaration)) return opaque(ts.isExpression(at) ? at : nameFor(e, declaration), scope, declaration);
  if (ts.isEnumDeclaration(declaration)) return valueOfEnum(e, declaration);
  if (ts.isEnumMember(declaration)) return declaration.initializer ? e.value(declaration.initializer, EMPTY) : constant(declaration, declaration.parent.members.indexOf(declaration));
  if (ts.isSourceFile(declaration) || ts.isModuleDeclaration(declaration)) return valueOfModule(e, declaration);
  if (ts.isExportAssignment(declaration)) return e.value(declaration.expression, EMPTY);
  if (ts.isPropertyAssignment(declaration)) return e.value(declaration.initializer, scope);
  if (ts.isShorthandPropertyAssignment(declaration)) return e.value(declaration.name, scope);
  if (ts.isPropertyDeclaration(declaration) && declaration.initializer) return e.value(declaration.initializer, scope);
  if (ts.isGetAccessor(declaration)) return declaration.body ? returnsOf(e, declaration.body, scope) : unknown(at, 'the getter has no body');
  // JavaScript: `exports.name = value`.
  const assigned = ts.isBinaryExpression(declaration) ? declaration : declaration.parent;
  if (ts.isBinaryExpression(assigned)) return e.value(assigned.right, EMPTY);
  return unknown(at, 'it has no value that the text tells');
}

function valueOfVariable(e: Reader, declaration: ts.VariableDeclaration, scope: Bindings): Value {
  const { ts } = e;
  const list = declaration.parent;
  if (ts.isVariableDeclarationList(list) && list.parent && ts.isForOfStatement(list.parent)) {
    const all = e.value(list.parent.expression, scope);
    const members = membersOf(all);
    return members?.complete ? choice(declaration, members.items) : unknown(declaration, `what the loop goes over is not known: ${whyOf(all)}`);
  }
  if (ts.isVariableDeclarationList(list) && list.parent && ts.isForInStatement(list.parent)) {
    const holder = e.value(list.parent.expression, scope);
    if (holder.kind !== 'object' || !holder.complete) return unknown(declaration, 'what the loop goes over is not known');
    return choice(declaration, [...holder.properties.keys()].map((key) => text(declaration, key)));
  }
  const initial = declaration.initializer ? e.value(declaration.initializer, scope) : undefined;
  if (!ts.isIdentifier(declaration.name)) return initial ?? unknown(declaration, 'it has no value that the text tells');
  const isConst = ts.isVariableDeclarationList(list) && (list.flags & ts.NodeFlags.Const) !== 0;
  const mayChange = !isConst || optionsOf(initial ?? unknown(declaration, '')).some(({ kind }) => kind === 'array' || kind === 'object');
  const mutations = mayChange ? e.mutations.of(declaration, declaration.name.text) : [];
  const assigned = mutations.some(({ kind }) => kind === 'assign');
  if (!initial && !assigned) return unknown(declaration, `\`${declaration.name.text}\` is never given a value in the sources`);
  return changed(e, initial ?? constant(declaration, undefined), declaration, mutations, scope);
}

/** What a pattern takes out of its source: `const { router } = t`. */
function valueOfBinding(e: Reader, element: ts.BindingElement, scope: Bindings): Value {
  const { ts } = e;
  const pattern = element.parent;
  const owner = pattern.parent;
  const source = ts.isBindingElement(owner) || ts.isParameter(owner) || ts.isVariableDeclaration(owner) ? sourceOfPattern(e, owner, scope) : undefined;
  if (!source) return unknown(element, 'what is destructured is not known');
  return takeOut(e, element, source, scope);
}

function sourceOfPattern(e: Reader, owner: ts.BindingElement | ts.ParameterDeclaration | ts.VariableDeclaration, scope: Bindings): Value {
  const bound = scope.get(owner);
  if (bound) return bound;
  if (e.ts.isBindingElement(owner)) return valueOfBinding(e, owner, scope);
  return e.ts.isParameter(owner) ? valueOfParameter(e, owner, scope) : valueOfVariable(e, owner, scope);
}

/** The part of `source` that an element of a pattern stands for. */
export function takeOut(e: Reader, element: ts.BindingElement, source: Value, scope: Bindings): Value {
  const { ts } = e;
  const pattern = element.parent;
  if (source.kind === 'choice') return choice(element, source.options.map((option) => takeOut(e, element, option, scope)));
  if (ts.isArrayBindingPattern(pattern)) {
    const members = source.kind === 'array' ? source : undefined;
    const index = pattern.elements.indexOf(element);
    if (!members) return opaqueMember(e, element, source, String(index));
    if (element.dotDotDotToken) return array(element, members.items.slice(index), members.complete);
    return members.items[index] ?? (members.complete ? defaultOf(e, element, scope) : unknown(element, 'the array may be longer than what is known of it'));
  }
  if (element.dotDotDotToken) {
    if (source.kind !== 'object') return unknown(element, `what is destructured is not known: ${whyOf(source)}`);
    const taken = new Set(pattern.elements.flatMap((other) => (other === element ? [] : (keyOf(e, other, scope) ?? []))));
    return object(element, new Map([...source.properties].filter(([key]) => !taken.has(key))), source.complete);
  }
  const key = keyOf(e, element, scope);
  if (key === undefined) return unknown(element, 'the name of the destructured member is computed');
  const value = memberOf(e, source, key, undefined, scope);
  if (value.kind === 'constant' && value.value === undefined) return defaultOf(e, element, scope);
  return value.kind === 'unknown' && source.kind === 'expression' ? opaqueMember(e, element, source, key) : value;
}

const defaultOf = (e: Reader, element: ts.BindingElement, scope: Bindings): Value =>
  element.initializer ? e.value(element.initializer, scope) : constant(element, undefined);

function keyOf(e: Reader, element: ts.BindingElement, scope: Bindings): string | undefined {
  const name = element.propertyName ?? element.name;
  if (e.ts.isIdentifier(name)) return name.text;
  return e.ts.isObjectBindingPattern(name) || e.ts.isArrayBindingPattern(name) ? undefined : e.namesOf(name, scope)?.[0];
}

/** `const { router } = t` where `t` is a call: an access that is written nowhere, placed at the element of the pattern. */
function opaqueMember(e: Reader, element: ts.BindingElement, source: Value, key: string): Value {
  if (source.kind !== 'expression') return unknown(element, `what is destructured is not known: ${whyOf(source)}`);
  return opaque(accessAt(e, element, source.expression, key), source.scope, element);
}

function accessAt(e: Reader, place: ts.Node, left: ts.Expression, key: string): ts.Expression {
  const { ts } = e;
  const access = ts.factory.createPropertyAccessExpression(left, key);
  ts.setTextRange(access, place);
  (access as { parent: ts.Node }).parent = place;
  (access.name as { parent: ts.Node }).parent = access;
  ts.setTextRange(access.name, place);
  return access;
}

function nameFor(e: Reader, declaration: ts.Declaration): ts.Expression {
  const name = (declaration as ts.NamedDeclaration).name;
  if (name && e.ts.isIdentifier(name)) return name;
  const made = e.ts.factory.createIdentifier('parameter');
  e.ts.setTextRange(made, declaration);
  (made as { parent: ts.Node }).parent = declaration;
  return made;
}

function valueOfParameter(e: Reader, parameter: ts.ParameterDeclaration, scope: Bindings): Value {
  const { ts } = e;
  const bound = scope.get(parameter);
  if (bound) return bound;
  const fn = parameter.parent;
  const call = fn.parent as ts.Node | undefined;
  if (call && ts.isCallExpression(call) && call.arguments[0] === fn && fn.parameters[0] === parameter && ts.isPropertyAccessExpression(call.expression)) {
    if (PER_MEMBER.has(call.expression.name.text)) {
      const members = membersOf(e.value(call.expression.expression, scope));
      if (members?.complete && members.items.length > 0) return choice(parameter, members.items);
    }
  }
  const self = opaque(nameFor(e, parameter), scope, parameter);
  return parameter.initializer ? choice(parameter, [self, e.value(parameter.initializer, scope)]) : self;
}

function valueOfEnum(e: Reader, declaration: ts.EnumDeclaration): Value {
  const properties = new Map<string, Value>();
  for (const [index, member] of declaration.members.entries()) {
    const name = e.namesOf(member.name, EMPTY)?.[0];
    if (name !== undefined) properties.set(name, member.initializer ? e.value(member.initializer, EMPTY) : constant(member, index));
  }
  return object(declaration, properties);
}

/** A module as an object: `import * as procedures`. */
export function valueOfModule(e: Reader, module: ts.SourceFile | ts.ModuleDeclaration): Value {
  const { ts } = e;
  const equals = ts.isSourceFile(module) ? e.names.exportEquals(module) : undefined;
  if (equals) return e.value(equals, EMPTY);
  const properties = new Map<string, Value>();
  let complete = !ts.isSourceFile(module) || e.names.unresolvedStars(module).length === 0;
  for (const [name, symbol] of e.names.exportsOf(module)) {
    const declaration = e.names.declarationOf(symbol);
    if (!declaration) complete &&= (symbol.flags & ts.SymbolFlags.Alias) === 0;
    else if (!ts.isInterfaceDeclaration(declaration) && !ts.isTypeAliasDeclaration(declaration)) {
      properties.set(name, valueOfDeclaration(e, declaration, EMPTY, declaration));
    }
  }
  return object(module, properties, complete);
}

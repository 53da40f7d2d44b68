/** The functions that a call may run. */
import type ts from 'typescript';
import type { Bindings, FunctionNode } from '../model.js';
import { boundArgument, enter, homeOf, type Bound, type Env } from './environment.js';
import { TRANSACTION_METHODS } from './names.js';
import { calleeName, isFunctionNode, isInlineFunction, propertyName, returnsOf, unwrap } from './syntax.js';
import { databasesOfArguments } from './database.js';
import { stringsOf } from './tables.js';

export interface Callable {
  fn: FunctionNode;
  /** Where it was made, for a closure. */
  outer: Env | undefined;
  scope?: Bindings;
  self?: Env['self'];
  /** Made by `db.transaction(fn)` of better-sqlite3: whatever it does is in one transaction. */
  inTransaction?: boolean;
}

export interface Resolution {
  found: Callable[];
  /** Why some or all of it could not be found; absent for code of packages, which is not followed. */
  unseen?: string;
}

const NONE: Resolution = { found: [] };
const MAX_STEPS = 10;

export function callablesOf(node: ts.Expression, env: Env, steps = MAX_STEPS): Resolution {
  if (steps === 0) return { found: [], unseen: 'too many names on the way to the function' };
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (isInlineFunction(compiler, inner)) return { found: [{ fn: inner, outer: env }] };
  if (compiler.isConditionalExpression(inner)) {
    return both(callablesOf(inner.whenTrue, env, steps - 1), callablesOf(inner.whenFalse, env, steps - 1));
  }
  if (compiler.isBinaryExpression(inner)) {
    return both(callablesOf(inner.left, env, steps - 1), callablesOf(inner.right, env, steps - 1));
  }
  if (compiler.isIdentifier(inner)) return ofName(inner, env, steps);
  if (compiler.isPropertyAccessExpression(inner)) return ofMethod(inner, env, steps);
  if (compiler.isElementAccessExpression(inner)) return ofElement(inner, env, steps);
  if (compiler.isCallExpression(inner)) return ofMade(inner, env, steps);
  return NONE;
}

function both(first: Resolution, second: Resolution): Resolution {
  const unseen = first.unseen ?? second.unseen;
  return { found: [...first.found, ...second.found], ...(unseen === undefined ? {} : { unseen }) };
}

function made(fn: FunctionNode, env: Env): Resolution {
  return { found: [{ fn, outer: homeOf(env, fn) }] };
}

function ofName(name: ts.Identifier, env: Env, steps: number): Resolution {
  const { project } = env;
  const { ts: compiler } = project;
  const declaration = project.declarationOf(name);
  if (declaration === undefined) return NONE;
  return ofDeclaration(declaration, env, steps) ?? viaProject(compiler, name, env);
}

function viaProject(compiler: typeof ts, node: ts.Expression, env: Env): Resolution {
  const fn = env.project.functionOf(node, env.scope);
  return fn === undefined || !isFunctionNode(compiler, fn) ? NONE : made(fn, env);
}

function ofDeclaration(declaration: ts.Declaration, env: Env, steps: number): Resolution | undefined {
  const { ts: compiler } = env.project;
  if (isFunctionNode(compiler, declaration)) return declaration.body ? made(declaration, env) : undefined;
  if (compiler.isParameter(declaration)) return ofParameter(declaration, env, steps);
  if (compiler.isBindingElement(declaration)) return ofPart(declaration, env, steps);
  const holds =
    compiler.isVariableDeclaration(declaration) || compiler.isPropertyAssignment(declaration) || compiler.isPropertyDeclaration(declaration);
  if (holds && declaration.initializer) {
    const home = homeOf(env, declaration);
    const at = home ?? { ...env, outer: undefined, args: new Map(), databases: new Map(), scope: new Map() };
    const initializer = unwrap(compiler, declaration.initializer);
    if (isInlineFunction(compiler, initializer)) return { found: [{ fn: initializer, outer: home }] };
    return callablesOf(initializer, at, steps - 1);
  }
  if (compiler.isShorthandPropertyAssignment(declaration)) return callablesOf(declaration.name, env, steps - 1);
  if (compiler.isExportAssignment(declaration)) return callablesOf(declaration.expression, env, steps - 1);
  return undefined;
}

function ofParameter(parameter: ts.ParameterDeclaration, env: Env, steps: number): Resolution {
  const bound = boundArgument(env, parameter);
  if (bound !== undefined) return ofBound(bound, parameter, env, steps);
  return { found: [], unseen: `${parameter.name.getText()} is a parameter that nobody was seen to give` };
}

function ofBound(bound: Bound, parameter: ts.ParameterDeclaration, env: Env, steps: number): Resolution {
  if (bound.expression === undefined || bound.env === undefined) {
    // Not given: `onDone?.()` calls nothing, a default is called.
    return parameter.initializer ? callablesOf(parameter.initializer, env, steps - 1) : NONE;
  }
  return callablesOf(bound.expression, bound.env, steps - 1);
}

/** `{ onDone }` of an argument, `{ broadcast }` of the context. */
function ofPart(element: ts.BindingElement, env: Env, steps: number): Resolution | undefined {
  const { ts: compiler } = env.project;
  const name = propertyName(compiler, element.propertyName ?? element.name);
  const holder = element.parent.parent;
  if (name === undefined) return undefined;
  if (compiler.isVariableDeclaration(holder) && holder.initializer) {
    return memberOf(holder.initializer, name, homeOf(env, holder) ?? env, steps - 1);
  }
  if (compiler.isParameter(holder)) {
    const bound = boundArgument(env, holder) ?? boundArgument(env, element);
    if (bound?.expression && bound.env) {
      return boundArgument(env, holder) ? memberOf(bound.expression, name, bound.env, steps - 1) : callablesOf(bound.expression, bound.env, steps - 1);
    }
    return undefined;
  }
  // ({ ctx: { change } }) =>
  if (compiler.isBindingElement(holder) && propertyName(compiler, holder.propertyName ?? holder.name) === 'ctx') return ofContext(name, env, steps);
  return undefined;
}

/** What the middlewares put into the context under this name, the innermost first. */
function ofContext(name: string, env: Env, steps: number): Resolution | undefined {
  for (const given of [...env.context].reverse()) {
    if (given.expression === undefined || given.env === undefined) continue;
    const found = memberOf(given.expression, name, given.env, steps - 1);
    if (found !== undefined && (found.found.length > 0 || found.unseen !== undefined)) return found;
  }
  return undefined;
}

/** Whether `node` is the context of a procedure: `ctx`, `opts.ctx`. */
function isContext(node: ts.Expression, compiler: typeof ts): boolean {
  return (compiler.isIdentifier(node) && /^(ctx|context|c)$/.test(node.text)) || (compiler.isPropertyAccessExpression(node) && /^(ctx|context)$/.test(node.name.text));
}

/** The functions under `name` of an object; undefined where the object cannot be seen. */
function memberOf(object: ts.Expression, name: string, env: Env, steps: number): Resolution | undefined {
  if (steps <= 0) return undefined;
  const { project } = env;
  const { ts: compiler } = project;
  const inner = unwrap(compiler, object);
  if (compiler.isObjectLiteralExpression(inner)) {
    for (const part of [...inner.properties].reverse()) {
      if (compiler.isSpreadAssignment(part)) {
        const found = memberOf(part.expression, name, env, steps - 1);
        if (found !== undefined && found.found.length > 0) return found;
      } else if (propertyName(compiler, part.name) === name) {
        if (compiler.isMethodDeclaration(part)) return { found: [{ fn: part, outer: homeOf(env, part) ?? env }] };
        if (compiler.isPropertyAssignment(part)) return callablesOf(part.initializer, env, steps - 1);
        if (compiler.isShorthandPropertyAssignment(part)) return ofShorthand(part, env, steps);
      }
    }
    return undefined;
  }
  if (compiler.isIdentifier(inner)) {
    const declaration = project.declarationOf(inner);
    if (declaration === undefined) return undefined;
    if (compiler.isParameter(declaration)) {
      const bound = boundArgument(env, declaration);
      if (bound?.expression && bound.env) {
        const found = memberOf(bound.expression, name, bound.env, steps - 1);
        if (found !== undefined) return found;
      }
      return byType(declaration.type, name, env);
    }
    if (compiler.isBindingElement(declaration)) return ofHeld(declaration, name, env, steps);
    if (compiler.isVariableDeclaration(declaration)) {
      const at = homeOf(env, declaration) ?? env;
      return (declaration.initializer && memberOf(declaration.initializer, name, at, steps - 1)) ?? byType(declaration.type, name, env);
    }
    if (compiler.isClassDeclaration(declaration)) return ofClass(declaration, name, undefined);
    return undefined;
  }
  if (compiler.isNewExpression(inner)) {
    const type = project.declarationOf(unwrap(compiler, inner.expression));
    return type && compiler.isClassLike(type) ? ofClass(type, name, { made: inner, env }) : undefined;
  }
  if (compiler.isCallExpression(inner)) {
    // A factory: the object that it returns.
    for (const maker of callablesOf(inner.expression, env, steps - 1).found) {
      const at = inside(maker, inner.arguments, env);
      for (const result of returnsOf(compiler, maker.fn)) {
        const found = memberOf(result, name, at, steps - 1);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }
  if (compiler.isPropertyAccessExpression(inner)) return ofPath(inner, name, env, steps);
  return undefined;
}

function ofHeld(element: ts.BindingElement, name: string, env: Env, steps: number): Resolution | undefined {
  const { ts: compiler } = env.project;
  const own = propertyName(compiler, element.propertyName ?? element.name);
  if (own === undefined) return undefined;
  if (own === 'ctx') return ofContext(name, env, steps);
  const holder = element.parent.parent;
  if (compiler.isParameter(holder)) {
    const bound = boundArgument(env, holder);
    const literal = bound?.expression && unwrap(compiler, bound.expression);
    if (literal && bound.env && compiler.isObjectLiteralExpression(literal)) return partOfLiteral(literal, own, name, bound.env, steps);
    if (holder.type && compiler.isTypeLiteralNode(holder.type)) return byType(memberType(holder.type, own, compiler), name, env);
  }
  return undefined;
}

function partOfLiteral(literal: ts.ObjectLiteralExpression, own: string, name: string, env: Env, steps: number): Resolution | undefined {
  const { ts: compiler } = env.project;
  for (const part of literal.properties) {
    if (propertyName(compiler, part.name) !== own) continue;
    if (compiler.isPropertyAssignment(part)) return memberOf(part.initializer, name, env, steps - 1);
    if (compiler.isShorthandPropertyAssignment(part)) return memberOf(part.name, name, env, steps - 1);
  }
  return undefined;
}

function memberType(type: ts.TypeLiteralNode, own: string, compiler: typeof ts): ts.TypeNode | undefined {
  for (const member of type.members) if (compiler.isPropertySignature(member) && propertyName(compiler, member.name) === own) return member.type;
  return undefined;
}

/** `a.b` for an object whose part `b` is an object. */
function ofPath(access: ts.PropertyAccessExpression, name: string, env: Env, steps: number): Resolution | undefined {
  const { project } = env;
  const { ts: compiler } = project;
  const holder = unwrap(compiler, access.expression);
  if (isContext(holder, compiler)) {
    for (const given of [...env.context].reverse()) {
      const literal = given.expression && unwrap(compiler, given.expression);
      if (literal && given.env && compiler.isObjectLiteralExpression(literal)) {
        const found = partOfLiteral(literal, access.name.text, name, given.env, steps);
        if (found !== undefined) return found;
      }
    }
  }
  if (holder.kind === compiler.SyntaxKind.ThisKeyword) {
    const type = classAround(access, compiler);
    if (type !== undefined) {
      for (const member of type.members) {
        if (compiler.isPropertyDeclaration(member) && propertyName(compiler, member.name) === access.name.text) {
          return (member.initializer && memberOf(member.initializer, name, env, steps - 1)) ?? byType(member.type, name, env);
        }
        if (!compiler.isConstructorDeclaration(member)) continue;
        for (const parameter of member.parameters) {
          if (propertyName(compiler, parameter.name) === access.name.text) return byType(parameter.type, name, env);
        }
      }
    }
    return undefined;
  }
  const declaration = project.declarationOf(access.name);
  const holds = declaration && (compiler.isPropertyAssignment(declaration) || compiler.isPropertyDeclaration(declaration) || compiler.isVariableDeclaration(declaration));
  if (holds && declaration.initializer) return memberOf(declaration.initializer, name, homeOf(env, declaration) ?? env, steps - 1);
  if (declaration && compiler.isPropertySignature(declaration)) return byType(declaration.type, name, env);
  return undefined;
}

function classAround(node: ts.Node, compiler: typeof ts): ts.ClassLikeDeclaration | undefined {
  let at: ts.Node | undefined = node;
  while (at !== undefined && !compiler.isClassLike(at)) at = at.parent;
  return at;
}

/** The method of the class that a type annotation names. */
function byType(type: ts.TypeNode | undefined, name: string, env: Env): Resolution | undefined {
  const { ts: compiler } = env.project;
  if (type === undefined || !compiler.isTypeReferenceNode(type)) return undefined;
  const [only] = type.typeArguments ?? [];
  if (compiler.isIdentifier(type.typeName) && /^(Pick|Omit|Partial|Readonly|Required)$/.test(type.typeName.text)) return byType(only, name, env);
  const named = compiler.isIdentifier(type.typeName) ? type.typeName : type.typeName.right;
  const declaration = env.project.declarationOf(named);
  return declaration && compiler.isClassLike(declaration) ? ofClass(declaration, name, undefined) : undefined;
}

function ofClass(type: ts.ClassLikeDeclaration, name: string, self: Env['self']): Resolution | undefined {
  for (const member of type.members) {
    if (member.name === undefined || !('text' in member.name) || member.name.text !== name) continue;
    if ('body' in member && member.body !== undefined && 'asteriskToken' in member) {
      return { found: [{ fn: member as ts.MethodDeclaration, outer: undefined, ...(self ? { self } : {}) }] };
    }
    if ('initializer' in member && member.initializer !== undefined) {
      const fn = member.initializer as ts.Node;
      if ('parameters' in fn && 'body' in fn) return { found: [{ fn: fn as ts.ArrowFunction, outer: undefined, ...(self ? { self } : {}) }] };
    }
  }
  return undefined;
}

function ofShorthand(part: ts.ShorthandPropertyAssignment, env: Env, steps: number): Resolution {
  return ofName(part.name, env, steps - 1);
}

function ofMethod(access: ts.PropertyAccessExpression, env: Env, steps: number): Resolution {
  const { project } = env;
  const { ts: compiler } = project;
  const object = unwrap(compiler, access.expression);
  const name = access.name.text;
  // f.call(…), f.bind(…)
  if (/^(call|apply|bind)$/.test(name)) return callablesOf(object, env, steps - 1);
  if (object.kind === compiler.SyntaxKind.ThisKeyword) {
    const type = classAround(access, compiler);
    const found = type && ofClass(type, name, env.self);
    if (found !== undefined) return found;
  }
  const member = memberOf(object, name, env, steps);
  if (member !== undefined) return member;
  if (isContext(object, compiler)) {
    const found = ofContext(name, env, steps);
    if (found !== undefined) return found;
  }
  const declaration = project.declarationOf(access.name);
  const found = declaration && ofDeclaration(declaration, env, steps - 1);
  return found ?? viaProject(compiler, access, env);
}

/** `handlers[name](…)`: the ones that `name` may ask for, else all of a table that can be seen. */
function ofElement(access: ts.ElementAccessExpression, env: Env, steps: number): Resolution {
  const { project } = env;
  const { ts: compiler } = project;
  const wanted = stringsOf(project.evaluate(access.argumentExpression, env.scope));
  const table = literalOf(access.expression, env, 6);
  const what = access.getText();
  if (table === undefined) return { found: [], unseen: `${what} is chosen at run time` };
  let all: Resolution = NONE;
  for (const part of table.literal.properties) {
    const key = propertyName(compiler, part.name);
    if (compiler.isSpreadAssignment(part)) {
      all = { ...all, unseen: `${what} is chosen at run time from a table that is partly computed` };
      continue;
    }
    if (wanted !== undefined && (key === undefined || !wanted.includes(key))) continue;
    if (compiler.isMethodDeclaration(part)) all = both(all, { found: [{ fn: part, outer: homeOf(table.env, part) }] });
    else if (compiler.isPropertyAssignment(part)) all = both(all, callablesOf(part.initializer, table.env, steps - 1));
    else if (compiler.isShorthandPropertyAssignment(part)) all = both(all, ofName(part.name, table.env, steps - 1));
  }
  return all;
}

/** The object literal behind a name. */
export function literalOf(node: ts.Expression, env: Env, steps: number): { literal: ts.ObjectLiteralExpression; env: Env } | undefined {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (steps === 0) return undefined;
  if (compiler.isObjectLiteralExpression(inner)) return { literal: inner, env };
  if (compiler.isCallExpression(inner) && calleeName(compiler, inner.expression) === 'freeze' && inner.arguments[0]) return literalOf(inner.arguments[0], env, steps - 1);
  const named = compiler.isIdentifier(inner) ? inner : compiler.isPropertyAccessExpression(inner) ? inner.name : undefined;
  const declaration = named && env.project.declarationOf(named);
  if (declaration === undefined) return undefined;
  if (compiler.isParameter(declaration)) {
    const bound = boundArgument(env, declaration);
    return bound?.expression && bound.env ? literalOf(bound.expression, bound.env, steps - 1) : undefined;
  }
  const holds = compiler.isVariableDeclaration(declaration) || compiler.isPropertyAssignment(declaration) || compiler.isPropertyDeclaration(declaration);
  if (!holds || !declaration.initializer) return undefined;
  return literalOf(declaration.initializer, homeOf(env, declaration) ?? { ...env, outer: undefined, args: new Map(), databases: new Map(), scope: new Map() }, steps - 1);
}

/** The function that a call gives back: a factory's, or the one that a wrapper of a package was given. */
function ofMade(call: ts.CallExpression, env: Env, steps: number): Resolution {
  const { ts: compiler } = env.project;
  const name = calleeName(compiler, call.expression);
  const makers = callablesOf(call.expression, env, steps - 1);
  let all: Resolution = NONE;
  for (const maker of makers.found) {
    const at = inside(maker, call.arguments, env);
    for (const result of returnsOf(compiler, maker.fn)) all = both(all, callablesOf(result, at, steps - 1));
  }
  if (all.found.length > 0) return all;
  // debounce(fn), db.transaction(fn), cache(async () => …)
  for (const argument of call.arguments) {
    const given = callablesOf(argument, env, steps - 1);
    for (const callable of given.found) {
      all = both(all, { found: [{ ...callable, ...(TRANSACTION_METHODS.has(name ?? '') ? { inTransaction: true } : {}) }] });
    }
  }
  return all;
}

/** The body of a callable as it runs with these arguments. */
export function inside(callable: Callable, args: readonly ts.Expression[], caller: Env): Env {
  const draft = enter(callable.fn, args, caller, { outer: callable.outer, databases: new Map(), ...(callable.scope ? { scope: callable.scope } : {}), ...(callable.self ? { self: callable.self } : {}) });
  const databases = databasesOfArguments(draft.args, caller);
  return enter(callable.fn, args, caller, {
    outer: callable.outer,
    databases,
    ...(callable.scope ? { scope: callable.scope } : {}),
    ...(callable.self ? { self: callable.self } : {}),
  });
}

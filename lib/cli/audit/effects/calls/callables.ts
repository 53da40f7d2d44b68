/** The functions that a call may run. */
import type ts from 'typescript';
import type { Bindings, FunctionNode } from '../../model.js';
import { databasesOfArguments } from '../databases/database.js';
import { boundArgument, enter, homeOf, isBound, outOfFunctions, type Bound, type Env } from '../code/environment.js';
import { ACTING, CALLBACK, TRANSACTION_METHODS } from '../code/names.js';
import { keptByConstructor } from './constructors.js';
import { descendantsOf } from './families.js';
import { classAround, Sources, type Listed, type Source } from './sources.js';
import { LANGUAGE_METHODS } from '../code/plain-data.js';
import { calleeName, isFunctionNode, isInlineFunction, propertyName, returnsOf, rootOf, shortText, unwrap } from '../code/syntax.js';
import { stringsOf } from '../code/strings.js';

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
  /** One of them runs, not all of them: ways of a conditional, methods of several classes. */
  alternatives?: true;
  /** Why some or all of it could not be found; absent for code of packages, which is not followed. */
  unseen?: string;
}

const NONE: Resolution = { found: [] };
const MAX_STEPS = 10;
/** Classes with a method of one name that are all read; more are told of. */
const MAX_WAYS = 16;

const SOURCES = new Sources((callee, env, steps) =>
  callablesOf(callee, env, steps).found.map((maker) => ({ fn: maker.fn, enter: (args) => inside(maker, args, env) })),
);

export function callablesOf(node: ts.Expression, env: Env, steps = MAX_STEPS): Resolution {
  if (steps <= 0) return { found: [], unseen: 'too many names on the way to the function' };
  if (!env.project.budget.step()) return { found: [], unseen: env.project.budget.why() };
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (isInlineFunction(compiler, inner)) return { found: [{ fn: inner, outer: env }] };
  if (compiler.isConditionalExpression(inner)) {
    return oneOf(callablesOf(inner.whenTrue, env, steps - 1), callablesOf(inner.whenFalse, env, steps - 1));
  }
  if (compiler.isBinaryExpression(inner)) {
    return oneOf(callablesOf(inner.left, env, steps - 1), callablesOf(inner.right, env, steps - 1));
  }
  if (compiler.isIdentifier(inner)) return ofName(inner, env, steps);
  if (compiler.isPropertyAccessExpression(inner)) return ofMethod(inner, env, steps);
  if (compiler.isElementAccessExpression(inner)) return ofChoice(inner, env, steps);
  if (compiler.isCallExpression(inner)) return ofMade(inner, env, steps);
  return NONE;
}

function both(first: Resolution, second: Resolution): Resolution {
  const unseen = first.unseen ?? second.unseen;
  const alternatives = (first.alternatives === true && second.found.length === 0) || (second.alternatives === true && first.found.length === 0);
  return { found: [...first.found, ...second.found], ...(alternatives ? { alternatives: true as const } : {}), ...(unseen === undefined ? {} : { unseen }) };
}

const oneOf = (first: Resolution, second: Resolution): Resolution => ({ ...both(first, second), alternatives: true });

function made(fn: FunctionNode, env: Env): Resolution {
  return { found: [{ fn, outer: homeOf(env, fn) }] };
}

function ofName(name: ts.Identifier, env: Env, steps: number): Resolution {
  const declaration = env.project.declarationOf(name);
  if (declaration === undefined) return NONE;
  return ofDeclaration(declaration, env, steps) ?? viaProject(name, env);
}

function dependsOnArguments(node: ts.Expression, env: Env): boolean {
  const { ts: compiler } = env.project;
  const root = rootOf(compiler, node);
  const declaration = compiler.isIdentifier(root) ? env.project.declarationOf(root) : undefined;
  return declaration !== undefined && (compiler.isParameter(declaration) || compiler.isBindingElement(declaration)) && isBound(env.scope, declaration);
}

function viaProject(node: ts.Expression, env: Env): Resolution {
  // Without the arguments of this very call what is found holds for every call, and is remembered.
  const fn = env.project.functionOf(node) ?? (dependsOnArguments(node, env) ? env.project.functionOf(node, env.scope) : undefined);
  return fn?.body === undefined ? NONE : made(fn, env);
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
    const initializer = unwrap(compiler, declaration.initializer);
    if (isInlineFunction(compiler, initializer)) return { found: [{ fn: initializer, outer: home }] };
    return callablesOf(initializer, home ?? outOfFunctions(env), steps - 1);
  }
  if (compiler.isShorthandPropertyAssignment(declaration)) return callablesOf(declaration.name, env, steps - 1);
  if (compiler.isExportAssignment(declaration)) return callablesOf(declaration.expression, env, steps - 1);
  return undefined;
}

function ofParameter(parameter: ts.ParameterDeclaration, env: Env, steps: number): Resolution {
  const bound = boundArgument(env, parameter);
  if (bound !== undefined) return ofBound(bound, parameter, env, steps);
  const name = shortText(parameter.name, 60);
  // Of `encode(value)` and `compare(a, b)` nothing is feared.
  return CALLBACK.test(name) || ACTING.test(name) ? { found: [], unseen: `${name} is a parameter that nobody was seen to give` } : NONE;
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
  const direct = boundArgument(env, element);
  if (direct?.expression && direct.env) return callablesOf(direct.expression, direct.env, steps - 1);
  const name = propertyName(compiler, element.propertyName ?? element.name);
  if (name === undefined || !compiler.isObjectBindingPattern(element.parent)) return undefined;
  const holder = element.parent.parent;
  let whole: Source | undefined;
  if (compiler.isVariableDeclaration(holder)) whole = holder.initializer && SOURCES.sourceOf(holder.initializer, homeOf(env, holder) ?? env, steps - 1);
  else if (compiler.isParameter(holder)) {
    const bound = boundArgument(env, holder);
    whole = bound?.expression && bound.env ? SOURCES.sourceOf(bound.expression, bound.env, steps - 1) : holder.type && { kind: 'type', type: holder.type, env };
  } else if (propertyName(compiler, holder.propertyName ?? holder.name) === 'ctx') whole = { kind: 'context', env };
  return whole && methodOf(whole, name, steps - 1);
}

/** The functions under `name` of an object; undefined where the object has no such function in sight. */
function methodOf(source: Source, name: string, steps: number): Resolution | undefined {
  if (steps <= 0) return undefined;
  if (source.kind === 'class') return ofClasses(source.type, name, source.self, source.env);
  if (source.kind === 'ways') return ofWays(source.of, name, steps);
  if (source.kind === 'context') {
    for (const given of [...source.env.context].reverse()) {
      if (given.expression === undefined || given.env === undefined) continue;
      const whole = SOURCES.sourceOf(given.expression, given.env, steps - 1);
      const found = whole && whole.kind !== 'context' ? methodOf(whole, name, steps - 1) : undefined;
      if (found !== undefined && found.found.length > 0) return found;
    }
    const part = SOURCES.partOf(source, name, steps - 1);
    return part?.kind === 'type' ? ofFunctionType(part, steps) : undefined;
  }
  if (source.kind === 'type') {
    const seen = SOURCES.behindType(source.type, source.env, steps);
    if (seen === undefined) return undefined;
    return 'kind' in seen ? methodOf(seen, name, steps - 1) : ofImplementers(seen, name, source.env, steps);
  }
  const { env, node } = source;
  const { ts: compiler } = env.project;
  if (!compiler.isObjectLiteralExpression(node)) return undefined;
  for (const part of [...node.properties].reverse()) {
    if (compiler.isSpreadAssignment(part)) {
      const spread = SOURCES.sourceOf(part.expression, env, steps - 1);
      const found = spread && methodOf(spread, name, steps - 1);
      if (found !== undefined && found.found.length > 0) return found;
    } else if (propertyName(compiler, part.name) !== name) continue;
    else if (compiler.isMethodDeclaration(part)) return { found: [{ fn: part, outer: homeOf(env, part) }] };
    else if (compiler.isPropertyAssignment(part)) return callablesOf(part.initializer, env, steps - 1);
    else if (compiler.isShorthandPropertyAssignment(part)) return ofName(part.name, env, steps - 1);
  }
  return undefined;
}

/** A method of one of several objects. */
function ofWays(of: readonly Source[], name: string, steps: number): Resolution | undefined {
  const all = of.map((way) => methodOf(way, name, steps - 1)).filter((one) => one !== undefined);
  if (all.length === 0) return undefined;
  const { found, unseen } = all.reduce(oneOf);
  const distinct = new Map<FunctionNode, Callable>();
  for (const one of found) if (distinct.get(one.fn)?.self === undefined) distinct.set(one.fn, one);
  return { found: [...distinct.values()], alternatives: true, ...(unseen === undefined ? {} : { unseen }) };
}

/** `change: Change` with `type Change = ReturnType<typeof changer>` names the function by its type. */
function ofFunctionType(source: Extract<Source, { kind: 'type' }>, steps: number): Resolution | undefined {
  const { ts: compiler } = source.env.project;
  const { type } = source;
  if (!compiler.isTypeQueryNode(type)) return undefined;
  const name = compiler.isIdentifier(type.exprName) ? type.exprName : type.exprName.right;
  return callablesOf(name, outOfFunctions(source.env), steps - 1);
}

/** A method, or a function in a property, of the class itself. */
function ofClass(type: ts.ClassLikeDeclaration, name: string, self: Env['self'], env: Env): Resolution | undefined {
  const { ts: compiler } = env.project;
  const own = self === undefined ? {} : { self };
  for (const member of type.members) {
    if (propertyName(compiler, member.name) !== name) continue;
    if (compiler.isMethodDeclaration(member) && member.body) return { found: [{ fn: member, outer: undefined, ...own }] };
    if (!compiler.isPropertyDeclaration(member) || !member.initializer) continue;
    const fn = unwrap(compiler, member.initializer);
    if (isInlineFunction(compiler, fn)) return { found: [{ fn, outer: undefined, ...own }] };
  }
  return ofConstructor(type, name, self, env);
}

/** `this.audit(…)` where `audit` is what the constructor was given. */
function ofConstructor(type: ts.ClassLikeDeclaration, name: string, self: Env['self'], env: Env): Resolution | undefined {
  const kept = keptByConstructor(type, name, self, env);
  if (kept === undefined) return undefined;
  if ('unseen' in kept) return { found: [], unseen: kept.unseen };
  if ('fn' in kept) return { found: [{ fn: kept.fn, outer: undefined, ...(self === undefined ? {} : { self }) }] };
  if (kept.part === undefined) return callablesOf(kept.expression, kept.env);
  const whole = SOURCES.sourceOf(kept.expression, kept.env);
  return whole && methodOf(whole, kept.part, MAX_STEPS);
}

/** The class and those that it extends. */
function ofFamily(type: ts.ClassLikeDeclaration, name: string, self: Env['self'], env: Env, steps = 6): Resolution | undefined {
  const own = ofClass(type, name, self, env);
  if (own !== undefined || steps <= 0) return own;
  for (const clause of type.heritageClauses ?? []) {
    if (clause.token !== env.project.ts.SyntaxKind.ExtendsKeyword) continue;
    const [base] = clause.types;
    const declaration = base && env.project.declarationOf(base.expression);
    if (declaration && env.project.ts.isClassLike(declaration)) return ofFamily(declaration, name, self, env, steps - 1);
  }
  return undefined;
}

/** A method of an object of the class: its own, and those of classes below it where the object may be one of theirs. */
function ofClasses(type: ts.ClassLikeDeclaration, name: string, self: Env['self'], env: Env): Resolution | undefined {
  const own = ofFamily(type, name, self, env);
  // What `new` made is of that very class.
  const maker = self && env.project.declarationOf(unwrap(env.project.ts, self.made.expression));
  if (maker === type) return own;
  const below = descendantsOf(type, env.project).classes.flatMap((one) => ofClass(one, name, undefined, env)?.found ?? []);
  if (below.length === 0) return own ?? (declares(type, name, env) ? { found: [], unseen: `${name} is abstract, and no class of the sources has it` } : undefined);
  // A base that only refuses stands for the classes below it.
  const kept = (own?.found ?? []).filter(({ fn }) => !onlyThrows(fn, env.project.ts));
  return ways([...kept, ...below], name);
}

/** Classes and objects that are said to be of an interface. */
function ofImplementers({ owner }: Listed, name: string, env: Env, steps: number): Resolution | undefined {
  if (owner === undefined) return undefined;
  const { classes, literals } = descendantsOf(owner, env.project);
  const found = [
    ...classes.flatMap((one) => ofFamily(one, name, undefined, env)?.found ?? []),
    ...literals.flatMap((node) => methodOf({ kind: 'value', node, env: outOfFunctions(env) }, name, steps - 1)?.found ?? []),
  ];
  return found.length === 0 ? undefined : ways([...new Map(found.map((one) => [one.fn, one])).values()], name);
}

function ways(found: Callable[], name: string): Resolution {
  if (found.length <= MAX_WAYS) return { found, alternatives: true };
  return { found: [], unseen: `${found.length} classes have a method ${name}` };
}

/** Whether the class, or one that it extends, says that there is such a method, without its code. */
function declares(type: ts.ClassLikeDeclaration, name: string, env: Env): boolean {
  const { ts: compiler } = env.project;
  return type.members.some((member) => compiler.isMethodDeclaration(member) && member.body === undefined && propertyName(compiler, member.name) === name);
}

/** `save() { throw new Error('not implemented'); }` */
function onlyThrows(fn: FunctionNode, compiler: typeof ts): boolean {
  if (fn.body === undefined || !compiler.isBlock(fn.body)) return false;
  const [first] = fn.body.statements;
  return first !== undefined && fn.body.statements.length === 1 && compiler.isThrowStatement(first);
}

function ofMethod(access: ts.PropertyAccessExpression, env: Env, steps: number): Resolution {
  const { project } = env;
  const { ts: compiler } = project;
  const object = unwrap(compiler, access.expression);
  const name = access.name.text;
  // f.call(…), f.bind(…)
  if (/^(call|apply|bind)$/.test(name)) {
    const target = callablesOf(object, env, steps - 1);
    if (target.found.length > 0) return target;
  }
  if (object.kind === compiler.SyntaxKind.ThisKeyword || object.kind === compiler.SyntaxKind.SuperKeyword) {
    // The class that was made, where that is known: it may have a method of its own.
    const maker = env.self && project.declarationOf(unwrap(compiler, env.self.made.expression));
    const type = maker && compiler.isClassLike(maker) && object.kind === compiler.SyntaxKind.ThisKeyword ? maker : classAround(access, compiler);
    const isSuper = object.kind === compiler.SyntaxKind.SuperKeyword;
    const found = type && (isSuper ? ofFamily(type, name, env.self, env) : ofClasses(type, name, env.self, env));
    if (found !== undefined) return found;
  }
  const source = SOURCES.sourceOf(object, env, steps);
  const seen = source?.kind === 'type' ? SOURCES.behindType(source.type, source.env, steps) : source;
  const member =
    seen === undefined
      ? undefined
      : !('kind' in seen)
        ? ofImplementers(seen, name, env, steps)
        : seen.kind === 'class'
          ? ofClasses(seen.type, name, seen.self, env)
          : methodOf(seen, name, steps);
  if (member !== undefined) return member;
  const declaration = project.declarationOf(access.name);
  const found = declaration && ofDeclaration(declaration, env, steps - 1);
  if (found !== undefined) return found;
  // `rows.map`: the language's own. To learn what `rows` holds would interpret the program.
  return LANGUAGE_METHODS.has(name) ? NONE : viaProject(access, env);
}

/** `handlers[name](…)`: the ones that `name` may ask for, else all of a table that can be seen. */
function ofChoice(access: ts.ElementAccessExpression, env: Env, steps: number): Resolution {
  const { project } = env;
  const { ts: compiler } = project;
  const wanted = stringsOf(project.evaluate(access.argumentExpression, env.scope));
  const table = SOURCES.sourceOf(access.expression, env);
  const what = shortText(access, 60);
  if (table?.kind !== 'value' || !compiler.isObjectLiteralExpression(table.node)) return { found: [], unseen: `${what} is chosen at run time` };
  let all: Resolution = NONE;
  for (const part of table.node.properties) {
    const keys = compiler.isSpreadAssignment(part) ? undefined : keysOf(part.name, table.env);
    if (compiler.isSpreadAssignment(part)) {
      all = { ...all, unseen: `${what} is chosen at run time from a table that is partly computed` };
      continue;
    }
    if (wanted !== undefined && keys !== undefined && !keys.some((key) => wanted.includes(key))) continue;
    if (compiler.isMethodDeclaration(part)) all = both(all, { found: [{ fn: part, outer: homeOf(table.env, part) }] });
    else if (compiler.isPropertyAssignment(part)) all = both(all, callablesOf(part.initializer, table.env, steps - 1));
    else if (compiler.isShorthandPropertyAssignment(part)) all = both(all, ofName(part.name, table.env, steps - 1));
  }
  return { ...all, alternatives: true };
}

/** The texts of a key: a name, or what `[Way.NEW]` says. */
function keysOf(name: ts.PropertyName, env: Env): string[] | undefined {
  const { ts: compiler } = env.project;
  const plain = propertyName(compiler, name);
  if (plain !== undefined) return [plain];
  return compiler.isComputedPropertyName(name) ? stringsOf(env.project.evaluate(name.expression, env.scope)) : undefined;
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
  const how = { outer: callable.outer, ...(callable.scope ? { scope: callable.scope } : {}), ...(callable.self ? { self: callable.self } : {}) };
  const draft = enter(callable.fn, args, caller, { ...how, databases: new Map() });
  return enter(callable.fn, args, caller, { ...how, databases: databasesOfArguments(draft.args, caller) });
}

/** The functions that a call may run. */
import type ts from 'typescript';
import type { Bindings, FunctionNode } from '../../model.js';
import { databasesOfArguments } from '../databases/database.js';
import { boundArgument, enter, homeOf, isBound, outOfFunctions, type Bound, type Env } from '../code/environment.js';
import { ACTING, CALLBACK, TRANSACTION_METHODS } from '../code/names.js';
import { keptByConstructor } from './constructors.js';
import { descendantsOf } from './families.js';
import { isToldOf, Lists, listOf, partOfItem, PICKS, type Items } from './lists.js';
import { classAround, Sources, type Listed, type Maker, type Source } from './sources.js';
import { originOf } from '../code/origin.js';
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

const makersOf = (callee: ts.Expression, env: Env, steps: number): Maker[] =>
  callablesOf(callee, env, steps).found.map((maker) => ({ fn: maker.fn, enter: (args) => inside(maker, args, env, args[0]?.parent), asCallback: () => asCallback(maker, env) }));
const SOURCES = new Sources(makersOf);
const LISTS = new Lists((node, env, steps) => SOURCES.sourceOf(node, env, steps), makersOf);

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
  if (isFunctionNode(compiler, declaration)) {
    const fn = declaration.body ? declaration : bodyOf(declaration, compiler);
    return fn && made(fn, env);
  }
  if (compiler.isParameter(declaration)) return ofParameter(declaration, env, steps);
  if (compiler.isBindingElement(declaration)) return ofPart(declaration, env, steps);
  const holds =
    compiler.isVariableDeclaration(declaration) || compiler.isPropertyAssignment(declaration) || compiler.isPropertyDeclaration(declaration);
  if (holds) {
    const given = declaration.initializer && ofGiven(declaration.initializer, env, steps);
    return compiler.isVariableDeclaration(declaration) ? ofVariable(declaration, given, env, steps) : given;
  }
  if (compiler.isShorthandPropertyAssignment(declaration)) return callablesOf(declaration.name, env, steps - 1);
  if (compiler.isExportAssignment(declaration)) return callablesOf(declaration.expression, env, steps - 1);
  return undefined;
}

/** The one of a function's overloads that has the code. */
function bodyOf(overload: FunctionNode, compiler: typeof ts): FunctionNode | undefined {
  const { parent } = overload;
  const beside: readonly ts.Node[] = compiler.isClassLike(parent) ? parent.members : compiler.isSourceFile(parent) || compiler.isBlock(parent) || compiler.isModuleBlock(parent) ? parent.statements : [];
  const name = propertyName(compiler, overload.name);
  return beside.find((one): one is FunctionNode => isFunctionNode(compiler, one) && one.body !== undefined && propertyName(compiler, one.name) === name);
}

/** `const [attributes, run] = typeof given === 'function' ? [{}, given] : [given, last]` */
function ofListed(element: ts.BindingElement, list: ts.Expression, env: Env, steps: number): Resolution | undefined {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, list);
  if (compiler.isConditionalExpression(inner)) {
    const [first, second] = [ofListed(element, inner.whenTrue, env, steps - 1), ofListed(element, inner.whenFalse, env, steps - 1)];
    return first && second ? oneOf(first, second) : (first ?? second);
  }
  const part = partOfItem(element, compiler);
  const chosen = compiler.isArrayLiteralExpression(inner) && typeof part === 'number' ? inner.elements[part] : undefined;
  return chosen && callablesOf(chosen, env, steps - 1);
}

/** What stands behind a name, where it stands. */
function ofGiven(value: ts.Expression, env: Env, steps: number): Resolution {
  const { ts: compiler } = env.project;
  const home = homeOf(env, value);
  const inner = unwrap(compiler, value);
  // A function outside of functions has nothing around it.
  return isInlineFunction(compiler, inner) ? { found: [{ fn: inner, outer: home }] } : callablesOf(inner, home ?? outOfFunctions(env), steps - 1);
}

/** What a variable begins with, what it is given later, and what a loop gives it. */
function ofVariable(variable: ts.VariableDeclaration, first: Resolution | undefined, env: Env, steps: number): Resolution | undefined {
  if (!(variable.parent.flags & env.project.ts.NodeFlags.Const)) {
    const later = env.project.assignedTo(variable).map((value) => ofGiven(value, env, steps));
    if (later.length > 0) return later.reduce(oneOf, first ?? NONE);
  }
  return first ?? ofItem(variable, env, steps);
}

function ofParameter(parameter: ts.ParameterDeclaration, env: Env, steps: number): Resolution {
  const bound = boundArgument(env, parameter);
  if (bound !== undefined) return ofBound(bound, parameter, env, steps);
  const item = ofItem(parameter, env, steps);
  if (item !== undefined) return item;
  const name = shortText(parameter.name, 60);
  return isFeared(name) ? { found: [], unseen: `${name} is a parameter that nobody was seen to give` } : NONE;
}

function ofBound(bound: Bound, parameter: ts.ParameterDeclaration, env: Env, steps: number): Resolution {
  if (bound.expression === undefined || bound.env === undefined) {
    // Not given: `onDone?.()` calls nothing, a default is called.
    return parameter.initializer ? callablesOf(parameter.initializer, env, steps - 1) : NONE;
  }
  return callablesOf(bound.expression, bound.env, steps - 1);
}

/** The variable of a loop over functions, or the parameter of a callback that is given them one by one: all of them run. */
function ofItem(declaration: ts.VariableDeclaration | ts.ParameterDeclaration, env: Env, steps: number): Resolution | undefined {
  const items = LISTS.givenTo(declaration, env);
  const name = shortText(declaration.name, 60);
  if (items === undefined || (items.items.length === 0 && isToldOf(declaration, env.project.ts) && !isFeared(name))) return undefined;
  return ofItems(items, name, steps);
}

/** Of `encode(value)` and `compare(a, b)` nothing is feared. */
const isFeared = (name: string): boolean => CALLBACK.test(name) || ACTING.test(name);

function ofItems({ items, open }: Items, name: string, steps: number): Resolution {
  return within(items.map(({ node, env }) => (env.project.ts.isMethodDeclaration(node) ? { found: [{ fn: node, outer: homeOf(env, node) }] } : callablesOf(node, env, steps - 1))), open, name);
}

function within(ways: readonly Resolution[], open: boolean, name: string): Resolution {
  const all = ways.reduce(both, NONE);
  return open && all.unseen === undefined ? { ...all, unseen: `${name} is of a list that is made at run time` } : all;
}

/** A part of each item: `run` of `for (const { run } of steps)`, `fn` of `for (const [name, fn] of Object.entries(ways))`. */
function ofItemPart(element: ts.BindingElement, holder: ts.VariableDeclaration | ts.ParameterDeclaration, env: Env, steps: number): Resolution | undefined {
  const { ts: compiler } = env.project;
  const part = partOfItem(element, compiler);
  const items = part === undefined ? undefined : LISTS.givenTo(holder, env);
  if (items === undefined || part === undefined) return undefined;
  const name = shortText(element.name, 60);
  if (items.pairs) return part === 1 ? ofItems(items, name, steps) : NONE;
  return within(
    items.items.map(({ node, env: at }) => {
      if (compiler.isMethodDeclaration(node)) return NONE;
      const inner = unwrap(compiler, node);
      if (typeof part === 'string') return ofMember(SOURCES.sourceOf(inner, at, steps - 1), part, at, steps - 1) ?? NONE;
      const chosen = compiler.isArrayLiteralExpression(inner) ? inner.elements[part] : undefined;
      return chosen ? callablesOf(chosen, at, steps - 1) : NONE;
    }),
    items.open,
    name,
  );
}

/** `step.run()` of each step of a list. */
function ofItemMethod(object: ts.Expression, name: string, env: Env, steps: number): Resolution | undefined {
  const { ts: compiler } = env.project;
  const declaration = compiler.isIdentifier(object) ? env.project.declarationOf(object) : undefined;
  if (declaration === undefined || LANGUAGE_METHODS.has(name) || listOf(declaration, compiler) === undefined) return undefined;
  const { items = [] } = LISTS.givenTo(declaration, env) ?? {};
  const found = items.flatMap(({ node, env: at }) => (compiler.isMethodDeclaration(node) ? [] : (ofMember(SOURCES.sourceOf(node, at, steps - 1), name, at, steps - 1) ?? [])));
  return found.length === 0 ? undefined : found.reduce(both, NONE);
}

/** `{ onDone }` of an argument, `{ broadcast }` of the context. */
function ofPart(element: ts.BindingElement, env: Env, steps: number): Resolution | undefined {
  const { ts: compiler } = env.project;
  const direct = boundArgument(env, element);
  if (direct?.expression && direct.env) return callablesOf(direct.expression, direct.env, steps - 1);
  const holder = element.parent.parent;
  const fallback = element.initializer && compiler.isParameter(holder) ? callablesOf(element.initializer, env, steps - 1) : undefined;
  if (!compiler.isBindingElement(holder) && listOf(holder, compiler) !== undefined && !(compiler.isParameter(holder) && boundArgument(env, holder))) {
    return ofItemPart(element, holder, env, steps);
  }
  if (compiler.isArrayBindingPattern(element.parent) && compiler.isVariableDeclaration(holder)) {
    return holder.initializer && ofListed(element, holder.initializer, homeOf(env, holder) ?? env, steps);
  }
  const name = propertyName(compiler, element.propertyName ?? element.name);
  if (name === undefined || !compiler.isObjectBindingPattern(element.parent)) return undefined;
  let whole: Source | undefined;
  if (compiler.isVariableDeclaration(holder)) whole = holder.initializer && SOURCES.sourceOf(holder.initializer, homeOf(env, holder) ?? env, steps - 1);
  else if (compiler.isParameter(holder)) {
    const bound = boundArgument(env, holder);
    whole = bound?.expression && bound.env ? SOURCES.sourceOf(bound.expression, bound.env, steps - 1) : holder.type && { kind: 'type', type: holder.type, env };
  } else if (propertyName(compiler, holder.propertyName ?? holder.name) === 'ctx') whole = { kind: 'context', env };
  return (whole && methodOf(whole, name, steps - 1)) ?? fallback;
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
  const member = ofMember(SOURCES.sourceOf(object, env, steps), name, env, steps) ?? ofItemMethod(object, name, env, steps);
  if (member !== undefined) return member;
  const declaration = project.declarationOf(access.name);
  const found = declaration && ofDeclaration(declaration, env, steps - 1);
  if (found !== undefined) return found;
  // `rows.map`: the language's own. To learn what `rows` holds would interpret the program.
  return LANGUAGE_METHODS.has(name) ? NONE : viaProject(access, env);
}

/** The functions under `name` of an object, a class, or all that may stand behind a type. */
function ofMember(source: Source | undefined, name: string, env: Env, steps: number): Resolution | undefined {
  const seen = source?.kind === 'type' ? SOURCES.behindType(source.type, source.env, steps) : source;
  if (seen === undefined) return undefined;
  if (!('kind' in seen)) return ofImplementers(seen, name, env, steps);
  return seen.kind === 'class' ? ofClasses(seen.type, name, seen.self, env) : methodOf(seen, name, steps);
}

/** `handlers[name](…)`: the ones that `name` may ask for, else all of a table that can be seen. */
function ofChoice(access: ts.ElementAccessExpression, env: Env, steps: number): Resolution {
  const { project } = env;
  const { ts: compiler } = project;
  const wanted = stringsOf(project.evaluate(access.argumentExpression, env.scope));
  const table = SOURCES.sourceOf(access.expression, env);
  const what = shortText(access, 60);
  if (table?.kind !== 'value' || !compiler.isObjectLiteralExpression(table.node)) {
    const { items } = LISTS.itemsOf(access.expression, env);
    const listed = ofItems({ items, open: false }, what, steps);
    return listed.found.length > 0 ? { ...listed, alternatives: true } : { found: [], unseen: `${what} is chosen at run time` };
  }
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
    const at = inside(maker, call.arguments, env, call);
    for (const result of returnsOf(compiler, maker.fn)) all = both(all, callablesOf(result, at, steps - 1));
  }
  if (all.found.length > 0) return all;
  const callee = unwrap(compiler, call.expression);
  if (PICKS.test(name ?? '') && compiler.isPropertyAccessExpression(callee)) {
    const picked = ofItems({ items: LISTS.itemsOf(callee.expression, env).items, open: false }, name ?? '', steps);
    if (picked.found.length > 0) return { ...picked, alternatives: true };
  }
  // A list of results is no function.
  if (LANGUAGE_METHODS.has(name ?? '')) return all;
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
export function inside(callable: Callable, args: readonly ts.Expression[], caller: Env, call?: ts.Node): Env {
  // A call outside of functions gives the same each time: what it makes is one.
  const isOnce = call !== undefined && isNowhere(caller) && callable.outer === undefined && callable.scope === undefined && callable.self === undefined;
  const known = isOnce ? ONCE.get(call)?.get(callable.fn) : undefined;
  if (known !== undefined) return known;
  const how = { outer: callable.outer, ...(callable.scope ? { scope: callable.scope } : {}), ...(callable.self ? { self: callable.self } : {}) };
  const draft = enter(callable.fn, args, caller, { ...how, databases: new Map() });
  const env = enter(callable.fn, args, caller, { ...how, databases: databasesOfArguments(draft.args, caller) });
  if (isOnce) {
    const made = ONCE.get(call) ?? new Map<FunctionNode, Env>();
    ONCE.set(call, made.set(callable.fn, env));
  }
  return env;
}

/** What calls outside of functions entered. */
const ONCE = new WeakMap<ts.Node, Map<FunctionNode, Env>>();

const isNowhere = (env: Env): boolean => env.activation.fn === undefined && env.outer === undefined && env.args.size === 0 && env.scope.size === 0 && env.databases.size === 0 && env.context.length === 0;

/** The body as it runs where a library calls it: what it is called with is not known. */
export function asCallback(callable: Callable, caller: Env, databases: Env['databases'] = new Map()): Env {
  return { ...inside(callable, [], caller), args: new Map(), databases, scope: callable.scope ?? callable.outer?.scope ?? new Map() };
}

/** Functions in a list that a package is given by name: `parallelLimit(tasks, 3)`. */
export function functionsListed(argument: ts.Expression, call: ts.CallExpression | ts.NewExpression, env: Env): Callable[] {
  const { project } = env;
  const { ts: compiler } = project;
  const inner = unwrap(compiler, argument);
  const declaration = compiler.isIdentifier(inner) ? project.declarationOf(inner) : undefined;
  const list = declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? unwrap(compiler, declaration.initializer) : inner;
  const isList = compiler.isCallExpression(list) || (list !== inner && compiler.isArrayLiteralExpression(list));
  if (!isList || originOf(call.expression, project) === undefined) return [];
  return LISTS.itemsOf(argument, env).items.flatMap(({ node, env: at }) => {
    const fn = compiler.isMethodDeclaration(node) ? node : unwrap(compiler, node);
    return compiler.isMethodDeclaration(fn) || isInlineFunction(compiler, fn) ? [{ fn, outer: at }] : [];
  });
}

/** The table that an argument names. */
import type ts from 'typescript';
import { boundArgument, type Env } from '../code/environment.js';
import { stringsOf } from '../code/strings.js';
import { LOOPING } from '../code/names.js';
import { calleeName, isInlineFunction, propertyName, unwrap } from '../code/syntax.js';

/** Calls that make a table: `pgTable('guests', …)`, `schema.table(…)`, `defineTable(…)`. */
export const TABLE_MAKER = /[tT]able(Creator)?(WithSchema)?$|^collection$/;

export interface TableName {
  name: string;
  /** `yes`: its declaration was seen; `no`: it is something else; `maybe`: its declaration is out of sight. */
  isTable: 'yes' | 'no' | 'maybe';
  by: 'drizzle' | 'other';
}

/** The tables an expression may stand for: several for a conditional. */
export function tablesOf(node: ts.Expression, env: Env, steps = 8): TableName[] {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (steps === 0) return [{ name: '?', isTable: 'maybe', by: 'drizzle' }];
  if (compiler.isConditionalExpression(inner)) {
    return [...tablesOf(inner.whenTrue, env, steps - 1), ...tablesOf(inner.whenFalse, env, steps - 1)];
  }
  if (compiler.isIdentifier(inner) || compiler.isPropertyAccessExpression(inner)) {
    const name = compiler.isIdentifier(inner) ? inner : inner.name;
    const declaration = env.project.declarationOf(name);
    return declaration === undefined ? [{ name: name.text, isTable: 'maybe', by: 'drizzle' }] : ofDeclaration(declaration, name.text, env, steps);
  }
  if (compiler.isElementAccessExpression(inner)) return ofElement(inner, env, steps);
  if (compiler.isCallExpression(inner)) {
    const made = calleeName(compiler, inner.expression);
    if (made === 'alias' && inner.arguments[0]) return tablesOf(inner.arguments[0], env, steps - 1);
    // What makes a table has the name that it was given where it stands.
    const given = nameGivenTo(inner, compiler);
    if (given !== undefined) return ofInitializer(inner, given, env, steps - 1);
    return [{ name: '?', isTable: 'maybe', by: 'drizzle' }];
  }
  return [{ name: '?', isTable: 'no', by: 'drizzle' }];
}

function ofDeclaration(declaration: ts.Declaration, used: string, env: Env, steps: number): TableName[] {
  const { ts: compiler } = env.project;
  if (compiler.isParameter(declaration)) {
    const bound = boundArgument(env, declaration);
    if (bound?.expression && bound.env) return tablesOf(bound.expression, bound.env, steps - 1);
    const members = membersGivenTo(declaration, env);
    return members.length > 0 ? members.flatMap((member) => tablesOf(member, env, steps - 1)) : [{ name: '?', isTable: 'maybe', by: 'drizzle' }];
  }
  if (compiler.isVariableDeclaration(declaration)) {
    const members = membersOfLoop(declaration, env);
    if (members.length > 0) return members.flatMap((member) => tablesOf(member, env, steps - 1));
    const name = propertyName(compiler, declaration.name) ?? used;
    if (!declaration.initializer) return [{ name, isTable: 'maybe', by: 'drizzle' }];
    return ofInitializer(unwrap(compiler, declaration.initializer), name, env, steps);
  }
  if (compiler.isPropertyAssignment(declaration)) {
    return ofInitializer(unwrap(compiler, declaration.initializer), used, env, steps);
  }
  if (compiler.isClassDeclaration(declaration)) return [{ name: declaration.name?.text ?? used, isTable: 'yes', by: 'other' }];
  if (compiler.isBindingElement(declaration)) {
    const bound = boundArgument(env, declaration);
    if (bound?.expression && bound.env) return tablesOf(bound.expression, bound.env, steps - 1);
    return [{ name: propertyName(compiler, declaration.propertyName ?? declaration.name) ?? used, isTable: 'maybe', by: 'drizzle' }];
  }
  const value = compiler.isFunctionDeclaration(declaration) || compiler.isEnumDeclaration(declaration);
  return [{ name: used, isTable: value ? 'no' : 'maybe', by: 'drizzle' }];
}

/** The members of the list that a `for … of` goes through. */
function membersOfLoop(declaration: ts.VariableDeclaration, env: Env): readonly ts.Expression[] {
  const { ts: compiler } = env.project;
  const loop = declaration.parent.parent;
  return compiler.isForOfStatement(loop) && loop.initializer === declaration.parent ? listed(loop.expression, env) : [];
}

/** The members of the list whose `forEach` or `map` calls the function that has this parameter. */
function membersGivenTo(parameter: ts.ParameterDeclaration, env: Env): readonly ts.Expression[] {
  const { ts: compiler } = env.project;
  const fn = parameter.parent;
  const call = fn.parent;
  if (fn.parameters[0] !== parameter || !compiler.isCallExpression(call) || !call.arguments.some((argument) => argument === fn)) return [];
  const callee = unwrap(compiler, call.expression);
  return compiler.isPropertyAccessExpression(callee) && LOOPING.has(callee.name.text) ? listed(callee.expression, env) : [];
}

function listed(node: ts.Expression, env: Env): readonly ts.Expression[] {
  const { ts: compiler } = env.project;
  const inner = unwrap(compiler, node);
  if (compiler.isArrayLiteralExpression(inner)) return inner.elements;
  const declaration = compiler.isIdentifier(inner) ? env.project.declarationOf(inner) : undefined;
  const held = declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? unwrap(compiler, declaration.initializer) : undefined;
  return held && compiler.isArrayLiteralExpression(held) ? held.elements : [];
}

function nameGivenTo(made: ts.CallExpression, compiler: typeof ts): string | undefined {
  let holder: ts.Node = made.parent;
  while (compiler.isAsExpression(holder) || compiler.isSatisfiesExpression(holder) || compiler.isParenthesizedExpression(holder)) holder = holder.parent;
  return compiler.isVariableDeclaration(holder) || compiler.isPropertyAssignment(holder) ? propertyName(compiler, holder.name) : undefined;
}

/** `pgTable`, `schema.table`, and `const createTable = pgTableCreator(…)`. */
function isDrizzle(made: ts.CallExpression, maker: string, env: Env): boolean {
  if (/^(pg|sqlite|mysql|singlestore)|Creator|^table$/.test(maker)) return true;
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, made.expression);
  const declaration = compiler.isIdentifier(callee) ? env.project.declarationOf(callee) : undefined;
  const creator = declaration && compiler.isVariableDeclaration(declaration) && declaration.initializer ? unwrap(compiler, declaration.initializer) : undefined;
  return creator !== undefined && compiler.isCallExpression(creator) && /TableCreator$/.test(calleeName(compiler, creator.expression) ?? '');
}

function ofInitializer(made: ts.Expression, name: string, env: Env, steps: number): TableName[] {
  const { ts: compiler } = env.project;
  if (compiler.isCallExpression(made)) {
    const maker = calleeName(compiler, made.expression) ?? '';
    if (maker === 'alias' && made.arguments[0]) return tablesOf(made.arguments[0], env, steps - 1);
    if (TABLE_MAKER.test(maker)) return [{ name, isTable: 'yes', by: isDrizzle(made, maker, env) ? 'drizzle' : 'other' }];
    return [{ name, isTable: 'maybe', by: 'drizzle' }];
  }
  if (compiler.isIdentifier(made) || compiler.isPropertyAccessExpression(made) || compiler.isElementAccessExpression(made) || compiler.isConditionalExpression(made)) {
    return tablesOf(made, env, steps - 1);
  }
  const plain =
    isInlineFunction(compiler, made) ||
    compiler.isStringLiteralLike(made) ||
    compiler.isArrayLiteralExpression(made) ||
    compiler.isObjectLiteralExpression(made) ||
    compiler.isNumericLiteral(made) ||
    compiler.isTemplateExpression(made) ||
    compiler.isNewExpression(made);
  return [{ name, isTable: plain ? 'no' : 'maybe', by: 'drizzle' }];
}

/** `tables[module]`: the one that is asked for, or any of them. */
function ofElement(access: ts.ElementAccessExpression, env: Env, steps: number): TableName[] {
  const { ts: compiler } = env.project;
  const declaration = env.project.declarationOf(unwrap(compiler, access.expression));
  if (declaration === undefined || !compiler.isVariableDeclaration(declaration) || !declaration.initializer) {
    return [{ name: '?', isTable: 'maybe', by: 'drizzle' }];
  }
  const literal = unwrap(compiler, declaration.initializer);
  if (!compiler.isObjectLiteralExpression(literal)) return [{ name: '?', isTable: 'maybe', by: 'drizzle' }];
  const keys = stringsOf(env.project.evaluate(access.argumentExpression, env.scope));
  const found: TableName[] = [];
  for (const part of literal.properties) {
    const key = propertyName(compiler, part.name);
    if (keys !== undefined && (key === undefined || !keys.includes(key))) continue;
    if (compiler.isPropertyAssignment(part)) found.push(...tablesOf(part.initializer, env, steps - 1));
    else if (compiler.isShorthandPropertyAssignment(part)) found.push({ name: part.name.text, isTable: 'maybe', by: 'drizzle' });
  }
  return found.length > 0 ? found : [{ name: '?', isTable: 'maybe', by: 'drizzle' }];
}

/** `knex('guests').select(…)`, `knex.select().from('guests').join('hotels', …)` */
import type ts from 'typescript';
import type { Env } from '../../code/environment.js';
import { calleeName, chainAfter, chainBefore, rootOf, unwrap } from '../../code/syntax.js';
import { plainDatabase } from '../../databases/database.js';
import type { FoundRead } from '../orm.js';
import { tablesNamed } from '../strings.js';
import { KNEX } from './writes.js';

const JOINS = /^(inner|left|right|full|cross|outer|leftOuter|rightOuter|fullOuter)?[jJ]oin$/;
const SELECTS = /^(select|first|pluck|distinct|column|columns|count|countDistinct|min|max|sum|avg|where\w*|with|withRecursive|as|orderBy|groupBy)$/;
const AT_RUN_TIME = 'which table it reads is decided at run time';

export function readsOfKnex(call: ts.CallExpression, callee: ts.Expression, env: Env): FoundRead[] | undefined {
  const { ts: compiler } = env.project;
  const [first] = call.arguments;
  if (first === undefined) return undefined;
  const found = (along: boolean): FoundRead[] =>
    (tablesNamed(first, env) ?? []).map((table) => ({
      table,
      by: 'knex' as const,
      node: call,
      ...(table === '?' ? { why: AT_RUN_TIME } : {}),
      ...(along ? { along: true as const } : {}),
    }));
  const isBase = call.arguments.length <= 2 && (compiler.isIdentifier(callee) || compiler.isPropertyAccessExpression(callee)) && !compiler.isFunctionLike(unwrap(compiler, first));
  const base = isBase ? plainDatabase(callee, env) : undefined;
  if (base && plainDatabase(first, env) === undefined) {
    const tables = writesAfter(call, compiler) ? [] : found(false);
    return base.strong ? tables : tables.filter(({ table }) => table !== '?');
  }
  if (!compiler.isPropertyAccessExpression(callee)) return undefined;
  const method = callee.name.text;
  if (method !== 'from' && method !== 'table' && !JOINS.test(method)) return undefined;
  if (isOwnBuilder(callee.expression, env)) return undefined;
  const given = unwrap(compiler, first);
  const before = chainBefore(compiler, callee.expression);
  const names = before.map((one) => calleeName(compiler, one.expression) ?? '');
  const after = chainAfter(compiler, call);
  if (JOINS.test(method)) {
    const isOfKnex = before.some((one) => plainDatabase(one.expression, env) !== undefined) || names.includes('from') || names.includes('select');
    return isOfKnex && (compiler.isStringLiteralLike(given) || compiler.isObjectLiteralExpression(given)) ? found(true) : undefined;
  }
  const isNamed = compiler.isStringLiteralLike(given) || compiler.isObjectLiteralExpression(given) || plainDatabase(callee.expression, env)?.strong === true;
  if (!isNamed || writesAfter(call, compiler)) return undefined;
  return [...names, ...after].some((name) => SELECTS.test(name)) ? found(false) : undefined;
}

/** `new Builder().from('recent')`: of a class of the project, whose names are its own. */
function isOwnBuilder(node: ts.Expression, env: Env, steps = 4): boolean {
  const { project } = env;
  const { ts: compiler } = project;
  const root = rootOf(compiler, node);
  if (compiler.isNewExpression(root)) {
    const made = project.declarationOf(unwrap(compiler, root.expression));
    return made !== undefined && compiler.isClassLike(made);
  }
  const declaration = steps > 0 && compiler.isIdentifier(root) ? project.declarationOf(root) : undefined;
  return declaration !== undefined && compiler.isVariableDeclaration(declaration) && declaration.initializer !== undefined && isOwnBuilder(declaration.initializer, env, steps - 1);
}

/** `knex('guests').where(…).update(…)` reads nothing that a query shows. */
function writesAfter(call: ts.CallExpression, compiler: typeof ts): boolean {
  return chainAfter(compiler, call).some((name) => Object.hasOwn(KNEX, name));
}

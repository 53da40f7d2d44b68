/** A call whose code cannot be found: why it is told of, where that code may well write, broadcast, or let others do so. */
import type ts from 'typescript';
import { databaseOf, plainDatabase } from '../databases/database.js';
import type { Env } from '../code/environment.js';
import { ACTING, BUS, EMITS, HANDS_OVER, JOB_MODULES, JOB_NAME, READS, THROUGH_CALLER, WRITES_SOMEHOW } from '../code/names.js';
import { originOf, type Origin } from '../code/origin.js';
import { isPlainData } from '../code/plain-data.js';
import { calleeName, chainAfter, isInlineFunction, propertyName, rootOf, shortText, unwrap } from '../code/syntax.js';
import { callsProcedure, rootDatabase } from './questions.js';

const LISTENERS = 'who listens, and what is done then, is decided at run time';
/** Depth of an object in which a database is looked for. */
const MAX_DEPTH = 3;

/** Undefined where nothing is feared of the call. */
export function fearOf(call: ts.CallExpression, env: Env): string | undefined {
  const { ts: compiler } = env.project;
  const callee = unwrap(compiler, call.expression);
  const name = calleeName(compiler, callee);
  if (name === undefined) return compiler.isElementAccessExpression(callee) ? 'it is chosen at run time' : undefined;
  if (!compiler.isPropertyAccessExpression(callee)) return ofFunction(call, callee, name, env);
  if (isPlainData(callee.expression, env.project)) return undefined;
  if (EMITS.test(name) && BUS.test(calleeName(compiler, callee.expression) ?? '')) return LISTENERS;
  if (callsProcedure(callee, compiler) && !READS.test(name)) return THROUGH_CALLER;
  return ofPackage(call, callee, name, env) ?? ofWriting(call, callee, name, env) ?? ofOwn(call, callee, name, env);
}

/** A function by its name alone. */
function ofFunction(call: ts.CallExpression, callee: ts.Expression, name: string, env: Env): string | undefined {
  const origin = originOf(callee, env.project);
  if (origin === undefined) return undefined;
  if (JOB_NAME.test(name)) return handedOver(origin);
  if (isLanguageOfOrm(origin) || READS.test(name)) return undefined;
  if (origin.made && databaseGiven(origin.made.arguments ?? [], env)) return `${name} of ${origin.module} was given the database, and what it writes was not seen`;
  const given = databaseGiven(call.arguments, env);
  return given !== undefined && databaseOf(call, env) === undefined && !isWithinQuery(call, env) ? `${origin.module} is given the database, and what it writes was not seen` : undefined;
}

/** An object of a package: one that was given the database, or that hands work over. */
function ofPackage(call: ts.CallExpression, callee: ts.PropertyAccessExpression, name: string, env: Env): string | undefined {
  // `auth = { register: api.register }`: the object is ours, its member is not.
  const origin = originOf(callee.expression, env.project) ?? originOf(callee, env.project);
  if (origin === undefined || READS.test(name) || isLanguageOfOrm(origin)) return undefined;
  if (JOB_MODULES.test(origin.module) && HANDS_OVER.test(name)) return handedOver(origin);
  if (rootDatabase(callee.expression, env, env.project.ts)) return undefined;
  const made = origin.made && databaseGiven(origin.made.arguments ?? [], env);
  if (made !== undefined) return `${shortText(callee.expression, 40)} of ${origin.module} was given the database, and what it writes was not seen`;
  const given = databaseGiven(call.arguments, env);
  return given === undefined ? undefined : `${origin.module} is given the database, and what it writes was not seen`;
}

const handedOver = ({ module }: Origin): string => `it hands work over to ${module}, and what is done then was not seen`;

/** What builds queries takes tables and databases, and runs nothing. */
export const isLanguageOfOrm = ({ module }: Origin): boolean => /^(drizzle-orm|drizzle-zod|kysely|knex|@prisma\/client|zod|@trpc\/)/.test(module);

/** `eq(…)`, `alias(…)`: arguments of a query's own call. */
function isWithinQuery(call: ts.CallExpression, env: Env): boolean {
  const { ts: compiler } = env.project;
  for (let at: ts.Node = call.parent; !compiler.isStatement(at) && !compiler.isFunctionLike(at); at = at.parent) {
    if (compiler.isCallExpression(at) && at.expression !== call && rootDatabase(at.expression, env, compiler)) return true;
  }
  return false;
}

/** An argument that is a database, or an object or call that holds one. */
export function databaseGiven(args: readonly ts.Expression[], env: Env, depth = MAX_DEPTH): ts.Expression | undefined {
  const { ts: compiler } = env.project;
  if (depth === 0) return undefined;
  for (const argument of args) {
    const inner = unwrap(compiler, argument);
    if (isInlineFunction(compiler, inner)) continue;
    if (compiler.isObjectLiteralExpression(inner)) {
      const values = inner.properties.flatMap((part) => {
        if (compiler.isPropertyAssignment(part)) return [part.initializer];
        return compiler.isShorthandPropertyAssignment(part) ? [part.name] : compiler.isSpreadAssignment(part) ? [part.expression] : [];
      });
      const found = databaseGiven(values, env, depth - 1);
      if (found) return found;
      continue;
    }
    // A query's answer is no database.
    if (compiler.isCallExpression(inner) || compiler.isNewExpression(inner)) {
      const found = rootDatabase(inner, env, compiler) ? undefined : databaseGiven(inner.arguments ?? [], env, depth - 1);
      if (found) return found;
      if (compiler.isCallExpression(inner)) continue;
    }
    if (plainDatabase(inner, env)?.strong === true) return inner;
  }
  return undefined;
}

/** `store.insert(items).values(…)`, `repo.user.create({ data })`: a query of a client that cannot be seen. */
function ofWriting(call: ts.CallExpression, callee: ts.PropertyAccessExpression, name: string, env: Env): string | undefined {
  const { ts: compiler } = env.project;
  const [first] = call.arguments;
  if (first === undefined) return undefined;
  const given = unwrap(compiler, first);
  const named = compiler.isIdentifier(given) || compiler.isPropertyAccessExpression(given);
  if (/^(insert|update|delete)$/.test(name) && named && call.arguments.length === 1) {
    const after = chainAfter(compiler, call);
    const isQuery = after.some((one) => /^(values|set|where|returning|onConflictDo\w+|execute|from)$/.test(one));
    if (isQuery) return `it looks like a write to ${shortText(given, 40)}, and whose database it is was not seen`;
  }
  if (!/^(create|createMany|update|updateMany|upsert|delete|deleteMany)$/.test(name) || !compiler.isObjectLiteralExpression(given) || call.arguments.length !== 1) return undefined;
  if (!compiler.isPropertyAccessExpression(unwrap(compiler, callee.expression))) return undefined;
  const keys = given.properties.map((part) => propertyName(compiler, part.name));
  const isPrisma = keys.includes('data') || (keys.includes('where') && (name.startsWith('delete') || keys.includes('create')));
  return isPrisma && originOf(callee.expression, env.project) === undefined ? `it looks like a write to ${shortText(callee.expression, 40)}, and whose database it is was not seen` : undefined;
}

/** What is asked of the context, of `this`, of services. */
function ofOwn(call: ts.CallExpression, callee: ts.PropertyAccessExpression, name: string, env: Env): string | undefined {
  const { ts: compiler } = env.project;
  if (!ACTING.test(name)) return undefined;
  if (WRITES_SOMEHOW.test(name) && call.arguments[0] && compiler.isIdentifier(call.arguments[0]) && plainDatabase(callee.expression, env)) {
    return 'its code could not be found, and its name says that it writes';
  }
  const root = rootOf(compiler, callee);
  const own = root.kind === compiler.SyntaxKind.ThisKeyword || (compiler.isIdentifier(root) && /^(ctx|context|opts|services?|c)$/.test(root.text));
  if (!own || plainDatabase(callee.expression, env) !== undefined || rootDatabase(callee.expression, env, compiler)) return undefined;
  return 'its code could not be found';
}
